"""Independence 独立性 of auditors: grounds for exclusion 担当除外事由 from an area, each with the fact that says so.

Whoever worked in an area, heads it, wrote its documents, advised it or has an interest in it within the audited period W,
in the look-back of L months before it, or up to the last day of the audit may not audit it: conf(p, W). Periods are
half-open: what ended on the first day of the window lies before it.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; ISO 19011 (independence); domain.md §5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from courses.calendar import FiscalYear, Period
from courses.programme.model import ExclusionKind, months_before


class TieKind(StrEnum):
    """What ties somebody to an area directly, whatever unit they belong to."""

    DUTY = "duty"
    """Works in the area."""
    AUTHORSHIP = "authorship"
    """Wrote a document of the area, for as long as it is in force."""
    CONSULTANCY = "consultancy"
    """Advises the area; without an area: all of them."""


class GroundKind(StrEnum):
    """Grounds for exclusion, in the order in which they are checked and shown."""

    DUTY = "duty"
    AFFILIATION = "affiliation"
    """Belongs to the area's unit or to one beneath it."""
    CONCURRENT_POST = "concurrent_post"
    """Holds a concurrent post there."""
    LINE_AUTHORITY = "line_authority"
    """Heads the area's unit or one above it."""
    AUTHORSHIP = "authorship"
    CONSULTANCY = "consultancy"
    DECLARED_INTEREST = "declared_interest"


EXCLUSION_OF: Mapping[GroundKind, ExclusionKind] = {
    GroundKind.DUTY: ExclusionKind.WORKS_IN,
    GroundKind.AFFILIATION: ExclusionKind.WORKS_IN,
    GroundKind.CONCURRENT_POST: ExclusionKind.WORKS_IN,
    GroundKind.LINE_AUTHORITY: ExclusionKind.LINE_AUTHORITY,
    GroundKind.AUTHORSHIP: ExclusionKind.AUTHORSHIP,
    GroundKind.CONSULTANCY: ExclusionKind.CONSULTANCY,
    GroundKind.DECLARED_INTEREST: ExclusionKind.DECLARED_INTEREST,
}
"""What each ground is called in a pool."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A dated tie of a person to an area."""

    reference: str
    """Table and key of the record: ``area_tie/3``."""
    kind: TieKind
    area: str | None
    """None: all areas."""
    period: Period
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A dated tie of a person to a unit: an affiliation, a concurrent post, or line authority."""

    reference: str
    kind: GroundKind
    """AFFILIATION, CONCURRENT_POST or LINE_AUTHORITY."""
    unit: int
    period: Period


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration of interests for a fiscal year."""

    reference: str
    year: int
    declared_on: date
    """JST date; of several in one year the last in the sequence given holds."""
    areas: frozenset[str]
    """Areas in which an interest is declared; empty: none."""


