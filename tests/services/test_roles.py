"""Appointments: examined, recorded, corrected, ended, acknowledged; each refusal named, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.roles import EndKind, IsmsRole
from lms.services.bodies import (
    BodyFacts,
    BodyRefused,
    SeatFacts,
    SeparationFacts,
    close_body,
    close_seat,
    establish_body,
    establish_seat,
    separate,
)
from lms.services.permissions import Permission, permissions_of
from lms.services.roles import (
    AcknowledgedAlreadyError,
    AppointmentRefused,
    Ending,
    EndingRefused,
    NewAppointment,
    NotYourAppointmentError,
    Recorder,
    UnknownAppointmentError,
    acknowledge,
    acknowledged_at,
    annul_appointment,
    appoint,
    correct_appointment,
    end_appointment,
    examine,
)
from lms.store.base import Database
from lms.store.organisations import Organisation, units_of
from lms.store.records import record
from lms.store.requirements import RequirementVersion
from lms.store.roles import Appointment, appointments_of, bodies_of, seats_of
from lms.store.training_records import TrainingRecord
from tests.factories import ACTOR, FOUNDED, add_learner, add_people, add_person, all_at_once, place_events

FIRST, LAST = date(2026, 4, 1), date(2027, 3, 31)
TODAY = date(2026, 11, 23)


def wanted(person_id: int, **facts: Any) -> NewAppointment:
    known = {
        "isms_role": IsmsRole.SECRETARIAT,
        "first_day": FIRST,
        "last_day": LAST,
        "letter_number": "架空任第1号",
        "appointed_on": FIRST,
        "appointer": "センター長",
    }
    return NewAppointment(person_id=person_id, **(known | facts))


@pytest.fixture
def recorder(now: datetime) -> Recorder:
    return Recorder(ACTOR, now)


@pytest.fixture
def person_id(session: Session, organisation: Organisation) -> int:
    return add_person(session, organisation)


@pytest.fixture
def seats(session: Session, organisation: Organisation) -> None:
    establish_body(session, organisation, BodyFacts("office", "事務局", "Office"), FIRST, FOUNDED, ACTOR)
    head = SeatFacts("head", "office", IsmsRole.SECRETARIAT, "事務局長", "Head", True, 1, 1)
    establish_seat(session, organisation, head, FIRST, FOUNDED, ACTOR)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Appointment)) or 0


def refusal_of(act: Callable[[], object]) -> list[str]:
    with pytest.raises(AppointmentRefused) as caught:
        act()
    return [each.code.value for each in caught.value.problems if each.is_refusal]


def test_an_appointment_gives_its_rights_on_its_days(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    appoint(session, organisation, wanted(person_id), recorder)
    for day, may in ((FIRST - timedelta(days=1), False), (FIRST, True), (LAST, True), (date(2027, 4, 1), False)):
        assert (Permission.READ_ATTENDANCE in permissions_of(session, person_id, day)) is may


def test_each_refusal_is_named_and_writes_nothing(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int, seats: None
) -> None:
    appoint(session, organisation, wanted(person_id, seat_key="head"), recorder)
    other, late = add_people(session, organisation, {"staff_number": "000202"}, {"staff_number": "000203", "joined_on": "2026-10-01", "scope_from": "2026-10-01"})  # fmt: skip
    before = count(session)
    cases: list[tuple[NewAppointment, list[str]]] = [
        (wanted(other, last_day=FIRST - timedelta(days=1)), ["ends_before_start"]),
        (wanted(person_id, first_day=LAST, last_day=None), ["overlap"]),
        (wanted(other, seat_key="nowhere"), ["seat_unknown"]),
        (wanted(other, seat_key="head"), ["seat_full"]),
        (wanted(other, seat_key="head", isms_role=IsmsRole.CISO, letter_number="2"), ["seat_of_other_role", "seat_full"]),
        (wanted(other, isms_role=IsmsRole.CISO), ["letter_number_used"]),
        (wanted(late), ["not_in_service"]),
        (wanted(other, letter_number=" ", appointer=""), ["field_missing", "field_missing"]),
        (wanted(other, isms_role=IsmsRole.UNIT_HEAD, letter_number="3"), ["field_missing"]),
        (wanted(other, unit_id=999), ["field_missing"]),
        (wanted(person_id, isms_role=IsmsRole.INTERNAL_AUDITOR, letter_number="4"), ["separation_broken"]),
        (wanted(999_999), ["not_in_service"]),
    ]  # fmt: skip
    for proposal, expected in cases:
        assert refusal_of(lambda proposal=proposal: appoint(session, organisation, proposal, recorder)) == expected  # type: ignore[misc]
    assert count(session) == before


def test_a_foreign_organisations_appointments_count_for_nothing(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    stranger = Organisation(key="betsu", name_ja="別", name_en="Other", created_at=FOUNDED)
    session.add(stranger)
    session.flush()
    ending = Ending(EndKind.RESIGNED, TODAY, "2", "理由")
    with pytest.raises(UnknownAppointmentError):
        end_appointment(session, stranger, row.id, ending, recorder)
    assert refusal_of(lambda: appoint(session, stranger, wanted(person_id), recorder)) == ["not_in_service"]


def test_the_organisations_own_separation_is_kept(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    facts = SeparationFacts(IsmsRole.UNIT_HEAD, IsmsRole.RISK_ASSESSOR, "決めたため", "委員会")
    separate(session, organisation, facts, FIRST, FOUNDED, ACTOR)
    unit = units_of(session, organisation.id)[0].id
    appoint(session, organisation, wanted(person_id, isms_role=IsmsRole.UNIT_HEAD, unit_id=unit), recorder)
    risk = wanted(person_id, isms_role=IsmsRole.RISK_ASSESSOR, letter_number="2")
    assert refusal_of(lambda: appoint(session, organisation, risk, recorder)) == ["separation_broken"]
    with pytest.raises(BodyRefused, match="separated_already"):
        separate(session, organisation, replace(facts, first=facts.second, second=facts.first), FIRST, FOUNDED, ACTOR)


def test_an_end_before_the_term_keeps_the_last_day(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    ended = end_appointment(
        session, organisation, row.id, Ending(EndKind.DISMISSED, TODAY, "架空任第9号", "異動のため"), recorder
    )
    assert (ended.last_day, ended.end_kind, ended.end_letter_number) == (TODAY, "dismissed", "架空任第9号")
    assert (ended.letter_number, ended.supersedes_id) == ("架空任第1号", row.id)
    assert Permission.READ_ATTENDANCE in permissions_of(session, person_id, TODAY)
    assert Permission.READ_ATTENDANCE not in permissions_of(session, person_id, TODAY + timedelta(days=1))
    with pytest.raises(UnknownAppointmentError):
        end_appointment(session, organisation, row.id, Ending(EndKind.LEFT, FIRST, "2", "x"), recorder)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"last_day": FIRST - timedelta(days=2)}, "ends_before_start"),
        ({"last_day": LAST}, "not_early"),
        ({"last_day": LAST + timedelta(days=9)}, "not_early"),
        ({"reason": " "}, "field_missing"),
        ({"letter_number": ""}, "field_missing"),
    ],
)
def test_an_end_that_cannot_be_is_refused(
    session: Session,
    organisation: Organisation,
    recorder: Recorder,
    person_id: int,
    facts: dict[str, Any],
    code: str,
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    ending = replace(Ending(EndKind.RESIGNED, TODAY, "架空任第9号", "異動のため"), **facts)
    with pytest.raises(EndingRefused) as caught:
        end_appointment(session, organisation, row.id, ending, recorder)
    assert caught.value.code == code
    assert count(session) == 1


def test_a_role_that_never_began_can_be_ended_the_day_before(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    day_before = FIRST - timedelta(days=1)
    ended = end_appointment(
        session, organisation, row.id, Ending(EndKind.REORGANISED, day_before, "9", "設置の取止め"), recorder
    )
    assert ended.valid_from == ended.valid_to == FIRST
    assert Permission.READ_ATTENDANCE not in permissions_of(session, person_id, FIRST)


def test_a_correction_made_later_leaves_what_was_known_before(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int, now: datetime
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    known_then = place_events(session, organisation, now)
    other = add_person(session, organisation, "000202")
    right = wanted(other, reason="人違いのため")
    correct_appointment(session, organisation, row.id, right, replace(recorder, now=now + timedelta(days=30)))
    place_events(session, organisation, now + timedelta(days=30))
    assert [each.person_id for each in appointments_of(session, organisation.id)] == [other]
    assert [each.person_id for each in appointments_of(session, organisation.id, known_then)] == [person_id]


def test_a_correction_needs_a_reason_and_the_row_in_force(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    act = wanted(person_id, letter_number="架空任第2号")
    assert refusal_of(lambda: correct_appointment(session, organisation, row.id, act, recorder)) == ["field_missing"]
    corrected = correct_appointment(session, organisation, row.id, replace(act, reason="誤記"), recorder)
    assert corrected.letter_number == "架空任第2号"
    with pytest.raises(UnknownAppointmentError):
        correct_appointment(session, organisation, row.id, replace(act, reason="誤記"), recorder)


def test_what_was_never_made_is_annulled(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    row = appoint(session, organisation, wanted(person_id), recorder)
    with pytest.raises(EndingRefused):
        annul_appointment(session, organisation, row.id, " ", recorder)
    annul_appointment(session, organisation, row.id, "二重に記録したため", recorder)
    assert appointments_of(session, organisation.id) == []
    assert Permission.READ_ATTENDANCE not in permissions_of(session, person_id, TODAY)
    appoint(session, organisation, wanted(person_id), recorder)


def test_the_appointee_alone_acknowledges_and_once(
    session: Session, organisation: Organisation, recorder: Recorder, now: datetime
) -> None:
    learner = add_learner(session, organisation, "000101")
    other = add_learner(session, organisation, "000202", sub="5")
    assert learner.person_id is not None
    row = appoint(session, organisation, wanted(learner.person_id), recorder)
    with pytest.raises(NotYourAppointmentError):
        acknowledge(session, organisation, row.id, (other.person_id, other.identity_id), now)
    with pytest.raises(NotYourAppointmentError):
        acknowledge(session, organisation, row.id, (None, other.identity_id), now)
    acknowledge(session, organisation, row.id, (learner.person_id, learner.identity_id), now)
    with pytest.raises(AcknowledgedAlreadyError):
        acknowledge(session, organisation, row.id, (learner.person_id, learner.identity_id), now)
    ended = end_appointment(session, organisation, row.id, Ending(EndKind.RESIGNED, TODAY, "9", "辞任のため"), recorder)
    assert list(acknowledged_at(session, organisation.id, [ended])) == [ended.id], "carried through the end"
    with pytest.raises(UnknownAppointmentError):
        acknowledge(session, organisation, row.id, (learner.person_id, learner.identity_id), now)


def test_two_who_appoint_at_once_do_not_both_get_the_last_seat(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        people = add_people(session, organisation, *({"staff_number": f"00030{number}"} for number in range(4)))
        establish_body(session, organisation, BodyFacts("office", "事務局", "Office"), FIRST, FOUNDED, ACTOR)
        head = SeatFacts("head", "office", IsmsRole.SECRETARIAT, "事務局長", "Head", True, 1, 1)
        establish_seat(session, organisation, head, FIRST, FOUNDED, ACTOR)

    def try_one(number: int) -> str:
        try:
            with database.transaction() as session:
                appoint(session, organisation, wanted(people[number], seat_key="head"), Recorder(ACTOR, now))
        except AppointmentRefused as refused:
            return refused.code
        return "recorded"

    assert sorted(map(str, all_at_once(4, try_one))) == ["recorded", "seat_full", "seat_full", "seat_full"]


def test_the_gap_is_shown_before_appointing_and_closes_by_training(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int
) -> None:
    proposal = wanted(person_id, isms_role=IsmsRole.INTERNAL_AUDITOR)
    assert examine(session, organisation, proposal, None).competence == (), "nothing is required yet"
    record(session, organisation, _requirement())
    gap = examine(session, organisation, proposal, None)
    assert [(each.required.competence, each.is_met) for each in gap.competence] == [("internal-auditor-course", False)]
    assert not gap.is_refused
    for is_passed, expected in ((False, False), (True, True)):
        record(session, organisation, _training(person_id, is_passed))
        assert [each.is_met for each in examine(session, organisation, proposal, None).competence] == [expected]


def _requirement() -> RequirementVersion:
    return RequirementVersion(
        key="auditor-on-appointment",
        title_ja="内部監査員研修",
        title_en="Internal auditor course",
        clauses=["7.2"],
        approved_by="監査委員会",
        competence="internal-auditor-course",
        occasion="role",
        first_year=2025,
        last_year=None,
        audience={"roles": ["internal_auditor", "chief_auditor"]},
        opens_month=4,
        opens_day=1,
        due_month=3,
        due_day=31,
        days_to_complete=30,
        days_after_leave=30,
        valid_months=None,
        valid_from=date(2025, 4, 1),
        recorded_at=FOUNDED,
        recorded_by=ACTOR,
    )


def _training(person_id: int, is_passed: bool) -> TrainingRecord:
    return TrainingRecord(
        person_id=person_id,
        competence="internal-auditor-course",
        kind="external_course",
        is_passed=is_passed,
        provider="架空研修",
        valid_from=date(2026, 3, 1),
        recorded_at=FOUNDED,
        recorded_by=ACTOR,
    )


# Bodies and seats


def test_a_body_is_renamed_from_a_day_and_its_past_name_stays(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    establish_body(session, organisation, BodyFacts("office", "旧事務局", "Old office"), FIRST, FOUNDED, ACTOR)
    establish_body(session, organisation, BodyFacts("office", "事務局", "Office"), TODAY, now, ACTOR)
    assert [(each.name_ja, each.valid_from, each.valid_to) for each in bodies_of(session, organisation.id)] == [
        ("旧事務局", FIRST, TODAY),
        ("事務局", TODAY, None),
    ]
    establish_body(session, organisation, BodyFacts("office", "ISMS事務局", "Office"), TODAY, now, ACTOR)
    assert [each.name_ja for each in bodies_of(session, organisation.id)] == ["旧事務局", "ISMS事務局"]
    close_body(session, organisation, "office", date(2027, 4, 1), now, ACTOR)
    assert [each.valid_to for each in bodies_of(session, organisation.id)] == [TODAY, date(2027, 4, 1)]


def test_a_seat_in_use_or_a_body_with_seats_is_not_closed(
    session: Session, organisation: Organisation, recorder: Recorder, person_id: int, seats: None, now: datetime
) -> None:
    row = appoint(session, organisation, wanted(person_id, seat_key="head"), recorder)
    with pytest.raises(BodyRefused, match="in_use"):
        close_seat(session, organisation, "head", TODAY, now, ACTOR)
    with pytest.raises(BodyRefused, match="in_use"):
        close_body(session, organisation, "office", TODAY, now, ACTOR)
    yesterday = TODAY - timedelta(days=1)
    end_appointment(session, organisation, row.id, Ending(EndKind.REORGANISED, yesterday, "9", "廃止"), recorder)
    close_seat(session, organisation, "head", TODAY, now, ACTOR)
    close_body(session, organisation, "office", TODAY, now, ACTOR)
    assert [each.valid_to for each in (*seats_of(session, organisation.id), *bodies_of(session, organisation.id))] == [TODAY, TODAY]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"key": "Office"}, "key_bad"),
        ({"key": ""}, "key_bad"),
        ({"name_ja": " "}, "field_missing"),
        ({"name_en": ""}, "field_missing"),
        ({"parent_key": "nowhere"}, "parent_unknown"),
        ({"parent_key": "under"}, "reports_in_circle"),
        ({"parent_key": "office"}, "reports_in_circle"),
    ],
)
def test_a_body_that_cannot_be_is_refused(
    session: Session, organisation: Organisation, facts: dict[str, Any], code: str
) -> None:
    office = BodyFacts("office", "事務局", "Office")
    establish_body(session, organisation, office, FIRST, FOUNDED, ACTOR)
    establish_body(session, organisation, BodyFacts("under", "班", "Team", "office"), FIRST, FOUNDED, ACTOR)
    with pytest.raises(BodyRefused, match=code):
        establish_body(session, organisation, replace(office, **facts), TODAY, FOUNDED, ACTOR)
    assert len(bodies_of(session, organisation.id)) == 2


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"least": 2, "most": 1}, "counts_bad"),
        ({"least": -1}, "counts_bad"),
        ({"least": 0, "most": 0}, "counts_bad"),
        ({"body_key": "nowhere"}, "parent_unknown"),
        ({"title_en": " "}, "field_missing"),
    ],
)
def test_a_seat_that_cannot_be_is_refused(
    session: Session, organisation: Organisation, seats: None, facts: dict[str, Any], code: str
) -> None:
    seat = SeatFacts("second", "office", IsmsRole.SECRETARIAT, "次長", "Deputy")
    with pytest.raises(BodyRefused, match=code):
        establish_seat(session, organisation, replace(seat, **facts), FIRST, FOUNDED, ACTOR)
