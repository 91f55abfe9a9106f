"""Computation 2: the margin, and all smallest losses of people that break coverage.

Source: domain.md §5; the reasoning stands in `courses.programme.coverage`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import TYPE_CHECKING

from courses.programme.coverage import Bench, Core, Kind, find_core
from courses.programme.results import MOST_LOSS_SETS, LossSets

if TYPE_CHECKING:
    from courses.programme.solve import Program

MOST_STEPS_OF_COUNTING = 50_000


def margin_of(benches: Iterable[Bench]) -> tuple[int, tuple[str, ...]]:
    """Return the margin and the areas that attain it.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before the proof.
    """
    everyone = list(benches)
    margin = min(_at_most(bench) for bench in everyone)
    by_area = {bench.area.id: bench_margin(bench, margin) for bench in everyone}
    margin = min(each for each in by_area.values() if each is not None)
    return margin, tuple(sorted(area for area, each in by_area.items() if each == margin))


def bench_margin(bench: Bench, ceiling: int) -> int | None:
    """Return the margin of one area; None where it is above the ceiling."""
    by_skills = _weight_to_lose(bench, ceiling + 1) if bench.area.skills else None
    margin = bench.spare if by_skills is None else min(bench.spare, by_skills - 1)
    return margin if margin <= ceiling else None


def smallest_losses(benches: Iterable[Bench], margin: int) -> LossSets:
    """Return the smallest sets of people whose loss breaks coverage, which holds."""
    size = margin + 1
    families: set[tuple[str, ...]] = set()
    single: set[tuple[str, ...]] = set()
    is_whole = True
    for bench in benches:
        if len(bench.members) - bench.k == margin:
            families.add(tuple(each.id for each in bench.members))
        if bench.leaders and len(bench.leading) - bench.leaders == margin:
            families.add(tuple(each.id for each in bench.leading))
        if bench.area.skills and _weight_to_lose(bench, size) == size:
            found = _all_lightest(bench, size)
            is_whole = is_whole and len(found) <= MOST_LOSS_SETS
            single |= set(found)
    grounds = _largest(families)
    rest = sorted(each for each in single if not any(ground.issuperset(each) for ground in map(frozenset, grounds)))
    streams = [rest, *(combinations(ground, size) for ground in grounds)]
    listed = tuple(islice(_without_repeats(heapq.merge(*streams)), MOST_LOSS_SETS))
    total = _count(grounds, size) if is_whole else None
    return LossSets(listed, None if total is None else total + len(rest))


def _at_most(bench: Bench) -> int:
    """Return a number that the margin does not exceed."""
    by_skill = (
        sum(len(members) for kind, members in bench.kinds.items() if skill in kind.skills) - 1
        for skill in bench.area.skills
    )
    return min(bench.spare, *by_skill) if bench.area.skills else bench.spare


def lightest_loss(bench: Bench, ceiling: int) -> frozenset[Kind] | None:
    """Return the types of auditors to lose, as few people as possible, until no core is left.

    None where that takes more people than the ceiling.
    """
    cores, first_try = _cores_apart(bench, bench.kinds)
    if _weight(bench, first_try) > ceiling:
        return None
    if find_core(bench, bench.kinds.keys() - first_try) is None:
        return first_try
    hitting = _Hitting(bench, cores)
    while True:
        chosen, weight = hitting.lightest()
        if weight > ceiling:
            return None
        more, _hits = _cores_apart(bench, bench.kinds.keys() - chosen)
        if not more:
            return chosen
        hitting.add(more)


def _weight_to_lose(bench: Bench, ceiling: int) -> int | None:
    chosen = lightest_loss(bench, ceiling)
    return None if chosen is None else _weight(bench, chosen)


def _all_lightest(bench: Bench, weight: int) -> list[tuple[str, ...]]:
    """Return every loss of whole types with the least weight; one more than are listed where there are more."""
    hitting = _Hitting(bench, _cores_apart(bench, bench.kinds)[0], weight)
    found = []
    while (chosen := hitting.any()) is not None:
        more, _hits = _cores_apart(bench, bench.kinds.keys() - chosen)
        if more:
            hitting.add(more)
            continue
        found.append(tuple(sorted(each.id for kind in chosen for each in bench.kinds[kind])))
        if len(found) > MOST_LOSS_SETS:
            break
        hitting.forbid(chosen)
    return found


def _cores_apart(bench: Bench, kinds: Iterable[Kind]) -> tuple[list[Core], frozenset[Kind]]:
    """Return cores that share no type, as many as are found one after the other, and the lightest type of each."""
    alive = set(kinds)
    cores = []
    while (core := find_core(bench, tuple(alive))) is not None:
        cores.append(core)
        alive -= core
    return cores, frozenset(min(core, key=lambda kind: (len(bench.kinds[kind]), *_order(kind))) for core in cores)


def _weight(bench: Bench, kinds: Iterable[Kind]) -> int:
    return sum(len(bench.kinds[kind]) for kind in kinds)


def _order(kind: Kind) -> tuple[list[str], bool]:
    return sorted(kind.skills), kind.may_lead


class _Hitting:
    """The program whose solutions take at least one type of every known core."""

    def __init__(self, bench: Bench, cores: Iterable[Core], weight: int | None = None) -> None:
        from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

        self._program: Program = Program()
        self._bench = bench
        self._flags = {kind: self._program.flag() for kind in sorted(bench.kinds, key=_order)}
        self._terms = [(flag, len(bench.kinds[kind])) for kind, flag in self._flags.items()]
        if weight is not None:
            self._program.at_most(self._terms, weight)
        self.add(cores)

    def add(self, cores: Iterable[Core]) -> None:
        """Learn more cores."""
        for core in cores:
            self._program.at_least(((self._flags[kind], 1) for kind in core), 1)

    def forbid(self, chosen: frozenset[Kind]) -> None:
        """Ask for others than these types, all of them together."""
        self._program.at_most([(self._flags[kind], 1) for kind in chosen], len(chosen) - 1)

    def lightest(self) -> tuple[frozenset[Kind], int]:
        """Return the types to lose with the least weight, and that weight."""
        solution = self._program.solve_exactly(self._terms)
        if solution is None:  # pragma: no cover - losing all types hits every core
            raise AssertionError(self._bench.area.id)
        return self._chosen(solution.values), solution.objective

    def any(self) -> frozenset[Kind] | None:
        """Return some types to lose; None where there are none."""
        solution = self._program.solve_exactly()
        return None if solution is None else self._chosen(solution.values)

    def _chosen(self, values: Sequence[int]) -> frozenset[Kind]:
        return frozenset(kind for kind, flag in self._flags.items() if values[flag])


def _largest(families: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out families that lie within another one."""
    kept: list[frozenset[str]] = []
    for family in sorted(map(frozenset, families), key=lambda each: (-len(each), sorted(each))):
        if not any(family <= other for other in kept):
            kept.append(family)
    return [tuple(sorted(each)) for each in kept]


def _without_repeats(stream: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    before = None
    for each in stream:
        if each != before:
            yield each
        before = each


@dataclass
class _Steps:
    left: int = MOST_STEPS_OF_COUNTING


def _count(grounds: Sequence[tuple[str, ...]], size: int) -> int | None:
    """Count the sets of a size that lie within any of the grounds; None where that takes too many steps.

    Inclusion and exclusion over intersections; those smaller than the size count nothing and end their branch.
    """
    families = [frozenset(each) for each in grounds]
    steps = _Steps()

    def beyond(start: int, common: frozenset[str] | None, sign: int) -> int:
        total = 0
        for index in range(start, len(families)):
            steps.left -= 1
            if steps.left < 0:
                return 0
            shared = families[index] if common is None else families[index] & common
            if len(shared) >= size:
                total += sign * comb(len(shared), size) + beyond(index + 1, shared, -sign)
        return total

    total = beyond(0, None, 1)
    return None if steps.left < 0 else total