@dataclass(frozen=True, slots=True)
class Ties:
    """Everything known of a person that can exclude."""

    ties: tuple[Tie, ...] = ()
    memberships: tuple[Membership, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    """In order of their recording."""


@dataclass(frozen=True, slots=True)
class AuditedArea:
    """An auditee area 被監査部門."""

    key: str
    unit: int | None = None
    """Whoever belongs to this unit, or to one beneath it, works in the area."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One fact that keeps somebody from auditing an area."""

    kind: GroundKind
    area: str
    reference: str
    """Table and key of the record that says so."""
    period: Period
    """When the fact is true."""
    unit: int | None = None
    document: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return what an exception or a kept verdict names of it."""
        return {
            "kind": self.kind.value,
            "area": self.area,
            "reference": self.reference,
            "from": self.period.start.isoformat(),
            "to": self.period.end.isoformat() if self.period.end else None,
        }

    def is_named_in(self, named: Collection[Mapping[str, object]]) -> bool:
        """Tell whether grounds that were written down name this one: the same kind, area and record."""
        mine = (self.kind.value, self.area, self.reference)
        return any((each.get("kind"), each.get("area"), each.get("reference")) == mine for each in named)


@dataclass(frozen=True, slots=True)
class Scene:
    """For which days independence is asked, and how the units lie."""

    audited: Period
    """W."""
    look_back: int = 0
    """L in months."""
    last_day: date | None = None
    """Last day of the audit, where it lies after W: "now" as well as "then"."""
    parents: Mapping[int, int | None] | None = None
    """Unit above each unit."""

    @property
    def window(self) -> Period:
        """The days within which a fact excludes: the look-back, W, and up to the last day of the audit."""
        end = self.audited.end
        if end is not None and self.last_day is not None:
            end = max(end, self.last_day + timedelta(days=1))
        return Period(months_before(self.audited.start, self.look_back), end)

    def is_within(self, unit: int, other: int) -> bool:
        """Tell whether a unit is the other or lies beneath it."""
        seen: set[int] = set()
        here: int | None = unit
        while here is not None and here not in seen:
            if here == other:
                return True
            seen.add(here)
            here = (self.parents or {}).get(here)
        return False


class Verdict(StrEnum):
    """What is known of one auditor and one area."""

    ELIGIBLE = "eligible"
    """適格."""
    EXCLUDED = "excluded"
    CANNOT_TELL = "cannot_tell"
    """判定不能: this year's declaration of interests is missing."""
    NOT_QUALIFIED = "not_qualified"


@dataclass(frozen=True, slots=True)
class Independence:
    """The verdict on one auditor and one area, with what it rests on."""

    area: str
    verdict: Verdict
    grounds: tuple[Ground, ...] = ()
    """All grounds, also of somebody who is not qualified."""
    is_declared: bool = True

    def open_grounds(self, named: Collection[Mapping[str, object]]) -> tuple[Ground, ...]:
        """Return the grounds that an exception, which names some, does not cover."""
        return tuple(each for each in self.grounds if not each.is_named_in(named))

    def may_audit(self, excepted: Collection[Mapping[str, object]] = ()) -> bool:
        """Tell whether the person may audit the area, given the grounds that an approved exception names."""
        if self.verdict is Verdict.EXCLUDED:
            return self.is_declared and not self.open_grounds(excepted)
        return self.verdict is Verdict.ELIGIBLE

    def as_json(self) -> dict[str, object]:
        """Return what is kept of the verdict with an assignment."""
        return {
            "verdict": self.verdict.value,
            "declared": self.is_declared,
            "grounds": [each.as_json() for each in self.grounds],
        }


def grounds_for(ties: Ties, area: AuditedArea, scene: Scene) -> tuple[Ground, ...]:
    """Return the grounds that exclude a person from an area, in the order of their kinds, then by date."""
    window = scene.window
    found = [each for each in all_grounds(ties, area, scene) if each.period.overlaps(window)]
    order = list(GroundKind)
    found.sort(key=lambda each: (order.index(each.kind), each.period.start, each.reference))
    return tuple(found)


def all_grounds(ties: Ties, area: AuditedArea, scene: Scene) -> Iterator[Ground]:
    """Yield what ties a person to an area on any day at all; ``scene`` says how the units lie."""
    for tie in ties.ties:
        if tie.area is None or tie.area == area.key:
            kind = GroundKind(tie.kind.value)
            yield Ground(kind, area.key, tie.reference, tie.period, document=tie.document)
    if area.unit is not None:
        for each in ties.memberships:
            is_above = each.kind is GroundKind.LINE_AUTHORITY
            low, high = (area.unit, each.unit) if is_above else (each.unit, area.unit)
            if scene.is_within(low, high):
                yield Ground(each.kind, area.key, each.reference, each.period, unit=each.unit)
    for declaration in newest_of_each_year(ties.declarations).values():
        if area.key in declaration.areas:
            period = FiscalYear(declaration.year).period
            yield Ground(GroundKind.DECLARED_INTEREST, area.key, declaration.reference, period)


def newest_of_each_year(declarations: Sequence[Declaration]) -> dict[int, Declaration]:
    """Return the declaration that holds for each fiscal year: the last one in the sequence."""
    return {each.year: each for each in declarations}


def is_declared(ties: Ties, day: date) -> bool:
    """Tell whether the declaration of interests of a day's fiscal year is there."""
    return FiscalYear.of(day).year in newest_of_each_year(ties.declarations)


def judge(
    ties: Ties, area: AuditedArea, scene: Scene, *, is_qualified: bool, needs_declaration: bool = True
) -> Independence:
    """Return the verdict on a person and an area.

    The declaration asked for is that of the fiscal year of the audit's last day (without one, of the last day of W).
    """
    grounds = grounds_for(ties, area, scene)
    day = scene.last_day or scene.audited.last_day or scene.audited.start
    declared = not needs_declaration or is_declared(ties, day)
    if not is_qualified:
        verdict = Verdict.NOT_QUALIFIED
    elif grounds:
        verdict = Verdict.EXCLUDED
    else:
        verdict = Verdict.ELIGIBLE if declared else Verdict.CANNOT_TELL
    return Independence(area.key, verdict, grounds, declared)
