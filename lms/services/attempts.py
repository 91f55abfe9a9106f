"""Taking a test: starting, saving each answer as given, submitting, and the lesson that unlocks a retest.

Source: domain.md §3; the rules are `quizzes.attempts` and `quizzes.marking`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from lms.services.awareness import ModuleInUse, module_version, questions_by_hash
from lms.services.requirements import occasion_of
from lms.services.scores import want_scores
from lms.store.attempts import ITEMS, Answer, Attempt, AttemptResult, SupplementCompletion
from lms.store.identities import lock_identities
from lms.store.openings import record_with_openings
from lms.store.organisations import Organisation
from lms.store.records import record
from quizzes.attempts import AttemptPolicy, StartDecision, StartVerdict, may_start
from quizzes.marking import Mark, PaperMark, is_pass, mark_paper, points_needed, read_answer
from quizzes.questions import PaperItem, Question, draw_paper


class NoSuchAttemptError(LookupError):
    """The person has no such attempt; somebody else's is none of theirs."""


class AttemptOverError(ValueError):
    """The attempt was submitted already; what came later changes nothing."""

    def __init__(self, attempt_id: int) -> None:
        super().__init__(attempt_id)
        self.attempt_id = attempt_id


class NotOnThisPaperError(LookupError):
    """The paper has no question at this place."""

    def __init__(self, position: object) -> None:
        super().__init__(position)
        self.position = position


class MayNotStartError(ValueError):
    """The test can't be started now; the decision says why."""

    def __init__(self, decision: StartDecision) -> None:
        super().__init__(decision.verdict.value)
        self.decision = decision


class NoSupplementDueError(ValueError):
    """The supplementary lesson is only for those who have used up their attempts."""


@dataclass(frozen=True, slots=True)
class Learner:
    """Who takes a test."""

    organisation: Organisation
    identity_id: int
    """The identity of the present launch: new attempts belong to it."""
    identity_ids: tuple[int, ...]
    """All identities of the same person."""
    person_id: int | None
    actor: str


@dataclass(frozen=True, slots=True)
class TestDesk:
    """Where a learner stands with a module's test."""

    __test__ = False  # pytest: this is no test case

    occasion: str
    policy: AttemptPolicy
    decision: StartDecision
    open_attempt_id: int | None
    results: tuple[AttemptResult, ...]
    """Submitted attempts of the occasion, oldest first."""


@dataclass(frozen=True, slots=True)
class PaperQuestion:
    """A question at its place on a paper."""

    position: int
    """From 1."""
    question: Question
    version_hash: str
    item: PaperItem
    answer: dict[str, Any] | None
    """As given; None while unanswered."""


@dataclass(frozen=True, slots=True)
class PlaceOnPaper:
    """A place on a paper, as far as an answer to it needs to know."""

    question: Question
    order: tuple[str, ...]
    """Keys of the options or right sides as shown."""
    places: int
    """How many questions the paper has."""
    submitted_at: datetime | None
    """When the attempt was submitted; None while it is open."""


@dataclass(frozen=True, slots=True)
class Paper:
    """An attempt with its questions and answers."""

    attempt_id: int
    module: ModuleInUse
    number: int
    started_at: datetime
    submitted_at: datetime | None
    questions: tuple[PaperQuestion, ...]

    def at(self, position: int) -> PaperQuestion:
        """Return the question at a place.

        Raises:
            NotOnThisPaperError: the paper has no such place.
        """
        if not 1 <= position <= len(self.questions):
            raise NotOnThisPaperError(position)
        return self.questions[position - 1]


@dataclass(frozen=True, slots=True)
class _Past:
    started_at: datetime
    submitted_at: datetime | None
    passed: bool | None


def policy_of(module: ModuleInUse) -> AttemptPolicy:
    """Return the rules of a module's test."""
    test = module.module.test
    return AttemptPolicy(test.questions, test.pass_percent, test.attempts, timedelta(minutes=test.wait_minutes))


def test_desk(session: Session, learner: Learner, module: ModuleInUse, now: datetime) -> TestDesk:
    """Return where a learner stands with a module's test, for the obligation that it would work on now."""
    key = module.module.key
    occasion = occasion_of(session, learner.organisation.id, learner.person_id, key, now)
    attempts = session.scalars(
        select(Attempt)
        .where(Attempt.identity_id.in_(learner.identity_ids), Attempt.module_key == key, Attempt.occasion == occasion)
        .order_by(Attempt.started_at, Attempt.id)
    ).all()
    results = session.scalars(
        select(AttemptResult)
        .where(AttemptResult.attempt_id.in_([each.id for each in attempts]))
        .order_by(AttemptResult.submitted_at, AttemptResult.id)
    ).all()
    passed = {each.attempt_id: each.is_passed for each in results}
    supplements = session.scalars(
        select(SupplementCompletion.completed_at).where(
            SupplementCompletion.identity_id.in_(learner.identity_ids),
            SupplementCompletion.module_key == key,
            SupplementCompletion.occasion == occasion,
        )
    ).all()
    policy = policy_of(module)
    history = [_Past(each.started_at, each.submitted_at, passed.get(each.id)) for each in attempts]
    open_ids = [each.id for each in attempts if each.submitted_at is None]
    return TestDesk(
        occasion,
        policy,
        may_start(policy, history, supplements, now),
        open_ids[-1] if open_ids else None,
        tuple(results),
    )


