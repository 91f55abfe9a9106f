"""Attempts, rounds, waiting times and deadlines."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes import attempts as a
from quizzes.attempts import AttemptPolicy, StartDecision, StartVerdict

JST = timezone(timedelta(hours=9))
NINE = datetime(2026, 11, 2, 9, 0, tzinfo=JST)
TICK = timedelta(microseconds=1)
DEFAULT = AttemptPolicy(questions=10, pass_percent=80)
TIMED = AttemptPolicy(questions=10, pass_percent=80, time_limit=timedelta(minutes=20))


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Attempt:
    started_at: datetime
    submitted_at: datetime | None = None
    passed: bool | None = None


def failed(start: float, end: float) -> Attempt:
    return Attempt(at(start), at(end), False)


def passed(start: float, end: float) -> Attempt:
    return Attempt(at(start), at(end), True)


def going_on(start: float) -> Attempt:
    return Attempt(at(start))


THREE_FAILED = [failed(0, 5), failed(15, 20), failed(30, 35)]

# --- policy ----------------------------------------------------------------------------------------------------------


def test_the_default_is_three_attempts_ten_minutes_apart_without_a_time_limit() -> None:
    assert (DEFAULT.attempts, DEFAULT.wait, DEFAULT.time_limit) == (3, timedelta(minutes=10), None)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("questions", 0),
        ("pass_percent", 0),
        ("pass_percent", 101),
        ("attempts", 0),
        ("wait", -TICK),
        ("time_limit", timedelta(0)),
        ("time_limit", -TICK),
    ],
)
def test_a_setting_that_no_test_can_have_is_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(a.AttemptPolicyError) as caught:
        AttemptPolicy(**{"questions": 10, "pass_percent": 80, setting: value})
    assert (caught.value.setting, caught.value.value) == (setting, value)


@pytest.mark.parametrize(("setting", "value"), [("questions", 1), ("pass_percent", 1), ("pass_percent", 100)])
def test_settings_at_their_bounds_are_accepted(setting: str, value: Any) -> None:
    policy = AttemptPolicy(**{"questions": 10, "pass_percent": 80, "attempts": 1, "wait": timedelta(0), setting: value})
    assert getattr(policy, setting) == value


# --- deadlines -------------------------------------------------------------------------------------------------------


def test_without_a_time_limit_there_is_no_deadline() -> None:
    assert a.deadline(DEFAULT, NINE) is None
    assert not a.is_late(DEFAULT, NINE, at(10**6))
    assert a.effective_submission(DEFAULT, NINE, at(10**6)) == at(10**6)


@pytest.mark.parametrize(
    ("now", "late", "submission"),
    [
        (at(-60), False, at(0)),
        (at(0), False, at(0)),
        (at(7), False, at(7)),
        (at(20) - TICK, False, at(20) - TICK),
        (at(20), True, at(20)),
        (at(500), True, at(20)),
    ],
)
def test_an_attempt_is_submitted_within_its_own_time(now: datetime, late: bool, submission: datetime) -> None:
    assert a.deadline(TIMED, NINE) == at(20)
    assert a.is_late(TIMED, NINE, now) is late
    assert a.effective_submission(TIMED, NINE, now) == submission


@given(st.integers(-(10**5), 10**5), st.sampled_from([DEFAULT, TIMED]))
def test_a_submission_lies_between_start_and_deadline_whatever_the_clock_says(
    minutes: int, policy: AttemptPolicy
) -> None:
    submission = a.effective_submission(policy, NINE, at(minutes))
    end = a.deadline(policy, NINE)
    assert submission >= NINE
    assert end is None or submission <= end


class SetBackAtNoon(tzinfo):
    """A zone whose clocks are set back by one hour at 12:00, so that 11:00 to 12:00 comes twice."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        before = dt is None or dt.hour < 11 or (dt.hour == 11 and dt.fold == 0)
        return timedelta(hours=2 if before else 1)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        return "set back"


