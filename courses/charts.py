"""The chart 体制図 on a date as a value: bodies, seats, holders, vacancies, reporting lines, and what changed in a year.

Nothing of a chart is recorded: it is read from the bodies, seats and appointments, so that it can differ from them only
where they differ among themselves. `contradictions` names those places.

Source: ISO/IEC 27001 clause 5.3; domain.md §1, §6 (NC07).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from courses.calendar import Period
from courses.roles import IsmsRole, RoleAssignment, SeatRule, Separation


@dataclass(frozen=True, slots=True)
class ChartBody:
    """A body 会議体 on the chart."""

    key: str
    parent_key: str | None
    """The body that it reports to."""
    seats: tuple[ChartSeat, ...]
    depth: int
    """0 for a body that reports to none."""


@dataclass(frozen=True, slots=True)
class ChartSeat:
    """A seat 構成員 on the chart, with those who hold it."""

    key: str | None
    """None: holders of a role whose appointments name no seat."""
    isms_role: IsmsRole
    holders: tuple[ChartHolder, ...]
    vacancies: int
    """How many holders it lacks 欠員."""


@dataclass(frozen=True, slots=True)
class ChartHolder:
    """Somebody on the chart."""

    appointment: RoleAssignment
    is_new: bool
    """Did not hold it a year before."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of a day."""

    day: date
    bodies: tuple[ChartBody, ...]
    """Each after the body that it reports to, neighbours in their order."""
    unseated: tuple[ChartSeat, ...]
    """Holders without a seat, by role in the order of `IsmsRole`."""
    gone: tuple[RoleAssignment, ...]
    """What was held a year before, and is held by that person no more."""
    compared_with: date

    def seats(self) -> Iterator[ChartSeat]:
        """Yield every seat, those of bodies first."""
        for body in self.bodies:
            yield from body.seats
        yield from self.unseated

    @property
    def vacancies(self) -> int:
        """How many holders are lacking altogether."""
        return sum(seat.vacancies for seat in self.seats())


@dataclass(frozen=True, slots=True)
class BodyRule:
    """A body as the rules see it; several rows with one key are its versions."""

    key: str
    parent_key: str | None
    period: Period


@dataclass(frozen=True, slots=True)
class Structure:
    """Bodies and seats in the order of the chart, and the appointments."""

    bodies: Sequence[BodyRule]
    seats: Sequence[tuple[str, SeatRule]]
    """Key of the body, and the seat."""
    held: Sequence[RoleAssignment]


