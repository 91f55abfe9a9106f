"""People as the rules see them: dated scope memberships, affiliations, concurrent posts, leave and roles.

Being in scope 適用範囲 is a dated fact of its own, neither an HR affiliation nor a Moodle enrolment.

Source: ISO/IEC 27001 clause 4.3 (scope); domain.md §1–2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from courses.calendar import Period


class Employment(StrEnum):
    """Kind of employment 雇用区分."""

    REGULAR = "regular"
    PART_TIME = "part_time"
    SECONDED = "seconded"
    AGENCY = "agency"
    VENDOR = "vendor"


class Category(StrEnum):
    """Category of staff 職種区分."""

    FACULTY = "faculty"
    ADMINISTRATIVE = "administrative"
    TECHNICAL = "technical"
    STUDENT = "student"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Where somebody belongs for a time: unit 所属, post 職名, kind of employment, category."""

    period: Period
    unit: str
    """Name of the unit as the organisation writes it."""
    post: str
    employment: str
    category: str


@dataclass(frozen=True, slots=True)
class ConcurrentPost:
    """A concurrent post 兼務: a second unit and post beside the affiliation."""

    period: Period
    unit: str
    post: str


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """That somebody holds an ISMS role for a time."""

    period: Period
    isms_role: str


class PersonFacts(Protocol):
    """What the rules need to know of a person; table rows and plain values satisfy it alike."""

    @property
    def person_id(self) -> int:
        """Key of the person."""
        ...

    @property
    def scope(self) -> Sequence[Period]:
        """Scope memberships in order of their start."""
        ...

    @property
    def affiliations(self) -> Sequence[Affiliation]:
        """Affiliations in order of their start."""
        ...

    @property
    def leave(self) -> Sequence[Period]:
        """Leave 休職・休業 in order of its start; the end is the day of return."""
        ...

    @property
    def concurrent_posts(self) -> Sequence[ConcurrentPost]:
        """Concurrent posts in order of their start."""
        ...

    @property
    def roles(self) -> Sequence[RoleHeld]:
        """ISMS roles in order of their start."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """`PersonFacts` as a plain value."""

    person_id: int
    scope: tuple[Period, ...]
    affiliations: tuple[Affiliation, ...] = ()
    leave: tuple[Period, ...] = ()
    concurrent_posts: tuple[ConcurrentPost, ...] = ()
    roles: tuple[RoleHeld, ...] = ()


FIRST_DAY = date(1990, 1, 1)
"""First day that a fact can name."""


def units_beneath(unit_ids: Collection[int], parents: Mapping[int, int | None]) -> frozenset[int]:
    """Return units together with all those beneath them: who heads a unit has authority over these too.

    Args:
        unit_ids: units that somebody heads.
        parents: each unit's parent; a circle, should one be recorded, is walked once.
    """
    covered = set(unit_ids)
    children: dict[int, list[int]] = {}
    for unit, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(unit)
    waiting = list(covered)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in covered:
                covered.add(child)
                waiting.append(child)
    return frozenset(covered)


def merged(periods: Iterable[Period]) -> tuple[Period, ...]:
    """Return periods, given in order of their start, joined where they overlap or touch; empty ones are left out."""
    found: list[Period] = []
    for each in periods:
        if each.end is not None and each.end <= each.start:
            continue
        last = found[-1] if found else None
        if last is None or (last.end is not None and each.start > last.end):
            found.append(each)
        elif last.end is not None and (each.end is None or each.end > last.end):
            found[-1] = Period(last.start, each.end)
    return tuple(found)


def stays_of(person: PersonFacts) -> tuple[Period, ...]:
    """Return the person's unbroken stays in scope.

    A membership that begins on the very day on which another ends continues it (a changed reason, not a new arrival).
    """
    return merged(person.scope)


def in_scope_on(person: PersonFacts, day: date) -> bool:
    """Tell whether the person is in scope on a JST date."""
    return any(day in period for period in person.scope)


def in_scope_during(person: PersonFacts, period: Period) -> bool:
    """Tell whether the person is in scope on any day of a period, so that nobody vanishes by leaving."""
    return any(membership.overlaps(period) for membership in person.scope)


def joined_scope(person: PersonFacts) -> tuple[date, ...]:
    """Return the days on which the person came into scope: each start that no earlier membership touches."""
    return tuple(stay.start for stay in stays_of(person))


def left_scope_after(person: PersonFacts, start: date) -> date | None:
    """Return the first day out of scope after an unbroken stay that includes ``start``; None while it goes on.

    A day on which the person is not in scope is answered by that day itself.
    """
    end: date | None = start
    for membership in person.scope:
        if end is None:
            return None
        if membership.start <= end and (membership.end is None or membership.end > end):
            end = membership.end
    return end


def affiliation_on(person: PersonFacts, day: date) -> Affiliation | None:
    """Return the main affiliation on a JST date; outside every period, the latest that began before, else the first."""
    latest: Affiliation | None = None
    for affiliation in person.affiliations:
        if day in affiliation.period:
            return affiliation
        if latest is None or affiliation.period.start <= day:
            latest = affiliation
    return latest
