"""Grounds for exclusion: which fact keeps whom from which area, to the day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import FiscalYear, Period
from courses.independence import (
    EXCLUSION_OF,
    AuditedArea,
    Declaration,
    Ground,
    GroundKind,
    Membership,
    Scene,
    Tie,
    TieKind,
    Ties,
    Verdict,
    grounds_for,
    judge,
)
from courses.programme.model import months_before

W = Period(date(2026, 4, 1), date(2026, 12, 1))
LAST_DAY = date(2026, 12, 4)
OPS = AuditedArea("A-OPS", unit=2)
GA = AuditedArea("A-GA", unit=5)
PARENTS = {1: None, 2: 1, 3: 2, 4: 3, 5: 1}
"""Centre 1; operations 2 with group 3 and desk 4 beneath; general affairs 5."""
DECLARED = (Declaration("interest_declaration/1", 2026, date(2026, 4, 10), frozenset()),)
days = st.dates(date(2024, 1, 1), date(2028, 12, 31))


def scene(look_back: int = 0, audited: Period = W, last_day: date | None = LAST_DAY) -> Scene:
    return Scene(audited, look_back, last_day, PARENTS)


def duty(start: date, end: date | None, area: str | None = "A-OPS", kind: TieKind = TieKind.DUTY) -> Ties:
    return Ties((Tie("area_tie/1", kind, area, Period(start, end)),))


def member(kind: GroundKind, unit: int, start: date = date(2020, 4, 1), end: date | None = None) -> Ties:
    return Ties(memberships=(Membership("person_affiliation/1", kind, unit, Period(start, end)),))


def kinds(ties: Ties, area: AuditedArea = OPS, where: Scene | None = None) -> list[GroundKind]:
    return [each.kind for each in grounds_for(ties, area, where or scene())]


@pytest.mark.parametrize(
    ("look_back", "ended_on", "excludes"),
    [
        (0, date(2026, 3, 31), False),
        (0, date(2026, 4, 1), False),  # half-open: its last day was 31 March
        (0, date(2026, 4, 2), True),
        (12, date(2025, 3, 31), False),
        (12, date(2025, 4, 1), False),
        (12, date(2025, 4, 2), True),
        (1, date(2026, 3, 2), True),
    ],
)
def test_a_duty_excludes_from_the_first_day_of_the_look_back_on(look_back: int, ended_on: date, excludes: bool) -> None:
    assert kinds(duty(date(2020, 4, 1), ended_on), where=scene(look_back)) == [GroundKind.DUTY] * excludes


@pytest.mark.parametrize(
    ("began_on", "excludes"),
    [(date(2026, 12, 1), True), (date(2026, 12, 4), True), (date(2026, 12, 5), False)],
)
def test_a_duty_that_begins_before_the_audit_ends_excludes_now_as_well_as_then(began_on: date, excludes: bool) -> None:
    assert kinds(duty(began_on, None)) == [GroundKind.DUTY] * excludes


@given(start=days, length=st.integers(0, 900), look_back=st.integers(0, 36), first=days, span=st.integers(1, 400))
def test_a_fact_excludes_exactly_if_it_shares_a_day_with_the_window(
    start: date, length: int, look_back: int, first: date, span: int
) -> None:
    end = start + timedelta(days=length)
    audited = Period(first, first + timedelta(days=span))
    where = scene(look_back, audited, None)
    window_days = range((audited.end - months_before(first, look_back)).days)  # type: ignore[operator]  # has an end
    shared = any(start <= months_before(first, look_back) + timedelta(days=each) < end for each in window_days)
    assert (kinds(duty(start, end), where=where) == [GroundKind.DUTY]) is shared


@given(look_back=st.integers(0, 60), first=days)
def test_what_ended_the_day_before_the_window_never_excludes_and_what_held_on_its_first_day_does(
    look_back: int, first: date
) -> None:
    opening = months_before(first, look_back)
    where = scene(look_back, Period(first, first + timedelta(days=1)), None)
    before, on = duty(date(2000, 1, 1), opening), duty(date(2000, 1, 1), opening + timedelta(days=1))
    assert kinds(before, where=where) == []
    assert kinds(on, where=where) == [GroundKind.DUTY]


@given(look_back=st.integers(0, 60), more=st.integers(0, 60), start=days, length=st.integers(0, 900))
def test_a_longer_look_back_never_takes_a_ground_away(look_back: int, more: int, start: date, length: int) -> None:
    ties = duty(start, start + timedelta(days=length))
    short, long = kinds(ties, where=scene(look_back)), kinds(ties, where=scene(look_back + more))
    assert len(short) <= len(long)


@pytest.mark.parametrize(
    ("kind", "unit", "excludes"),
    [
        (GroundKind.AFFILIATION, 2, True),
        (GroundKind.AFFILIATION, 4, True),  # beneath
        (GroundKind.AFFILIATION, 1, False),  # above: belongs to the centre, not to the section
        (GroundKind.AFFILIATION, 5, False),
        (GroundKind.CONCURRENT_POST, 3, True),
        (GroundKind.CONCURRENT_POST, 5, False),
        (GroundKind.LINE_AUTHORITY, 1, True),  # heads the centre, and so the section
        (GroundKind.LINE_AUTHORITY, 2, True),
        (GroundKind.LINE_AUTHORITY, 3, False),  # heads a group within the section, not the section
        (GroundKind.LINE_AUTHORITY, 5, False),
    ],
)
def test_units_beneath_belong_to_the_area_and_heads_above_are_over_it(
    kind: GroundKind, unit: int, excludes: bool
) -> None:
    assert kinds(member(kind, unit)) == [kind] * excludes


def test_an_area_without_a_unit_is_excluded_by_ties_alone() -> None:
    assert kinds(member(GroundKind.AFFILIATION, 2), AuditedArea("A-X")) == []


def test_units_in_a_circle_end_the_search() -> None:
    where = Scene(W, parents={2: 3, 3: 2})
    assert kinds(member(GroundKind.AFFILIATION, 3), where=where) == [GroundKind.AFFILIATION]
    assert kinds(member(GroundKind.AFFILIATION, 3), GA, where) == []


def test_a_consultant_to_all_is_excluded_from_all_and_one_to_an_area_from_that() -> None:
    everywhere = duty(date(2026, 1, 1), None, None, TieKind.CONSULTANCY)
    assert kinds(everywhere, OPS) == kinds(everywhere, GA) == [GroundKind.CONSULTANCY]
    there = duty(date(2026, 1, 1), None, "A-GA", TieKind.CONSULTANCY)
    assert (kinds(there, OPS), kinds(there, GA)) == ([], [GroundKind.CONSULTANCY])


def test_the_author_of_a_document_is_excluded_while_it_is_in_force_and_it_is_named() -> None:
    tie = Tie("area_tie/4", TieKind.AUTHORSHIP, "A-GA", Period(date(2021, 4, 1), date(2026, 6, 1)), "手順書-12")
    found = grounds_for(Ties((tie,)), GA, scene())
    assert [(each.kind, each.document, each.reference) for each in found] == [
        (GroundKind.AUTHORSHIP, "手順書-12", "area_tie/4")
    ]
    assert grounds_for(Ties((tie,)), GA, scene(audited=Period(date(2026, 6, 1), date(2026, 12, 1)))) == ()


def test_of_several_declarations_in_a_year_the_last_one_holds() -> None:
    first = Declaration("interest_declaration/1", 2026, date(2026, 4, 10), frozenset({"A-OPS"}))
    second = Declaration("interest_declaration/2", 2026, date(2026, 5, 10), frozenset({"A-GA"}))
    ties = Ties(declarations=(first, second))
    assert kinds(ties, OPS) == []
    assert [each.reference for each in grounds_for(ties, GA, scene())] == ["interest_declaration/2"]


@pytest.mark.parametrize(("year", "excludes"), [(2024, False), (2025, False), (2026, True), (2027, False)])
def test_an_interest_excludes_in_the_fiscal_year_for_which_it_is_declared(year: int, excludes: bool) -> None:
    ties = Ties(declarations=(Declaration("interest_declaration/1", year, date(2026, 4, 1), frozenset({"A-OPS"})),))
    assert (kinds(ties) != []) is excludes
    assert kinds(ties, where=scene(12)) == [GroundKind.DECLARED_INTEREST] * (year in {2025, 2026})


def test_grounds_come_in_the_order_of_their_kinds_then_by_date() -> None:
    ties = Ties(
        (
            Tie("area_tie/1", TieKind.CONSULTANCY, None, Period(date(2020, 1, 1))),
            Tie("area_tie/2", TieKind.DUTY, "A-OPS", Period(date(2022, 1, 1))),
            Tie("area_tie/3", TieKind.DUTY, "A-OPS", Period(date(2021, 1, 1))),
        ),
        (
            Membership("line_authority/1", GroundKind.LINE_AUTHORITY, 2, Period(date(2020, 1, 1))),
            Membership("person_affiliation/1", GroundKind.AFFILIATION, 2, Period(date(2020, 1, 1))),
        ),
    )
    assert [each.reference for each in grounds_for(ties, OPS, scene())] == [
        *("area_tie/3", "area_tie/2", "person_affiliation/1", "line_authority/1", "area_tie/1")
    ]


NOBODY = Ties(declarations=DECLARED)


@pytest.mark.parametrize(
    ("ties", "is_qualified", "needs_declaration", "expected"),
    [
        (NOBODY, True, True, Verdict.ELIGIBLE),
        (Ties(), True, True, Verdict.CANNOT_TELL),
        (Ties(), True, False, Verdict.ELIGIBLE),
        (NOBODY, False, True, Verdict.NOT_QUALIFIED),
        (Ties(), False, True, Verdict.NOT_QUALIFIED),
        (duty(date(2026, 4, 1), None), True, True, Verdict.EXCLUDED),  # whatever a declaration would say
        (duty(date(2026, 4, 1), None), False, True, Verdict.NOT_QUALIFIED),
    ],
)
def test_the_verdict_has_four_values(
    ties: Ties, is_qualified: bool, needs_declaration: bool, expected: Verdict
) -> None:
    found = judge(ties, OPS, scene(), is_qualified=is_qualified, needs_declaration=needs_declaration)
    assert found.verdict is expected
    assert found.may_audit() is (expected is Verdict.ELIGIBLE)
    assert bool(found.grounds) is bool(ties.ties)


def test_the_declaration_asked_for_is_that_of_the_year_in_which_the_audit_ends() -> None:
    late = scene(audited=FiscalYear(2026).period, last_day=date(2027, 4, 2))
    assert judge(NOBODY, OPS, late, is_qualified=True).verdict is Verdict.CANNOT_TELL
    in_time = scene(audited=FiscalYear(2026).period, last_day=None)
    assert judge(NOBODY, OPS, in_time, is_qualified=True).verdict is Verdict.ELIGIBLE


def test_an_exception_covers_the_grounds_that_it_names_and_no_other() -> None:
    one = Tie("area_tie/1", TieKind.DUTY, "A-OPS", Period(date(2026, 4, 1)))
    ties = Ties((one,), declarations=DECLARED)
    found = judge(ties, OPS, scene(), is_qualified=True)
    named = [each.as_json() for each in found.grounds]
    assert not found.may_audit()
    assert found.may_audit(named)
    later = Tie("area_tie/2", TieKind.AUTHORSHIP, "A-OPS", Period(date(2026, 5, 1)))
    both = judge(Ties((one, later), declarations=DECLARED), OPS, scene(), is_qualified=True)
    assert [each.reference for each in both.open_grounds(named)] == ["area_tie/2"]
    assert not both.may_audit(named)


def test_an_exception_for_another_area_or_kind_covers_nothing() -> None:
    ground = Ground(GroundKind.DUTY, "A-OPS", "area_tie/1", Period(date(2026, 4, 1)))
    assert ground.is_named_in([ground.as_json()])
    for change in ({"area": "A-GA"}, {"kind": "authorship"}, {"reference": "area_tie/10"}):
        assert not ground.is_named_in([ground.as_json() | change])


def test_an_exception_replaces_no_missing_declaration_and_no_qualification() -> None:
    ties = duty(date(2026, 4, 1), None)
    undeclared = judge(ties, OPS, scene(), is_qualified=True)
    assert not undeclared.may_audit([each.as_json() for each in undeclared.grounds])
    unqualified = judge(ties, OPS, scene(), is_qualified=False)
    assert not unqualified.may_audit([each.as_json() for each in unqualified.grounds])


def test_every_ground_has_its_name_in_a_pool() -> None:
    assert set(EXCLUSION_OF) == set(GroundKind)