def year_before(day: date) -> date:
    """Return the same day a year earlier; 28 February for the 29th."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def chart_on(structure: Structure, day: date) -> Chart:
    """Return the chart of a JST date."""
    before = year_before(day)
    now_held = [each for each in structure.held if day in each.period]
    then_held = {_place(each) for each in structure.held if before in each.period}
    bodies = _bodies_in_order([each for each in structure.bodies if day in each.period])
    shown = {body.key for body, _ in bodies}
    seats = [(body, seat) for body, seat in structure.seats if day in seat.period and body in shown]
    seated = {seat.key for _, seat in seats}
    place_now = {_place(each) for each in now_held}

    def holders(of: Sequence[RoleAssignment]) -> tuple[ChartHolder, ...]:
        ordered = sorted(of, key=lambda each: (each.unit_id or 0, each.first_day, each.appointment_id))
        return tuple(ChartHolder(each, _place(each) not in then_held) for each in ordered)

    def seat_of(seat: SeatRule) -> ChartSeat:
        found = holders([each for each in now_held if each.seat_key == seat.key])
        return ChartSeat(seat.key, seat.isms_role, found, max(0, seat.least - len(found)))

    loose = [each for each in now_held if each.seat_key not in seated]
    return Chart(
        day=day,
        bodies=tuple(
            ChartBody(
                body.key,
                body.parent_key if body.parent_key in shown else None,
                tuple(seat_of(seat) for key, seat in seats if key == body.key),
                depth,
            )
            for body, depth in bodies
        ),
        unseated=tuple(
            ChartSeat(None, role, holders(of_role), 0)
            for role in IsmsRole
            if (of_role := [each for each in loose if each.isms_role is role])
        ),
        gone=tuple(each for each in structure.held if before in each.period and _place(each) not in place_now),
        compared_with=before,
    )


def _place(each: RoleAssignment) -> tuple[int, IsmsRole, str | None, int | None]:
    return each.person_id, each.isms_role, each.seat_key, each.unit_id


def _bodies_in_order(bodies: Sequence[BodyRule]) -> list[tuple[BodyRule, int]]:
    """Return bodies with their depth, each after the one that it reports to; what reports in a circle comes last."""
    keys = {each.key for each in bodies}
    children: dict[str | None, list[BodyRule]] = {}
    for each in bodies:
        children.setdefault(each.parent_key if each.parent_key in keys else None, []).append(each)
    ordered: list[tuple[BodyRule, int]] = []

    def walk(parent: str | None, depth: int) -> None:
        for each in children.get(parent, []):
            ordered.append((each, depth))
            walk(each.key, depth + 1)

    walk(None, 0)
    reached = {each.key for each, _ in ordered}
    ordered += [(BodyRule(each.key, None, each.period), 0) for each in bodies if each.key not in reached]
    return ordered


class ContradictionCode(StrEnum):
    """Where bodies, seats and appointments differ on a date: what NC07 asks about."""

    SEAT_GONE = "seat_gone"
    """Somebody is appointed to a seat that is not established."""
    ROLE_DIFFERS = "role_differs"
    """The appointment gives another role than the seat."""
    VACANT = "vacant"
    """The seat has fewer holders than it must have."""
    OVERFULL = "overfull"
    HOLDER_LEFT = "holder_left"
    """Somebody holds a role and serves no more."""
    SEPARATION_BROKEN = "separation_broken"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One place in which they differ."""

    code: ContradictionCode
    seat_key: str | None = None
    appointment: RoleAssignment | None = None
    other: RoleAssignment | None = None
    """The second appointment, where separation is broken."""


def contradictions(
    structure: Structure, day: date, separations: Sequence[Separation], service: Mapping[int, Sequence[Period]]
) -> tuple[Contradiction, ...]:
    """Return where bodies, seats and appointments differ among themselves on a JST date.

    Args:
        structure: what is known.
        day: the date.
        separations: the rules in force.
        service: periods of service by person.
    """
    held = [each for each in structure.held if day in each.period]
    seats = {seat.key: seat for _, seat in structure.seats if day in seat.period}
    found = [*_misplaced(held, seats), *_miscounted(held, seats)]
    found += [
        Contradiction(ContradictionCode.HOLDER_LEFT, each.seat_key, each)
        for each in held
        if not any(day in period for period in service.get(each.person_id, ()))
    ]
    rules = [rule for rule in separations if day in rule.period]
    for position, one in enumerate(held):
        for other in held[position + 1 :]:
            is_divided = any(rule.divides(one.isms_role, other.isms_role) for rule in rules)
            if one.person_id == other.person_id and is_divided:
                found.append(Contradiction(ContradictionCode.SEPARATION_BROKEN, None, one, other))
    return tuple(found)


def _misplaced(held: Sequence[RoleAssignment], seats: Mapping[str, SeatRule]) -> Iterator[Contradiction]:
    for each in held:
        if each.seat_key is None:
            continue
        if each.seat_key not in seats:
            yield Contradiction(ContradictionCode.SEAT_GONE, each.seat_key, each)
        elif seats[each.seat_key].isms_role is not each.isms_role:
            yield Contradiction(ContradictionCode.ROLE_DIFFERS, each.seat_key, each)


def _miscounted(held: Sequence[RoleAssignment], seats: Mapping[str, SeatRule]) -> Iterator[Contradiction]:
    for seat in seats.values():
        count = sum(each.seat_key == seat.key for each in held)
        if count < seat.least:
            yield Contradiction(ContradictionCode.VACANT, seat.key)
        if seat.most is not None and count > seat.most:
            yield Contradiction(ContradictionCode.OVERFULL, seat.key)
