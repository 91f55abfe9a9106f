"""Whose declaration decides where the verdict is *cannot tell*.

A set of undeclared auditors *decides* if coverage is certain once each of them has declared no further interest, whatever
the others say. An auditor is named exactly if he or she belongs to some smallest such set, smallest in the sense that
nobody of it can be left out. Equivalently: for some answers of the others, this one answer turns feasible into infeasible.
Who is not named need not be asked.

Source: domain.md §5, "naming whose declaration would decide it".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from courses.programme.coverage import Bench, Kind, find_core
from courses.programme.covering import ask_for_team
from courses.programme.subsets import (
    Row,
    Steps,
    TooManyStepsError,
    first_subset,
    is_told_by_rows,
    rows_of,
    rows_of_skills,
)

if TYPE_CHECKING:
    from courses.programme.solve import Program, Variable

MOST_STEPS = 300_000
MOST_GROUPS = 5_000
"""So many steps may be taken to turn skills into rows."""


def undecided_by(certain: Sequence[Bench], possible: Sequence[Bench]) -> tuple[str, ...]:
    """Return the undeclared auditors whose declaration can decide, sorted.

    Args:
        certain: for each area those eligible whatever the undeclared say.
        possible: for each area, in the same order, those eligible by the known facts alone; they cover every area.
    """
    declared = {each.id for bench in certain for each in bench.members}
    open_ids = sorted({each.id for bench in possible for each in bench.members} - declared)
    order = [*open_ids, *sorted(declared)]
    with suppress(TooManyStepsError):
        rows, steps = set(rows_of(possible, order)), Steps(MOST_GROUPS)
        for bench in possible:
            if not is_told_by_rows(bench):
                rows |= rows_of_skills(bench, order, steps)
        found = _found_by_rows(rows, len(open_ids), Steps(MOST_STEPS))
        return tuple(each for place, each in enumerate(open_ids) if found >> place & 1)
    search = _Search(possible, declared, open_ids)
    while (more := search.next()) is not None:
        search.found |= more
    return tuple(sorted(search.found))


def _found_by_rows(asked: Iterable[Row], open_count: int, steps: Steps) -> int:
    """Return whom to name, as bits; the undeclared are the first ``open_count`` bits of the rows.

    Let everybody outside one row's undeclared declare no interest, and of those just as many as the row still wants: if
    all the other rows are satisfied too, each of these decides.

    Raises:
        TooManyStepsError: it takes too many steps.
    """
    undeclared = (1 << open_count) - 1
    wanting = {Row(mask & undeclared, wanted - (mask & ~undeclared).bit_count()) for mask, wanted in asked}
    rows = sorted(row for row in wanting if row.wanted > 0)
    found = 0
    for tight in sorted(rows, key=lambda row: (row.mask.bit_count(), row)):
        narrowed = {Row(mask & tight.mask, wanted - (mask & ~tight.mask).bit_count()) for mask, wanted in rows}
        rest = sorted(row for row in narrowed if row.wanted > 0)
        sought = tight.mask & ~found
        while sought:
            pivot = sought & -sought
            sought ^= pivot
            after = [Row(mask & ~pivot, wanted - bool(mask & pivot)) for mask, wanted in rest]
            chosen = first_subset(after, tight.wanted - 1, tight.mask & ~pivot, steps)
            if chosen is not None:
                found |= chosen | pivot
                sought &= ~found
    return found


class _Search:
    """Looks for answers under which one more answer decides.

    The program chooses who declares no interest (``before``), and one undeclared auditor more (``pivot``). With the pivot
    every area gets a team; without, one of the areas, the *tight* one, gets none.
    """

    def __init__(self, possible: Sequence[Bench], declared: set[str], open_ids: Sequence[str]) -> None:
        from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

        self._program: Program = Program()
        self._declared = declared
        self.found: set[str] = set()
        program = self._program
        self._pivot = {each: program.flag() for each in open_ids}
        self._before = {each: program.flag() for each in open_ids}
        after = {each: program.flag() for each in open_ids}
        for each in open_ids:
            program.exactly([(after[each], 1), (self._before[each], -1), (self._pivot[each], -1)], 0)
        always = program.number(1, 1)
        after |= dict.fromkeys(declared, always)
        for bench in possible:
            ask_for_team(program, bench, after)
        program.exactly([(flag, 1) for flag in self._pivot.values()], 1)
        self._by_number: dict[Variable, list[str]] = {}
        self._by_skills: dict[Variable, tuple[Bench, dict[Kind, Variable]]] = {}
        reasons = [reason for bench in possible for reason in self._reasons(bench)]
        program.at_least([(reason, 1) for reason in reasons], 1)

    def next(self) -> set[str] | None:
        """Return somebody not found yet, with all others whom the same answers show; None where there is nobody."""
        for auditor in self.found:
            self._program.exactly([(self._pivot[auditor], 1)], 0)
        while True:
            solution = self._program.solve_exactly()
            if solution is None:
                return None
            if not self._learn(solution.values):
                return self._shown_by(solution.values)

    def _shown_by(self, values: Sequence[int]) -> set[str]:
        """Return the pivot, and everybody without whom an area would be short of members or leaders in the same way."""
        pivot = next(auditor for auditor, flag in self._pivot.items() if values[flag])
        shown = {pivot}
        for reason, people in self._by_number.items():
            if values[reason]:
                shown |= {each for each in people if values[self._before[each]]}
        return shown

    def _reasons(self, bench: Bench) -> list[Variable]:
        """Return flags that say by what an area is short before the pivot declares: members, leaders, skills."""
        program = self._program
        found = []
        for people, wanted in ((bench.members, bench.k), (bench.leading, bench.leaders)):
            terms = [(self._before[each.id], 1) for each in people if each.id not in self._declared]
            if terms and wanted:
                found.append(program.flag())
                program.at_most(terms, wanted - 1 - (len(people) - len(terms)), only_if=found[-1])
                self._by_number[found[-1]] = [each.id for each in people if each.id not in self._declared]
        if bench.area.skills:
            found.append(program.flag())
            self._by_skills[found[-1]] = bench, self._missing(bench)
        return found

    def _missing(self, bench: Bench) -> dict[Kind, Variable]:
        """Return flags that say that nobody of a type has declared; none for types with declared members."""
        missing = {}
        for kind, members in bench.kinds.items():
            if all(each.id not in self._declared for each in members):
                missing[kind] = self._program.flag()
                terms = [(self._before[each.id], 1) for each in members]
                self._program.at_most(terms, 0, only_if=missing[kind])
        return missing

    def _learn(self, values: Sequence[int]) -> bool:
        """Where an area is said to be short of skills and is not, tell the program a core that has to be broken."""
        has_learnt = False
        for reason, (bench, missing) in self._by_skills.items():
            if not values[reason]:
                continue
            there = [kind for kind in bench.kinds if kind not in missing or not values[missing[kind]]]
            if core := find_core(bench, there):
                broken = [(missing[kind], 1) for kind in core if kind in missing]
                self._program.at_least(broken, 1, only_if=reason)
                has_learnt = True
        return has_learnt