def test_a_time_limit_is_not_stretched_when_clocks_are_set_back() -> None:
    started = datetime(2026, 10, 25, 11, 50, tzinfo=SetBackAtNoon())
    assert a.deadline(TIMED, started) == datetime(2026, 10, 25, 10, 10, tzinfo=UTC)
    assert a.is_late(TIMED, started, started.replace(minute=10, fold=1))


# --- starting --------------------------------------------------------------------------------------------------------

V = StartVerdict
TIMELINES: dict[str, tuple[AttemptPolicy, list[Attempt], list[datetime], datetime, StartDecision]] = {
    "nothing yet": (DEFAULT, [], [], at(0), StartDecision(V.may_start, 3)),
    "a lesson before any attempt opens nothing": (DEFAULT, [], [at(-9)], at(0), StartDecision(V.may_start, 3)),
    "going on": (DEFAULT, [going_on(0)], [], at(999), StartDecision(V.resume_open, 2)),
    "going on within its time": (TIMED, [going_on(0)], [], at(20) - TICK, StartDecision(V.resume_open, 2)),
    "over at its deadline": (TIMED, [going_on(0)], [], at(20), StartDecision(V.wait, 2, at(30))),
    "the wait counts from the deadline": (TIMED, [going_on(0)], [], at(30), StartDecision(V.may_start, 2)),
    "the last attempt is going on": (
        DEFAULT,
        [failed(0, 5), failed(15, 20), going_on(30)],
        [],
        at(31),
        StartDecision(V.resume_open, 0),
    ),
    "passed": (DEFAULT, [failed(0, 5), passed(15, 20)], [], at(21), StartDecision(V.already_passed, 1)),
    "passed at last": (
        DEFAULT,
        [failed(0, 5), failed(15, 20), passed(30, 35)],
        [],
        at(99),
        StartDecision(V.already_passed, 0),
    ),
    "passed, while another is going on": (
        DEFAULT,
        [passed(0, 5), going_on(1)],
        [],
        at(6),
        StartDecision(V.resume_open, 1),
    ),
    "submitted but not marked": (
        DEFAULT,
        [Attempt(at(0), at(5), None)],
        [],
        at(16),
        StartDecision(V.may_start, 2),
    ),
    "waiting": (DEFAULT, [failed(0, 5)], [], at(6), StartDecision(V.wait, 2, at(15))),
    "waiting until just before": (DEFAULT, [failed(0, 5)], [], at(15) - TICK, StartDecision(V.wait, 2, at(15))),
    "the wait is over": (DEFAULT, [failed(0, 5)], [], at(15), StartDecision(V.may_start, 2)),
    "the wait counts from the latest submission": (
        DEFAULT,
        [failed(0, 50), failed(1, 5)],
        [],
        at(20),
        StartDecision(V.wait, 1, at(60)),
    ),
    "used up": (DEFAULT, THREE_FAILED, [], at(999), StartDecision(V.needs_supplement, 0)),
    "used up comes before waiting": (DEFAULT, THREE_FAILED, [], at(36), StartDecision(V.needs_supplement, 0)),
    "used up, the last one by its deadline": (
        TIMED,
        [failed(0, 5), failed(15, 20), going_on(30)],
        [],
        at(50),
        StartDecision(V.needs_supplement, 0),
    ),
    "a lesson opens the next round": (DEFAULT, THREE_FAILED, [at(60)], at(61), StartDecision(V.may_start, 3)),
    "a lesson at the end of the last attempt counts": (
        DEFAULT,
        THREE_FAILED,
        [at(35)],
        at(45),
        StartDecision(V.may_start, 3),
    ),
    "the wait holds after a lesson, too": (
        DEFAULT,
        THREE_FAILED,
        [at(40)],
        at(41),
        StartDecision(V.wait, 3, at(45)),
    ),
    "a lesson before the attempts were used up opens nothing": (
        DEFAULT,
        THREE_FAILED,
        [at(25)],
        at(999),
        StartDecision(V.needs_supplement, 0),
    ),
    "a lesson during the last attempt opens nothing": (
        DEFAULT,
        THREE_FAILED,
        [at(35) - TICK],
        at(999),
        StartDecision(V.needs_supplement, 0),
    ),
    "two lessons open one round": (
        DEFAULT,
        THREE_FAILED,
        [at(60), at(70)],
        at(80),
        StartDecision(V.may_start, 3),
    ),
    "the second of two lessons opens nothing later": (
        DEFAULT,
        [*THREE_FAILED, failed(65, 66), failed(80, 81), failed(95, 96)],
        [at(60), at(85)],
        at(999),
        StartDecision(V.needs_supplement, 0),
    ),
    "a second round is used up": (
        DEFAULT,
        [*THREE_FAILED, failed(65, 66), failed(80, 81), failed(95, 96)],
        [at(60)],
        at(999),
        StartDecision(V.needs_supplement, 0),
    ),
    "a lesson at the very start of the next attempt comes before it": (
        DEFAULT,
        [*THREE_FAILED, failed(60, 65)],
        [at(60)],
        at(999),
        StartDecision(V.may_start, 2),
    ),
    "more attempts than the policy now allows": (
        AttemptPolicy(10, 80, attempts=2),
        THREE_FAILED,
        [],
        at(999),
        StartDecision(V.needs_supplement, 0),
    ),
    "a lesson while an older attempt is still open opens nothing": (
        AttemptPolicy(10, 80, attempts=2),
        [going_on(0), failed(1, 5)],
        [at(60)],
        at(999),
        StartDecision(V.resume_open, 0),
    ),
    "the clock stepped back before the start": (
        TIMED,
        [going_on(0)],
        [],
        at(-60),
        StartDecision(V.resume_open, 2),
    ),
    "the clock stepped back before the submission": (
        DEFAULT,
        [failed(0, 5)],
        [],
        at(-60),
        StartDecision(V.wait, 2, at(15)),
    ),
    "the clock stepped back before the lesson": (
        DEFAULT,
        THREE_FAILED,
        [at(60)],
        at(50),
        StartDecision(V.may_start, 3),
    ),
}


