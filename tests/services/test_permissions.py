"""Rights come from roles held in the tool, on the days on which they are held."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.roles import IsmsRole
from lms.services.permissions import EVERYONE, PERMISSIONS_OF, Permission, grant_role, permissions_of
from lms.store.organisations import Organisation
from lms.store.permissions import Grant
from lms.store.records import record
from lms.store.roles import Appointment
from tests.factories import ACTOR, add_person

TODAY = date(2026, 11, 23)


def test_an_identity_that_is_nobodys_may_learn(session: Session) -> None:
    assert permissions_of(session, None, TODAY) == {Permission.LEARN}


def test_the_secretariat_may_read_registers_and_link_identities(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation)
    assert permissions_of(session, person_id, TODAY) == EVERYONE
    grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    everything = {Permission.LEARN, Permission.READ_ATTENDANCE, Permission.LINK_IDENTITIES}
    assert permissions_of(session, person_id, TODAY) == everything
    assert permissions_of(session, person_id, TODAY - timedelta(days=1)) == EVERYONE


def test_a_role_that_opens_no_page_adds_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    person_id = add_person(session, organisation)
    for role in set(IsmsRole) - set(PERMISSIONS_OF):
        grant_role(session, organisation, person_id, role, ACTOR, now)
    assert permissions_of(session, person_id, TODAY) == EVERYONE


def test_granting_again_writes_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    person_id = add_person(session, organisation)
    grants = [
        grant_role(session, organisation, person_id, IsmsRole.CISO, ACTOR, now + timedelta(days=days))
        for days in (0, 9)
    ]
    assert session.scalar(select(func.count()).select_from(Grant)) == 1
    assert grants[0].valid_from == TODAY


def test_a_grant_that_ended_opens_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    person_id = add_person(session, organisation)
    former = grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    tomorrow = TODAY + timedelta(days=1)
    ended = Grant(
        person_id=person_id,
        isms_role=former.isms_role,
        valid_from=TODAY,
        valid_to=tomorrow,
        is_void=False,
        reason="異動",
        supersedes_id=former.id,
        recorded_at=now,
        recorded_by=ACTOR,
    )
    record(session, organisation, ended)
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY)
    assert permissions_of(session, person_id, tomorrow) == EVERYONE


def appoint(session: Session, organisation: Organisation, person_id: int, now: datetime, **facts: Any) -> Appointment:
    """Record an appointment to the secretariat."""
    known = {
        "isms_role": IsmsRole.SECRETARIAT.value,
        "letter_number": "架空情第1号",
        "appointed_on": TODAY,
        "appointer": "センター長",
        "valid_from": TODAY,
        "valid_to": None,
    }
    row = Appointment(person_id=person_id, is_void=False, recorded_at=now, recorded_by=ACTOR, **(known | facts))
    record(session, organisation, row)
    return row


def test_an_appointment_opens_pages_on_its_days_alone(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation)
    last_day = TODAY + timedelta(days=3)
    appoint(session, organisation, person_id, now, valid_to=last_day + timedelta(days=1))
    may = {
        day: Permission.READ_ATTENDANCE in permissions_of(session, person_id, day)
        for day in (TODAY - timedelta(days=1), TODAY, last_day, last_day + timedelta(days=1))
    }
    assert list(may.values()) == [False, True, True, False]


def test_an_appointment_that_was_ended_or_never_was_opens_nothing(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    for number, correction in enumerate(({"valid_to": TODAY}, {"is_void": True})):
        person_id = add_person(session, organisation, f"00020{number}")
        former = appoint(session, organisation, person_id, now, valid_from=TODAY - timedelta(days=9))
        assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY)
        row = Appointment(
            **(
                {
                    "person_id": person_id,
                    "isms_role": former.isms_role,
                    "letter_number": former.letter_number,
                    "appointed_on": former.appointed_on,
                    "appointer": former.appointer,
                    "valid_from": former.valid_from,
                    "valid_to": None,
                    "is_void": False,
                    "supersedes_id": former.id,
                    "recorded_at": now,
                    "recorded_by": ACTOR,
                }
                | correction
            )
        )
        record(session, organisation, row)
        assert permissions_of(session, person_id, TODAY) == EVERYONE
