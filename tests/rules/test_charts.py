"""The chart of a date: what it shows, what it lacks, and where it contradicts the appointments."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from courses.calendar import Period
from courses.charts import BodyRule, Structure, chart_on, contradictions, year_before
from courses.roles import DEFAULT_SEPARATIONS, IsmsRole, RoleAssignment, SeatRule

DAY = date(2026, 11, 23)
SINCE = Period(date(2024, 4, 1))
BODIES = (
    BodyRule("committee", "top", SINCE),
    BodyRule("top", None, SINCE),
    BodyRule("office", "committee", SINCE),
    BodyRule("closed", "top", Period(date(2024, 4, 1), date(2026, 4, 1))),
)
SEATS = (
    ("top", SeatRule("head", IsmsRole.MANAGEMENT, SINCE, 1, 1)),
    ("committee", SeatRule("chair", IsmsRole.COMMITTEE, SINCE, 1, 1)),
    ("committee", SeatRule("member", IsmsRole.COMMITTEE, SINCE, 3, None)),
    ("closed", SeatRule("lost", IsmsRole.COMMITTEE, SINCE, 2, 2)),
)


def held(person_id: int, role: IsmsRole, seat: str | None, first: date, last: date | None = None) -> RoleAssignment:
    return RoleAssignment(person_id, role, first, last, seat, appointment_id=person_id)


HELD = (
    held(1, IsmsRole.MANAGEMENT, "head", date(2024, 4, 1)),
    held(2, IsmsRole.COMMITTEE, "member", date(2026, 4, 1)),
    held(3, IsmsRole.COMMITTEE, "member", date(2025, 4, 1), date(2026, 3, 31)),
    held(3, IsmsRole.COMMITTEE, "member", date(2026, 4, 1)),
    held(4, IsmsRole.COMMITTEE, "chair", date(2025, 4, 1), date(2026, 3, 31)),
    held(5, IsmsRole.INTERNAL_AUDITOR, None, date(2026, 4, 1)),
    held(6, IsmsRole.COMMITTEE, "lost", date(2024, 4, 1)),
)
STRUCTURE = Structure(BODIES, SEATS, HELD)


def test_bodies_stand_under_the_one_they_report_to() -> None:
    chart = chart_on(STRUCTURE, DAY)
    assert [(body.key, body.parent_key, body.depth) for body in chart.bodies] == [
        ("top", None, 0),
        ("committee", "top", 1),
        ("office", "committee", 2),
    ]
    assert "closed" in {body.key for body in chart_on(STRUCTURE, date(2026, 3, 31)).bodies}


def test_holders_vacancies_and_what_changed_in_a_year() -> None:
    chart = chart_on(STRUCTURE, DAY)
    seats = {seat.key: seat for seat in chart.seats()}
    assert seats["chair"].vacancies == 1
    assert seats["member"].vacancies == 1
    assert chart.vacancies == 2
    members = {holder.appointment.person_id: holder.is_new for holder in seats["member"].holders}
    assert members == {2: True, 3: False}, "who was appointed again is not new"
    assert [(each.person_id, each.seat_key) for each in chart.gone] == [(4, "chair")]
    loose = {seat.isms_role: [each.appointment.person_id for each in seat.holders] for seat in chart.unseated}
    assert loose == {IsmsRole.COMMITTEE: [6], IsmsRole.INTERNAL_AUDITOR: [5]}


def test_a_chart_without_anything_is_empty() -> None:
    chart = chart_on(Structure((), (), ()), DAY)
    assert (chart.bodies, chart.unseated, chart.gone, chart.vacancies) == ((), (), (), 0)


def test_bodies_that_report_in_a_circle_are_still_shown() -> None:
    circle = (BodyRule("a", "b", SINCE), BodyRule("b", "a", SINCE))
    assert {body.key for body in chart_on(Structure(circle, (), ()), DAY).bodies} == {"a", "b"}


def test_a_year_before_the_leap_day() -> None:
    assert year_before(date(2028, 2, 29)) == date(2027, 2, 28)
    assert year_before(DAY) == date(2025, 11, 23)


def test_contradictions_are_named() -> None:
    more = (
        *HELD,
        held(7, IsmsRole.COMMITTEE, "head", date(2026, 4, 1)),
        held(8, IsmsRole.CHIEF_AUDITOR, None, date(2026, 4, 1)),
        held(8, IsmsRole.CISO, None, date(2026, 5, 1)),
        held(9, IsmsRole.COMMITTEE, "nowhere", date(2026, 4, 1)),
    )
    serving = dict.fromkeys(range(1, 9), (SINCE,))
    found = contradictions(Structure(BODIES, SEATS, more), DAY, DEFAULT_SEPARATIONS, serving)
    assert [(each.code.value, each.seat_key, each.appointment.person_id if each.appointment else None) for each in found] == [
        ("role_differs", "head", 7),
        ("seat_gone", "nowhere", 9),
        ("overfull", "head", None),
        ("vacant", "chair", None),
        ("vacant", "member", None),
        ("vacant", "lost", None),
        ("holder_left", "nowhere", 9),
        ("separation_broken", None, 8),
    ]  # fmt: skip


def test_a_whole_structure_contradicts_itself_nowhere() -> None:
    seats = (("top", SeatRule("head", IsmsRole.MANAGEMENT, SINCE, 1, 1)),)
    whole = Structure(BODIES, seats, HELD[:1])
    assert contradictions(whole, DAY, DEFAULT_SEPARATIONS, {1: (SINCE,)}) == ()


@given(st.dates(date(2023, 1, 1), date(2027, 12, 31)))
def test_everybody_who_holds_a_role_stands_on_the_chart_once(day: date) -> None:
    chart = chart_on(STRUCTURE, day)
    shown = sorted(h.appointment.person_id for seat in chart.seats() for h in seat.holders)
    assert shown == sorted(each.person_id for each in HELD if day in each.period)
    before = day - timedelta(days=366)
    assert all(each.first_day <= before + timedelta(days=1) for each in chart.gone)
