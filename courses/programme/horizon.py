"""Computation 5: when does the margin go negative, and until when can training still start?

The pool changes on known days: a qualification or term begins or ends, somebody leaves, an announced transfer begins to
exclude, an old duty falls out of the look-back. Between such days the margin stays the same. Whoever has not declared is
taken as eligible nowhere, as in the margin itself.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from courses.programme.coverage import benches
from courses.programme.losses import margin_of
from courses.programme.model import Auditor, Exclusion, Pool, months_before

MONTHS_AHEAD = 24


class TurnKind(StrEnum):
    """What happens to an auditor on a day."""

    BECOMES_VALID = "becomes_valid"
    VALIDITY_OVER = "validity_over"
    EXCLUSION_BEGINS = "exclusion_begins"
    EXCLUSION_OVER = "exclusion_over"


@dataclass(frozen=True, slots=True)
class Turn:
    """One known change of the pool."""

    day: date
    """First day on which it is so."""
    kind: TurnKind
    auditor: str
    exclusion: Exclusion | None = None
    reference: str = ""
    """The exclusion's ``fact`` or the auditor's ``validity_fact``."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of days with one margin."""

    first_day: date
    margin: int
    binding_areas: tuple[str, ...]
    turns: tuple[Turn, ...]
    """What happened on the first day; empty for the step that begins with ``as_of``."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The margin from ``as_of`` on."""

    steps: tuple[Step, ...]
    """In order of days; the first begins with ``as_of``."""
    until: date
    """First day that was not looked at."""
    first_negative: date | None
    """First day with a margin below 0; None: not before ``until``."""
    latest_start: date | None
    """Last day on which training can start so that it ends before ``first_negative``; it may be past."""


def horizon(pool: Pool, training_days: int, months: int = MONTHS_AHEAD) -> Horizon:
    """Return the margin as a step function of the day.

    Args:
        pool: the pool with dated validities and exclusions.
        training_days: days from the start of a training to the day on which the new auditor counts.
        months: how far to look.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before a proof of some margin.
    """
    until = months_before(pool.as_of, -months)
    by_day: dict[date, list[Turn]] = {}
    for turn in _turns(pool):
        if pool.as_of < turn.day < until:
            by_day.setdefault(turn.day, []).append(turn)
    steps = [Step(pool.as_of, *margin_of(benches(pool, pool.as_of)), ())]
    for day in sorted(by_day):
        margin, binding = margin_of(benches(pool, day))
        if (margin, binding) != (steps[-1].margin, steps[-1].binding_areas):
            steps.append(Step(day, margin, binding, tuple(by_day[day])))
    first_negative = next((step.first_day for step in steps if step.margin < 0), None)
    latest = None if first_negative is None else first_negative - timedelta(days=training_days)
    return Horizon(tuple(steps), until, first_negative, latest)


def _turns(pool: Pool) -> Iterator[Turn]:
    for auditor in sorted(pool.auditors, key=lambda each: each.id):
        if auditor.valid_from is not None:
            yield Turn(auditor.valid_from, TurnKind.BECOMES_VALID, auditor.id)
        if auditor.valid_until is not None:
            day = auditor.valid_until + timedelta(days=1)
            yield Turn(day, TurnKind.VALIDITY_OVER, auditor.id, reference=auditor.validity_fact)
        for exclusion in auditor.exclusions:
            yield from _turns_of(pool, auditor, exclusion)


def _turns_of(pool: Pool, auditor: Auditor, exclusion: Exclusion) -> Iterator[Turn]:
    if exclusion.period is None or exclusion.period.is_empty:
        return
    start, end = exclusion.period.start, exclusion.period.end
    yield Turn(start, TurnKind.EXCLUSION_BEGINS, auditor.id, exclusion, exclusion.fact)
    if end is not None:
        # No month is shorter than 28 days: from here on the first day is near whose window begins after the fact ended.
        day = max(end, pool.as_of) + timedelta(days=28 * pool.look_back if end > pool.as_of else 0)
        while pool.window(day).start < end:
            day += timedelta(days=1)
        yield Turn(day, TurnKind.EXCLUSION_OVER, auditor.id, exclusion, exclusion.fact)
