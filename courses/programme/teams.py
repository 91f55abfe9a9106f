"""A team for every area, with the hours balanced.

Of all assignments of exactly k auditors to each area, each team with its leaders and skills, the best has

1. the smallest largest *overrun*: hours of an auditor above the own capacity (who names none has no limit);
2. then the smallest largest *load*: hours of an auditor altogether.

A first assignment is made by giving the longest areas to those who have least, and then bettered by handing over single
areas; the solver goes on where that is not yet proven best. What is equally good is decided by the search, which is the
same for the same pool in whatever order it is written.

Source: domain.md §5, computation 7, without rotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from courses.programme.coverage import Bench, find_core
from courses.programme.model import Auditor
from courses.programme.results import Teams

if TYPE_CHECKING:
    from courses.programme.solve import Variable

MOST_MOVES = 2_000
EFFORT = 2.0
"""Deterministic seconds of the solver for each of the two aims."""


def balanced_teams(benches: Sequence[Bench]) -> Teams:
    """Return teams for areas that can all be covered."""
    board = _Board(benches)
    for bench in sorted(benches, key=lambda each: (-board.effort[each.area.id], each.area.id)):
        board.fill(bench)
    board.hand_over()
    overrun_bound, load_bound = 0, board.lower_bound()
    if board.overrun or board.largest > load_bound:
        balance = _Balance(board)
        overrun_bound = balance.lessen_overrun() if board.overrun else 0
        load_bound = max(load_bound, balance.lessen_load())
    return Teams(
        {bench.area.id: tuple(sorted(board.teams[bench.area.id])) for bench in benches},
        *(Fraction(each, board.unit) for each in (board.overrun, overrun_bound, board.largest, load_bound)),
    )


class _Board:
    """Teams as far as they are made, and everybody's hours as whole numbers of ``1 / unit`` hours."""

    def __init__(self, benches: Sequence[Bench]) -> None:
        self.benches = {bench.area.id: bench for bench in benches}
        self.people = {each.id: each for bench in benches for each in bench.members}
        hours = [bench.area.hours for bench in benches]
        capacities = {each.id: each.hours for each in self.people.values() if each.hours is not None}
        self.unit = lcm(*(each.denominator for each in (*hours, *capacities.values())))
        self.effort = {bench.area.id: int(bench.area.hours * self.unit) for bench in benches}
        self.capacity = {auditor: int(each * self.unit) for auditor, each in capacities.items()}
        self.load = dict.fromkeys(sorted(self.people), 0)
        self._work: dict[str, list[str]] = {auditor: [] for auditor in self.load}
        self.teams: dict[str, list[str]] = {bench.area.id: [] for bench in benches}

    @property
    def overrun(self) -> int:
        """The largest overrun."""
        return max((max(0, self.load[auditor] - limit) for auditor, limit in self.capacity.items()), default=0)

    @property
    def largest(self) -> int:
        """The largest load."""
        return max(self.load.values())

    def fill(self, bench: Bench) -> None:
        """Make a team of those who have least to do."""
        team: list[Auditor] = []
        effort = self.effort[bench.area.id]
        by_cost = sorted(bench.members, key=lambda each: self._cost(each.id, effort))
        can_end = _Completion(bench)
        while len(team) < bench.k:
            team.append(next(each for each in by_cost if each not in team and can_end.with_members([*team, each])))
        self.seat(bench.area.id, [each.id for each in team])

    def seat(self, area: str, team: list[str]) -> None:
        """Give an area this team instead of the one that it had."""
        for auditor in self.teams[area]:
            self.load[auditor] -= self.effort[area]
            self._work[auditor].remove(area)
        for auditor in team:
            self.load[auditor] += self.effort[area]
            self._work[auditor].append(area)
        self.teams[area] = team

    def hand_over(self) -> None:
        """Let people hand areas over or exchange them, those who have most first, until nothing is bettered by it."""
        bound = self.lower_bound()
        for _ in range(MOST_MOVES):
            if not self.overrun and self.largest <= bound:
                return
            givers = sorted(self.load, key=self._burden, reverse=True)
            move = next((move for giver in givers for move in self._moves(giver)), None)
            if move is None:
                return
            for area, team in move.items():
                self.seat(area, team)

    def lower_bound(self) -> int:
        """Return a load that somebody has in every assignment.

        Some seats can be taken by some people only: all seats by those eligible anywhere, the leaders' by those who may
        lead, one in each team that needs a skill by those who have it. Somebody has no less than their average.
        """
        hours, people = [], []
        benches = self.benches.values()
        for skill in (None, *sorted({skill for bench in benches for skill in bench.area.skills})):
            asking = [bench for bench in benches if skill is None or skill in bench.area.skills]
            hours.append(sum((bench.k if skill is None else 1) * self.effort[bench.area.id] for bench in asking))
            had = (each for bench in asking for each in bench.members if skill is None or skill in each.skills)
            people.append({each.id for each in had})
        hours.append(sum(bench.leaders * self.effort[bench.area.id] for bench in benches))
        people.append({each.id for bench in benches for each in bench.leading})
        step = gcd(*self.effort.values()) or 1
        shares = (-(-total // (len(able) * step)) * step for total, able in zip(hours, people, strict=True) if able)
        return max(*shares, *self.effort.values())

    def _moves(self, giver: str) -> Iterator[dict[str, list[str]]]:
        """Return changed teams by which the giver, and whoever takes over, has less than the giver has now."""
        now = self._burden(giver)[:2]
        given = sorted(self._work[giver], key=lambda area: (-self.effort[area], area))
        for receiver in sorted(self.load, key=self._burden):
            if self._burden(receiver)[:2] >= now:
                return
            for area in given:
                effort = self.effort[area]
                for back in (None, *sorted(self._work[receiver])):
                    relief = effort - (0 if back is None else self.effort[back])
                    if relief <= 0 or self._cost(giver, -relief)[:2] >= now or self._cost(receiver, relief)[:2] >= now:
                        continue
                    changed = {area: self._replaced(area, giver, receiver)}
                    if back is not None:
                        changed[back] = self._replaced(back, receiver, giver)
                    if all(changed.values()):
                        yield {each: team for each, team in changed.items() if team}

    def _replaced(self, area: str, leaves: str, comes: str) -> list[str]:
        """Return a team with one member replaced; empty where that is no team."""
        bench, team = self.benches[area], self.teams[area]
        if leaves not in team or comes in team or comes not in bench.ids:
            return []
        changed = [comes if each == leaves else each for each in team]
        return changed if _is_team(bench, [self.people[each] for each in changed]) else []

    def _burden(self, auditor: str) -> tuple[int, int, str]:
        return self._cost(auditor, 0)

    def _cost(self, auditor: str, effort: int) -> tuple[int, int, str]:
        return self._excess(auditor, effort), self.load[auditor] + effort, auditor

    def _excess(self, auditor: str, effort: int) -> int:
        limit = self.capacity.get(auditor)
        return 0 if limit is None else max(0, self.load[auditor] + effort - limit)


class _Completion:
    """Says whether a team that is begun can be completed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._known: dict[tuple[frozenset[str], int, int], bool] = {}

    def with_members(self, begun: Sequence[Auditor]) -> bool:
        """Tell whether there is a team with these members."""
        bench = self._bench
        missing = bench.area.skills.difference(*(each.skills for each in begun))
        places = bench.k - len(begun)
        leaders = max(0, bench.leaders - sum(each.may_lead for each in begun))
        if not missing or leaders > places:
            return leaders <= places
        asked = missing, places, leaders
        if asked not in self._known:
            rest = Bench(replace(bench.area, skills=missing), bench.members, places, leaders)
            self._known[asked] = find_core(rest, rest.kinds) is not None
        return self._known[asked]


def _is_team(bench: Bench, team: Sequence[Auditor]) -> bool:
    skills = frozenset[str]().union(*(each.skills for each in team))
    return sum(each.may_lead for each in team) >= bench.leaders and bench.area.skills <= skills


class _Balance:
    """The program of all assignments, from which the solver takes better ones."""

    def __init__(self, board: _Board) -> None:
        from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

        self._board = board
        self._program = program = Program()
        self._places = {
            area: {each.id: program.flag() for each in bench.members}
            for area, bench in board.benches.items()
            if board.effort[area]
        }
        for area, flags in self._places.items():
            self._ask_for_team(board.benches[area], flags)
        self._overrun = program.number(0, board.overrun)
        self._largest = program.number(board.lower_bound(), sum(board.effort.values()))
        self._ask_for_hours()

    def lessen_overrun(self) -> int:
        """Make the largest overrun small and keep to it; return its bound."""
        bound = self._lessen(self._overrun)
        self._program.at_most([(self._overrun, 1)], self._board.overrun)
        return bound

    def lessen_load(self) -> int:
        """Make the largest load small; return its bound."""
        return self._lessen(self._largest)

    def _ask_for_team(self, bench: Bench, flags: Mapping[str, Variable]) -> None:
        self._program.exactly([(flag, 1) for flag in flags.values()], bench.k)
        self._program.at_least([(flags[each.id], 1) for each in bench.leading], bench.leaders)
        for skill in sorted(bench.area.skills):
            self._program.at_least([(flags[each.id], 1) for each in bench.members if skill in each.skills], 1)

    def _ask_for_hours(self) -> None:
        work: dict[str, list[tuple[Variable, int]]] = {}
        for area, flags in self._places.items():
            for auditor, flag in flags.items():
                work.setdefault(auditor, []).append((flag, self._board.effort[area]))
        for auditor, terms in work.items():
            self._program.at_most([*terms, (self._largest, -1)], 0)
            if auditor in self._board.capacity:
                self._program.at_most([*terms, (self._overrun, -1)], self._board.capacity[auditor])

    def _lessen(self, aim: Variable) -> int:
        teams = self._board.teams
        hint = {
            flag: int(auditor in teams[area]) for area, flags in self._places.items() for auditor, flag in flags.items()
        }
        hint |= {self._overrun: self._board.overrun, self._largest: self._board.largest}
        solution = self._program.solve([(aim, 1)], hint, EFFORT)
        if solution is None:  # pragma: no cover - the hint is a solution
            raise AssertionError(teams)
        for area, flags in self._places.items():
            self._board.seat(area, [auditor for auditor, flag in flags.items() if solution.values[flag]])
        return solution.bound
