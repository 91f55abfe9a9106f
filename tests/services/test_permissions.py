"""Rights come from roles held in the tool, on the days on which they are held."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.roles import IsmsRole
from lms.services.permissions import (
    EVERYONE,
    ON_STAFF,
    PERMISSIONS_OF,
    Permission,
    grant_role,
    permissions_of,
    revoke_grant,
)
from lms.store.organisations import Organisation
from lms.store.permissions import Grant
from lms.store.records import record
from tests.factories import ACTOR, add_appointment, add_person

TODAY = date(2026, 11, 23)
AT_WORK = EVERYONE | ON_STAFF


def test_an_identity_that_is_nobodys_may_learn(session: Session) -> None:
    assert permissions_of(session, None, TODAY) == {Permission.LEARN}


def test_the_secretariat_may_read_registers_and_link_identities(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation)
    assert permissions_of(session, person_id, TODAY) == AT_WORK
    grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    everything = AT_WORK | PERMISSIONS_OF[IsmsRole.SECRETARIAT]
    assert everything > {Permission.READ_ATTENDANCE, Permission.LINK_IDENTITIES, Permission.MANAGE_PLEDGES}
    assert permissions_of(session, person_id, TODAY) == everything
    assert permissions_of(session, person_id, TODAY - timedelta(days=1)) == AT_WORK


def test_a_role_that_opens_no_page_adds_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    person_id = add_person(session, organisation)
    for role in (role for role in IsmsRole if not PERMISSIONS_OF[role]):
        grant_role(session, organisation, person_id, role, ACTOR, now)
    assert permissions_of(session, person_id, TODAY) == AT_WORK


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
    assert permissions_of(session, person_id, tomorrow) == AT_WORK


def test_an_appointment_opens_pages_on_its_days_alone(session: Session, organisation: Organisation) -> None:
    person_id = add_person(session, organisation)
    last_day = TODAY + timedelta(days=3)
    after = last_day + timedelta(days=1)
    add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, TODAY, valid_to=after)
    days = (TODAY - timedelta(days=1), TODAY, last_day, after)
    may = [Permission.READ_ATTENDANCE in permissions_of(session, person_id, day) for day in days]
    assert may == [False, True, True, False]


@pytest.mark.parametrize("correction", [{"valid_to": TODAY}, {"is_void": True}])
def test_an_appointment_that_was_ended_or_never_was_opens_nothing(
    session: Session, organisation: Organisation, correction: dict[str, Any]
) -> None:
    person_id = add_person(session, organisation)
    former = add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, TODAY - timedelta(days=9))
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY)
    add_appointment(
        session, organisation, person_id, IsmsRole.SECRETARIAT, former.valid_from, superseded=former, **correction
    )
    assert permissions_of(session, person_id, TODAY) == AT_WORK


def test_a_grant_taken_back_opens_nothing_and_can_be_given_again(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation)
    who = (session, organisation, person_id, IsmsRole.SECRETARIAT)
    assert revoke_grant(*who, ACTOR, now) is None, "there is none yet"
    grant_role(*who, ACTOR, now)
    taken_back = revoke_grant(*who, ACTOR, now + timedelta(days=2))
    assert taken_back is not None
    assert taken_back.valid_to == TODAY + timedelta(days=2)
    day_before, day = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, day_before), "what was, stays"
    assert permissions_of(session, person_id, day) == AT_WORK
    assert revoke_grant(*who, ACTOR, now + timedelta(days=3)) is None
    grant_role(*who, ACTOR, now + timedelta(days=4))
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY + timedelta(days=4))


def test_taking_a_grant_back_leaves_an_appointment_in_force(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation)
    grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, TODAY)
    revoke_grant(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY)


def test_a_leaver_has_no_rights_by_role_even_where_an_appointment_was_left_open(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    person_id = add_person(session, organisation, left_on=TODAY.isoformat())
    add_appointment(session, organisation, person_id, IsmsRole.SECRETARIAT, date(2026, 4, 1))
    grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, ACTOR, now)
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY), "the last day still counts"
    assert permissions_of(session, person_id, TODAY + timedelta(days=1)) == EVERYONE