@pytest.mark.parametrize("case", TIMELINES)
def test_the_verdict_on_a_timeline(case: str) -> None:
    policy, history, lessons, now, expected = TIMELINES[case]
    assert a.may_start(policy, history, lessons, now) == expected
    assert a.may_start(policy, history[::-1], lessons[::-1], now.astimezone(UTC)) == expected


def test_of_two_open_attempts_the_one_started_last_is_resumed_and_then_the_other() -> None:
    older, newer = going_on(0), going_on(1)
    assert a.open_attempt(DEFAULT, [newer, older], at(2)) is newer
    assert a.may_start(DEFAULT, [older, newer], [], at(2)) == StartDecision(V.resume_open, 1)
    assert a.open_attempt(DEFAULT, [older, failed(1, 3)], at(4)) is older


def test_what_is_submitted_or_late_is_not_open() -> None:
    assert a.open_attempt(TIMED, [failed(0, 5), going_on(-20)], at(6)) is None


NAIVE = datetime(2026, 11, 2, 9, 0)  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("history", "lessons", "now"),
    [
        ([], [], NAIVE),
        ([Attempt(NAIVE)], [], at(0)),
        ([Attempt(at(0), NAIVE)], [], at(0)),
        ([], [NAIVE], at(0)),
    ],
)
def test_a_time_without_a_zone_is_refused(history: list[Attempt], lessons: list[datetime], now: datetime) -> None:
    with pytest.raises(a.NaiveTimeError) as caught:
        a.may_start(DEFAULT, history, lessons, now)
    assert caught.value.moment == NAIVE


@pytest.mark.parametrize("timed", [DEFAULT, TIMED])
def test_deadlines_refuse_a_time_without_a_zone(timed: AttemptPolicy) -> None:
    for started, now in [(NAIVE, NINE), (NINE, NAIVE)]:
        with pytest.raises(a.NaiveTimeError):
            a.is_late(timed, started, now)
        with pytest.raises(a.NaiveTimeError):
            a.effective_submission(timed, started, now)


# --- a greedy learner ------------------------------------------------------------------------------------------------

policies = st.builds(
    AttemptPolicy,
    questions=st.just(10),
    pass_percent=st.just(80),
    attempts=st.integers(1, 4),
    wait=st.integers(0, 20).map(lambda minutes: timedelta(minutes=minutes)),
    time_limit=st.none() | st.integers(1, 30).map(lambda minutes: timedelta(minutes=minutes)),
)


