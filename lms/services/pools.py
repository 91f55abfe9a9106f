"""Pools of auditors from the dated facts: who may audit what on a day, as `courses.programme` takes it.

Auditors and candidates are named ``p12`` by the key of the person, areas by their key.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from courses.auditors import Qualification, QualificationState, next_grant, qualification_on
from courses.calendar import Period
from courses.independence import (
    EXCLUSION_OF,
    AuditedArea,
    Ground,
    GroundKind,
    Independence,
    all_grounds,
    is_declared,
    judge,
)
from courses.programme.model import Area, Auditor, Candidate, Exclusion, Pool, months_before
from courses.programme.what_if import Change, what_if
from lms.services.auditors import AuditorFile, Book, rule_area
from lms.store.auditors import AuditArea

AUDITED_MONTHS = 12
"""How long an audited period is taken to be where no audit says it."""


def auditor_id(person_id: int) -> str:
    """Return how pools name a person."""
    return f"p{person_id}"


def person_of_auditor(name: str) -> int | None:
    """Return the key of the person whom a pool names; None where it is no such name."""
    digits = name.removeprefix("p")
    return int(digits) if name.startswith("p") and digits.isascii() and digits.isdigit() and len(digits) < 19 else None


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """For which day, period and teams a pool is asked."""

    day: date
    audited_from: date | None = None
    """None: twelve months before the day."""
    look_back: int | None = None
    """L in months; None: as the policy says."""
    train: int = 1

    @property
    def audited(self) -> Period:
        """The audited period: up to and with the day."""
        start = self.audited_from or months_before(self.day, AUDITED_MONTHS)
        return Period(min(start, self.day), self.day + timedelta(days=1))


def build_pool(book: Book, question: PoolQuestion, extra: Mapping[str, AuditedArea] | None = None) -> Pool:
    """Return the pool of a day: qualified auditors, those whose qualification has lapsed or is decided, candidates.

    Yearly reviews and declarations are taken to go on as they are, so that a look ahead shows expiries, ends of term,
    leaving and announced transfers alone.

    Raises:
        courses.programme.model.PoolError: no area is defined, or more than a pool takes.
    """
    policy = book.policy_on(question.day)
    look_back = policy.look_back_months if question.look_back is None else question.look_back
    rows = book.areas_on(question.day)
    places = {key: rule_area(row) for key, row in rows.items()} | dict(extra or {})
    scene = book.scene(question.audited, question.day, look_back)
    found: list[Auditor] = []
    candidates: list[Candidate] = []
    for file in book.files.values():
        exclusions = tuple(
            exclusion_from(ground) for place in places.values() for ground in all_grounds(file.ties, place, scene)
        )
        auditor = _auditor(book, file, question.day, exclusions)
        if auditor is not None:
            found.append(auditor)
        elif file.cost is not None:
            candidates.append(_candidate(file, exclusions))
    return Pool(
        as_of=question.day,
        areas=tuple(_area(key, rows.get(key)) for key in sorted(places)),
        auditors=tuple(found),
        candidates=tuple(candidates),
        k=policy.auditors_per_area,
        leaders_per_team=policy.leaders_per_team,
        train=question.train,
        look_back=look_back,
        audited_from=question.audited.start,
    )


def exclusion_from(ground: Ground, *, is_dated: bool = True) -> Exclusion:
    """Return a ground as a pool takes it."""
    return Exclusion(ground.area, EXCLUSION_OF[ground.kind], ground.reference, ground.period if is_dated else None)


def _area(key: str, row: AuditArea | None) -> Area:
    if row is None:
        return Area(key)
    return Area(key, Fraction(row.effort_minutes, 60), frozenset(map(str, row.skills)))


def _auditor(book: Book, file: AuditorFile, day: date, exclusions: tuple[Exclusion, ...]) -> Auditor | None:
    policy = book.policy_on(day)
    standing = qualification_on(file.record, policy.standard(), day)
    ahead = standing
    if standing.is_valid:
        ahead = qualification_on(file.record, policy.standard(reviews_go_on=True), day)
    elif standing.state is QualificationState.NOT_GRANTED:
        granted = next_grant(file.record, policy.standard(), day)
        if granted is None:
            return None
        ahead = granted
    review = ahead.review
    return Auditor(
        id=auditor_id(file.person_id),
        may_lead=review.may_lead if review else False,
        exclusions=exclusions,
        is_declared=not policy.needs_declaration or is_declared(file.ties, day),
        valid_from=ahead.since,
        valid_until=ahead.until - timedelta(days=1) if ahead.until else None,
        validity_fact=_ending(ahead),
        hours=_hours(review.capacity_minutes if review else None),
        skills=review.skills if review else frozenset(),
        is_consultant=any(each.kind.value == GroundKind.CONSULTANCY for each in file.ties.ties),
    )


def _ending(standing: Qualification) -> str:
    """Return which record ends the qualification, or else which check does."""
    first = next(iter(standing.ended_by), None)
    return "" if first is None else first.reference or first.kind.value


def _hours(minutes: int | None) -> Fraction | None:
    return None if minutes is None else Fraction(minutes, 60)


def _candidate(file: AuditorFile, exclusions: tuple[Exclusion, ...]) -> Candidate:
    """Return a candidate as the auditor that he or she would be: allowed to lead nothing, with no special skill."""
    return Candidate(
        id=auditor_id(file.person_id), may_lead=False, exclusions=exclusions, cost=Fraction(file.cost or 0)
    )


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One auditor against all areas."""

    person_id: int
    qualification: Qualification
    cells: Mapping[str, Independence]
    """By key of the area."""

    @property
    def eligible(self) -> int:
        """How many areas the auditor may audit."""
        return sum(each.may_audit() for each in self.cells.values())


