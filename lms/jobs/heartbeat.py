"""That a worker is at work, written down now and then for whoever asks `akashi doctor`."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete

from lms.store.base import Database
from lms.store.jobs import WorkerBeat

BEAT_EVERY = timedelta(seconds=30)
"""At most: an idle worker leaves the write lock to those who answer."""
_KEPT = timedelta(days=7)


class Heart:
    """Writes one row for the life of a worker's process."""

    def __init__(self, database: Database, started_at: datetime) -> None:
        """Write nothing yet."""
        self._database, self._started_at = database, started_at
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._last: tuple[datetime, dict[str, str]] | None = None

    def beat(self, failing: Mapping[str, str], now: datetime) -> None:
        """Say that the worker has been through its rounds, and which of them fail."""
        said = dict(failing)
        if self._last is not None and self._last[1] == said and self._last[0] <= now < self._last[0] + BEAT_EVERY:
            return
        with self._database.transaction() as session:
            session.execute(delete(WorkerBeat).where(WorkerBeat.at < now - _KEPT))
            session.merge(WorkerBeat(worker=self._name, started_at=self._started_at, at=now, failing=said))
        self._last = (now, said)

    def stop(self) -> None:
        """Say that the worker has ended in order."""
        with self._database.transaction() as session:
            session.execute(delete(WorkerBeat).where(WorkerBeat.worker == self._name))
