"""Why an area gets no team: an irreducible set of facts, and what would close the gap.

What is explained is the area's *shortfall*, the number by which the margin is negative. The facts say what keeps each
auditor from filling a place: a ground for exclusion, a validity, a missing declaration, no right to lead, a missing skill.
They are irreducible: as if any one of them were not so, the shortfall would be smaller. An auditor who is excluded for
several reasons is named with one of them, duties first.

Source: domain.md §5; the deletion filter for irreducible inconsistent sets, Chinneck and Dravnieks 1991.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from courses.programme.coverage import Bench, Kind, find_core
from courses.programme.covering import ask_for_team
from courses.programme.model import Area, Auditor, ExclusionKind, Pool
from courses.programme.results import MOST_EXPLAINED_AREAS, Fact, FactKind, Repair, RepairKind, Witness

_LEAST_TELLING_FIRST = (
    FactKind.LACKS_SKILL,
    FactKind.MAY_NOT_LEAD,
    FactKind.UNDECLARED,
    FactKind.NOT_VALID,
    FactKind.NOT_YET_VALID,
    FactKind.EXCLUDED,
)
_BARS = frozenset({FactKind.EXCLUDED, FactKind.NOT_VALID, FactKind.NOT_YET_VALID, FactKind.UNDECLARED})
"""Facts that keep an auditor out of the area altogether."""
_GROUNDS = tuple(ExclusionKind)


def explain(pool: Pool, certain: Iterable[Bench], areas: Sequence[str]) -> tuple[Witness, ...]:
    """Return why these areas, at most the first 50, get no team although only the certainly eligible count."""
    named = set(areas[:MOST_EXPLAINED_AREAS])
    return tuple(_witness(pool, bench) for bench in certain if bench.area.id in named)


def facts_about(pool: Pool, area: Area) -> list[Fact]:
    """Return every fact that keeps somebody of the pool from filling any place in an area's team on ``pool.as_of``."""
    auditors = sorted(pool.auditors, key=lambda each: each.id)
    return [fact for auditor in auditors for fact in _facts(pool, area, auditor)]


def _facts(pool: Pool, area: Area, auditor: Auditor) -> Iterator[Fact]:
    for exclusion in sorted(pool.grounds(auditor, pool.as_of), key=lambda each: _GROUNDS.index(each.kind)):
        if exclusion.area == area.id:
            yield Fact(FactKind.EXCLUDED, auditor.id, area.id, exclusion.kind, exclusion.fact)
    if auditor.valid_from is not None and pool.as_of < auditor.valid_from:
        yield Fact(FactKind.NOT_YET_VALID, auditor.id, area.id, day=auditor.valid_from)
    if auditor.valid_until is not None and auditor.valid_until < pool.as_of:
        yield Fact(FactKind.NOT_VALID, auditor.id, area.id, reference=auditor.validity_fact, day=auditor.valid_until)
    if not auditor.is_declared:
        yield Fact(FactKind.UNDECLARED, auditor.id, area.id)
    if pool.leaders_per_team and not auditor.may_lead:
        yield Fact(FactKind.MAY_NOT_LEAD, auditor.id, area.id)
    for skill in sorted(area.skills - auditor.skills):
        yield Fact(FactKind.LACKS_SKILL, auditor.id, area.id, skill=skill)


def _witness(pool: Pool, bench: Bench) -> Witness:
    known = facts_about(pool, bench.area)
    needed = _Supposition(bench, known)
    for kind in _LEAST_TELLING_FIRST:
        for fact in reversed([each for each in known if each.kind is kind]):
            needed.leave_out(fact)
    return Witness(
        bench.area.id,
        bench.shortfall,
        tuple(each.id for each in bench.members),
        tuple(needed.facts),
        tuple(_repairs(pool, bench, known)),
    )


