"""Choosing few of many, exactly: sets of people of a given size that satisfy rows, in the order of their ids.

A *row* asks for so many of some people. People are bits of a whole number, the first id the lowest bit, so that a search
step costs a few machine words for each row. A search that would take too many steps gives up and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from courses.programme.coverage import Bench, Kind, find_core


class Row(NamedTuple):
    """At least ``wanted`` of the people in ``mask``."""

    mask: int
    wanted: int


class TooManyStepsError(RuntimeError):
    """The search was given up."""


@dataclass
class Steps:
    """What a search may still cost; one step looks at all rows once."""

    left: int

    def take(self) -> None:
        """Count a step.

        Raises:
            TooManyStepsError: none is left.
        """
        self.left -= 1
        if self.left < 0:
            raise TooManyStepsError


def is_told_by_rows(bench: Bench) -> bool:
    """Tell whether rows alone say that an area has a team: one holder for each skill fits in beside the leaders."""
    return not bench.area.skills or len(bench.area.skills) + bench.leaders <= bench.k


def rows_of(benches: Iterable[Bench], order: Sequence[str]) -> list[Row]:
    """Return what areas ask for, each row once; for areas not told by rows, less than they ask for."""
    bit = {auditor: 1 << place for place, auditor in enumerate(order)}
    rows = set()
    for bench in benches:
        rows.add(Row(sum(bit[each.id] for each in bench.members), bench.k))
        rows.add(Row(sum(bit[each.id] for each in bench.leading), bench.leaders))
        for skill in bench.area.skills:
            rows.add(Row(sum(bit[each.id] for each in bench.members if skill in each.skills), 1))
    return sorted(row for row in rows if row.wanted > 0)


def rows_of_skills(bench: Bench, order: Sequence[str], steps: Steps) -> set[Row]:
    """Return rows that say all of what an area's skills ask for: somebody of every group of types that every core needs.

    Raises:
        TooManyStepsError: there are too many such groups.
    """
    bit = {auditor: 1 << place for place, auditor in enumerate(order)}
    rows: set[Row] = set()
    seen: set[frozenset[Kind]] = set()

    def extend(lost: frozenset[Kind]) -> None:
        steps.take()
        seen.add(lost)
        core = find_core(bench, bench.kinds.keys() - lost)
        if core is None:
            rows.add(Row(sum(bit[each.id] for kind in lost for each in bench.kinds[kind]), 1))
        for kind in core or ():
            if lost | {kind} not in seen:
                extend(lost | {kind})

    extend(frozenset())
    return rows


def first_subset(rows: Iterable[Row], size: int, allowed: int, steps: Steps) -> int | None:
    """Return the first set of exactly this size, as bits, that satisfies all rows; None where there is none.

    Args:
        rows: what is asked for.
        size: how many people to choose.
        allowed: of whom.
        steps: what the search may cost.

    Raises:
        TooManyStepsError: it would cost more.
    """
    steps.take()
    open_rows = [row for row in rows if row.wanted > 0]
    for mask, wanted in open_rows:
        if wanted > size or (mask & allowed).bit_count() < wanted:
            return None
        if wanted == size:  # nobody from outside this row has a place left
            allowed &= mask
    if allowed.bit_count() < size:
        return None
    if size == 0:
        return 0
    while allowed.bit_count() >= size:
        first = allowed & -allowed
        allowed ^= first
        rest = [Row(mask, wanted - 1) if mask & first else Row(mask, wanted) for mask, wanted in open_rows]
        found = first_subset(rest, size - 1, allowed, steps)
        if found is not None:
            return first | found
    return None
