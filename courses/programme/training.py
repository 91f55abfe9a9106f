"""Computation 4: whom to train next.

Of all sets of t candidates the best leave the highest margin; then the smallest *deficit*, the shortfalls of all areas
added up; then they cost least. Trained candidates are auditors like the others; the pool is the pessimistic one.

The margin of an area is the least of some *rows*, each a number of people less a number wanted: members, leaders, and for
skills the people of those types that would have to be lost (`courses.programme.coverage`). Rows for skills are found as
they are needed: the program proposes a set, and learns a row where the area's true margin is below what it thought.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, lcm
from typing import TYPE_CHECKING

from courses.programme.coverage import Bench, benches
from courses.programme.losses import lightest_loss
from courses.programme.model import Auditor, Candidate, Pool
from courses.programme.results import MOST_TRAINING_SETS, Training

if TYPE_CHECKING:
    from courses.programme.solve import Variable

MOST_TRIED = 500
"""So many sets are tried one by one, which takes milliseconds and no solver."""


def train_next(pool: Pool) -> Training:
    """Return the best sets of ``pool.train`` candidates, or of all where there are fewer.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before the proof.
    """
    everyone = benches(pool, pool.as_of, trained=pool.candidates)
    helpful = {each.id for bench in everyone for each in bench.members}
    useless = tuple(sorted(each.id for each in pool.candidates if each.id not in helpful))
    if not pool.candidates or not pool.train:
        return Training(helps_no_area=useless)
    count = min(pool.train, len(pool.candidates))
    if comb(len(pool.candidates), count) <= MOST_TRIED and not any(bench.area.skills for bench in everyone):
        margin, deficit, cost, sets = _try_all(everyone, pool.candidates, count)
    else:
        search = _Search(everyone, pool.candidates, count)
        margin, deficit, cost = search.best()
        sets = sorted(search.all_best())
    return Training(
        tuple(sets[:MOST_TRAINING_SETS]), len(sets) <= MOST_TRAINING_SETS, margin, deficit, cost, helps_no_area=useless
    )


def _try_all(
    everyone: Sequence[Bench], candidates: Sequence[Candidate], count: int
) -> tuple[int, int, Fraction, list[tuple[str, ...]]]:
    """Try every set, where there are few and no area asks for skills; return margin, deficit, cost, and the best sets."""
    costs = {each.id: each.cost for each in candidates}
    found: dict[tuple[int, int, Fraction], list[tuple[str, ...]]] = {}
    for chosen in combinations(sorted(costs), count):
        absent = costs.keys() - set(chosen)
        real = [
            Bench(each.area, tuple(one for one in each.members if one.id not in absent), each.k, each.leaders)
            for each in everyone
        ]
        margin = min(bench.spare for bench in real)
        deficit = sum(bench.shortfall for bench in real)
        cost = sum((costs[each] for each in chosen), Fraction())
        found.setdefault((-margin, deficit, cost), []).append(chosen)
    best = min(found)
    return -best[0], best[1], best[2], found[best]


@dataclass(frozen=True, slots=True)
class _Row:
    """An upper bound of an area's margin: ``base`` and the trained among ``candidates``."""

    area: str
    base: int
    candidates: tuple[str, ...]


