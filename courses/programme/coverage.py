"""Computations 1 and 2: is there a team for every area, and how many losses does that survive?

A loss of people breaks coverage exactly if it breaks one area. An area is broken in one of three ways:

- fewer than k eligible auditors are left: smallest loss ``|E| - k + 1``;
- fewer than ``leaders_per_team`` who may lead: ``|L| - leaders_per_team + 1``;
- of every *core*, a set of auditors who have all skills and leave room for the leaders, somebody is gone. Auditors with
  the same skills (and the same right to lead) are of one *type* and stand for each other, so a smallest such loss takes
  whole types: a hitting set of least weight over the cores.

The margin of the area is the least of the three, less one. Where a team is lacking, the same expression is minus the
shortfall: the fewest auditors, with every skill and allowed to lead, to be added until there is a team.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from courses.programme.model import Area, Auditor, Pool


class Kind(NamedTuple):
    """A type of auditor as an area sees it."""

    skills: frozenset[str]
    """Those of the area's skills that they have; never none."""
    may_lead: bool
    """False for all where no leader is asked for."""


Core = frozenset[Kind]


@dataclass(frozen=True)
class Bench:
    """Those who may be in one area's team."""

    area: Area
    members: tuple[Auditor, ...]
    """Sorted by id."""
    k: int
    leaders: int
    """Members of a team who have to be allowed to lead."""

    @cached_property
    def leading(self) -> tuple[Auditor, ...]:
        """Those who may lead."""
        return tuple(each for each in self.members if each.may_lead)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(each.id for each in self.members)

    @cached_property
    def kinds(self) -> Mapping[Kind, tuple[Auditor, ...]]:
        """Those who have any of the area's skills, by type."""
        found: dict[Kind, list[Auditor]] = {}
        for member in self.members:
            if kind := self.kind_of(member):
                found.setdefault(kind, []).append(member)
        return {kind: tuple(members) for kind, members in found.items()}

    def kind_of(self, auditor: Auditor) -> Kind | None:
        """Return the type of an auditor here; None without any of the skills."""
        had = auditor.skills & self.area.skills
        return Kind(had, self.leaders > 0 and auditor.may_lead) if had else None

    @cached_property
    def spare(self) -> int:
        """Margin by numbers of members and leaders alone; below 0 where too few."""
        members = len(self.members) - self.k
        return min(members, len(self.leading) - self.leaders) if self.leaders else members

    @property
    def has_team(self) -> bool:
        """Tell whether a team can be formed."""
        return self.spare >= 0 and (not self.area.skills or find_core(self, self.kinds) is not None)

    @property
    def shortfall(self) -> int:
        """Auditors lacking for a team; 0 where there is one."""
        return 0 if self.has_team else max(1, -self.spare)


def benches(pool: Pool, day: date, *, is_optimistic: bool = False, trained: Sequence[Auditor] = ()) -> list[Bench]:
    """Return for each area, by id, those who may be in its team on a day.

    Args:
        pool: the pool.
        day: a JST date.
        is_optimistic: take the undeclared as excluded by the known facts alone.
        trained: people who join the pool.
    """
    usable = [
        (auditor, {each.area for each in pool.grounds(auditor, day)})
        for auditor in sorted((*pool.auditors, *trained), key=lambda each: each.id)
        if auditor.is_valid(day) and (is_optimistic or auditor.is_declared)
    ]
    return [
        Bench(
            area,
            tuple(auditor for auditor, excluded in usable if area.id not in excluded),
            pool.k,
            pool.leaders_per_team,
        )
        for area in sorted(pool.areas, key=lambda each: each.id)
    ]


def find_core(bench: Bench, kinds: Collection[Kind]) -> Core | None:
    """Return types of auditors who have all skills and leave room for the leaders; None where there are none.

    No type of the core can be left out. Whether there are leaders enough to fill the room is not asked here.
    """
    order = sorted(kinds, key=lambda kind: (-len(kind.skills), not kind.may_lead, sorted(kind.skills)))
    dead_ends: set[tuple[frozenset[str], int, int]] = set()

    def extend(chosen: tuple[Kind, ...], missing: frozenset[str], leading: int) -> tuple[Kind, ...] | None:
        room = bench.k - len(chosen) - max(0, bench.leaders - leading)
        if room < 0 or (missing, len(chosen), leading) in dead_ends:
            return None
        if not missing:
            return chosen
        holders = min(
            ([kind for kind in order if skill in kind.skills] for skill in sorted(missing)),
            key=len,
        )
        for kind in holders:
            if found := extend((*chosen, kind), missing - kind.skills, leading + kind.may_lead):
                return found
        dead_ends.add((missing, len(chosen), leading))
        return None

    found = extend((), bench.area.skills, 0)
    return None if found is None else _irredundant(bench, found)


def _irredundant(bench: Bench, chosen: tuple[Kind, ...]) -> Core:
    core = list(chosen)
    for kind in chosen:
        rest = [each for each in core if each is not kind]
        if bench.area.skills <= frozenset[str]().union(*(each.skills for each in rest)):
            core = rest
    return frozenset(core)
