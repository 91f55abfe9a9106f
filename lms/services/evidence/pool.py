"""File 13: whether there are enough auditors, and how many could be lost.

Source: ISO/IEC 27001 clauses 7.1 and 9.2; domain.md §5 (computations 1 to 4), §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from courses.programme.model import Pool, PoolError
from courses.programme.results import Analysis, EffortSpentError
from lms.services.auditors import open_book
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.pools import MatrixRow, PoolQuestion, build_pool, matrix, person_of_auditor
from lms.services.selfcheck_facts import ground_text

if TYPE_CHECKING:
    from courses.programme.horizon import Horizon

POOL = "13_pool.csv"
ELIGIBILITY = "13_eligibility.csv"
LOSS_SETS = "13_loss_sets.csv"
HORIZON = "13_horizon.csv"


@dataclass(frozen=True, slots=True)
class _Found:
    """A pool and what the analysis says of it; a code where it can't say."""

    pool: Pool | None
    analysis: Analysis | None
    rows: tuple[MatrixRow, ...]
    problem: str = ""
    ahead: Horizon | None = None


def pool_tables(source: Source) -> Iterator[Table]:
    """Yield file 13."""
    found = _analysed(source)
    yield _items(source, found)
    yield _eligibility(source, found)
    yield _loss_sets(source, found.analysis)
    yield _horizon(source, found.ahead)


def _analysed(source: Source) -> _Found:
    from courses.programme.analysis import analyse  # noqa: PLC0415 - the solver is loaded where it is used
    from courses.programme.horizon import horizon  # noqa: PLC0415 - as above

    question = PoolQuestion(source.question.as_of)
    book = open_book(source.session, source.organisation_id, source.question.moment)
    rows = matrix(book, question)
    try:
        pool = build_pool(book, question)
    except PoolError as refused:
        return _Found(None, None, rows, str(refused.code.value))
    try:
        ahead = horizon(pool, book.policy_on(question.day).training_days)
        return _Found(pool, analyse(pool), rows, ahead=ahead)
    except EffortSpentError:
        return _Found(pool, None, rows, "effort_spent")


def _items(source: Source, found: _Found) -> Table:
    table = source.table(
        path=POOL,
        columns=("item", "value"),
        notes=(
            ("margin", "with any so many auditors lost every area still gets a team; below 0: minus the shortfall"),
            ("problem", "why there is no answer; empty where there is one"),
        ),
    )
    for item, value in (
        *_inputs(found),
        *_answers(source, found.analysis),
        *_ahead(found.ahead),
        ("problem", found.problem),
    ):
        table.add(item, value)
    return table


def _inputs(found: _Found) -> Iterator[tuple[str, object]]:
    pool = found.pool
    if pool is not None:
        yield "as_of", pool.as_of
        yield "audited_from", pool.audited_from
        yield "look_back_months", pool.look_back
        yield "auditors_per_area", pool.k
        yield "leaders_per_team", pool.leaders_per_team
        yield "areas", len(pool.areas)
        yield "auditors", len(pool.auditors)
        yield "undeclared", sum(not each.is_declared for each in pool.auditors)
        yield "candidates", len(pool.candidates)


def _answers(source: Source, analysis: Analysis | None) -> Iterator[tuple[str, object]]:
    if analysis is None:
        yield "verdict", "no_answer"
        return
    yield "verdict", analysis.verdict.value
    yield "margin", analysis.margin
    yield "binding_areas", list(analysis.binding_areas)
    yield "loss_sets", analysis.loss_sets.total
    if analysis.minimum_pool is not None:
        yield "minimum_pool_size", len(analysis.minimum_pool.auditors)
        yield "minimum_pool", _people(source, analysis.minimum_pool.auditors)
        yield "minimum_pool_is_proven", analysis.minimum_pool.is_proven
    yield "undecided_by", _people(source, analysis.undecided_by)
    for each in analysis.training.sets:
        yield "train_next", _people(source, each)
    for witness in analysis.witnesses:
        yield f"shortfall:{witness.area}", witness.shortfall


def _ahead(ahead: Horizon | None) -> Iterator[tuple[str, object]]:
    if ahead is not None:
        yield "looked_ahead_until", ahead.until
        yield "first_day_without_a_team", ahead.first_negative
        yield "latest_day_to_start_training", ahead.latest_start


def _people(source: Source, names: Iterable[str]) -> list[str]:
    return [source.naming.person(person_of_auditor(each)) for each in names]


def _eligibility(source: Source, found: _Found) -> Table:
    table = source.table(
        path=ELIGIBILITY,
        columns=("person", "status", "valid_until", "area", "verdict", "grounds", "grounds_evidence_id"),
        people=frozenset({"person"}),
        evidence=("grounds_evidence_id",),
        notes=(("content", "every auditor against every area on the as-of date; valid_until: first day after"),),
    )
    cited = source.references(
        [ground.reference for row in found.rows for each in row.cells.values() for ground in each.grounds]
    )
    for row in found.rows:
        for area, each in row.cells.items():
            table.add(
                *(row.person_id, row.qualification.state.value, row.qualification.until, area, each.verdict.value),
                [ground_text(ground) for ground in each.grounds],
                list(dict.fromkeys(cited[ground.reference] for ground in each.grounds if ground.reference in cited)),
            )
    return table


def _loss_sets(source: Source, analysis: Analysis | None) -> Table:
    sets: Sequence[tuple[str, ...]] = analysis.loss_sets.sets if analysis is not None else ()
    is_complete = analysis is None or analysis.loss_sets.is_complete
    table = source.table(
        path=LOSS_SETS,
        columns=("number", "person"),
        people=frozenset({"person"}),
        notes=(
            ("content", "the smallest sets of auditors whose loss leaves an area without a team; one row per member"),
            ("complete", "true" if is_complete else "false"),
        ),
    )
    for number, members in enumerate(sets, 1):
        for name in members:
            table.add(number, person_of_auditor(name))
    return table


def _horizon(source: Source, ahead: Horizon | None) -> Table:
    table = source.table(
        path=HORIZON,
        columns=("from", "margin", "binding_areas", "change", "person"),
        people=frozenset({"person"}),
        notes=(("content", "how the margin changes ahead by what is recorded already; one row for each change"),),
    )
    for step in ahead.steps if ahead is not None else ():
        areas = list(step.binding_areas)
        for turn in step.turns:
            change = f"{turn.kind.value}:{turn.reference}" if turn.reference else turn.kind.value
            table.add(step.first_day, step.margin, areas, change, person_of_auditor(turn.auditor))
        if not step.turns:
            table.add(step.first_day, step.margin, areas, "", None)
    return table
