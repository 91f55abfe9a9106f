"""Once an hour: logins, sessions and files that can serve no more are deleted."""

from __future__ import annotations

from datetime import datetime

from lms.config import Settings
from lms.jobs.evidence_packs import remove_old_packs
from lms.services.launches import purge
from lms.services.outbox import forget_old
from lms.store.base import Database
from lms.store.jobs import is_taken, take

NAME = "housekeeping"


def keep_house(database: Database, settings: Settings, now: datetime) -> int:
    """Take this hour's slot and clear up, unless another worker has; return how many rows went."""
    slot = now.replace(minute=0, second=0, microsecond=0)
    with database.reading() as session:
        if is_taken(session, NAME, slot):
            return 0
    with database.transaction() as session:
        take(session, NAME, slot, now)
        gone = purge(session, now)
        forget_old(session, now)
    return gone + remove_old_packs(database, settings, now)
