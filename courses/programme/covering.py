"""What a program has to say so that areas get teams, and computation 3: the smallest pool that still covers.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from courses.programme.coverage import Bench, Kind, find_core
from courses.programme.model import Auditor
from courses.programme.results import EffortSpentError, MinimumPool
from courses.programme.subsets import Row, Steps, TooManyStepsError, first_subset, is_told_by_rows, rows_of

if TYPE_CHECKING:
    from courses.programme.solve import Program, Variable

EFFORT = 4.0
"""Deterministic seconds of the solver for the smallest pool."""
EFFORT_FOR_ORDER = 0.5
"""Deterministic seconds for each block of ids."""
MOST_STEPS = 5_000
BLOCK = 20
"""So many ids are decided at once, in order, when one of several smallest pools is chosen."""


def ask_for_team(program: Program, bench: Bench, present: Mapping[str, Variable]) -> None:
    """Ask that an area gets a team of those who are present.

    Args:
        program: where to ask.
        bench: those who may be in the area's team.
        present: by id the flag that says whether somebody is there.
    """

    def counted(auditors: Iterable[Auditor]) -> list[tuple[Variable, int]]:
        return [(present[each.id], 1) for each in auditors]

    program.at_least(counted(bench.members), bench.k)
    if bench.leaders:
        program.at_least(counted(bench.leading), bench.leaders)
    for skill in sorted(bench.area.skills):
        program.at_least(counted(each for each in bench.members if skill in each.skills), 1)
    # One holder for each skill and the leaders besides: where that fits into a team, nothing more is to be asked.
    if not is_told_by_rows(bench):
        _ask_for_core(program, bench, present)


def _ask_for_core(program: Program, bench: Bench, present: Mapping[str, Variable]) -> None:
    used: dict[Kind, Variable] = {}
    for kind, members in bench.kinds.items():
        used[kind] = program.flag()
        program.at_least([*((present[each.id], 1) for each in members), (used[kind], -1)], 0)
    for skill in sorted(bench.area.skills):
        program.at_least(((flag, 1) for kind, flag in used.items() if skill in kind.skills), 1)
    program.at_most([(flag, 1) for flag in used.values()], bench.k)
    if bench.leaders:
        others = [(flag, 1) for kind, flag in used.items() if not kind.may_lead]
        program.at_most(others, bench.k - bench.leaders)


def smallest_pool(benches: Sequence[Bench]) -> MinimumPool:
    """Return the fewest auditors who cover every area; coverage holds.

    Of several smallest pools, the one whose sorted ids come first. Small ones are found by looking at all sets in order,
    larger ones by the solver, which says how far its proof came.
    """
    different = _different(benches)
    order = sorted({each.id for bench in benches for each in bench.members})
    at_least = benches[0].k
    if all(map(is_told_by_rows, different)):
        rows, steps = rows_of(different, order), Steps(MOST_STEPS)
        try:
            while (chosen := first_subset(rows, at_least, (1 << len(order)) - 1, steps)) is None:
                at_least += 1
        except TooManyStepsError:
            pass
        else:
            return MinimumPool(tuple(each for place, each in enumerate(order) if chosen >> place & 1), at_least)
    return _solved_pool(different, order, at_least)


def _solved_pool(benches: Sequence[Bench], order: Sequence[str], at_least: int) -> MinimumPool:
    from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

    program = Program()
    present = {auditor: program.flag() for auditor in order}
    for bench in benches:
        ask_for_team(program, bench, present)
    everybody = [(flag, 1) for flag in present.values()]
    program.at_least(everybody, at_least)
    greedy = _enough(benches, order)
    try:
        solution = program.solve(everybody, {flag: int(each in greedy) for each, flag in present.items()}, EFFORT)
    except EffortSpentError:
        return MinimumPool(tuple(sorted(greedy)), at_least)
    if solution is None:
        raise AssertionError("coverage does not hold")
    values = solution.values
    if solution.is_proven:
        program.at_most(everybody, solution.objective)
        # Which of the smallest pools it is does not change the answer: where that takes too long, it is the one found.
        with suppress(EffortSpentError):
            values = _first_by_id(program, list(present.values()), values)
    return MinimumPool(tuple(auditor for auditor, flag in present.items() if values[flag]), solution.bound)


def _enough(benches: Sequence[Bench], order: Sequence[str]) -> set[str]:
    """Return auditors who cover every area, not many: each in turn the one whom most rows still want."""
    rows = rows_of(benches, order)
    chosen: set[str] = set()
    while rows:
        wanted = [sum(row.mask >> place & 1 for row in rows) for place in range(len(order))]
        place = max(range(len(order)), key=lambda each: (wanted[each], -each))
        chosen.add(order[place])
        bit = 1 << place
        fewer = (Row(mask & ~bit, number - bool(mask & bit)) for mask, number in rows)
        rows = [row for row in fewer if row.wanted > 0]
    for bench in benches:
        present = [each for each in bench.members if each.id in chosen]
        if not Bench(bench.area, tuple(present), bench.k, bench.leaders).has_team:
            core = find_core(bench, bench.kinds) or ()
            chosen |= {bench.kinds[kind][0].id for kind in core}
    return chosen


def _first_by_id(program: Program, flags: Sequence[Variable], values: tuple[int, ...]) -> tuple[int, ...]:
    """Return the solution that has the first flags set, as early as possible; ``values`` is any solution."""
    for start in range(0, len(flags), BLOCK):
        block = flags[start : start + BLOCK]
        weights = [(flag, -(2 ** (len(block) - 1 - place))) for place, flag in enumerate(block)]
        first = program.solve_exactly(weights, dict(enumerate(values)), EFFORT_FOR_ORDER)
        if first is not None:
            values = first.values
        for flag in block:
            program.exactly([(flag, 1)], values[flag])
    return values


def _different(benches: Iterable[Bench]) -> list[Bench]:
    """Leave out areas that ask for the same of the same people."""
    found: dict[object, Bench] = {}
    for bench in benches:
        found.setdefault((tuple(each.id for each in bench.members), bench.area.skills), bench)
    return list(found.values())
