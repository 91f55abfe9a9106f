"""When a test may be taken: attempts, rounds opened by supplementary lessons, waiting times and deadlines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from quizzes.marking import PASS_PERCENTS


class AttemptPolicyError(ValueError):
    """A setting that no test can have: its name and value."""

    def __init__(self, setting: str, value: object) -> None:
        super().__init__(setting, value)
        self.setting = setting
        self.value = value


class NaiveTimeError(ValueError):
    """A time without a zone."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(moment)
        self.moment = moment


@dataclass(frozen=True, slots=True)
class AttemptPolicy:
    """What a test asks and allows."""

    questions: int
    """How many are drawn for a paper."""
    pass_percent: int
    """1 to 100."""
    attempts: int = 3
    """How many in one round; a supplementary lesson opens the next round."""
    wait: timedelta = timedelta(minutes=10)
    """From one submission to the next start."""
    time_limit: timedelta | None = None
    """From an attempt's start; None for as long as it takes."""

    def __post_init__(self) -> None:
        sound = {
            "questions": self.questions >= 1,
            "pass_percent": self.pass_percent in PASS_PERCENTS,
            "attempts": self.attempts >= 1,
            "wait": self.wait >= timedelta(0),
            "time_limit": self.time_limit is None or self.time_limit > timedelta(0),
        }
        for setting, is_sound in sound.items():
            if not is_sound:
                raise AttemptPolicyError(setting, getattr(self, setting))


class PastAttempt(Protocol):
    """An attempt that has been started, for one person, test and occasion."""

    @property
    def started_at(self) -> datetime:
        """The server's time at which the paper was first shown."""
        ...

    @property
    def submitted_at(self) -> datetime | None:
        """None until it is handed in, by the person or at its deadline."""
        ...

    @property
    def passed(self) -> bool | None:
        """None until it is marked."""
        ...


_Attempt = TypeVar("_Attempt", bound=PastAttempt)


class StartVerdict(StrEnum):
    """What happens when someone asks to start the test."""

    may_start = "may_start"
    resume_open = "resume_open"
    """An attempt is still going on; it is shown again."""
    already_passed = "already_passed"
    wait = "wait"
    needs_supplement = "needs_supplement"
    """The round's attempts are used up; a supplementary lesson opens the next round."""


@dataclass(frozen=True, slots=True)
class StartDecision:
    """The verdict and what to tell the person about it."""

    verdict: StartVerdict
    attempts_left: int
    """Starts that remain in this round, whatever the verdict."""
    not_before: datetime | None = None
    """UTC; the first moment at which to start. Set for `wait` only."""


def deadline(policy: AttemptPolicy, started_at: datetime) -> datetime | None:
    """The first moment (UTC) at which an attempt begun at `started_at` is over; None without a time limit.

    Raises:
        NaiveTimeError: for a time without a zone.
    """
    started = _utc(started_at)
    return None if policy.time_limit is None else started + policy.time_limit


def is_late(policy: AttemptPolicy, started_at: datetime, now: datetime) -> bool:
    """Whether the attempt's own time is over, so that nothing more is saved to it.

    The end of a period does not belong to it: at the deadline itself it is late. A clock that stepped back to before
    the start does not make it late.

    Raises:
        NaiveTimeError: for a time without a zone.
    """
    end = deadline(policy, started_at)
    moment = _utc(now)
    return end is not None and moment >= end


def effective_submission(policy: AttemptPolicy, started_at: datetime, now: datetime) -> datetime:
    """When (UTC) an attempt that is closed at `now` counts as submitted.

    That is `now`, but never after the deadline, at which it counts as handed in with what was saved by then, and never
    before the start, should the clock have stepped back.

    Raises:
        NaiveTimeError: for a time without a zone.
    """
    end = deadline(policy, started_at)
    moment = max(_utc(now), _utc(started_at))
    return moment if end is None else min(moment, end)


