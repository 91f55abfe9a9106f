"""The worker's loop: each round in turn, for ever, until it is told to stop.

Glossary: a *round* is one kind of background work; one call does a bounded piece of it and says how much that was.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

import structlog

from lms.clock import read_clock
from lms.config import Settings
from lms.store.base import Database

SHORTEST_PAUSE = 0.2
"""Seconds slept after a turn in which there was nothing to do."""
LONGEST_PAUSE = 1.0
"""Seconds slept between two turns at most, and so the time within which a signal is obeyed."""
FIRST_BACKOFF = 1.0
"""Seconds for which a round is left out after it has failed once; doubled each time."""
LONGEST_BACKOFF = 60.0

_log = structlog.get_logger("akashi.worker")


@dataclass(frozen=True, slots=True)
class Round:
    """One kind of background work."""

    name: str
    work: Callable[[Database, Settings, datetime], int]
    """Does a bounded piece of the work and returns its amount; 0: there was nothing to do."""


@dataclass(slots=True)
class _Standing:
    """How a round has been faring."""

    failures: int = 0
    """In a row."""
    error: str = ""
    """Kind of the last one."""
    resumes_at: float = 0.0
    """By the monotonic timer: until then the round is left out."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The worker's sense of time."""

    clock: Callable[[], datetime] = read_clock
    """What rounds get as `now`."""
    timer: Callable[[], float] = time.monotonic
    """Seconds, for backing off: setting the clock back must not silence a round."""
    sleep: Callable[[float], None] = time.sleep


class Worker:
    """Runs rounds in turn; several workers may run on one database."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rounds: Sequence[Round],
        timing: Timing | None = None,
        beat: Callable[[Mapping[str, str], datetime], None] | None = None,
    ) -> None:
        """Start nothing yet; `beat` is told after each turn which rounds fail, with the kinds of error."""
        self._database, self._settings, self._rounds = database, settings, rounds
        self._timing = timing or Timing()
        self._beat = beat
        self._standings = {each.name: _Standing() for each in rounds}
        self._is_stopping = False

    def run(self) -> None:
        """Work until `stop` is called or a SIGTERM or SIGINT comes; the piece of work in hand is finished first."""
        with self._signals():
            _log.info("worker started", rounds=[each.name for each in self._rounds])
            pause = SHORTEST_PAUSE
            while not self._is_stopping:
                done = self._turn()
                self._tell()
                if done:
                    pause = SHORTEST_PAUSE
                elif not self._is_stopping:
                    self._timing.sleep(pause)
                    pause = min(pause * 1.5, LONGEST_PAUSE)
            _log.info("worker stopped")

    def run_once(self) -> int:
        """Give every round one call, and return how much was done; an error ends it."""
        return sum(self._work(each) for each in self._rounds)

    def stop(self) -> None:
        """Let `run` return after the piece of work in hand."""
        self._is_stopping = True

    def _tell(self) -> None:
        if self._beat is None:
            return
        failing = {name: standing.error for name, standing in self._standings.items() if standing.failures}
        try:
            self._beat(failing, self._timing.clock())
        except Exception as error:  # noqa: BLE001 - a lost database must not end the worker
            _log.error("heartbeat failed", error=_kind(error))

    def _work(self, each: Round) -> int:
        return each.work(self._database, self._settings, self._timing.clock())

    def _turn(self) -> int:
        done = 0
        for each in self._rounds:
            standing = self._standings[each.name]
            if self._is_stopping or self._timing.timer() < standing.resumes_at:
                continue
            try:
                done += self._work(each)
            except Exception as error:  # noqa: BLE001 - a round's fault, or a lost database, must not end the others
                self._back_off(each, standing, error)
            else:
                if standing.failures:
                    _log.info("round recovered", round=each.name, failures=standing.failures)
                standing.failures = 0
        return done

    def _back_off(self, each: Round, standing: _Standing, error: Exception) -> None:
        seconds = min(FIRST_BACKOFF * 2.0 ** min(standing.failures, 10), LONGEST_BACKOFF)
        standing.failures += 1
        standing.error = _kind(error)
        standing.resumes_at = self._timing.timer() + seconds
        # Kinds and places only: a database's message can hold the values of the row that it refused.
        _log.error(
            "round failed",
            round=each.name,
            error=_kind(error),
            where=_place(error),
            failures=standing.failures,
            next_try_in=seconds,
        )

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _kind(error: BaseException) -> str:
    """Name an error's class; for a group, the classes in it."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(sorted({_kind(inner) for inner in error.exceptions}))
    return type(error).__name__


def _place(error: BaseException) -> str:
    """Name the module and line in our own packages from which an error came."""
    place, trace = "", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if str(module).partition(".")[0] in {"lms", "courses", "quizzes"}:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
