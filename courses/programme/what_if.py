"""Computation 8: the same pool with something changed, both states side by side.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from courses.programme.analysis import analyse
from courses.programme.model import Area, Auditor, Exclusion, Pool, PoolError, PoolProblemCode
from courses.programme.results import Analysis


@dataclass(frozen=True, slots=True)
class Change:
    """What is supposed; what is not said stays as it is."""

    without: frozenset[str] = frozenset()
    """Auditors or candidates who are lost."""
    without_consultants: bool = False
    look_back: int | None = None
    """L in months."""
    added_areas: tuple[Area, ...] = ()
    added_exclusions: Mapping[str, tuple[Exclusion, ...]] = field(default_factory=dict)
    """By auditor or candidate, for instance from an added area."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both states side by side."""

    before: Analysis
    after: Analysis


_Person = TypeVar("_Person", bound=Auditor)


def what_if(pool: Pool, change: Change) -> Pool:
    """Return the pool as it would be.

    Raises:
        PoolError: the change names somebody who is not there, or makes the pool inconsistent.
    """
    known = {each.id for each in (*pool.auditors, *pool.candidates)}
    for name in sorted(change.without | change.added_exclusions.keys()):
        if name not in known:
            raise PoolError(PoolProblemCode.UNKNOWN_PERSON, name)

    def changed(people: tuple[_Person, ...]) -> tuple[_Person, ...]:
        return tuple(
            replace(each, exclusions=(*each.exclusions, *change.added_exclusions.get(each.id, ())))
            for each in people
            if each.id not in change.without and not (change.without_consultants and each.is_consultant)
        )

    return replace(
        pool,
        areas=(*pool.areas, *change.added_areas),
        auditors=changed(pool.auditors),
        candidates=changed(pool.candidates),
        look_back=pool.look_back if change.look_back is None else change.look_back,
    )


def compare(pool: Pool, change: Change) -> Comparison:
    """Analyse the pool as it is and as it would be.

    Raises:
        PoolError: see `what_if`.
        courses.programme.results.EffortSpentError: see `courses.programme.analysis.analyse`.
    """
    return Comparison(analyse(pool), analyse(what_if(pool, change)))