def start_attempt(session: Session, learner: Learner, module: ModuleInUse, now: datetime) -> int:
    """Start an attempt, or return the open one.

    Raises:
        MayNotStartError: it is not the time for one.
    """
    # One start at a time for a person: the second waits here, and then finds what the first has started.
    lock_identities(session, learner.identity_ids)
    desk = test_desk(session, learner, module, now)
    if desk.open_attempt_id is not None:
        return desk.open_attempt_id
    if desk.decision.verdict is not StartVerdict.may_start:
        raise MayNotStartError(desk.decision)
    seed = secrets.token_hex(16)
    questions = questions_by_hash(session, learner.organisation.id, module.question_hashes)
    hash_of = {question.key: version_hash for version_hash, question in questions.items()}
    paper = draw_paper(list(questions.values()), desk.policy.questions, seed)
    attempt = Attempt(
        organisation_id=learner.organisation.id,
        identity_id=learner.identity_id,
        module_version_id=module.version_id,
        module_key=module.module.key,
        occasion=desk.occasion,
        # Not their count: an identity that was linked for a while leaves a gap in the numbers.
        number=max((each.number for each in desk.results), default=0) + 1,
        seed=seed,
        paper=[
            {"question": item.question_key, "version": hash_of[item.question_key], "order": list(item.order)}
            for item in paper
        ],
        started_at=now,
        submitted_at=None,
    )
    session.add(attempt)
    session.flush()
    return attempt.id


def _attempt(session: Session, learner: Learner, attempt_id: int) -> Attempt:
    attempt = session.get(Attempt, attempt_id)
    if attempt is None or attempt.identity_id not in learner.identity_ids:
        raise NoSuchAttemptError(attempt_id)
    return attempt


def read_paper(session: Session, learner: Learner, attempt_id: int) -> Paper:
    """Return one of the learner's papers with the answers saved so far.

    Raises:
        NoSuchAttemptError: the learner has no such attempt.
    """
    return _paper(session, _attempt(session, learner, attempt_id))


def _paper(session: Session, attempt: Attempt) -> Paper:
    rows = session.execute(select(Answer.position, Answer.given).where(Answer.attempt_id == attempt.id))
    answers: dict[int, dict[str, Any]] = {row.position: row.given for row in rows}
    hashes = [entry["version"] for entry in attempt.paper]
    questions = questions_by_hash(session, attempt.organisation_id, hashes)
    return Paper(
        attempt_id=attempt.id,
        module=module_version(session, attempt.module_version_id),
        number=attempt.number,
        started_at=attempt.started_at,
        submitted_at=attempt.submitted_at,
        questions=tuple(
            PaperQuestion(
                position,
                questions[entry["version"]],
                entry["version"],
                PaperItem(entry["question"], tuple(entry["order"])),
                answers.get(position),
            )
            for position, entry in enumerate(attempt.paper, start=1)
        ),
    )


def save_answer(
    session: Session, learner: Learner, place: tuple[int, int], raw: object, now: datetime
) -> dict[str, object]:
    """Save an answer as given, in place of what was saved before; return it as it is kept.

    Args:
        session: a writing transaction.
        learner: who answers.
        place: attempt and position on its paper.
        raw: the answer, as `quizzes.marking.read_answer` takes it.
        now: the present time.

    Raises:
        NoSuchAttemptError: the learner has no such attempt.
        AttemptOverError: it was submitted already.
        NotOnThisPaperError: its paper has no such place.
        AnswerError: the answer does not fit the question.
    """
    attempt_id, position = place
    here = place_on_paper(session, learner, place, lock=True)
    if here.submitted_at is not None:
        raise AttemptOverError(attempt_id)
    given = read_answer(here.question, raw)
    kept = {"given": given, "saved_at": now}
    saved_before = session.execute(
        update(Answer).where(Answer.attempt_id == attempt_id, Answer.position == position).values(kept)
    )
    if saved_before.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE has one
        where = {"attempt_id": attempt_id, "position": position, "organisation_id": learner.organisation.id}
        session.execute(insert(Answer).values(where | kept))
    return given