def matrix(book: Book, question: PoolQuestion, extra: Mapping[str, AuditedArea] | None = None) -> tuple[MatrixRow, ...]:
    """Return the verdict on every auditor and area of a day, with its grounds."""
    policy = book.policy_on(question.day)
    look_back = policy.look_back_months if question.look_back is None else question.look_back
    scene = book.scene(question.audited, question.day, look_back)
    places = {key: rule_area(row) for key, row in book.areas_on(question.day).items()} | dict(extra or {})
    rows = []
    for file in book.files.values():
        if not file.is_auditor:
            continue
        standing = book.qualification(file.person_id, question.day)
        cells = {
            key: judge(
                file.ties,
                places[key],
                scene,
                is_qualified=standing.is_valid,
                needs_declaration=policy.needs_declaration,
            )
            for key in sorted(places)
        }
        rows.append(MatrixRow(file.person_id, standing, cells))
    return tuple(sorted(rows, key=lambda row: (not row.qualification.is_valid, row.person_id)))


@dataclass(frozen=True, slots=True)
class PoolChange:
    """What a what-if changes of the pool as it is."""

    removed: frozenset[str] = frozenset()
    """Auditors by their name in the pool."""
    trained: frozenset[str] = frozenset()
    """Candidates who become auditors."""
    without_consultants: bool = False
    look_back: int | None = None
    areas: tuple[AuditedArea, ...] = ()
    """Areas more."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is changed."""
        return self == PoolChange()


def changed_pool(book: Book, question: PoolQuestion, change: PoolChange) -> Pool:
    """Return the pool as it would be."""
    look_back = question.look_back if change.look_back is None else change.look_back
    extra = {area.key: area for area in change.areas}
    pool = build_pool(book, replace(question, look_back=look_back), extra)
    joined = tuple(
        Auditor(each.id, each.may_lead, each.exclusions, hours=each.hours, skills=each.skills)
        for each in pool.candidates
        if each.id in change.trained
    )
    kept = what_if(pool, Change(change.removed & {each.id for each in pool.auditors}, change.without_consultants))
    return replace(
        kept,
        auditors=(*kept.auditors, *joined),
        candidates=tuple(each for each in pool.candidates if each.id not in change.trained),
    )
