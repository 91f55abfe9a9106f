"""Computations 1 to 4 for one pool on one day.

Source: domain.md §5.
"""

from __future__ import annotations

from courses.programme.coverage import Bench, benches
from courses.programme.covering import smallest_pool
from courses.programme.explain import explain
from courses.programme.losses import margin_of, smallest_losses
from courses.programme.model import Pool
from courses.programme.results import Analysis, Teams, Verdict
from courses.programme.teams import balanced_teams
from courses.programme.training import train_next
from courses.programme.undecided import undecided_by


def analyse(pool: Pool, *, with_teams: bool = True) -> Analysis:
    """Return verdict, margin, loss sets, minimum pool, whom to train, teams and reasons, all as of ``pool.as_of``.

    Everything but the verdict and ``undecided_by`` is told of the pessimistic pool: whoever has not declared is eligible
    nowhere. So where the verdict is *cannot tell*, there are no loss sets, no minimum pool and no teams yet. Balancing
    teams is what takes the solver most often; a page that shows none asks for none by ``with_teams``.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before a proof that the answer needs.
    """
    certain = benches(pool, pool.as_of)
    margin, binding = margin_of(certain)
    training = train_next(pool)
    if margin >= 0:
        return Analysis(
            pool.as_of,
            Verdict.FEASIBLE,
            margin,
            binding,
            loss_sets=smallest_losses(certain, margin),
            minimum_pool=smallest_pool(certain),
            training=training,
            teams=balanced_teams(certain) if with_teams else Teams(),
        )
    possible = benches(pool, pool.as_of, is_optimistic=True)
    is_open = covers(possible)
    return Analysis(
        pool.as_of,
        Verdict.CANNOT_TELL if is_open else Verdict.INFEASIBLE,
        margin,
        binding,
        training=training,
        undecided_by=undecided_by(certain, possible) if is_open else (),
        witnesses=explain(pool, certain, binding),
    )


def covers(everyone: list[Bench]) -> bool:
    """Tell whether every area gets a team (computation 1)."""
    return all(bench.has_team for bench in everyone)