class _Search:
    """The program over sets of candidates."""

    def __init__(self, everyone: Sequence[Bench], candidates: Sequence[Candidate], count: int) -> None:
        from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

        self._benches = {bench.area.id: bench for bench in everyone}
        self._candidates = {each.id for each in candidates}
        self._unit = lcm(*(each.cost.denominator for each in candidates))
        self._program = Program()
        self._trained = {each.id: self._program.flag() for each in sorted(candidates, key=lambda each: each.id)}
        self._program.exactly([(flag, 1) for flag in self._trained.values()], count)
        self._cost = [(self._trained[each.id], int(each.cost * self._unit)) for each in candidates]

        rows = [row for bench in everyone for row in self._first_rows(bench)]
        self._ceiling = min(row.base + min(count, len(row.candidates)) for row in rows)
        lowest = min(-1, *(row.base for row in rows))
        self._margin = self._program.number(lowest, self._ceiling)
        # An area that has a team as it is will have one then, so it can't add to the deficit.
        self._lacking = {
            bench.area.id: self._program.number(0, -lowest)
            for bench in everyone
            if not self._without(bench, self._candidates).has_team
        }
        for row in rows:
            self._add(row)

    def best(self) -> tuple[int, int, Fraction]:
        """Find the best margin, deficit and cost, and keep to them."""
        margin = self._settle([(self._margin, -1)])
        deficit = self._settle([(each, 1) for each in self._lacking.values()]) if margin > 0 else 0
        cost = self._settle(self._cost)
        return -margin, deficit, Fraction(cost, self._unit)

    def all_best(self) -> Iterable[tuple[str, ...]]:
        """Return the sets that are as good as the best; one more than are listed where there are more."""
        found: list[tuple[str, ...]] = []
        while len(found) <= MOST_TRAINING_SETS and (values := self._solution([])) is not None:
            chosen = self._chosen(values)
            found.append(chosen)
            self._program.at_most([(self._trained[each], 1) for each in chosen], len(chosen) - 1)
        return found

    def _first_rows(self, bench: Bench) -> Iterable[_Row]:
        yield self._row(bench, bench.members, bench.k)
        if bench.leaders:
            yield self._row(bench, bench.leading, bench.leaders)
        for skill in sorted(bench.area.skills):
            yield self._row(bench, [each for each in bench.members if skill in each.skills], 1)

    def _row(self, bench: Bench, people: Iterable[Auditor], wanted: int) -> _Row:
        ids = [each.id for each in people]
        candidates = tuple(each for each in ids if each in self._candidates)
        return _Row(bench.area.id, len(ids) - len(candidates) - wanted, candidates)

    def _add(self, row: _Row) -> None:
        trained = [(self._trained[each], 1) for each in row.candidates]
        if row.base < self._ceiling:
            self._program.at_least([*trained, (self._margin, -1)], -row.base)
        if row.base < 0 and row.area in self._lacking:
            self._program.at_least([*trained, (self._lacking[row.area], 1)], -row.base)

    def _settle(self, aim: list[tuple[Variable, int]]) -> int:
        """Make a sum as small as it can be, keep to that, and return it."""
        values = self._solution(aim)
        if values is None:  # pragma: no cover - any set of candidates is a solution
            raise AssertionError(aim)
        least = sum(factor * values[variable] for variable, factor in aim)
        self._program.at_most(aim, least)
        return least

    def _solution(self, aim: list[tuple[Variable, int]]) -> tuple[int, ...] | None:
        """Solve until nothing more is to be learnt."""
        while True:
            solution = self._program.solve_exactly(aim)
            if solution is None:
                return None
            rows = [row for bench in self._benches.values() for row in self._broken_rows(bench, solution.values)]
            if not rows:
                return solution.values
            for row in rows:
                self._add(row)

    def _broken_rows(self, bench: Bench, values: Sequence[int]) -> Iterable[_Row]:
        """Return a row by which an area's skills bear less than a solution claims."""
        if not bench.area.skills:
            return
        margin = values[self._margin]
        real = self._without(bench, self._candidates.difference(self._chosen(values)))
        lost = lightest_loss(real, max(margin, 0))
        if lost is None:
            return
        weight = sum(len(real.kinds[kind]) for kind in lost)
        if weight <= margin or (
            weight == 0 and bench.area.id in self._lacking and not values[self._lacking[bench.area.id]]
        ):
            kinds = lost | (bench.kinds.keys() - real.kinds.keys())
            yield self._row(bench, (each for kind in kinds for each in bench.kinds[kind]), 1)

    def _chosen(self, values: Sequence[int]) -> tuple[str, ...]:
        return tuple(each for each, flag in self._trained.items() if values[flag])

    def _without(self, bench: Bench, absent: Collection[str]) -> Bench:
        members = tuple(each for each in bench.members if each.id not in absent)
        return Bench(bench.area, members, bench.k, bench.leaders)
