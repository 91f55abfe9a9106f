"""Taking a test: what is saved stays, one submission counts, and never more attempts than the rules allow."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from courses.requirements import Occasion, Requirement
from lms.services.attempts import (
    AttemptOverError,
    Learner,
    MayNotStartError,
    NoSuchAttemptError,
    NoSupplementDueError,
    NotOnThisPaperError,
    complete_supplement,
    read_paper,
    result_of,
    results_of,
    save_answer,
    start_attempt,
    submit_attempt,
)
from lms.services.attempts import test_desk as desk_of
from lms.services.awareness import ModuleInUse, module_in_use
from lms.services.identities import link_by_decision
from lms.services.ledger_checks import ProblemCode
from lms.services.organisations import add_organisation
from lms.services.record_checks import verify_records
from lms.store.attempts import Answer, Attempt, AttemptResult, SupplementCompletion
from lms.store.awareness import QuestionVersion
from lms.store.base import Database
from lms.store.ledger import LedgerEvent
from lms.store.openings import RecordOpening
from lms.store.organisations import Organisation
from quizzes.attempts import StartVerdict
from quizzes.marking import AnswerError
from tests.factories import (
    ACTOR,
    FOUNDED,
    MODULE,
    add_identity,
    add_learner,
    add_practice_platform,
    adopt,
    all_at_once,
    answer_paper,
    errors_in,
    items_of,
    learner_of,
    require,
    small_module,
    take_test,
)

MINUTE = timedelta(minutes=1)
ANNUAL = Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2026, due=(12, 31))


@pytest.fixture
def module(session: Session, organisation: Organisation) -> ModuleInUse:
    return adopt(session, organisation, small_module())


@pytest.fixture
def learner(session: Session, organisation: Organisation) -> Learner:
    """Somebody on the staff list."""
    return add_learner(session, organisation, "000101")


def verdict(session: Session, learner: Learner, module: ModuleInUse, now: datetime) -> StartVerdict:
    return desk_of(session, learner, module, now).decision.verdict


def test_an_attempt_is_resumed_with_its_answers(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    save_answer(session, learner, (attempt_id, 3), {"choice": "a"}, now + MINUTE)
    assert start_attempt(session, learner, module, now + 2 * MINUTE) == attempt_id
    desk = desk_of(session, learner, module, now + 2 * MINUTE)
    assert (desk.open_attempt_id, desk.decision.verdict, desk.results) == (attempt_id, StartVerdict.resume_open, ())
    paper = read_paper(session, learner, attempt_id)
    assert [each.answer for each in paper.questions] == [None, None, {"choice": "a"}] + [None] * 7
    assert (paper.number, paper.started_at, paper.submitted_at, len(paper.questions)) == (1, now, None, 10)
    assert {each.version_hash for each in paper.questions} == set(module.question_hashes)


def test_an_answer_is_kept_as_last_given(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    for minute, choice in enumerate("abca"):
        kept = save_answer(session, learner, (attempt_id, 1), {"choice": choice}, now + minute * MINUTE)
        assert kept == {"choice": choice}
    row = session.scalars(select(Answer)).one()
    assert (row.given, row.saved_at) == ({"choice": "a"}, now + 3 * MINUTE)


def test_what_is_not_on_the_paper_is_refused_and_changes_nothing(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    for position in (0, -1, 11):
        with pytest.raises(NotOnThisPaperError) as caught:
            save_answer(session, learner, (attempt_id, position), {"choice": "a"}, now)
        assert caught.value.position == position
        with pytest.raises(NotOnThisPaperError):
            read_paper(session, learner, attempt_id).at(position)
    assert read_paper(session, learner, attempt_id).at(10).position == 10
    for raw in ({"choice": "z"}, {"value": True}, "b", None, {"choice": "b", "position": 2}):
        with pytest.raises(AnswerError):
            save_answer(session, learner, (attempt_id, 1), raw, now)
    assert session.scalars(select(Answer)).all() == []


def test_somebody_elses_attempt_is_none_of_ones_own(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    stranger = add_learner(session, organisation, "000102", sub="5")
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    foreigner = add_learner(session, other, "000101", sub="4")
    for who in (stranger, foreigner):
        for work in (
            lambda who=who: read_paper(session, who, attempt_id),
            lambda who=who: save_answer(session, who, (attempt_id, 1), {"choice": "a"}, now),
            lambda who=who: submit_attempt(session, who, attempt_id, now),
            lambda who=who: result_of(session, who, attempt_id),
        ):
            with pytest.raises(NoSuchAttemptError):
                work()
    with pytest.raises(NoSuchAttemptError):
        result_of(session, learner, attempt_id)  # not submitted yet
    with pytest.raises(NoSuchAttemptError):
        read_paper(session, learner, attempt_id + 1)
    assert session.get_one(Attempt, attempt_id).submitted_at is None


def test_a_submission_records_what_it_rests_on(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    require(session, organisation, ANNUAL)
    attempt_id = start_attempt(session, learner, module, now)
    answer_paper(session, learner, attempt_id, now, wrong=2)
    save_answer(session, learner, (attempt_id, 2), {"choice": "c"}, now)
    result = submit_attempt(session, learner, attempt_id, now + 9 * MINUTE)
    assert (result.mark, result.maximum, result.pass_mark, result.is_passed) == (8, 10, 8, True)
    assert (result.module_version, result.occasion) == (module.version_hash, "annual/fiscal_year:2026")
    assert (result.started_at, result.submitted_at, result.number) == (now, now + 9 * MINUTE, 1)
    items = items_of(session, result)
    assert [each["given"] for each in items] == [0, 0, *[1] * 8]
    assert [each["answer"] for each in items[:3]] == [None, {"choice": "c"}, {"choice": "b"}]
    assert {each["version"] for each in result.questions} == set(module.question_hashes)
    paper, again = result_of(session, learner, attempt_id)
    assert again == result
    assert [each.item.order for each in paper.questions] == [tuple(each["order"]) for each in items]
    assert [each.question.key for each in paper.questions] == [each["question"] for each in result.questions]
    event = json.loads(session.get_one(LedgerEvent, result.event_id).payload)
    assert event["type"] == "attempt.submitted"
    assert event["body"]["questions"] == result.questions
    assert [*event["commitments"]] == ["items"]
    assert verify_records(session, organisation.id).problem_count == 0


@pytest.mark.parametrize(
    ("change", "member"),
    [({"entries": {"items": "[]"}}, "salt"), ({"salt": bytes(32)}, "salt"), ({"entries": {"items": None}}, "salt")],
)
def test_answers_changed_behind_the_tool_are_found(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime, change: dict[str, Any], member: str
) -> None:
    result = take_test(session, learner, module, now, wrong=2)
    session.execute(update(RecordOpening).where(RecordOpening.event_id == result.event_id).values(change))
    found = verify_records(session, result.organisation_id)
    assert [(each.code, each.event_id, each.member) for each in found.problems] == [
        (ProblemCode.OPENING_CHANGED, result.event_id, member)
    ]


def test_answers_that_are_gone_are_counted_and_the_record_stays_whole(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    result = take_test(session, learner, module, now, wrong=2)
    before = verify_records(session, result.organisation_id)
    session.execute(delete(RecordOpening).where(RecordOpening.event_id == result.event_id))
    after = verify_records(session, result.organisation_id)
    assert (before.erased, after.erased, after.problems) == (0, 1, [])
    assert after.openings == before.openings - 1


def test_no_two_submissions_of_the_same_answers_commit_alike(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime
) -> None:
    commitments = set()
    for number in range(3):
        learner = add_learner(session, organisation, sub=f"same-{number}")
        result = take_test(session, learner, module, now, wrong=10)
        event = json.loads(session.get_one(LedgerEvent, result.event_id).payload)
        commitments.add(event["commitments"]["items"])
    assert len(commitments) == 3


def test_after_the_submission_nothing_changes(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    result = submit_attempt(session, learner, attempt_id, now + MINUTE)
    with pytest.raises(AttemptOverError) as caught:
        save_answer(session, learner, (attempt_id, 1), {"choice": "b"}, now + MINUTE)
    assert caught.value.attempt_id == attempt_id
    with pytest.raises(AttemptOverError):
        submit_attempt(session, learner, attempt_id, now + 2 * MINUTE)
    assert result_of(session, learner, attempt_id)[1].submitted_at == now + MINUTE
    assert (result.mark, session.scalar(select(func.count()).select_from(AttemptResult))) == (0, 1)


def test_sixteen_submissions_at_one_moment_are_one_result(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        module = adopt(session, organisation, small_module())
        learner = add_learner(session, organisation, "000101")
        attempt_id = start_attempt(session, learner, module, now)
        answer_paper(session, learner, attempt_id, now)

    def submit(number: int) -> AttemptResult:
        with database.transaction() as session:
            return submit_attempt(session, learner, attempt_id, now + timedelta(seconds=number))

    found = all_at_once(16, submit)
    assert [type(each) for each in errors_in(found)] == [AttemptOverError] * 15
    with database.reading() as session:
        result = session.scalars(select(AttemptResult)).one()
        assert (result.mark, result.submitted_at) == (10, session.get_one(Attempt, attempt_id).submitted_at)


def test_answers_saved_while_submitting_are_marked_or_refused(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        module = adopt(session, organisation, small_module())
        learner = add_learner(session, organisation, "000101")
        attempt_id = start_attempt(session, learner, module, now)

    def work(position: int) -> bool:
        with database.transaction() as session:
            if position == 5:
                submit_attempt(session, learner, attempt_id, now)
                return False
            save_answer(session, learner, (attempt_id, position), {"choice": "b"}, now)
            return True

    found = all_at_once(10, lambda number: work(number + 1))
    acknowledged = [position for position, each in enumerate(found, start=1) if each is True]
    assert all(isinstance(each, AttemptOverError) for each in errors_in(found))
    with database.reading() as session:
        result = session.scalars(select(AttemptResult)).one()
        assert [place for place, each in enumerate(items_of(session, result), start=1) if each["given"]] == acknowledged


@pytest.mark.parametrize("used", [0, 2])
def test_eight_starts_at_one_moment_open_one_attempt_for_a_person(
    database: Database, organisation: Organisation, now: datetime, used: int
) -> None:
    with database.transaction() as session:
        module = adopt(session, organisation, small_module())
        require(session, organisation, ANNUAL)
        first = add_learner(session, organisation, "000101")
        second = add_identity(session, add_practice_platform(session, organisation, client_id="another"), "77")
        link_by_decision(session, organisation, second.id, "000101", (ACTOR, FOUNDED))
        both = [learner_of(session, organisation, each) for each in (first.identity_id, second.id)]
        for number in range(used):
            take_test(session, both[number % 2], module, now - timedelta(hours=used - number), wrong=5)

    def start(number: int) -> int:
        with database.transaction() as session:
            return start_attempt(session, both[number % 2], module, now)

    found = all_at_once(8, start)
    assert errors_in(found) == []
    assert len(set(found)) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == used + 1


def test_the_rules_say_when_the_next_attempt_may_start(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    for number in (1, 2, 3):
        assert verdict(session, learner, module, now) is StartVerdict.may_start
        assert take_test(session, learner, module, now + 5 * MINUTE, wrong=3).number == number
        with pytest.raises(MayNotStartError) as caught:
            start_attempt(session, learner, module, now + 14 * MINUTE)
        decision = caught.value.decision
        if number < 3:
            assert (decision.verdict, decision.attempts_left) == (StartVerdict.wait, 3 - number)
        now += 15 * MINUTE
    assert decision.verdict is StartVerdict.needs_supplement
    assert len(desk_of(session, learner, module, now).results) == 3


def test_a_supplementary_lesson_unlocks_the_next_round_once(
    session: Session, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    with pytest.raises(NoSupplementDueError):
        complete_supplement(session, learner, module, now)
    for number in range(3):
        take_test(session, learner, module, now + number * timedelta(hours=1), wrong=3)
    later = now + timedelta(hours=3)
    complete_supplement(session, learner, module, later)
    with pytest.raises(NoSupplementDueError):
        complete_supplement(session, learner, module, later)
    lesson = session.scalars(select(SupplementCompletion)).one()
    assert (lesson.module_version, lesson.completed_at, lesson.occasion) == (module.version_hash, later, "open:2026")
    assert take_test(session, learner, module, later + 5 * MINUTE).number == 4
    assert verdict(session, learner, module, later + timedelta(days=1)) is StartVerdict.already_passed


def test_lessons_completed_at_one_moment_are_one_lesson(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        module = adopt(session, organisation, small_module())
        learner = add_learner(session, organisation, "000101")
        for number in range(3):
            take_test(session, learner, module, now - timedelta(hours=3 - number), wrong=3)

    def complete(_: int) -> None:
        with database.transaction() as session:
            complete_supplement(session, learner, module, now)

    assert [type(each) for each in errors_in(all_at_once(6, complete))] == [NoSupplementDueError] * 5


def test_an_open_attempt_keeps_its_questions_when_a_new_version_is_adopted(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    attempt_id = start_attempt(session, learner, module, now)
    before = read_paper(session, learner, attempt_id)
    newer = adopt(
        session, organisation, small_module(edition="改訂版", pass_percent=100), effective_on=date(2026, 11, 23)
    )
    assert module_in_use(session, organisation.id, MODULE, date(2026, 11, 23)).version_id == newer.version_id
    assert start_attempt(session, learner, newer, now + MINUTE) == attempt_id
    answer_paper(session, learner, attempt_id, now + MINUTE, wrong=2)
    after = read_paper(session, learner, attempt_id)
    assert [each.version_hash for each in after.questions] == [each.version_hash for each in before.questions]
    assert after.questions[0].question.stem["ja"].startswith("初版")
    result = submit_attempt(session, learner, attempt_id, now + 2 * MINUTE)
    assert (result.module_version, result.pass_mark, result.is_passed) == (module.version_hash, 8, True)
    other = add_learner(session, organisation, "000102", sub="5")
    fresh = read_paper(session, other, start_attempt(session, other, newer, now))
    assert {each.version_hash for each in fresh.questions} == set(newer.question_hashes)
    assert not set(newer.question_hashes) & set(module.question_hashes)
    assert session.scalar(select(func.count()).select_from(QuestionVersion)) == 20


def test_papers_are_drawn_anew_and_within_the_bank(
    session: Session, organisation: Organisation, learner: Learner, now: datetime
) -> None:
    large = adopt(session, organisation, small_module("large", bank=30))
    papers = set()
    for number in range(3):
        result = take_test(session, learner, large, now + number * timedelta(hours=1), wrong=10)
        papers.add(tuple(each["question"] for each in result.questions))
        assert len({each["question"] for each in result.questions}) == 10
    assert len(papers) == 3
    assert len({each.seed for each in results_of(session, learner.identity_ids)}) == 3


def test_numbers_go_on_after_an_identity_was_linked_for_a_while(
    session: Session, organisation: Organisation, module: ModuleInUse, now: datetime
) -> None:
    require(session, organisation, ANNUAL)
    mine = add_learner(session, organisation, "000101")
    other = add_identity(session, add_practice_platform(session, organisation, client_id="another"), "77")
    link_by_decision(session, organisation, other.id, "000101", (ACTOR, now))
    both = [learner_of(session, organisation, each) for each in (mine.identity_id, other.id)]
    numbers = [
        take_test(session, both[number % 2], module, now + number * timedelta(hours=1), wrong=3).number
        for number in range(3)
    ]
    assert numbers == [1, 2, 3]
    assert verdict(session, both[1], module, now + timedelta(hours=9)) is StartVerdict.needs_supplement
    link_by_decision(session, organisation, other.id, None, (ACTOR, now))
    mine = learner_of(session, organisation, mine.identity_id)
    assert take_test(session, mine, module, now + timedelta(hours=4)).number == 4


def test_ones_results_are_listed_newest_first(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse, now: datetime
) -> None:
    adopt(session, organisation, small_module("beside"))
    beside = module_in_use(session, organisation.id, "beside", date(2026, 11, 23))
    first = take_test(session, learner, module, now, wrong=9)
    second = take_test(session, learner, beside, now + MINUTE)
    assert results_of(session, learner.identity_ids) == [second, first]
    assert results_of(session, (10**6,)) == []
