"""Calling several platforms at once: a few threads for each, so that one that hangs holds up none of the others.

A round gives a platform's crew some tasks and gathers what became of them. It waits a little, never until a hanging
platform's time is over: what comes later is gathered by a later round, and until then that platform is busy.

Glossary: a *crew* is the threads that call one platform for one kind of work; it ends with its tasks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import uniform
from typing import Generic, TypeVar

_Task = TypeVar("_Task")
_Outcome = TypeVar("_Outcome")

CREW_SIZE = 4
PATIENCE = 2.0
"""Seconds that a round waits for the crews that it has started."""
LINGERING = 0.1
"""Seconds that a round waits for more, once something is done."""
FAILURES_IN_A_ROW = 3
"""After so many a platform is left alone for a while."""
FIRST_REST = timedelta(seconds=1.5)
LONGEST_REST = timedelta(minutes=5)
LONGEST_HOLD = timedelta(minutes=1)
"""For which a platform that says "too many requests" holds up all that is meant for it; the one refused waits longer."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What a call says of the platform, where it was not answered as it should be."""

    is_failure: bool
    """Out of order or out of reach; False where it only asks for patience."""
    hold: timedelta | None = None
    """For how long it asks to be left alone."""


@dataclass(slots=True)
class _Health:
    failures: int = 0
    """In a row."""
    rests_until: datetime | None = None
    last_failed: int | None = None
    """What the last failure was about."""


class Platforms:
    """How the platforms have been answering, as far as this process knows; used by all threads."""

    def __init__(self) -> None:
        """Know nothing: every platform is well."""
        self._health: dict[int, _Health] = {}
        self._lock = threading.Lock()

    def rests(self, platform_id: int, now: datetime) -> bool:
        """Tell whether a platform is to be left alone now."""
        with self._lock:
            health = self._health.get(platform_id)
            if health is None or health.rests_until is None:
                return False
            # A clock that was put back must not silence a platform.
            return now < health.rests_until <= now + LONGEST_REST

    def is_doubtful(self, platform_id: int) -> bool:
        """Tell whether a platform's last calls failed, so that one call is enough to try it."""
        with self._lock:
            health = self._health.get(platform_id)
            return health is not None and health.failures >= FAILURES_IN_A_ROW

    def note(self, platform_id: int, breakdown: Breakdown | None, now: datetime, about: int | None = None) -> bool:
        """Note how a call went (None: the platform answered); tell whether it is well again after having failed.

        One thing that fails again and again says nothing new of the platform: Moodle 4.5 answers 500 for a grade that a
        teacher has locked (seen 2026-11). ``about`` is its key.
        """
        with self._lock:
            health = self._health.setdefault(platform_id, _Health())
            if breakdown is None:
                was_failing = health.failures >= FAILURES_IN_A_ROW
                health.failures, health.rests_until, health.last_failed = 0, None, None
                return was_failing
            if breakdown.hold is not None:
                health.rests_until = now + min(breakdown.hold, LONGEST_HOLD)
            is_new = about is None or about != health.last_failed
            if breakdown.is_failure and is_new:
                health.last_failed = about
                health.failures += 1
                beyond = health.failures - FAILURES_IN_A_ROW
                if beyond >= 0:
                    rest = min(FIRST_REST * 2.0 ** min(beyond, 20), LONGEST_REST)
                    health.rests_until = now + rest * uniform(0.7, 1.0)  # noqa: S311 - jitter, no secret
            return False


@dataclass(slots=True)
class _Crew(Generic[_Task]):
    platform_id: int
    todo: deque[_Task]
    threads: int
    ends: float
    failures: int = 0
    """In a row, in this crew's calls."""


@dataclass(frozen=True, slots=True)
class Done(Generic[_Task, _Outcome]):
    """What became of one task."""

    task: _Task
    outcome: _Outcome | None = None
    """None: it was not begun."""
    error: BaseException | None = field(default=None, compare=False)


class Crews(Generic[_Task, _Outcome]):
    """The crews of one kind of work in this process."""

    def __init__(self, work: Callable[[_Task], _Outcome], failed: Callable[[_Outcome], bool]) -> None:
        """Start nothing yet; ``failed`` tells whether an outcome says that the platform is out of order."""
        self._work, self._failed = work, failed
        self._crews: dict[int, _Crew[_Task]] = {}
        self._done: list[Done[_Task, _Outcome]] = []
        self._changed = threading.Condition()

    @property
    def has_work(self) -> bool:
        """Whether a crew has not ended yet, or something that is done was not gathered yet."""
        with self._changed:
            return bool(self._crews or self._done)

    def is_busy(self, platform_id: int) -> bool:
        """Tell whether a platform's crew has not ended yet."""
        with self._changed:
            return platform_id in self._crews

    def start(self, platform_id: int, tasks: Sequence[_Task], seconds: float) -> None:
        """Let a platform's crew begin with tasks; after so many seconds it begins no other."""
        size = min(CREW_SIZE, len(tasks))
        crew = _Crew(platform_id, deque(tasks), size, time.monotonic() + seconds)
        with self._changed:
            self._crews[platform_id] = crew
        for number in range(size):
            threading.Thread(target=self._run, args=(crew,), name=f"crew-{platform_id}-{number}", daemon=True).start()

    def gather(self, started: Sequence[int], patience: float = PATIENCE) -> Iterator[list[Done[_Task, _Outcome]]]:
        """Yield what is done, as it comes, until these platforms' crews have ended or patience has."""
        ends = time.monotonic() + patience
        while True:
            with self._changed:
                while not self._done and any(each in self._crews for each in started):
                    left = ends - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)
                # A little more at once: each piece is noted in a transaction of its own.
                self._changed.wait_for(lambda: not any(each in self._crews for each in started), LINGERING)
                found, self._done = self._done, []
            if not found:
                return
            yield found

    def _run(self, crew: _Crew[_Task]) -> None:
        while (task := self._next(crew)) is not None:
            try:
                done = Done(task, self._work(task))
            except BaseException as error:  # noqa: BLE001 - raised again by the round that gathers it
                done = Done(task, None, error)
            with self._changed:
                is_failure = done.outcome is not None and self._failed(done.outcome)
                crew.failures = crew.failures + 1 if is_failure else 0
                self._done.append(done)
                self._changed.notify_all()

    def _next(self, crew: _Crew[_Task]) -> _Task | None:
        with self._changed:
            is_over = crew.failures >= FAILURES_IN_A_ROW or time.monotonic() >= crew.ends
            if crew.todo and not is_over:
                return crew.todo.popleft()
            self._done += [Done(task) for task in crew.todo]
            crew.todo.clear()
            crew.threads -= 1
            if crew.threads == 0:
                del self._crews[crew.platform_id]
            self._changed.notify_all()
            return None
