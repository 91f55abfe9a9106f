"""The one place where the building reads the time; everything below gets ``now`` as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def read_clock() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(tz=UTC)  # noqa: TID251 - this is the edge