def place_on_paper(session: Session, learner: Learner, place: tuple[int, int], *, lock: bool = False) -> PlaceOnPaper:
    """Return the question at a place of one of the learner's papers; one light select, because every answer needs it.

    Args:
        session: a session; a writing transaction where ``lock`` is set.
        learner: whose paper it must be.
        place: attempt and position on its paper.
        lock: hold the attempt against a simultaneous submission.

    Raises:
        NoSuchAttemptError: the learner has no such attempt.
        NotOnThisPaperError: its paper has no such place.
    """
    attempt_id, position = place
    query = select(Attempt.identity_id, Attempt.paper, Attempt.submitted_at).where(Attempt.id == attempt_id)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or row.identity_id not in learner.identity_ids:
        raise NoSuchAttemptError(attempt_id)
    if not 1 <= position <= len(row.paper):
        raise NotOnThisPaperError(position)
    entry = row.paper[position - 1]
    question = questions_by_hash(session, learner.organisation.id, [entry["version"]])[entry["version"]]
    return PlaceOnPaper(question, tuple(entry["order"]), len(row.paper), row.submitted_at)


def submit_attempt(session: Session, learner: Learner, attempt_id: int, now: datetime) -> AttemptResult:
    """Submit an attempt: mark it, record it, and want its score in the platform; all or nothing.

    Raises:
        NoSuchAttemptError: the learner has no such attempt.
        AttemptOverError: it was submitted already.
    """
    attempt = _attempt(session, learner, attempt_id)
    closed = session.execute(
        update(Attempt).where(Attempt.id == attempt_id, Attempt.submitted_at.is_(None)).values(submitted_at=now)
    )
    if closed.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
        raise AttemptOverError(attempt_id)
    paper = _paper(session, attempt)
    marked = mark_paper(
        [each.question for each in paper.questions],
        {each.question.key: each.answer for each in paper.questions},
    )
    result = _result(attempt, paper, marked.total, learner, now)
    record_with_openings(session, learner.organisation, [(result, {ITEMS: _items(paper, marked)})])
    want_scores(session, learner.identity_ids, attempt.module_key, now)
    return result


def _items(paper: Paper, marked: PaperMark) -> str:
    """Write answers and points as canonical JSON, so that their commitment can be computed again."""
    items = [
        {
            "order": list(each.item.order),
            "answer": each.answer,
            "given": marked.per_question[each.question.key].given,
            "maximum": marked.per_question[each.question.key].maximum,
        }
        for each in paper.questions
    ]
    return rfc8785.dumps(items).decode()


def _result(attempt: Attempt, paper: Paper, total: Mark, learner: Learner, now: datetime) -> AttemptResult:
    percent = paper.module.module.test.pass_percent
    return AttemptResult(
        attempt_id=attempt.id,
        identity_id=attempt.identity_id,
        module_key=attempt.module_key,
        module_version=paper.module.version_hash,
        occasion=attempt.occasion,
        number=attempt.number,
        seed=attempt.seed,
        started_at=attempt.started_at,
        submitted_at=now,
        mark=total.given,
        maximum=total.maximum,
        pass_mark=points_needed(total.maximum, percent),
        is_passed=is_pass(total, percent),
        questions=[{"question": each.question.key, "version": each.version_hash} for each in paper.questions],
        recorded_at=now,
        recorded_by=learner.actor,
    )


def result_of(session: Session, learner: Learner, attempt_id: int) -> tuple[Paper, AttemptResult]:
    """Return a submitted attempt with its paper.

    Raises:
        NoSuchAttemptError: the learner has no such attempt, or it is not submitted.
    """
    attempt = _attempt(session, learner, attempt_id)
    result = session.scalar(select(AttemptResult).where(AttemptResult.attempt_id == attempt_id))
    if result is None:
        raise NoSuchAttemptError(attempt_id)
    return _paper(session, attempt), result


def results_of(session: Session, identity_ids: Sequence[int]) -> list[AttemptResult]:
    """Return all results of a person, newest first."""
    return list(
        session.scalars(
            select(AttemptResult)
            .where(AttemptResult.identity_id.in_(identity_ids))
            .order_by(AttemptResult.submitted_at.desc())
        )
    )


def complete_supplement(session: Session, learner: Learner, module: ModuleInUse, now: datetime) -> None:
    """Record that the supplementary lesson 補講 was completed: the action that unlocks a retest.

    Raises:
        NoSupplementDueError: the learner still has attempts, or needs none.
    """
    lock_identities(session, learner.identity_ids)
    desk = test_desk(session, learner, module, now)
    if desk.decision.verdict is not StartVerdict.needs_supplement:
        raise NoSupplementDueError(module.module.key)
    record(
        session,
        learner.organisation,
        SupplementCompletion(
            identity_id=learner.identity_id,
            module_key=module.module.key,
            module_version=module.version_hash,
            occasion=desk.occasion,
            completed_at=now,
            recorded_at=now,
            recorded_by=learner.actor,
        ),
    )
