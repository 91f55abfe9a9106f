"""Pools by chance, and the same questions answered by trying everything: slow, short, and without the tool's own reasoning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from random import Random

from courses.programme.model import Area, Auditor, Candidate, Exclusion, ExclusionKind, Pool

DAY = date(2026, 11, 30)
SKILLS = ("network", "law", "crypto")


def random_pool(chance: Random) -> Pool:
    """Return a pool of at most 4 areas, 7 auditors and 3 candidates, with everything that a pool can have."""
    with_skills, with_leaders, with_undeclared = chance.random() < 0.5, chance.random() < 0.4, chance.random() < 0.35
    areas = tuple(
        Area(
            f"A{number}",
            Fraction(chance.randint(0, 8)),
            frozenset(chance.sample(SKILLS, chance.randint(0, 3))) if with_skills else frozenset(),
        )
        for number in range(chance.randint(1, 4))
    )
    barred = chance.choice((0.1, 0.25, 0.45))

    def person(prefix: str, number: int) -> dict[str, object]:
        return {
            "id": f"{prefix}{number}",
            "may_lead": chance.random() < 0.6,
            "exclusions": tuple(
                Exclusion(area.id, chance.choice((ExclusionKind.WORKS_IN, ExclusionKind.CONFLICT)))
                for area in areas
                if chance.random() < barred
            ),
            "is_declared": not with_undeclared or chance.random() < 0.5,
            "valid_until": chance.choice((None, None, None, DAY, DAY + timedelta(90), DAY - timedelta(1))),
            "hours": chance.choice((None, Fraction(8), Fraction(5, 2))),
            "skills": frozenset(chance.sample(SKILLS, chance.randint(0, 2))),
        }

    k = chance.randint(1, 3)
    return Pool(
        DAY,
        areas,
        tuple(Auditor(**person("p", number)) for number in range(chance.randint(0, 7))),  # type: ignore[arg-type]
        tuple(
            Candidate(**person("c", number), cost=Fraction(chance.randint(0, 2), 2))  # type: ignore[arg-type]
            for number in range(chance.choice((0, 2, 3)))
        ),
        k=k,
        leaders_per_team=chance.randint(0, k) if with_leaders else 0,
        train=chance.randint(0, 2),
    )


class Trial:
    """A pool with some people in it."""

    def __init__(self, pool: Pool, *, trained: Iterable[Auditor] = (), trusting: Iterable[str] = ()) -> None:
        self.pool = pool
        self.people = [*pool.auditors, *trained]
        self.trusting = set(trusting)

    def eligible(self, area: Area, lost: Iterable[str] = ()) -> list[Auditor]:
        return [
            each
            for each in self.people
            if each.id not in lost
            and (each.is_declared or each.id in self.trusting)
            and (each.valid_until is None or each.valid_until >= self.pool.as_of)
            and all(exclusion.area != area.id for exclusion in each.exclusions)
        ]

    def is_team(self, area: Area, team: Iterable[Auditor]) -> bool:
        members = list(team)
        return (
            len({each.id for each in members}) == self.pool.k
            and sum(each.may_lead for each in members) >= self.pool.leaders_per_team
            and all(any(skill in each.skills for each in members) for skill in area.skills)
        )

    def has_team(self, area: Area, people: list[Auditor]) -> bool:
        return any(self.is_team(area, team) for team in combinations(people, self.pool.k))

    def covers(self, lost: Iterable[str] = ()) -> bool:
        return all(self.has_team(area, self.eligible(area, lost)) for area in self.pool.areas)

    def shortfall(self, area: Area) -> int:
        ideal = [Auditor(f"ideal {number}", skills=frozenset(SKILLS)) for number in range(self.pool.k)]
        people = self.eligible(area)
        return next(n for n in range(self.pool.k + 1) if self.has_team(area, [*people, *ideal[:n]]))

    def smallest_losses(self, area: Area) -> list[tuple[str, ...]]:
        ids = sorted(each.id for each in self.people)
        for size in range(len(ids) + 1):
            if found := [
                lost for lost in combinations(ids, size) if not self.has_team(area, self.eligible(area, lost))
            ]:
                return found
        raise AssertionError(area)

    def margin(self) -> int:
        if not self.covers():
            return -max(map(self.shortfall, self.pool.areas))
        return min(len(self.smallest_losses(area)[0]) for area in self.pool.areas) - 1

    def binding_areas(self) -> tuple[str, ...]:
        margin = self.margin()
        if margin < 0:
            return tuple(area.id for area in self.pool.areas if self.shortfall(area) == -margin)
        return tuple(area.id for area in self.pool.areas if len(self.smallest_losses(area)[0]) == margin + 1)

    def loss_sets(self) -> tuple[tuple[str, ...], ...]:
        ids = sorted(each.id for each in self.people)
        return tuple(lost for lost in combinations(ids, self.margin() + 1) if not self.covers(lost))

    def minimum_pool(self) -> tuple[str, ...]:
        ids = sorted(each.id for each in self.people)
        return next(
            kept
            for size in range(len(ids) + 1)
            for kept in combinations(ids, size)
            if self.covers(set(ids) - set(kept))
        )


def best_training(pool: Pool) -> tuple[tuple[tuple[str, ...], ...], int, int, Fraction]:
    """Return the best sets of candidates with margin, deficit and cost."""

    def value(chosen: tuple[Candidate, ...]) -> tuple[int, int, Fraction]:
        trial = Trial(pool, trained=chosen)
        deficit = sum(map(trial.shortfall, pool.areas))
        return -trial.margin(), deficit, sum((each.cost for each in chosen), Fraction(0))

    candidates = sorted(pool.candidates, key=lambda each: each.id)
    values = {chosen: value(chosen) for chosen in combinations(candidates, min(pool.train, len(candidates)))}
    best = min(values.values())
    sets = (tuple(each.id for each in chosen) for chosen, worth in values.items() if worth == best)
    return tuple(sorted(sets)), -best[0], best[1], best[2]


def deciding(pool: Pool) -> tuple[str, ...]:
    """Return who belongs to a set of declarations that decides, and from which nobody can be left out."""
    ids = [each.id for each in pool.auditors if not each.is_declared]
    smallest: list[frozenset[str]] = []
    for size in range(len(ids) + 1):
        for chosen in map(frozenset, combinations(ids, size)):
            if not any(other <= chosen for other in smallest) and Trial(pool, trusting=chosen).covers():
                smallest.append(chosen)
    return tuple(sorted(frozenset[str]().union(*smallest)))


def random_pools(seed: int, count: int) -> Iterator[Pool]:
    """Return so many pools, always the same for a seed."""
    chance = Random(seed)
    return (random_pool(chance) for _ in range(count))
