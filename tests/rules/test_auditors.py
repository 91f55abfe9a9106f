"""Qualification of auditors: what grants it, how long it holds, what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.auditors import (
    AuditorRecord,
    Check,
    CheckKind,
    Course,
    Finding,
    QualificationState,
    Review,
    Standard,
    Term,
    is_qualified_through,
    next_grant,
    qualification_on,
)
from courses.calendar import Period

TODAY = date(2026, 11, 30)
COURSE = Course("training_record/1", date(2024, 6, 1), True, "架空監査研修株式会社", "KA-001", "内部監査責任者")
TERM = Term("appointment/1", "internal_auditor", Period(date(2025, 4, 1), date(2027, 4, 1)))
REVIEW = Review("competence_review/1", Period(date(2026, 4, 1), date(2027, 4, 1)), True)
LAST_YEARS = Review("competence_review/0", Period(date(2025, 4, 1), date(2026, 4, 1)), True)
WHOLE = AuditorRecord((COURSE,), (TERM,), (LAST_YEARS, REVIEW), (Period(date(2014, 4, 1)),))
STANDARD = Standard()


def findings(record: AuditorRecord, standard: Standard = STANDARD, day: date = TODAY) -> list[Finding]:
    return [each.finding for each in qualification_on(record, standard, day).checks]


def test_course_appointment_review_and_service_together_qualify() -> None:
    found = qualification_on(WHOLE, STANDARD, TODAY)
    assert found.state is QualificationState.VALID
    assert [each.kind for each in found.checks] == list(CheckKind)
    assert (found.since, found.until) == (date(2025, 4, 1), date(2027, 4, 1))
    assert [each.finding for each in found.ended_by] == [Finding.TERM_OVER, Finding.REVIEW_OVER]
    assert [each.reference for each in found.checks[:3]] == [
        "training_record/1",
        "appointment/1",
        "competence_review/1",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"courses": ()}, Finding.COURSE_MISSING),
        ({"courses": (replace(COURSE, is_passed=False),)}, Finding.ATTENDED_ONLY),
        ({"courses": (replace(COURSE, certificate=None),)}, Finding.COURSE_INCOMPLETE),
        ({"courses": (replace(COURSE, provider=" "),)}, Finding.COURSE_INCOMPLETE),
        ({"courses": (replace(COURSE, equivalence_verified_by=None),)}, Finding.COURSE_INCOMPLETE),
        ({"courses": (replace(COURSE, completed_on=date(2026, 12, 1)),)}, Finding.COURSE_MISSING),
        ({"terms": ()}, Finding.NEVER_APPOINTED),
        ({"terms": (replace(TERM, period=Period(date(2026, 12, 1))),)}, Finding.NOT_YET_APPOINTED),
        ({"terms": (replace(TERM, period=Period(date(2025, 4, 1), date(2026, 4, 1))),)}, Finding.TERM_OVER),
        ({"reviews": ()}, Finding.REVIEW_MISSING),
        ({"reviews": (LAST_YEARS,)}, Finding.REVIEW_OVER),
        ({"reviews": (replace(REVIEW, is_competent=False),)}, Finding.NOT_COMPETENT),
        ({"service": (Period(date(2014, 4, 1), date(2026, 11, 30)),)}, Finding.LEFT),
    ],
)
def test_without_one_of_them_nobody_is_qualified_and_it_is_named(change: dict[str, object], expected: Finding) -> None:
    found = qualification_on(replace(WHOLE, **change), STANDARD, TODAY)  # type: ignore[arg-type]  # by field
    assert not found.is_valid
    assert [each.finding for each in found.shortcomings] == [expected]


def test_attendance_alone_never_qualifies_whatever_else_is_there() -> None:
    attended = replace(COURSE, is_passed=False)
    record = replace(WHOLE, courses=(attended, replace(attended, reference="training_record/2")))
    for day in (date(2024, 6, 1), TODAY, date(2030, 1, 1)):
        assert not qualification_on(record, Standard(needs_review=False), day).is_valid
    assert qualification_on(record, STANDARD, TODAY).state is QualificationState.NOT_GRANTED


def test_a_course_passed_after_one_that_was_only_attended_counts() -> None:
    attended = replace(COURSE, reference="training_record/9", is_passed=False, completed_on=date(2026, 5, 1))
    assert qualification_on(replace(WHOLE, courses=(COURSE, attended)), STANDARD, TODAY).is_valid


def test_a_course_holds_as_many_months_as_the_policy_says_and_the_newest_counts() -> None:
    limited = Standard(course_valid_months=24)
    found = qualification_on(WHOLE, limited, TODAY)
    assert (found.state, found.until) == (QualificationState.LAPSED, date(2026, 6, 1))
    assert [(each.finding, each.reference) for each in found.ended_by] == [
        (Finding.COURSE_EXPIRED, "training_record/1")
    ]
    assert qualification_on(WHOLE, limited, date(2026, 5, 31)).is_valid
    again = replace(COURSE, reference="training_record/2", completed_on=date(2026, 5, 1))
    renewed = qualification_on(replace(WHOLE, courses=(again, COURSE)), limited, TODAY)
    assert (renewed.state, renewed.since) == (QualificationState.VALID, date(2025, 4, 1))


def test_what_lapsed_says_since_when_and_by_which_fact() -> None:
    record = replace(WHOLE, reviews=(LAST_YEARS,))
    found = qualification_on(record, STANDARD, TODAY)
    assert (found.state, found.since, found.until) == (
        QualificationState.LAPSED, date(2025, 4, 1), date(2026, 4, 1)
    )  # fmt: skip
    assert found.ended_by == (Check(CheckKind.REVIEW, Finding.REVIEW_OVER, "competence_review/0", date(2026, 4, 1)),)


def test_before_the_first_grant_it_is_not_granted() -> None:
    assert qualification_on(WHOLE, STANDARD, date(2025, 3, 31)).state is QualificationState.NOT_GRANTED
    assert qualification_on(WHOLE, STANDARD, date(2025, 4, 1)).state is QualificationState.VALID


def test_the_chief_auditors_later_review_of_the_same_year_counts() -> None:
    worse = Review("competence_review/2", Period(date(2026, 10, 1), date(2027, 4, 1)), False)
    record = replace(WHOLE, reviews=(LAST_YEARS, REVIEW, worse))
    assert qualification_on(record, STANDARD, date(2026, 9, 30)).until == date(2026, 10, 1)
    assert findings(record)[2] is Finding.NOT_COMPETENT
    assert not qualification_on(record, Standard(needs_review=False), TODAY).is_valid


def test_a_policy_without_yearly_reviews_asks_for_none() -> None:
    record = replace(WHOLE, reviews=())
    found = qualification_on(record, Standard(needs_review=False), TODAY)
    assert (found.state, found.until) == (QualificationState.VALID, date(2027, 4, 1))
    assert found.checks[2].finding is Finding.REVIEW_NOT_ASKED


def test_looking_ahead_reviews_go_on_and_terms_do_not() -> None:
    ahead = qualification_on(WHOLE, Standard(reviews_go_on=True), TODAY)
    assert [each.finding for each in ahead.ended_by] == [Finding.TERM_OVER]
    endless = replace(WHOLE, terms=(replace(TERM, period=Period(date(2025, 4, 1))),))
    assert qualification_on(endless, Standard(reviews_go_on=True), TODAY).until is None
    failed = replace(endless, reviews=(LAST_YEARS, replace(REVIEW, is_competent=False)))
    assert not qualification_on(failed, Standard(reviews_go_on=True), date(2028, 1, 1)).is_valid


def test_a_renewed_term_goes_on_without_a_gap() -> None:
    second = Term("appointment/2", "internal_auditor", Period(date(2027, 4, 1), date(2029, 4, 1)))
    record = replace(WHOLE, terms=(second, TERM))
    found = qualification_on(record, Standard(reviews_go_on=True), TODAY)
    assert (found.since, found.until) == (date(2025, 4, 1), date(2029, 4, 1))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 12, 1), date(2026, 12, 5), True),
        (date(2027, 3, 30), date(2027, 4, 1), True),
        (date(2027, 3, 30), date(2027, 4, 2), False),
        (date(2025, 3, 31), date(2025, 4, 2), False),
    ],
)
def test_an_audit_needs_qualification_through_all_its_days(start: date, end: date, expected: bool) -> None:
    assert is_qualified_through(WHOLE, STANDARD, Period(start, end)) is expected


def test_what_is_already_decided_grants_later() -> None:
    later = replace(WHOLE, terms=(replace(TERM, period=Period(date(2027, 1, 1), date(2028, 4, 1))),))
    grant = next_grant(later, STANDARD, TODAY)
    assert grant is not None
    assert grant.since == date(2027, 1, 1)
    assert next_grant(replace(later, courses=()), STANDARD, TODAY) is None


days = st.dates(date(2023, 1, 1), date(2030, 1, 1))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(days)
    length = draw(st.none() | st.integers(0, 900))
    return Period(start, None if length is None else start + timedelta(days=length))


@st.composite
def records(draw: st.DrawFn) -> AuditorRecord:
    courses = draw(st.lists(st.tuples(days, st.booleans()), max_size=3))
    return AuditorRecord(
        tuple(replace(COURSE, completed_on=day, is_passed=passed) for day, passed in courses),
        tuple(Term("appointment/1", "internal_auditor", each) for each in draw(st.lists(periods(), max_size=3))),
        tuple(
            Review("competence_review/1", period, good)
            for period, good in draw(st.lists(st.tuples(periods(), st.booleans()), max_size=3))
        ),
        tuple(draw(st.lists(periods(), max_size=2))),
    )


@given(records(), st.builds(Standard, st.none() | st.integers(1, 36), st.booleans(), st.booleans()), days)
def test_valid_until_is_the_first_day_that_is_not_and_since_has_no_gap(
    record: AuditorRecord, standard: Standard, day: date
) -> None:
    found = qualification_on(record, standard, day)
    assert found.is_valid is (not found.shortcomings)
    if found.is_valid:
        assert found.since is not None
        assert found.since <= day
        assert not qualification_on(record, standard, found.since - timedelta(days=1)).is_valid
        if found.until is not None:
            assert found.ended_by
            assert not qualification_on(record, standard, found.until).is_valid
            assert is_qualified_through(record, standard, Period(found.since, found.until))
            assert not is_qualified_through(record, standard, Period(found.since, found.until + timedelta(days=1)))
    elif found.state is QualificationState.LAPSED:
        assert found.since is not None
        assert found.until is not None
        assert found.since < found.until <= day
        assert qualification_on(record, standard, found.until - timedelta(days=1)).is_valid
        assert found.ended_by
    else:
        assert not is_qualified_through(record, standard, Period(date(2022, 1, 1), day + timedelta(days=1)))


@given(records(), days)
def test_nobody_is_qualified_without_a_passed_course(record: AuditorRecord, day: date) -> None:
    attended = replace(record, courses=tuple(replace(each, is_passed=False) for each in record.courses))
    assert not qualification_on(attended, Standard(needs_review=False), day).is_valid
