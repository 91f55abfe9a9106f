"""Every night: the self-check is put to each organisation's records, and an audit event keeps how many hits it had.

The hits themselves are not stored: they follow from the records, as of any date and as known at any time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from courses.calendar import jst_date, start_of_day
from lms.config import Settings
from lms.services.audit import note
from lms.services.selfcheck import counts, hits
from lms.store.base import Database
from lms.store.jobs import is_taken, take
from lms.store.organisations import Organisation
from lms.store.records import Moment

NAME = "self_check"


def check_nightly(database: Database, settings: Settings, now: datetime) -> int:
    """Take this night's slot and check the day that has ended, unless another worker has; return how many hits there are."""
    slot = start_of_day(jst_date(now))
    with database.reading() as session:
        if is_taken(session, NAME, slot):
            return 0
    with database.transaction() as session:
        take(session, NAME, slot, now)
        organisations = session.scalars(select(Organisation).order_by(Organisation.id)).all()
    yesterday = jst_date(now) - timedelta(days=1)
    total = 0
    for organisation in organisations:
        with database.reading() as session:
            found = hits(session, organisation.id, Moment(yesterday))
        total += len(found)
        with database.transaction() as session:
            facts = {"as_of": yesterday.isoformat(), "hits": counts(found)}
            note(session, "self_check.run", "system:self-check", now, organisation.id, **facts)
    return total
