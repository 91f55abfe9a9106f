"""Every table in one import, for migrations and for tests that look at all of them."""

from __future__ import annotations

from lms.store import (
    attempts,
    audit,
    awareness,
    identities,
    jobs,
    launches,
    ledger,
    organisations,
    outbox,
    people,
    permissions,
    platforms,
    requirements,
)
from lms.store.base import Base

__all__ = [
    "Base",
    "attempts",
    "audit",
    "awareness",
    "identities",
    "jobs",
    "launches",
    "ledger",
    "organisations",
    "outbox",
    "people",
    "permissions",
    "platforms",
    "requirements",
]
