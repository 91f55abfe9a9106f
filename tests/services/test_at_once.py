"""Decisions that two people take at one moment: one of them holds, and the other is told so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.roles import IsmsRole
from lms.services.auditor_decisions import BadDecisionError, define_area
from lms.services.bodies import BodyFacts, SeatFacts, establish_body, establish_seat
from lms.services.pairing_exceptions import (
    ExceptionFacts,
    ExceptionProblemError,
    decide_exception,
    propose_exception,
)
from lms.services.pledges import AlreadyApprovedError, approve_text, draft_text
from lms.services.roles import AppointmentRefused, Recorder, appoint
from lms.services.signing import LAUNCH_FRESH, is_fresh
from lms.store.audits import PairingException
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeApproval
from lms.store.records import CorrectedMeanwhileError
from lms.store.roles import Appointment
from tests.auditing import AUDIT, PLANNED, AreaFacts, add_tie, cast_auditors, plan
from tests.auditing import W as AUDITED
from tests.conftest import NOW
from tests.factories import ACTOR, FOUNDED, add_appointment, add_people, all_at_once, errors_in
from tests.pledges import new_text
from tests.services.test_pledges import DECISION
from tests.services.test_roles import wanted

AT_ONCE = 6


def outcomes(database: Database, act: Callable[[Session, int], Any]) -> Counter[str]:
    """Let several act in transactions of their own at one moment; return how many times each thing came of it."""

    def work(number: int) -> None:
        with database.transaction() as session:
            act(session, number)

    found = all_at_once(AT_ONCE, work)
    return Counter(type(each).__name__ if each in errors_in(found) else "recorded" for each in found)


def count(database: Database, model: type[Any], *where: Any) -> int:
    with database.reading() as session:
        return len(session.scalars(select(model).where(*where)).all())


def test_one_exception_is_decided_once(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        cast = cast_auditors(session, organisation)
        plan(session, organisation)
        tie = add_tie(session, organisation, cast.auditors["000201"], "A-NET", AUDITED)
        facts = ExceptionFacts(AUDIT, "A-NET", cast.auditors["000201"], [f"area_tie/{tie.id}"], "他にいない", "同席")
        proposal = propose_exception(session, organisation, facts, cast.chief, PLANNED)
    found = outcomes(
        database,
        lambda session, number: decide_exception(
            session, organisation, proposal.id, (cast.approver, number % 2 == 0), PLANNED
        ),
    )
    assert found == {"recorded": 1, ExceptionProblemError.__name__: AT_ONCE - 1}
    assert count(database, PairingException, PairingException.supersedes_id == proposal.id) == 1


def test_the_last_seat_goes_to_one(database: Database, organisation: Organisation) -> None:
    first = date(2026, 4, 1)
    with database.transaction() as session:
        people = add_people(session, organisation, *({"staff_number": f"00010{number}"} for number in range(AT_ONCE)))
        establish_body(session, organisation, BodyFacts("office", "事務局", "Office"), first, FOUNDED, ACTOR)
        seat = SeatFacts("head", "office", IsmsRole.SECRETARIAT, "長", "Head", least=0, most=1)
        establish_seat(session, organisation, seat, first, FOUNDED, ACTOR)
    found = outcomes(
        database,
        lambda session, number: appoint(
            session,
            organisation,
            wanted(people[number], seat_key="head", letter_number=f"第{number}号"),
            Recorder(ACTOR, NOW),
        ),
    )
    assert found == {"recorded": 1, AppointmentRefused.__name__: AT_ONCE - 1}
    assert count(database, Appointment) == 1


def test_one_text_is_approved_once(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        text = draft_text(session, organisation, new_text(), ACTOR, FOUNDED)
    found = outcomes(
        database, lambda session, _number: approve_text(session, organisation, text.id, DECISION, (ACTOR, FOUNDED))
    )
    assert found == {"recorded": 1, AlreadyApprovedError.__name__: AT_ONCE - 1}
    assert count(database, PledgeApproval) == 1


def test_a_key_is_taken_once(database: Database, organisation: Organisation) -> None:
    def act(session: Session, number: int) -> None:
        facts = AreaFacts(
            key="A-NEW",
            name_ja=f"新{number}",
            name_en=f"New {number}",
            unit_id=None,
            effort_minutes=60,
            skills=(),
            valid_from=date(2026, 4, 1),
            valid_to=None,
            reason=None,
        )
        define_area(session, organisation, facts, ACTOR, NOW)

    assert outcomes(database, act) == {"recorded": 1, BadDecisionError.__name__: AT_ONCE - 1}


def test_a_record_is_corrected_once(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        person = add_people(session, organisation, {})[0]
        first = add_appointment(session, organisation, person, IsmsRole.CISO, date(2026, 4, 1))
    found = outcomes(
        database,
        lambda session, _number: add_appointment(
            session, organisation, person, IsmsRole.CISO, date(2026, 4, 2), superseded=first
        ),
    )
    assert found == {"recorded": 1, CorrectedMeanwhileError.__name__: AT_ONCE - 1}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), True),
        (LAUNCH_FRESH, True),
        (LAUNCH_FRESH + timedelta(seconds=1), False),
        (timedelta(seconds=-30), True),
        (timedelta(minutes=-2), False),
        (timedelta(hours=-1), False),
    ],
)
def test_a_launch_from_the_future_signs_nothing(age: timedelta, expected: bool) -> None:
    assert is_fresh(NOW - age, NOW) is expected
