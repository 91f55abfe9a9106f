"""What is recorded of auditors, and how the book of them reads it on both axes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from courses.auditors import Finding, QualificationState
from courses.calendar import Period
from courses.independence import GroundKind, Scene, Verdict, grounds_for
from courses.roles import IsmsRole
from lms.services.auditor_decisions import (
    AreaFacts,
    BadDecisionError,
    Declared,
    NotAnAuditorError,
    OwnReviewError,
    ReviewFacts,
    approve_policy,
    correct_area,
    declare_interests,
    define_area,
    name_candidate,
    review_auditor,
)
from lms.services.auditors import Policy, UnknownAreaError, open_book, rule_area
from lms.store.openings import openings_of
from lms.store.organisations import Organisation, units_of
from lms.store.people import LineAuthority, PersonConcurrentPost
from lms.store.records import Moment
from tests.auditing import HELD, W, add_course, add_row, add_tie, cast_auditors, define_areas
from tests.factories import ACTOR, FOUNDED, add_appointment, add_person, place_events

TODAY = date(2026, 11, 23)
AREA = AreaFacts("A-X", "架空の範囲", "Imaginary area", None, 120, (), date(2026, 4, 1))


def kinds(
    session: Session, organisation: Organisation, person_id: int, area: str, known_at: int | None = None
) -> list[Any]:
    book = open_book(session, organisation.id, Moment(TODAY, known_at), [person_id])
    scene = Scene(W, 0, HELD.last_day, book.parents)
    return [each.kind for each in grounds_for(book.file(person_id).ties, rule_area(book.area_on(area, TODAY)), scene)]


def test_course_appointment_and_review_are_read_into_a_qualification(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation)
    book = open_book(session, organisation.id, Moment(TODAY))
    found = book.qualification(cast.auditors["000201"], TODAY)
    assert (found.state, found.since, found.until) == (
        QualificationState.VALID, date(2025, 4, 1), date(2027, 4, 1)
    )  # fmt: skip
    assert {each.reference.partition("/")[0] for each in found.checks} == {
        *("training_record", "appointment", "competence_review", "")
    }
    assert not book.qualification(cast.chief, TODAY).is_valid
    assert cast.chief not in book.files


def test_who_only_attended_is_in_the_book_and_not_qualified(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    add_course(session, organisation, cast.approver, is_passed=False, certificate=None)
    add_appointment(session, organisation, cast.approver, IsmsRole.INTERNAL_AUDITOR, date(2026, 4, 1))
    found = open_book(session, organisation.id, Moment(TODAY)).qualification(cast.approver, TODAY)
    assert [each.finding for each in found.shortcomings] == [Finding.ATTENDED_ONLY, Finding.REVIEW_MISSING]


def test_every_kind_of_fact_becomes_a_ground(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    units = {unit.name_ja: unit.id for unit in units_of(session, organisation.id)}
    someone = cast.auditors["000204"]
    assert kinds(session, organisation, someone, "A-GA") == [GroundKind.AFFILIATION]
    assert kinds(session, organisation, someone, "A-NET") == []
    since = {"person_id": someone, "valid_from": date(2026, 6, 1), "valid_to": None}
    add_row(session, organisation, PersonConcurrentPost, unit_id=units["ネットワーク係"], post="兼務", **since)
    add_row(session, organisation, LineAuthority, unit_id=units["ネットワーク係"], **since)
    add_tie(session, organisation, someone, "A-NET", Period(date(2026, 6, 1)))
    add_tie(session, organisation, someone, "A-NET", Period(date(2026, 6, 1)), kind="authorship", document="NET-01")
    add_tie(session, organisation, someone, None, Period(date(2026, 6, 1)), kind="consultancy")
    declare_interests(session, organisation, someone, Declared(["A-NET"], "家族が勤めている"), FOUNDED)
    assert kinds(session, organisation, someone, "A-NET") == [
        *(GroundKind.DUTY, GroundKind.CONCURRENT_POST, GroundKind.LINE_AUTHORITY, GroundKind.AUTHORSHIP),
        *(GroundKind.CONSULTANCY, GroundKind.DECLARED_INTEREST),
    ]
    assert kinds(session, organisation, someone, "A-AUTH") == [GroundKind.CONSULTANCY]


def test_a_correction_changes_what_is_known_now_and_not_what_was_known_then(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    cast = cast_auditors(session, organisation)
    someone = cast.auditors["000204"]
    wrong = add_tie(session, organisation, someone, "A-NET", Period(date(2026, 4, 1)))
    size = place_events(session, organisation, now)
    add_tie(session, organisation, someone, "A-NET", Period(date(2026, 4, 1)), supersedes_id=wrong.id, is_void=True)
    assert kinds(session, organisation, someone, "A-NET") == []
    assert kinds(session, organisation, someone, "A-NET", size) == [GroundKind.DUTY]


def test_a_declaration_is_not_there_before_its_day(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation, declare=False)
    someone = cast.auditors["000202"]
    declare_interests(session, organisation, someone, Declared(()), FOUNDED + timedelta(days=30))
    for day, verdict in ((date(2026, 4, 30), Verdict.CANNOT_TELL), (date(2026, 5, 1), Verdict.ELIGIBLE)):
        book = open_book(session, organisation.id, Moment(day))
        assert book.judge(someone, book.area_on("A-GA", day), W, HELD).verdict is verdict


def test_only_an_auditor_of_the_year_declares_and_only_for_areas_that_there_are(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation, declare=False)
    with pytest.raises(NotAnAuditorError):
        declare_interests(session, organisation, cast.chief, Declared(()), FOUNDED)
    someone = cast.auditors["000201"]
    with pytest.raises(NotAnAuditorError):
        declare_interests(session, organisation, someone, Declared(()), FOUNDED + timedelta(days=365 * 3))
    with pytest.raises(UnknownAreaError):
        declare_interests(session, organisation, someone, Declared(["A-NO"], "x"), FOUNDED)
    with pytest.raises(BadDecisionError) as refused:
        declare_interests(session, organisation, someone, Declared(["A-GA"], " "), FOUNDED)
    assert (refused.value.field, refused.value.problem) == ("explanation", "missing")


def test_an_explanation_is_kept_apart_from_the_ledger(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    row = declare_interests(
        session, organisation, cast.auditors["000201"], Declared(["A-NET"], "家族が勤めている"), FOUNDED
    )
    assert openings_of(session, [row.event_id]) == {row.event_id: {"explanation": "家族が勤めている"}}
    assert (row.year, row.area_keys) == (2026, ["A-NET"])


def test_nobody_reviews_the_own_competence(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    facts = ReviewFacts(True, True, (), None, "面談", Period(date(2026, 4, 1), date(2027, 4, 1)))
    with pytest.raises(OwnReviewError):
        review_auditor(session, organisation, cast.chief, facts, cast.chief, FOUNDED)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"basis": ""}, "basis"),
        ({"basis": "x" * 2_001}, "basis"),
        ({"period": Period(date(2026, 4, 1), date(2026, 4, 1))}, "valid_to"),
        ({"period": Period(date(2026, 4, 1))}, "valid_to"),
        ({"capacity_minutes": -60}, "capacity"),
        ({"skills": ("x",) * 21}, "skills"),
    ],
)
def test_a_review_that_says_nothing_sensible_is_refused(
    session: Session, organisation: Organisation, changes: dict[str, Any], field: str
) -> None:
    cast = cast_auditors(session, organisation)
    whole = ReviewFacts(True, True, (), None, "面談", Period(date(2026, 4, 1), date(2027, 4, 1)))
    with pytest.raises(BadDecisionError) as refused:
        facts = replace(whole, **changes)
        review_auditor(session, organisation, cast.auditors["000201"], facts, cast.chief, FOUNDED)
    assert refused.value.field == field


def test_who_is_found_not_competent_may_not_lead(session: Session, organisation: Organisation) -> None:
    cast = cast_auditors(session, organisation)
    facts = ReviewFacts(False, True, (), None, "力量不足", Period(date(2026, 10, 1), date(2027, 4, 1)))
    row = review_auditor(session, organisation, cast.auditors["000201"], facts, cast.chief, FOUNDED)
    assert not row.may_lead
    book = open_book(session, organisation.id, Moment(TODAY))
    assert not book.qualification(cast.auditors["000201"], TODAY).is_valid
    assert book.qualification(cast.auditors["000201"], date(2026, 9, 30)).is_valid


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"key": ""}, "key", "missing"),
        ({"key": "監査"}, "key", "malformed"),
        ({"key": "A/1"}, "key", "malformed"),
        ({"key": "A-GA"}, "key", "taken"),
        ({"name_ja": " "}, "name_ja", "missing"),
        ({"name_en": "a\0"}, "name_en", "malformed"),
        ({"effort_minutes": 0}, "effort", "range"),
        ({"effort_minutes": -60}, "effort", "range"),
        ({"unit_id": 10**9}, "unit", "unknown"),
        ({"valid_to": date(2026, 4, 1)}, "valid_to", "order"),
        ({"skills": ("",)}, "skills", "malformed"),
    ],
)
def test_an_area_that_makes_no_sense_is_refused(
    session: Session, organisation: Organisation, changes: dict[str, Any], field: str, problem: str
) -> None:
    add_person(session, organisation)
    define_areas(session, organisation)
    with pytest.raises(BadDecisionError) as refused:
        define_area(session, organisation, replace(AREA, **changes), ACTOR, FOUNDED)
    assert (refused.value.field, refused.value.problem) == (field, problem)


def test_an_area_is_corrected_by_a_row_that_supersedes_it(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    define_area(session, organisation, AREA, ACTOR, FOUNDED)
    size = place_events(session, organisation, now)
    changed = replace(AREA, name_ja="新しい名", effort_minutes=300)
    with pytest.raises(BadDecisionError):
        correct_area(session, organisation, changed, ACTOR, FOUNDED)
    correct_area(session, organisation, replace(changed, reason="改称"), ACTOR, FOUNDED)
    assert open_book(session, organisation.id, Moment(TODAY)).area_on("A-X", TODAY).name_ja == "新しい名"
    assert open_book(session, organisation.id, Moment(TODAY, size)).area_on("A-X", TODAY).name_ja == "架空の範囲"
    with pytest.raises(UnknownAreaError):
        correct_area(session, organisation, replace(AREA, key="A-NO", reason="x"), ACTOR, FOUNDED)


def test_an_area_is_there_on_its_days_alone(session: Session, organisation: Organisation) -> None:
    define_area(session, organisation, replace(AREA, valid_to=date(2026, 10, 1)), ACTOR, FOUNDED)
    book = open_book(session, organisation.id, Moment(TODAY))
    assert list(book.areas_on(date(2026, 9, 30))) == ["A-X"]
    for day in (date(2026, 3, 31), date(2026, 10, 1)):
        with pytest.raises(UnknownAreaError):
            book.area_on("A-X", day)


def test_the_policy_in_force_is_the_latest_that_has_taken_effect(session: Session, organisation: Organisation) -> None:
    first = Policy(3, 1, 12, 36, approved_by="監査委員会", valid_from=date(2026, 4, 1))
    later = replace(first, auditors_per_area=2, valid_from=date(2026, 10, 1))
    for policy in (later, first):
        approve_policy(session, organisation, policy, ACTOR, FOUNDED)
    book = open_book(session, organisation.id, Moment(TODAY))
    assert book.policy_on(date(2026, 3, 31)) == Policy()
    assert book.policy_on(date(2026, 9, 30)) == first
    assert book.policy_on(TODAY) == later


@pytest.mark.parametrize(
    "changes",
    [
        {"auditors_per_area": 0},
        {"auditors_per_area": 21},
        {"leaders_per_team": 3},
        {"leaders_per_team": -1},
        {"look_back_months": -1},
        {"course_valid_months": 0},
        {"training_days": -1},
        {"approved_by": ""},
        {"valid_from": None},
    ],
)
def test_a_policy_out_of_range_is_refused(
    session: Session, organisation: Organisation, changes: dict[str, Any]
) -> None:
    whole = Policy(approved_by="監査委員会", valid_from=date(2026, 4, 1))
    with pytest.raises(BadDecisionError) as refused:
        approve_policy(session, organisation, replace(whole, **changes), ACTOR, FOUNDED)
    assert refused.value.field == next(iter(changes))


def test_a_candidate_is_named_once_and_belongs_to_the_organisation(
    session: Session, organisation: Organisation
) -> None:
    person_id = add_person(session, organisation)
    assert name_candidate(session, organisation, person_id, 3, ACTOR, FOUNDED).cost == 3
    assert open_book(session, organisation.id, Moment(TODAY)).file(person_id).cost == 3
    for key, cost in ((person_id, 3), (10**9, 0), (person_id, -1)):
        with pytest.raises(BadDecisionError):
            name_candidate(session, organisation, key, cost, ACTOR, FOUNDED)
