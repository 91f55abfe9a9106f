"""Facts about people: recorded, corrected, closed, voided; what is impossible is refused, and nothing is half-written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import Period
from courses.facts import (
    EndBeforeStartError,
    FactError,
    ImpossibleDateError,
    MarkError,
    MissingValueError,
    OverlapError,
    UnknownValueError,
)
from courses.requirements import Audience, Occasion, Requirement, State
from courses.roles import IsmsRole
from lms.services.fact_kinds import KINDS
from lms.services.organisations import add_organisation
from lms.services.people import people_facts
from lms.services.person_facts import (
    FactSupersededError,
    GivenFact,
    NoSuchFactError,
    NoSuchPersonError,
    NothingChangedError,
    Recorder,
    close_fact,
    correct_fact,
    find_fact,
    given_by,
    record_fact,
    void_fact,
)
from lms.services.person_record import person_record
from lms.services.requirements import Approval, approve_requirement, standings
from lms.store.base import Database
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation, units_of
from lms.store.people import PersonFact, PersonLeave
from lms.store.records import Moment
from tests.factories import (
    ACTOR,
    FOUNDED,
    MODULE,
    add_appointment,
    add_person,
    adopt,
    all_at_once,
    place_events,
    require,
    small_module,
)

BY = Recorder(ACTOR, datetime(2026, 11, 23, 3, tzinfo=UTC))
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
PASSED = {
    "competence": MODULE,
    "kind": "face_to_face",
    "is_passed": True,
    "mark": 9,
    "maximum": 10,
    "pass_mark": 8,
    "session": "6月集合研修",
    "grader": "見本 講師",
}
ANNUAL = Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2026, due=(12, 31))


@pytest.fixture
def person_id(session: Session, organisation: Organisation) -> int:
    return add_person(session, organisation)


class Desk:
    """The secretariat's desk for one person."""

    def __init__(self, session: Session, organisation: Organisation, person_id: int) -> None:
        self.session, self.organisation, self.person_id = session, organisation, person_id

    def record(self, kind: str, start: date, end: date | None = None, reason: str = "", /, **values: Any) -> PersonFact:
        given = GivenFact(start, end, values, reason)
        return record_fact(self.session, self.organisation, KINDS[kind], self.person_id, given, BY)

    def correct(self, fact: PersonFact, why: str = "訂正", **changes: Any) -> PersonFact:
        return correct_fact(self.session, self.organisation, fact, replace(given_by(fact), **changes), why, BY)

    def states(self, day: date) -> dict[str, State]:
        return {
            each.obligation.key: each.status.state
            for person in standings(self.session, self.organisation.id, 2026, Moment(day), {self.person_id})
            for each in person.standings
        }

    def events(self) -> int:
        return self.session.scalar(select(func.count()).select_from(LedgerEvent)) or 0


@pytest.fixture
def desk(session: Session, organisation: Organisation, person_id: int) -> Desk:
    return Desk(session, organisation, person_id)


def test_each_recording_has_its_event_and_the_rules_see_it(desk: Desk) -> None:
    before = desk.events()
    unit = units_of(desk.session, desk.organisation.id)[1]
    desk.record("leave", MAY, JULY)
    desk.record("concurrent_post", MAY, unit_id=unit.id, post=" 兼任 ")
    desk.record("line_authority", MAY, unit_id=unit.id)
    assert desk.events() == before + 3
    known = people_facts(desk.session, desk.organisation.id, None, {desk.person_id})[desk.person_id]
    assert known.leave == (Period(MAY, JULY),)
    assert [(each.unit, each.post) for each in known.concurrent_posts] == [("ネットワーク係", "兼任")]


def test_a_correction_supersedes_and_keeps_why_and_the_first_recording_stays(desk: Desk) -> None:
    scope = desk.record("exemption", MAY, JULY, "長期出張", requirement_key=_required(desk), approved_by="委員会")
    newer = desk.correct(scope, "期間の誤り", end=date(2026, 8, 1))
    assert (newer.supersedes_id, newer.reason) == (scope.id, "長期出張")
    assert newer.correction_reason == "期間の誤り"  # type: ignore[attr-defined]
    (history,) = person_record(desk.session, desk.organisation.id, desk.person_id, Moment(MAY)).facts["exemption"]
    assert [(each.end, each.correction_reason) for each in history.versions] == [
        (JULY, None),
        (date(2026, 8, 1), "期間の誤り"),
    ]