@dataclass
class GreedyLearner:
    """Tries to start at every step and never passes; takes a lesson now and then, or only when one is asked for."""

    policy: AttemptPolicy
    history: list[Attempt]
    lessons: list[datetime]
    rounds: list[int]
    """Attempts per round, counted by hand: a new entry for each lesson that came when one was needed."""

    def step(self, now: datetime, *, takes_lesson: bool, submits: bool) -> StartVerdict:
        decision = a.may_start(self.policy, self.history, self.lessons, now)
        if takes_lesson:
            self.lessons.append(now)
            if decision.verdict is V.needs_supplement:
                self.rounds.append(0)
        elif decision.verdict is V.may_start:
            ends = [each.submitted_at or a.deadline(self.policy, each.started_at) for each in self.history]
            assert all(end is not None and now - end >= self.policy.wait for end in ends)
            self.history.append(Attempt(now))
            self.rounds[-1] += 1
            assert decision.attempts_left == self.policy.attempts - self.rounds[-1] + 1
        elif decision.verdict is V.resume_open and submits:
            attempt = a.open_attempt(self.policy, self.history, now)
            assert attempt is not None
            end = a.effective_submission(self.policy, attempt.started_at, now)
            self.history[self.history.index(attempt)] = Attempt(attempt.started_at, end, passed=False)
        return decision.verdict


@given(policies, st.lists(st.tuples(st.integers(1, 15), st.sampled_from("ssssslo")), max_size=80))
def test_no_round_ever_has_more_attempts_than_the_policy_allows(
    policy: AttemptPolicy, steps: list[tuple[int, str]]
) -> None:
    learner = GreedyLearner(policy, [], [], [0])
    now = NINE
    for minutes, what in steps:
        now += timedelta(minutes=minutes)
        learner.step(now, takes_lesson=what == "l", submits=what == "s")
        assert max(learner.rounds) <= policy.attempts
        assert set(learner.rounds[:-1]) <= {policy.attempts}


@given(policies, st.integers(1, 4))
def test_with_a_lesson_whenever_one_is_needed_every_round_is_used_in_full(policy: AttemptPolicy, wanted: int) -> None:
    learner = GreedyLearner(policy, [], [], [0])
    now = NINE
    for _ in range(2000):
        now += timedelta(minutes=1)
        if learner.step(now, takes_lesson=False, submits=True) is V.needs_supplement:
            if len(learner.rounds) == wanted:
                break
            learner.step(now, takes_lesson=True, submits=True)
    assert learner.rounds == [policy.attempts] * wanted
    assert len(learner.history) == policy.attempts * wanted


@given(policies.filter(lambda policy: policy.attempts > 1), st.integers(0, 30))
def test_the_wait_ends_exactly_when_it_says(policy: AttemptPolicy, minutes: int) -> None:
    end = a.effective_submission(policy, NINE, at(minutes))
    history = [Attempt(NINE, end, passed=False)]
    not_before = end + policy.wait
    assert a.may_start(policy, history, [], not_before).verdict is V.may_start
    if policy.wait:
        just_before = a.may_start(policy, history, [], not_before - TICK)
        assert (just_before.verdict, just_before.not_before) == (V.wait, not_before)


moments = st.integers(-100, 100).map(at)
anything = st.builds(Attempt, moments, st.none() | moments, st.none() | st.booleans())


@given(policies, st.lists(anything, max_size=6), st.lists(moments, max_size=4), moments)
def test_whatever_is_recorded_has_a_verdict_and_never_too_many_attempts_left(
    policy: AttemptPolicy, history: list[Attempt], lessons: list[datetime], now: datetime
) -> None:
    decision = a.may_start(policy, history, lessons, now)
    assert 0 <= decision.attempts_left <= policy.attempts
    assert (decision.not_before is not None) == (decision.verdict is V.wait)
    assert decision.not_before is None or decision.not_before > now
    assert decision.verdict is not V.may_start or decision.attempts_left > 0
