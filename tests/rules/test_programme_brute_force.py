"""2,000 small pools by chance: every answer compared with that of trying everything."""

from __future__ import annotations

import pytest

from courses.programme.analysis import analyse
from courses.programme.model import Pool
from courses.programme.results import Analysis, Verdict
from tests.rules.pools import Trial, best_training, deciding, random_pools

SEEDS = range(20)
POOLS_PER_SEED = 100


def expected_verdict(pool: Pool) -> Verdict:
    if Trial(pool).covers():
        return Verdict.FEASIBLE
    everyone = [each.id for each in pool.auditors]
    return Verdict.CANNOT_TELL if Trial(pool, trusting=everyone).covers() else Verdict.INFEASIBLE


def check_teams(pool: Pool, analysis: Analysis) -> None:
    trial = Trial(pool)
    people = {each.id: each for each in pool.auditors}
    assert set(analysis.teams.members) == {area.id for area in pool.areas}
    load = dict.fromkeys(people, 0)
    for area in pool.areas:
        team = analysis.teams.members[area.id]
        assert set(team) <= {each.id for each in trial.eligible(area)}
        assert trial.is_team(area, [people[each] for each in team])
        for each in team:
            load[each] += area.hours
    assert analysis.teams.largest_load == max(load.values())
    assert analysis.teams.load_bound <= analysis.teams.largest_load


def check_covered(pool: Pool, analysis: Analysis) -> None:
    trial = Trial(pool)
    assert analysis.loss_sets.sets == trial.loss_sets()
    assert analysis.loss_sets.is_complete
    assert analysis.minimum_pool is not None
    assert analysis.minimum_pool.is_proven
    assert analysis.minimum_pool.auditors == trial.minimum_pool()
    check_teams(pool, analysis)


def check_uncovered(pool: Pool, analysis: Analysis) -> None:
    assert (analysis.loss_sets.sets, analysis.minimum_pool, analysis.teams.members) == ((), None, {})
    assert tuple(each.area for each in analysis.witnesses) == analysis.binding_areas
    assert analysis.undecided_by == (deciding(pool) if analysis.verdict is Verdict.CANNOT_TELL else ())


def check(pool: Pool) -> None:
    analysis = analyse(pool)
    trial = Trial(pool)
    assert analysis.verdict is expected_verdict(pool)
    assert analysis.margin == trial.margin()
    assert analysis.binding_areas == trial.binding_areas()
    (check_covered if analysis.verdict is Verdict.FEASIBLE else check_uncovered)(pool, analysis)
    training = analysis.training
    if pool.candidates and pool.train:
        assert (training.sets, training.margin, training.deficit, training.cost) == best_training(pool)
    else:
        assert (training.sets, training.margin) == ((), None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_small_pools_are_analysed_as_by_trying_everything(seed: int) -> None:
    for pool in random_pools(seed, POOLS_PER_SEED):
        check(pool)


def test_the_pools_by_chance_are_of_every_kind() -> None:
    verdicts = [expected_verdict(pool) for pool in random_pools(0, 200)]
    assert min(verdicts.count(verdict) for verdict in Verdict) > 5