class _Supposition:
    """The area as it would be if only some of the facts were so."""

    def __init__(self, bench: Bench, facts: Iterable[Fact]) -> None:
        self.facts = dict.fromkeys(facts)
        self._bench = bench
        self._shortfall = bench.shortfall
        self._bars: dict[str, int] = {each.id: 0 for each in bench.members}
        self._lacks: dict[str, set[str]] = {}
        self._followers: set[str] = set()
        for fact in self.facts:
            self._set(fact, 1)

    def leave_out(self, fact: Fact) -> None:
        """Leave a fact out, unless the shortfall would be smaller without it."""
        self._set(fact, -1)
        if self._falls_short():
            del self.facts[fact]
        else:
            self._set(fact, 1)

    def _set(self, fact: Fact, step: int) -> None:
        self._bars.setdefault(fact.auditor, 0)
        if fact.kind in _BARS:
            self._bars[fact.auditor] += step
        elif fact.kind is FactKind.MAY_NOT_LEAD:
            (self._followers.add if step > 0 else self._followers.discard)(fact.auditor)
        else:
            lacks = self._lacks.setdefault(fact.auditor, set())
            (lacks.add if step > 0 else lacks.discard)(fact.skill)

    def _falls_short(self) -> bool:
        members = [auditor for auditor, bars in self._bars.items() if not bars]
        spare = len(members) - self._bench.k
        if self._bench.leaders:
            spare = min(spare, sum(each not in self._followers for each in members) - self._bench.leaders)
        if spare < 0:
            return -spare >= self._shortfall
        return self._shortfall == 1 and self._has_no_core(members)

    def _has_no_core(self, members: Iterable[str]) -> bool:
        wanted = self._bench.area.skills
        kinds = {
            Kind(wanted - self._lacks.get(each, set()), self._bench.leaders > 0 and each not in self._followers)
            for each in members
        }
        return find_core(self._bench, [kind for kind in kinds if kind.skills]) is None


def _repairs(pool: Pool, bench: Bench, known: Iterable[Fact]) -> Iterator[Repair]:
    """Return what would close the gap, each kind by itself, from the least effort to the most."""
    auditors = {each.id: each for each in pool.auditors}
    facts: dict[str, set[FactKind]] = {}
    for fact in known:
        facts.setdefault(fact.auditor, set()).add(fact.kind)

    def barred_by(kind: FactKind) -> list[Auditor]:
        return [auditors[each] for each, had in facts.items() if had & _BARS == {kind}]

    eligible_candidates = [
        each
        for each in sorted(pool.candidates, key=lambda each: (each.cost, each.id))
        if not any(fact.kind in _BARS for fact in _facts(pool, bench.area, each))
    ]
    leading = [replace(each, may_lead=True) for each in bench.members if not each.may_lead]
    wanted = bench.area.skills
    taught = [replace(each, skills=each.skills | wanted) for each in bench.members if not wanted <= each.skills]
    options: tuple[tuple[RepairKind, Sequence[Auditor]], ...] = (
        (RepairKind.DECLARE, barred_by(FactKind.UNDECLARED)),
        (RepairKind.RENEW, barred_by(FactKind.NOT_VALID)),
        (RepairKind.TRAIN, eligible_candidates),
        (RepairKind.LET_LEAD, leading if bench.leaders else []),
        (RepairKind.TEACH, taught),
        (RepairKind.EXCEPT, barred_by(FactKind.EXCLUDED)),
    )
    for kind, changed in options:
        if changed and (count := _fewest(bench, changed)):
            yield Repair(kind, count, tuple(each.id for each in changed))
    yield Repair(RepairKind.FIND, bench.shortfall)


def _fewest(bench: Bench, changed: Sequence[Auditor]) -> int | None:
    """Return how many of the changed auditors are needed for a team; None where all of them do not suffice."""
    if not bench.area.skills and not bench.leaders:  # all count alike: no solver is needed
        lacking = bench.k - len(bench.members)
        return lacking if 0 < lacking <= len(changed) else None
    from courses.programme.solve import Program  # noqa: PLC0415 - a web process starts without it

    names: Callable[[str], str] = "\0{}".format
    instead = [replace(each, id=names(each.id)) for each in changed]
    everyone = Bench(bench.area, (*bench.members, *instead), bench.k, bench.leaders)
    if not everyone.has_team:
        return None
    program = Program()
    present = {each.id: program.flag() for each in chain(bench.members, instead)}
    for each in changed:
        if each.id in present:  # a member as before or changed, not both
            program.at_most([(present[each.id], 1), (present[names(each.id)], 1)], 1)
    ask_for_team(program, everyone, present)
    solution = program.solve_exactly([(present[each.id], 1) for each in instead])
    return None if solution is None else solution.objective