def open_attempt(policy: AttemptPolicy, history: Iterable[_Attempt], now: datetime) -> _Attempt | None:
    """The attempt to resume: neither submitted nor past its deadline.

    There should be at most one. Of two (a race that the database let through) the one started last is resumed; the
    other stays open behind it, has used up an attempt like any other, and has its turn when the first is submitted.

    Raises:
        NaiveTimeError: for a time without a zone.
    """
    going_on = [each for each in history if each.submitted_at is None and not is_late(policy, each.started_at, now)]
    return max(going_on, key=lambda attempt: _utc(attempt.started_at), default=None)


def may_start(
    policy: AttemptPolicy, history: Sequence[PastAttempt], supplements: Sequence[datetime], now: datetime
) -> StartDecision:
    """Decide whether another attempt may be started; the first verdict that fits.

    1. `resume_open`: an attempt is going on, even where another one is passed already.
    2. `already_passed`: any attempt passed.
    3. `needs_supplement`: the round's attempts are used up. Every start counts. A supplementary lesson opens a new
       round when it was completed at or after the end of the round's last attempt; one completed earlier, or before
       the attempts were used up, opens nothing, and several lessons after one round open one round.
    4. `wait`: less than `policy.wait` has gone by since the latest submission. This holds after a supplementary lesson
       as well, so that there is one rule to explain; a lesson takes longer than the wait anyhow.
    5. `may_start`.

    An attempt past its deadline that nobody submitted counts as submitted then, and not as passed: close and mark
    such attempts first. What is recorded counts even where it lies after `now`, because the clock stepped back.

    Args:
        policy: what the test allows; today's policy also judges attempts made under an earlier one.
        history: all attempts of one person at one test for one occasion, in any order.
        supplements: when supplementary lessons for it were completed, in any order.
        now: the server's time.

    Raises:
        NaiveTimeError: for a time without a zone.
    """
    moment = _utc(now)
    used, latest_end = _walk(policy, history, supplements, moment)
    left = max(policy.attempts - used, 0)
    if open_attempt(policy, history, moment) is not None:
        return StartDecision(StartVerdict.resume_open, left)
    if any(attempt.passed for attempt in history):
        return StartDecision(StartVerdict.already_passed, left)
    if left == 0:
        return StartDecision(StartVerdict.needs_supplement, 0)
    if history and moment < latest_end + policy.wait:
        return StartDecision(StartVerdict.wait, left, latest_end + policy.wait)
    return StartDecision(StartVerdict.may_start, left)


def _walk(
    policy: AttemptPolicy, history: Sequence[PastAttempt], supplements: Sequence[datetime], now: datetime
) -> tuple[int, datetime]:
    """Go along the time line: the attempts used in the newest round, and when the last attempt to end has ended."""
    latest_end = datetime.min.replace(tzinfo=UTC)
    # A lesson at the very moment of a start comes before it (False < True).
    lessons = [(_utc(lesson), False, latest_end) for lesson in supplements]
    starts = [(_utc(attempt.started_at), True, _end(policy, attempt, now)) for attempt in history]
    used = 0
    for moment, is_start, end in sorted([*lessons, *starts], key=lambda event: event[:2]):
        if is_start:
            used += 1
            latest_end = max(latest_end, end)
        elif used >= policy.attempts and moment >= latest_end:
            used = 0
    return used, latest_end


def _end(policy: AttemptPolicy, attempt: PastAttempt, now: datetime) -> datetime:
    """When the attempt ended; the end of time while it is going on."""
    if attempt.submitted_at is not None:
        return _utc(attempt.submitted_at)
    if is_late(policy, attempt.started_at, now):
        return effective_submission(policy, attempt.started_at, now)
    return datetime.max.replace(tzinfo=UTC)


def _utc(moment: datetime) -> datetime:
    """The same moment in UTC: Python compares and adds within one zone by its wall clock, which summer time breaks."""
    if moment.utcoffset() is None:
        raise NaiveTimeError(moment)
    return moment.astimezone(UTC)
