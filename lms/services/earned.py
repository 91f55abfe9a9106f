"""What somebody has earned behind a key that activities open, in points.

Of a module the best result of its test; of a page on which something is to be done, one point when nothing is left to do.

Source: lti.md §4 (outbox; line items of pledges and briefings).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import FiscalYear, jst_date
from lms.services.content import PLEDGES, ROLES
from lms.services.my_pledges import my_pledges
from lms.services.pledges import histories
from lms.services.requirements import open_occasion
from lms.services.roles import has_unacknowledged
from lms.store.attempts import AttemptResult
from lms.store.identities import person_of
from lms.store.people import Person
from lms.store.pledges import PledgeSignature
from lms.store.roles import Acknowledgement

PAGES_WITH_POINTS = frozenset({PLEDGES, ROLES})


@dataclass(frozen=True, slots=True)
class Earned:
    """Points, and the record that they come from."""

    event_id: int
    """The record's ledger event."""
    mark: int
    maximum: int
    decided_at: datetime


def earned(session: Session, identity_ids: Sequence[int], key: str, now: datetime) -> Earned | None:
    """Return what one person's identities have earned behind a key; None for nothing so far.

    A page's point is not taken away when something new is to be done there.
    """
    if key not in PAGES_WITH_POINTS:
        best = best_result(session, identity_ids, key)
        return None if best is None else Earned(best.event_id, best.mark, best.maximum, best.submitted_at)
    person_id = person_of(session, identity_ids[0])
    if person_id is None:
        return None
    organisation_id = session.get_one(Person, person_id).organisation_id
    done = _pledges_done if key == PLEDGES else _roles_done
    return done(session, organisation_id, person_id, now)


def best_result(session: Session, identity_ids: Sequence[int], module_key: str) -> AttemptResult | None:
    """Return the best result of the newest occasion; of equal ones the earliest.

    Attempts of somebody not linked yet work on no obligation: they are of one occasion with all others of their year.
    """
    results = session.scalars(
        select(AttemptResult)
        .where(AttemptResult.identity_id.in_(identity_ids), AttemptResult.module_key == module_key)
        .order_by(AttemptResult.submitted_at, AttemptResult.id)
    ).all()
    if not results:
        return None
    newest = results[-1]
    year = FiscalYear.of(jst_date(newest.submitted_at))
    occasions = {newest.occasion}
    if newest.occasion == open_occasion(year.year):
        occasions.update(each.occasion for each in results if jst_date(each.submitted_at) in year.period)
    return max(
        (each for each in results if each.occasion in occasions),
        key=lambda each: (each.is_passed, each.mark / each.maximum, -each.id),
    )


def _pledges_done(session: Session, organisation_id: int, person_id: int, now: datetime) -> Earned | None:
    """Return the point for pledges: something is signed, and nothing is owed."""
    last = session.execute(
        select(PledgeSignature.event_id, PledgeSignature.recorded_at)
        .where(PledgeSignature.person_id == person_id)
        .order_by(PledgeSignature.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return None
    known = histories(session, organisation_id, None, {person_id})
    if all(each.withdrawn_on for history in known.values() for each in history.signatures):
        return None
    if any(each.is_owed for each in my_pledges(session, organisation_id, person_id, known, now)):
        return None
    return Earned(last.event_id, 1, 1, last.recorded_at)


def _roles_done(session: Session, organisation_id: int, person_id: int, now: datetime) -> Earned | None:
    """Return the point for roles: something is acknowledged, and nothing waits for it."""
    last = session.execute(
        select(Acknowledgement.event_id, Acknowledgement.acknowledged_at)
        .where(Acknowledgement.person_id == person_id)
        .order_by(Acknowledgement.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None or has_unacknowledged(session, organisation_id, person_id, jst_date(now)):
        return None
    return Earned(last.event_id, 1, 1, last.acknowledged_at)