def _required(desk: Desk) -> str:
    adopt(desk.session, desk.organisation, small_module())
    require(desk.session, desk.organisation, ANNUAL)
    return ANNUAL.key


def test_the_second_of_two_corrections_is_told_and_writes_nothing(desk: Desk) -> None:
    leave = desk.record("leave", MAY, JULY)
    desk.correct(leave, start=date(2026, 5, 2))
    before = desk.events()
    for again in (lambda: desk.correct(leave, start=date(2026, 5, 3)), lambda: _void(desk, leave)):
        with pytest.raises(FactSupersededError):
            again()
    assert desk.events() == before


def _void(desk: Desk, fact: PersonFact) -> PersonFact:
    return void_fact(desk.session, desk.organisation, fact, "誤り", BY)


def test_of_many_corrections_at_once_one_is_recorded(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        person_id = add_person(session, organisation)
        leave = record_fact(session, organisation, KINDS["leave"], person_id, GivenFact(MAY, JULY), BY)
        leave_id = leave.id

    def correct(number: int) -> int:
        with database.transaction() as session:
            fact = find_fact(session, organisation.id, KINDS["leave"], person_id, leave_id)
            given = GivenFact(date(2026, 5, 2 + number), JULY)
            return correct_fact(session, organisation, fact, given, "訂正", BY).id

    found = all_at_once(6, correct)
    assert sum(isinstance(each, int) for each in found) == 1
    assert all(isinstance(each, int | FactSupersededError) for each in found), found
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PersonLeave)) == 2


def test_voiding_takes_a_fact_out_of_force_and_leaves_it_in_the_history(desk: Desk) -> None:
    leave = desk.record("leave", MAY, JULY)
    _void(desk, leave)
    known = people_facts(desk.session, desk.organisation.id, None, {desk.person_id})[desk.person_id]
    assert known.leave == ()
    (history,) = person_record(desk.session, desk.organisation.id, desk.person_id, Moment(MAY)).facts["leave"]
    assert history.newest.is_void
    assert not history.holds_on(MAY)
    desk.record("leave", MAY, JULY)  # there is room again


def test_closing_ends_a_fact_on_its_day(desk: Desk) -> None:
    leave = desk.record("leave", MAY)
    closed = close_fact(desk.session, desk.organisation, leave, JULY, "復職", BY)
    assert (closed.valid_to, closed.reason) == (JULY, "復職")
    with pytest.raises(NothingChangedError):
        close_fact(desk.session, desk.organisation, closed, JULY, "復職", BY)


