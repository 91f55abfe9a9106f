"""People as the rules see them: dated scope memberships, affiliations and leave.

Being in scope 適用範囲 is a dated fact of its own, neither an HR affiliation nor a Moodle enrolment.

Source: ISO/IEC 27001 clause 4.3 (scope); domain.md §1–2.
"""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """`PersonFacts` as a plain value."""

    person_id: int
    scope: tuple[Period, ...]
    affiliations: tuple[Affiliation, ...] = ()
    leave: tuple[Period, ...] = ()


def in_scope_on(person: PersonFacts, day: date) -> bool:
    """Tell whether the person is in scope on a JST date."""
    return any(day in period for period in person.scope)


def in_scope_during(person: PersonFacts, period: Period) -> bool:
    """Tell whether the person is in scope on any day of a period, so that nobody vanishes by leaving."""
    return any(membership.overlaps(period) for membership in person.scope)


def joined_scope(person: PersonFacts) -> tuple[date, ...]:
    """Return the days on which the person came into scope: each start that no earlier membership touches.

    A membership that begins on the very day on which another ends continues it (a changed reason, not a new arrival).
    """
    starts: list[date] = []
    covered_to: date | None = None
    is_endless = False
    for membership in person.scope:
        if membership.is_empty:
            continue
        is_new = not starts or (not is_endless and (covered_to is None or membership.start > covered_to))
        if is_new:
            starts.append(membership.start)
        if membership.end is None:
            is_endless = True
        elif covered_to is None or membership.end > covered_to:
            covered_to = membership.end
    return tuple(starts)


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
