"""Who is in scope, since when and until when, and where they belong."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import Period
from courses.people import (
    Affiliation,
    Category,
    Employment,
    KnownPerson,
    affiliation_on,
    in_scope_during,
    in_scope_on,
    joined_scope,
    left_scope_after,
)

BASE = date(2026, 4, 1)
LAST = 16
DAYS = [BASE + timedelta(number) for number in range(-2, LAST)]
"""From before the first membership to after the last finite one; a membership without an end covers the last day."""


def day(number: int) -> date:
    return BASE + timedelta(number)


def period(start: int, end: int | None = None) -> Period:
    return Period(day(start), None if end is None else day(end))


def person(*scope: tuple[int, int | None]) -> KnownPerson:
    return KnownPerson(1, tuple(period(*each) for each in scope))


def affiliation(unit: str, start: int, end: int | None = None) -> Affiliation:
    return Affiliation(period(start, end), unit, "助教", Employment.REGULAR, Category.FACULTY)


SPANS = st.tuples(st.integers(0, 12), st.integers(0, 12) | st.none()).map(
    lambda pair: pair if pair[1] is None else (min(pair[0], pair[1]), max(pair[0], pair[1]))
)
PEOPLE = st.lists(SPANS, max_size=5).map(lambda spans: person(*sorted(spans, key=lambda span: span[0])))


def is_day_in_scope(who: KnownPerson, number: int) -> bool:
    return any(each.start <= day(number) and (each.end is None or day(number) < each.end) for each in who.scope)


@pytest.mark.parametrize(
    ("scope", "joined"),
    [
        ((), ()),
        (((0, None),), (0,)),
        (((0, 5),), (0,)),
        (((0, 5), (5, None)), (0,)),
        (((0, 5), (6, None)), (0, 6)),
        (((0, 5), (3, 8), (8, 9)), (0,)),
        (((0, 9), (2, 4), (5, 9)), (0,)),
        (((0, 9), (2, 4), (10, None)), (0, 10)),
        (((0, None), (3, 5), (8, None)), (0,)),
        (((0, 3), (4, None), (6, 8), (9, 10)), (0, 4)),
        (((2, 2),), ()),
        (((2, 2), (5, None)), (5,)),
        (((0, 3), (3, 3), (3, 6)), (0,)),
        (((0, 3), (4, 4), (5, 6)), (0, 5)),
    ],
)
def test_a_re_entry_after_a_gap_is_a_new_joining_and_a_touching_membership_is_none(
    scope: tuple[tuple[int, int | None], ...], joined: tuple[int, ...]
) -> None:
    assert joined_scope(person(*scope)) == tuple(day(number) for number in joined)


@pytest.mark.parametrize(
    ("scope", "start", "left"),
    [
        (((0, None),), 0, None),
        (((0, 5),), 0, 5),
        (((0, 5), (5, 7)), 0, 7),
        (((0, 5), (6, 7)), 0, 5),
        (((0, 5), (6, 7)), 6, 7),
        (((0, 5), (3, None)), 1, None),
        (((0, 9), (2, 4)), 3, 9),
        (((0, None), (2, 4)), 3, None),
        (((0, 5),), 5, 5),
        (((3, 5),), 1, 1),
        ((), 1, 1),
    ],
)
def test_a_stay_ends_on_the_first_day_out_of_scope(
    scope: tuple[tuple[int, int | None], ...], start: int, left: int | None
) -> None:
    assert left_scope_after(person(*scope), day(start)) == (None if left is None else day(left))


@given(PEOPLE)
def test_joinings_are_the_days_in_scope_after_a_day_out_of_scope(who: KnownPerson) -> None:
    expected = [
        day(number) for number in range(LAST) if is_day_in_scope(who, number) and not is_day_in_scope(who, number - 1)
    ]
    assert list(joined_scope(who)) == expected


@given(PEOPLE, st.integers(0, 14))
def test_the_end_of_a_stay_is_found_by_walking_day_by_day(who: KnownPerson, start: int) -> None:
    number = start
    while number < LAST and is_day_in_scope(who, number):
        number += 1
    assert left_scope_after(who, day(start)) == (None if number == LAST else day(number))


@given(PEOPLE, SPANS)
def test_nobody_vanishes_by_leaving(who: KnownPerson, span: tuple[int, int | None]) -> None:
    wanted = period(*span)
    expected = any(is_day_in_scope(who, number) for number in range(LAST) if day(number) in wanted)
    assert in_scope_during(who, wanted) == expected


@given(PEOPLE, st.sampled_from(DAYS))
def test_being_in_scope_on_a_day_is_being_in_scope_during_that_day(who: KnownPerson, when: date) -> None:
    assert in_scope_on(who, when) == in_scope_during(who, Period(when, when + timedelta(1)))
    assert in_scope_on(who, when) == is_day_in_scope(who, (when - BASE).days)


@pytest.mark.parametrize(
    ("when", "unit"),
    [(-1, "network"), (0, "network"), (2, "network"), (3, "systems"), (4, "systems"), (5, "systems"), (7, "office")],
)
def test_an_affiliation_is_the_one_of_the_day_else_the_latest_before_else_the_first(when: int, unit: str) -> None:
    who = KnownPerson(
        1, (), (affiliation("network", 0, 3), affiliation("systems", 3, 5), affiliation("office", 6, None))
    )
    found = affiliation_on(who, day(when))
    assert found is not None
    assert found.unit == unit


def test_the_first_of_two_affiliations_on_a_day_is_the_main_one() -> None:
    who = KnownPerson(1, (), (affiliation("network", 0), affiliation("systems", 0)))
    assert affiliation_on(who, day(4)) == who.affiliations[0]


def test_somebody_without_affiliations_has_none() -> None:
    assert affiliation_on(person((0, None)), day(0)) is None