@pytest.mark.parametrize(
    ("kind", "days", "values", "error", "field"),
    [
        ("leave", (MAY, MAY), {}, EndBeforeStartError, "valid_to"),
        ("leave", (JUNE, MAY), {}, EndBeforeStartError, "valid_to"),
        ("leave", (date(1989, 12, 31), None), {}, ImpossibleDateError, "valid_from"),
        ("leave", (date(2200, 1, 1), None), {}, ImpossibleDateError, "valid_from"),
        ("leave", (MAY, date(2200, 1, 2)), {}, ImpossibleDateError, "valid_to"),
        ("affiliation", (MAY, JUNE), {"unit_id": 1, "employment": "regular", "category": "faculty"}, OverlapError, "valid_from"),
        ("concurrent_post", (MAY, None), {"unit_id": 999, "post": "x"}, UnknownValueError, "unit_id"),
        ("concurrent_post", (MAY, None), {"unit_id": 1, "post": " "}, MissingValueError, "post"),
        ("affiliation", (date(1999, 1, 1), date(1999, 2, 1)), {"unit_id": 1, "employment": "x", "category": "faculty"}, UnknownValueError, "employment"),
        ("tie", (MAY, None), {"kind": "duty", "area_key": "A-NONE"}, UnknownValueError, "area_key"),
        ("tie", (MAY, None), {"kind": "duty"}, MissingValueError, "area_key"),
        ("tie", (MAY, None), {"kind": "friend"}, UnknownValueError, "kind"),
        ("exemption", (MAY, None), {"requirement_key": "annual", "approved_by": "委員会"}, MissingValueError, "valid_to"),
        ("exemption", (MAY, JUNE), {"requirement_key": "none", "approved_by": "委員会", "reason": "x"}, UnknownValueError, "requirement_key"),
        ("exemption", (MAY, JUNE), {"requirement_key": "annual", "approved_by": "委員会"}, MissingValueError, "reason"),
        ("training", (date(2026, 12, 1), None), PASSED, ImpossibleDateError, "valid_from"),
        ("training", (MAY, None), {**PASSED, "grader": ""}, MissingValueError, "grader"),
        ("training", (MAY, None), {**PASSED, "mark": 7}, MarkError, "is_passed"),
        ("training", (MAY, None), {**PASSED, "mark": 11}, MarkError, "maximum"),
        ("training", (MAY, None), {**PASSED, "kind": "own_test"}, UnknownValueError, "kind"),
        ("training", (MAY, None), {**PASSED, "competence": ""}, MissingValueError, "competence"),
    ],
)  # fmt: skip
def test_the_impossible_is_refused_and_named(
    desk: Desk, kind: str, days: tuple[date, date | None], values: dict[str, Any], error: type[FactError], field: str
) -> None:
    before = desk.events()
    given = {name: value for name, value in values.items() if name != "reason"}
    with pytest.raises(error) as caught:
        desk.record(kind, *days, values.get("reason", ""), **given)
    assert caught.value.field == field
    assert desk.events() == before


def test_a_unit_of_another_organisation_is_unknown(desk: Desk) -> None:
    other = add_organisation(desk.session, "otsu", "乙大学", "Otsu University", FOUNDED)
    add_person(desk.session, other)
    theirs = units_of(desk.session, other.id)[0]
    with pytest.raises(UnknownValueError):
        desk.record("line_authority", MAY, unit_id=theirs.id)
    with pytest.raises(NoSuchPersonError):
        record_fact(desk.session, other, KINDS["leave"], desk.person_id, GivenFact(MAY, JULY), BY)
    leave = desk.record("leave", MAY, JULY)
    with pytest.raises(NoSuchFactError):
        find_fact(desk.session, other.id, KINDS["leave"], desk.person_id, leave.id)


def test_two_leaves_may_touch_and_not_overlap_and_two_posts_may_stand_together(desk: Desk) -> None:
    desk.record("leave", MAY, JUNE)
    desk.record("leave", JUNE, JULY)
    with pytest.raises(OverlapError):
        desk.record("leave", date(2026, 6, 30), date(2026, 8, 1))
    first, second = units_of(desk.session, desk.organisation.id)[:2]
    for unit in (first, second):
        desk.record("concurrent_post", MAY, unit_id=unit.id, post="兼任")
    with pytest.raises(OverlapError):
        desk.record("concurrent_post", JUNE, unit_id=first.id, post="兼任")


def test_a_correction_needs_a_reason_and_a_change(desk: Desk) -> None:
    leave = desk.record("leave", MAY, JULY)
    with pytest.raises(MissingValueError):
        desk.correct(leave, "  ", start=JUNE)
    with pytest.raises(NothingChangedError):
        desk.correct(leave)
    with pytest.raises(MissingValueError):
        void_fact(desk.session, desk.organisation, leave, "", BY)


# What the facts do to obligations


def test_leave_and_exemptions_reach_the_register(desk: Desk) -> None:
    key = f"{_required(desk)}/fiscal_year:2026"
    assert desk.states(MAY) == {key: State.OPEN}
    leave = desk.record("leave", MAY, JULY)
    assert (desk.states(MAY), desk.states(JULY)) == ({key: State.ON_LEAVE}, {key: State.OPEN})
    _void(desk, leave)
    desk.record("exemption", MAY, JULY, "長期出張", requirement_key="annual", approved_by="委員会")
    assert (desk.states(JUNE), desk.states(JULY)) == ({key: State.EXEMPT}, {key: State.OPEN})


