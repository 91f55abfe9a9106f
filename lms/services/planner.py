"""What the planner of audits looks at: matrix, analysis and outlook of the pool as of a date and as known then.

Source: domain.md §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from courses.independence import AuditedArea, Ground, all_grounds
from courses.programme.analysis import analyse
from courses.programme.horizon import Horizon, horizon
from courses.programme.model import Pool, PoolError
from courses.programme.results import Analysis
from lms.services.auditors import Book, Policy, open_book, rule_area
from lms.services.people import Particulars, particulars_on
from lms.services.pools import MatrixRow, PoolChange, PoolQuestion, auditor_id, build_pool, changed_pool, matrix
from lms.store.records import Moment


@dataclass(frozen=True, slots=True)
class Reckoning:
    """A pool with everything computed of it."""

    pool: Pool
    analysis: Analysis
    horizon: Horizon


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the planner's page shows."""

    book: Book
    question: PoolQuestion
    policy: Policy
    rows: tuple[MatrixRow, ...]
    reckoning: Reckoning | None
    """None: no pool can be made, as no area is defined."""
    people: Mapping[str, str]
    """Names by auditor's name in the pool."""
    grounds: Mapping[tuple[str, str, str], Ground]
    """By auditor, area and reference."""


def make_plan(session: Session, organisation_id: int, moment: Moment, question: PoolQuestion) -> Plan:
    """Return what the planner's page shows."""
    book = open_book(session, organisation_id, moment)
    return Plan(
        book,
        question,
        book.policy_on(question.day),
        matrix(book, question),
        _reckon_if_any(book, question),
        people_names(session, organisation_id, moment),
        grounds_of(book, question),
    )


def _reckon_if_any(book: Book, question: PoolQuestion) -> Reckoning | None:
    if not book.areas_on(question.day):
        return None
    return reckon(build_pool(book, question), book.policy_on(question.day))


def reckon(pool: Pool, policy: Policy) -> Reckoning:
    """Return everything computed of a pool.

    Raises:
        courses.programme.results.EffortSpentError: the solver's limit came before a proof that the answer needs.
    """
    return Reckoning(pool, analyse(pool, with_teams=False), horizon(pool, policy.training_days))


def reckon_changed(plan: Plan, change: PoolChange) -> Reckoning | None:
    """Return the pool as it would be with a change; None where no pool can be made."""
    try:
        pool = changed_pool(plan.book, plan.question, change)
    except PoolError:
        return None
    return reckon(pool, plan.policy)


def grounds_of(
    book: Book, question: PoolQuestion, extra: Mapping[str, AuditedArea] | None = None
) -> dict[tuple[str, str, str], Ground]:
    """Return every ground of everybody in the book, whenever it holds."""
    places = {key: rule_area(row) for key, row in book.areas_on(question.day).items()} | dict(extra or {})
    scene = book.scene(question.audited, question.day)
    return {
        (auditor_id(file.person_id), key, ground.reference): ground
        for file in book.files.values()
        for key, place in places.items()
        for ground in all_grounds(file.ties, place, scene)
    }


def people_names(session: Session, organisation_id: int, moment: Moment) -> dict[str, str]:
    """Return everybody's name by the name that pools give them."""
    found = particulars_on(session, organisation_id, moment.as_of, moment.known_at)
    return {auditor_id(key): full_name(value) for key, value in found.items() if value is not None}


def full_name(particulars: Particulars) -> str:
    """Return family and given name."""
    return f"{particulars.family_name} {particulars.given_name}".strip()
