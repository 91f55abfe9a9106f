"""What stands against an appointment: each thing named, with the fact that it meets."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import Period, PeriodOrderError
from courses.crediting import Completion
from courses.role_competence import RequiredCompetence, competence_on
from courses.roles import (
    DEFAULT_SEPARATIONS,
    REMARKS,
    IsmsRole,
    Problem,
    ProblemCode,
    RoleAssignment,
    SeatRule,
    Separation,
    Surroundings,
    carrier_of_acknowledgement,
    first_day_outside,
    problems_of,
)

FIRST, LAST = date(2026, 4, 1), date(2027, 3, 31)
ALWAYS = (Period(date(2020, 4, 1)),)


def wanted(isms_role: IsmsRole = IsmsRole.INTERNAL_AUDITOR, person_id: int = 1, **facts: object) -> RoleAssignment:
    known: dict[str, object] = {
        "first_day": FIRST,
        "last_day": LAST,
        "letter_number": f"{isms_role}第1号",
        "appointed_on": date(2025, 3, 1),
    }
    return RoleAssignment(person_id, isms_role, **(known | facts))  # type: ignore[arg-type]


def found(proposal: RoleAssignment, *held: RoleAssignment, **facts: object) -> list[Problem]:
    around = {"service": ALWAYS, "scope": ALWAYS} | facts
    return list(problems_of(proposal, Surroundings(held=held, **around)))  # type: ignore[arg-type]


def codes(problems: list[Problem]) -> list[str]:
    return [each.code.value for each in problems]


def test_nothing_stands_against_a_first_appointment() -> None:
    assert found(wanted()) == []


def test_a_term_that_ends_before_it_starts_is_named_and_nothing_else() -> None:
    problems = found(wanted(last_day=FIRST - timedelta(days=1)), wanted(appointment_id=7))
    assert codes(problems) == ["ends_before_start"]
    assert found(wanted(last_day=FIRST)) == [], "one day is a term"
    with pytest.raises(PeriodOrderError):
        _ = wanted(last_day=FIRST - timedelta(days=2)).period


@pytest.mark.parametrize(
    ("facts", "is_overlap"),
    [
        ({}, True),
        ({"first_day": LAST, "last_day": None}, True),
        ({"first_day": LAST + timedelta(days=1), "last_day": None}, False),
        ({"first_day": FIRST - timedelta(days=9), "last_day": FIRST - timedelta(days=1)}, False),
        ({"first_day": FIRST - timedelta(days=9), "last_day": FIRST}, True),
        ({"unit_id": 3}, True),
        ({"seat_key": "chair"}, True),
        ({"person_id": 2}, False),
        ({"isms_role": IsmsRole.UNIT_HEAD}, False),
    ],
)
def test_the_same_role_at_the_same_time_overlaps(facts: dict[str, object], is_overlap: bool) -> None:
    held = wanted(appointment_id=7, **facts)  # type: ignore[arg-type]
    problems = found(wanted(), held)
    assert codes(problems) == (["overlap"] if is_overlap else [])
    assert [each.other for each in problems] == ([held] if is_overlap else [])


def test_two_places_of_one_role_do_not_overlap() -> None:
    seat = {"seats": {"a": [SeatRule("a", IsmsRole.UNIT_HEAD, ALWAYS[0])]}}
    one = wanted(IsmsRole.UNIT_HEAD, unit_id=1, seat_key="a", appointment_id=7)
    assert found(wanted(IsmsRole.UNIT_HEAD, unit_id=2, seat_key="a"), one, **seat) == []
    assert codes(found(wanted(IsmsRole.UNIT_HEAD, unit_id=1, seat_key="a"), one, **seat)) == ["overlap"]


@pytest.mark.parametrize("rule", DEFAULT_SEPARATIONS, ids=lambda rule: f"{rule.first}-{rule.second}")
def test_roles_kept_apart_are_refused_both_ways(rule: Separation) -> None:
    for one, other in ((rule.first, rule.second), (rule.second, rule.first)):
        held = wanted(other, appointment_id=7, first_day=date(2026, 10, 1), last_day=None)
        problems = found(wanted(one), held)
        assert [(each.code, each.other, each.day, each.is_refusal) for each in problems] == [
            (ProblemCode.SEPARATION_BROKEN, held, date(2026, 10, 1), True)
        ]
        assert found(wanted(one), wanted(other, person_id=2, appointment_id=7)) == []
        assert found(wanted(one, last_day=date(2026, 9, 30)), held) == []


def test_an_auditor_may_head_a_unit_and_the_ciso_may_chair_the_committee() -> None:
    assert found(wanted(IsmsRole.INTERNAL_AUDITOR), wanted(IsmsRole.UNIT_HEAD, unit_id=1)) == []
    assert found(wanted(IsmsRole.CISO), wanted(IsmsRole.COMMITTEE)) == []


def test_the_organisations_own_rule_holds_on_its_days_alone() -> None:
    own = Separation(
        IsmsRole.UNIT_HEAD, IsmsRole.INTERNAL_AUDITOR, Period(date(2026, 6, 1), date(2026, 7, 1)), "決定", "委員会"
    )
    held = wanted(IsmsRole.UNIT_HEAD, unit_id=1, appointment_id=7)
    problem = found(wanted(), held, separations=(own,))[0]
    assert (problem.separation, problem.day) == (own, date(2026, 6, 1))
    assert found(wanted(last_day=date(2026, 5, 31)), held, separations=(own,)) == []
    assert found(wanted(first_day=date(2026, 7, 1)), held, separations=(own,)) == []


SEATS = {
    "head": [SeatRule("head", IsmsRole.SECRETARIAT, Period(FIRST), 1, 1)],
    "pair": [SeatRule("pair", IsmsRole.SECRETARIAT, Period(FIRST), 0, 2)],
}


def test_a_seat_must_be_known_and_established_and_of_the_role() -> None:
    role = IsmsRole.SECRETARIAT
    assert codes(found(wanted(role, seat_key="nowhere"), seats=SEATS)) == ["seat_unknown"]
    early = found(wanted(role, seat_key="head", first_day=date(2026, 3, 1)), seats=SEATS)
    assert [(each.code.value, each.day) for each in early] == [("seat_not_established", date(2026, 3, 1))]
    closed = {"head": [SeatRule("head", role, Period(FIRST, date(2026, 10, 1)), 1, 1)]}
    late = found(wanted(role, seat_key="head"), seats=closed)
    assert [(each.code.value, each.day) for each in late] == [("seat_not_established", date(2026, 10, 1))]
    assert codes(found(wanted(IsmsRole.CISO, seat_key="head"), seats=SEATS)) == ["seat_of_other_role"]


def test_a_seat_takes_as_many_as_it_has() -> None:
    role = IsmsRole.SECRETARIAT
    one = wanted(role, 2, seat_key="pair", appointment_id=7, last_day=date(2026, 6, 30))
    two = wanted(role, 3, seat_key="pair", appointment_id=8, first_day=date(2026, 6, 1))
    full = found(wanted(role, seat_key="pair"), one, two, seats=SEATS)
    assert [(each.code.value, each.day) for each in full] == [("seat_full", date(2026, 6, 1))]
    assert found(wanted(role, seat_key="pair", first_day=date(2026, 7, 1)), one, two, seats=SEATS) == []


def test_a_letter_number_names_one_letter() -> None:
    same = wanted(IsmsRole.INTERNAL_AUDITOR, 2, appointment_id=7)
    assert found(wanted(), same) == [], "one letter may appoint several to one role on one day"
    for other in (
        wanted(IsmsRole.UNIT_HEAD, 2, appointment_id=7, letter_number=wanted().letter_number),
        wanted(person_id=2, appointment_id=7, appointed_on=date(2025, 4, 1)),
    ):
        problems = found(wanted(), other)
        assert [(each.code.value, each.other) for each in problems] == [("letter_number_used", other)]


def test_the_appointee_must_serve_on_the_first_day() -> None:
    assert codes(found(wanted(), service=())) == ["not_in_service"]
    gone = (Period(date(2020, 4, 1), date(2026, 4, 1)),)
    assert codes(found(wanted(), service=gone)) == ["not_in_service"]
    leaves = found(wanted(), service=(Period(date(2020, 4, 1), date(2026, 10, 1)),))
    assert [(each.code.value, each.day, each.is_refusal) for each in leaves] == [
        ("leaves_before_end", date(2026, 9, 30), False)
    ]


def test_what_is_only_remarked_refuses_nothing() -> None:
    problems = found(wanted(appointed_on=FIRST + timedelta(days=1)), scope=(), recorder_id=1)
    assert {each.code for each in problems} == REMARKS - {ProblemCode.LEAVES_BEFORE_END}
    assert not any(each.is_refusal for each in problems)


def test_history_that_broke_a_rule_is_remarked() -> None:
    held = wanted(IsmsRole.SECRETARIAT, appointment_id=7)
    problems = found(wanted(), held, service=(), is_history=True)
    assert {each.code.value: each.is_refusal for each in problems} == {
        "separation_broken": False,
        "not_in_service": False,
    }
    assert [each.is_refusal for each in found(wanted(), wanted(appointment_id=7), is_history=True)] == [True]


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))
TERMS = st.tuples(DAYS, st.one_of(st.none(), DAYS)).filter(lambda term: term[1] is None or term[0] <= term[1])


@given(TERMS, TERMS)
def test_an_overlap_is_found_exactly_where_a_day_is_shared(
    one: tuple[date, date | None], other: tuple[date, date | None]
) -> None:
    first = wanted(first_day=one[0], last_day=one[1])
    second = wanted(first_day=other[0], last_day=other[1], appointment_id=7)
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(70)]
    is_shared = any(day in first.period and day in second.period for day in days)
    assert ("overlap" in codes(found(first, second))) is is_shared
    assert ("overlap" in codes(found(second, first))) is is_shared


@given(TERMS, st.lists(TERMS, max_size=5), st.integers(1, 3))
def test_a_seat_is_full_exactly_where_some_day_has_all_its_holders(
    term: tuple[date, date | None], others: list[tuple[date, date | None]], most: int
) -> None:
    seat = SeatRule("a", IsmsRole.COMMITTEE, Period(date(2020, 1, 1)), 0, most)
    holders = [
        wanted(IsmsRole.COMMITTEE, number + 2, first_day=each[0], last_day=each[1], seat_key="a", appointment_id=number)
        for number, each in enumerate(others)
    ]
    proposal = wanted(IsmsRole.COMMITTEE, first_day=term[0], last_day=term[1], seat_key="a")
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(70)]
    full = [day for day in days if day in proposal.period and sum(day in e.period for e in holders) >= most]
    problems = [each for each in found(proposal, *holders, seats={"a": [seat]}) if each.code is ProblemCode.SEAT_FULL]
    assert [each.day for each in problems] == full[:1]


@given(TERMS, st.lists(TERMS, max_size=4))
def test_the_first_day_outside_is_the_first_that_nothing_covers(
    term: tuple[date, date | None], others: list[tuple[date, date | None]]
) -> None:
    def period(each: tuple[date, date | None]) -> Period:
        return Period(each[0], None if each[1] is None else each[1] + timedelta(days=1))

    periods = [period(each) for each in others]
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(80)]
    expected = next((d for d in days if d in period(term) and not any(d in each for each in periods)), None)
    assert first_day_outside(period(term), periods) == expected


def test_an_acknowledgement_is_carried_through_corrections_of_the_same_appointment() -> None:
    rows = {
        1: (None, 10, "ciso"),
        2: (1, 10, "ciso"),
        3: (2, 10, "ciso"),
        4: (3, 11, "ciso"),
        5: (3, 10, "secretariat"),
    }
    assert carrier_of_acknowledgement(3, rows, {1}) == 1
    assert carrier_of_acknowledgement(3, rows, {2, 1}) == 2, "the newest"
    assert carrier_of_acknowledgement(1, rows, {2}) is None, "never backwards"
    assert carrier_of_acknowledgement(4, rows, {1, 2, 3}) is None, "another person"
    assert carrier_of_acknowledgement(5, rows, {1, 2, 3}) is None, "another role"
    assert carrier_of_acknowledgement(4, rows, {4}) == 4


def test_the_gap_is_what_no_valid_evidence_shows_on_the_first_day() -> None:
    course, yearly = RequiredCompetence("r1", "course", 30), RequiredCompetence("r2", "module", 30, 12)
    evidence = [
        Completion(1, "course", date(2020, 5, 1)),
        Completion(2, "module", date(2024, 5, 1)),
        Completion(3, "module", date(2025, 4, 2)),
        Completion(4, "module", date(2026, 4, 2)),
    ]
    both = competence_on((course, yearly), evidence, FIRST)
    assert [(each.completion.evidence_id, each.valid_until, each.is_met) for each in both if each.completion] == [
        (1, None, True),
        (3, date(2026, 4, 2), True),
    ]
    after = competence_on((yearly,), evidence[:3], date(2026, 4, 2))[0]
    assert (after.is_met, after.valid_until) == (False, date(2026, 4, 2))
    nothing = competence_on((course,), [], FIRST)[0]
    assert (nothing.is_met, nothing.completion) == (False, None)