def test_training_taken_elsewhere_counts_when_it_was_passed_and_is_of_an_accepted_kind(desk: Desk) -> None:
    key = f"{_required(desk)}/fiscal_year:2026"
    attended = desk.record("training", MAY, **{**PASSED, "is_passed": False, "mark": 3})
    assert desk.states(JUNE) == {key: State.OPEN}
    desk.correct(attended, "採点の誤り", values={**given_by(attended).values, "is_passed": True, "mark": 9})
    assert (desk.states(date(2026, 4, 30)), desk.states(MAY)) == ({key: State.OPEN}, {key: State.COMPLETE})
    require(desk.session, desk.organisation, replace(ANNUAL, equivalents=frozenset({"own_test"})))
    assert desk.states(MAY) == {key: State.OPEN}


def test_an_appointment_asks_for_the_course_of_its_role_and_a_course_before_it_counts(
    desk: Desk, session: Session, organisation: Organisation
) -> None:
    course = "internal-auditor-course"
    audience = Audience(roles=frozenset({"internal_auditor"}))
    require(session, organisation, Requirement("course", course, Occasion.ROLE, 2026, audience=audience))
    assert desk.states(JULY) == {}
    add_appointment(session, organisation, desk.person_id, IsmsRole.INTERNAL_AUDITOR, JUNE)
    key = "course/role:internal_auditor:2026-06-01"
    assert [desk.states(day)[key] for day in (MAY, JUNE, date(2026, 7, 1), date(2026, 7, 2))] == [
        State.NOT_YET_DUE,
        State.OPEN,
        State.OPEN,
        State.OVERDUE,
    ]
    certificate = {
        "competence": course,
        "kind": "external_course",
        "is_passed": True,
        "provider": "架空研修センター",
        "certificate": "K-1",
        "equivalence_verified_by": "ISMS事務局",
    }
    desk.record("training", date(2024, 2, 1), **certificate)
    assert desk.states(JULY) == {key: State.COMPLETE}


def test_nothing_recorded_later_changes_what_was_known_then(
    desk: Desk, session: Session, organisation: Organisation, now: datetime
) -> None:
    key = f"{_required(desk)}/fiscal_year:2026"
    size = place_events(session, organisation, now)

    def known_then() -> list[Any]:
        found = standings(session, organisation.id, 2026, Moment(JULY, size))
        return [(person.person, [(each.obligation, each.status) for each in person.standings]) for person in found]

    before = known_then()
    assert [status.state for _, each in before for _, status in each] == [State.OPEN]
    desk.record("leave", MAY, date(2026, 8, 1))
    desk.record("training", JUNE, **PASSED)
    desk.record("exemption", MAY, JULY, "出張", requirement_key="annual", approved_by="委員会")
    add_person(session, organisation, "000999")
    require(session, organisation, replace(ANNUAL, due=(6, 30)))
    place_events(session, organisation, now)
    assert known_then() == before
    assert desk.states(JULY) == {key: State.ON_LEAVE}


def test_a_requirement_asks_nothing_before_its_approval_and_a_new_version_leaves_the_days_before_it(
    desk: Desk, session: Session, organisation: Organisation
) -> None:
    adopt(session, organisation, small_module())
    require(session, organisation, ANNUAL)  # approved on 1 April 2026
    later = Approval("委員会", JUNE, "新", "New")
    approve_requirement(session, organisation, replace(ANNUAL, due=(6, 15)), later, ACTOR, FOUNDED)
    due = {}
    for day in (date(2026, 3, 31), date(2026, 5, 31), JUNE):
        (found,) = standings(session, organisation.id, 2026, Moment(day), {desk.person_id})
        due[day] = [each.status.due_on for each in found.standings]
    assert due == {
        date(2026, 3, 31): [],
        date(2026, 5, 31): [date(2026, 12, 31)],
        JUNE: [date(2026, 6, 15)],
    }
