"""Pools of auditors 監査員プール: areas, auditors, candidates, and what keeps an auditor out of an area.

An area 被監査部門 needs a team of exactly ``k`` auditors, of whom ``leaders_per_team`` may lead and who together have
the area's skills. Everything is told for one day, ``as_of``; for an audit of several days that is its last one, because
an auditor has to be qualified through the whole audit.

*Pessimistic* takes an auditor whose yearly declaration of interests is missing as eligible nowhere; *optimistic* as
excluded by the known facts alone.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from courses.calendar import Period

MOST_AREAS = 500
MOST_AUDITORS = 500
MOST_CANDIDATES = 500
MOST_SKILLS = 20
"""Most skills that one area may ask of its team, and that one auditor may have."""


class ExclusionKind(StrEnum):
    """Grounds for exclusion 担当除外事由."""

    WORKS_IN = "works_in"
    """Duties in the area, now or within the audited period and the look-back."""
    LINE_AUTHORITY = "line_authority"
    AUTHORSHIP = "authorship"
    """Wrote the area's documents."""
    CONSULTANCY = "consultancy"
    DECLARED_INTEREST = "declared_interest"
    CONFLICT = "conflicts"
    """A conflict that a file names without saying of which kind."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One fact that keeps an auditor out of one area."""

    area: str
    kind: ExclusionKind
    fact: str = ""
    """Opaque reference to the fact, for whoever shows it in words; never looked into here."""
    period: Period | None = None
    """When the fact is true; None: always."""


@dataclass(frozen=True, slots=True)
class Area:
    """An auditee area 被監査部門."""

    id: str
    hours: Fraction = Fraction(1)
    """Effort of each member of its team, in hours; it balances and never decides feasibility."""
    skills: frozenset[str] = frozenset()
    """Each is had by at least one member of the team."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """A qualified auditor 監査員."""

    id: str
    may_lead: bool = True
    exclusions: tuple[Exclusion, ...] = ()
    is_declared: bool = True
    """Whether this year's declaration of interests is there."""
    valid_from: date | None = None
    """First day of the qualification or term; None: long since."""
    valid_until: date | None = None
    """Last day of the qualification, term or service, included; None: no end is known."""
    validity_fact: str = ""
    """Opaque reference to what ends the validity."""
    hours: Fraction | None = None
    """Capacity in hours; None: no limit is known. It balances and never decides feasibility."""
    skills: frozenset[str] = frozenset()
    is_consultant: bool = False

    def is_valid(self, day: date) -> bool:
        """Tell whether the auditor is qualified on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Candidate(Auditor):
    """Somebody who could be trained to be an auditor, taken as the auditor that he or she would then be."""

    cost: Fraction = Fraction(0)
    """In any unit, the same for all candidates."""


class PoolProblemCode(StrEnum):
    """What makes a pool unacceptable, whatever it came from."""

    NO_AREA = "no_area"
    TOO_MANY_AREAS = "too_many_areas"
    TOO_MANY_AUDITORS = "too_many_auditors"
    TOO_MANY_CANDIDATES = "too_many_candidates"
    TOO_MANY_SKILLS = "too_many_skills"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_AREA = "unknown_area"
    UNKNOWN_PERSON = "unknown_person"
    """A supposed change names somebody who is not in the pool."""
    TEAM_TOO_SMALL = "team_too_small"
    TOO_MANY_LEADERS = "too_many_leaders"
    NEGATIVE = "negative"


class PoolError(ValueError):
    """A pool is not consistent in itself."""

    def __init__(self, code: PoolProblemCode, value: str) -> None:
        super().__init__(f"{code}: {value}")
        self.code = code
        self.value = value


@dataclass(frozen=True, slots=True)
class Pool:
    """Areas to audit, and those who could audit them.

    Raises:
        PoolError: ids that occur twice, exclusions from unknown areas, numbers out of range.
    """

    as_of: date
    areas: tuple[Area, ...]
    auditors: tuple[Auditor, ...]
    candidates: tuple[Candidate, ...] = ()
    k: int = 2
    """Auditors in each team."""
    leaders_per_team: int = 0
    train: int = 1
    """How many candidates can be trained."""
    look_back: int = 0
    """L: for how many months before the audited period a fact still excludes."""
    audited_from: date | None = None
    """First day of the audited period W; None: ``as_of``. It moves along when the pool is looked at on a later day."""

    def __post_init__(self) -> None:
        """Refuse an inconsistent pool."""
        for code, value in _problems(self):
            raise PoolError(code, value)

    def window(self, day: date) -> Period:
        """Return the days whose facts exclude from an audit on ``day``: W and the look-back, up to and with the day."""
        lead = self.as_of - (self.audited_from or self.as_of)
        start = months_before(day - max(lead, timedelta(0)), self.look_back)
        return Period(start, day + timedelta(days=1))

    def grounds(self, auditor: Auditor, day: date) -> tuple[Exclusion, ...]:
        """Return the exclusions of an auditor that hold for an audit on a day."""
        window = self.window(day)
        return tuple(each for each in auditor.exclusions if each.period is None or each.period.overlaps(window))


def months_before(day: date, months: int) -> date:
    """Return the same day of the month so many months earlier, or that month's last day (29 February included)."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError(day)  # pragma: no cover - every month has 28 days


def _problems(pool: Pool) -> Iterator[tuple[PoolProblemCode, str]]:
    yield from _numbers(pool)
    yield from _members(pool.areas)
    yield from _members((*pool.auditors, *pool.candidates))
    known = {area.id for area in pool.areas}
    for auditor in (*pool.auditors, *pool.candidates):
        for exclusion in auditor.exclusions:
            if exclusion.area not in known:
                yield PoolProblemCode.UNKNOWN_AREA, exclusion.area


def _members(areas_or_people: Sequence[Area | Auditor]) -> Iterator[tuple[PoolProblemCode, str]]:
    seen: set[str] = set()
    for each in areas_or_people:
        if each.id in seen:
            yield PoolProblemCode.DUPLICATE_ID, each.id
        if len(each.skills) > MOST_SKILLS:
            yield PoolProblemCode.TOO_MANY_SKILLS, each.id
        if each.hours is not None and each.hours < 0:
            yield PoolProblemCode.NEGATIVE, each.id
        seen.add(each.id)


def _numbers(pool: Pool) -> Iterator[tuple[PoolProblemCode, str]]:
    counts = (
        (len(pool.areas) < 1, PoolProblemCode.NO_AREA, len(pool.areas)),
        (len(pool.areas) > MOST_AREAS, PoolProblemCode.TOO_MANY_AREAS, len(pool.areas)),
        (len(pool.auditors) > MOST_AUDITORS, PoolProblemCode.TOO_MANY_AUDITORS, len(pool.auditors)),
        (len(pool.candidates) > MOST_CANDIDATES, PoolProblemCode.TOO_MANY_CANDIDATES, len(pool.candidates)),
        (pool.k < 1, PoolProblemCode.TEAM_TOO_SMALL, pool.k),
        (pool.leaders_per_team > pool.k, PoolProblemCode.TOO_MANY_LEADERS, pool.leaders_per_team),
        (min(pool.leaders_per_team, pool.train, pool.look_back) < 0, PoolProblemCode.NEGATIVE, "number"),
        (any(each.cost < 0 for each in pool.candidates), PoolProblemCode.NEGATIVE, "cost"),
    )
    for is_wrong, code, value in counts:
        if is_wrong:
            yield code, str(value)
