"""The worker: rounds in turn, an orderly end, and patience with what fails."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from lms.config import Settings
from lms.jobs.rounds import ROUNDS
from lms.jobs.worker import LONGEST_BACKOFF, LONGEST_PAUSE, SHORTEST_PAUSE, Round, Timing, Worker
from lms.store.base import Database
from lms.store.ledger import LedgerPending
from lms.store.organisations import Organisation, Unit
from lms.store.records import record

Work = Callable[[Database, Settings, datetime], int]


class Time:
    """Time that passes only by sleeping; ends the worker after a number of seconds."""

    def __init__(self, now: datetime, ends_at: float) -> None:
        self.now, self.seconds, self.ends_at = now, 0.0, ends_at
        self.slept: list[float] = []
        self.worker: Worker | None = None

    def timing(self) -> Timing:
        return Timing(clock=lambda: self.now, timer=lambda: self.seconds, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        if self.seconds >= self.ends_at and self.worker is not None:
            self.worker.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(f"sqlite:///{tmp_path / 'unopened.sqlite'}", "http://127.0.0.1:8000", tmp_path / "keys")


def make_worker(settings: Settings, passing: Time, **rounds: Work) -> Worker:
    made = [Round(name, work) for name, work in rounds.items()]
    passing.worker = Worker(Database(settings.database_url), settings, made, passing.timing())
    return passing.worker


def test_a_round_gets_the_database_the_settings_and_the_time(settings: Settings, now: datetime) -> None:
    seen: list[tuple[str, Settings, datetime]] = []

    def look(database: Database, its_settings: Settings, its_now: datetime) -> int:
        seen.append((database.url, its_settings, its_now))
        return 3

    worker = make_worker(settings, Time(now, 1), look=look, idle=lambda *_: 0)
    assert worker.run_once() == 3
    assert seen == [(settings.database_url, settings, now)]


def test_one_turn_lets_an_error_through(settings: Settings, now: datetime) -> None:
    def fail(*_: object) -> int:
        raise LookupError

    with pytest.raises(LookupError):
        make_worker(settings, Time(now, 1), fail=fail).run_once()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_after_the_work_in_hand(settings: Settings, now: datetime, number: int) -> None:
    done: list[str] = []

    def first(*_: object) -> int:
        os.kill(os.getpid(), number)
        done.append("first")
        return 1

    def second(*_: object) -> int:
        done.append("second")
        return 1

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    passing = Time(now, 1)
    with capture_logs() as logs:
        make_worker(settings, passing, first=first, second=second).run()
    assert (done, passing.slept) == (["first"], [])
    assert [line["event"] for line in logs] == ["worker started", "worker stopped"]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers


def test_an_idle_worker_sleeps_longer_and_work_wakes_it(settings: Settings, now: datetime) -> None:
    turns: list[float] = []
    passing = Time(now, 6)

    def work_once(*_: object) -> int:
        turns.append(passing.seconds)
        return 1 if len(turns) == 9 else 0

    make_worker(settings, passing, work=work_once).run()
    assert passing.slept[:9] == [pytest.approx(each) for each in [0.2, 0.3, 0.45, 0.675, 1.0, 1.0, 1.0, 1.0, 0.2]]
    assert (min(passing.slept), max(passing.slept)) == (SHORTEST_PAUSE, LONGEST_PAUSE)


def test_a_failing_round_is_tried_less_and_less_while_the_others_go_on(settings: Settings, now: datetime) -> None:
    tries: list[float] = []
    turns: list[float] = []
    passing = Time(now, 300)

    def fail(*_: object) -> int:
        tries.append(passing.seconds)
        raise ValueError("架空 花子 hanako@example.invalid")

    def idle(*_: object) -> int:
        turns.append(passing.seconds)
        return 0

    with capture_logs() as logs:
        make_worker(settings, passing, fail=fail, idle=idle).run()
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    for gap, wanted in zip(gaps, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=False):
        assert wanted <= gap <= wanted + LONGEST_PAUSE
    assert len(gaps) >= 8
    assert len(turns) > 290
    failures = [line for line in logs if line["log_level"] == "error"]
    assert len(failures) == len(tries)
    assert failures[0] == {
        "event": "round failed",
        "log_level": "error",
        "round": "fail",
        "error": "ValueError",
        "where": failures[0]["where"],
        "failures": 1,
        "next_try_in": 1.0,
    }
    assert failures[0]["where"].startswith("lms.jobs.worker:")
    assert failures[-1]["next_try_in"] == LONGEST_BACKOFF
    assert "架空" not in str(logs)
    assert "example.invalid" not in str(logs)


def test_a_round_that_recovers_is_as_patient_as_before(settings: Settings, now: datetime) -> None:
    tries: list[float] = []
    passing = Time(now, 20)

    def fail_twice(*_: object) -> int:
        tries.append(passing.seconds)
        if len(tries) in {1, 2, 4}:
            raise ValueError
        return 0

    with capture_logs() as logs:
        make_worker(settings, passing, work=fail_twice).run()
    assert [(line["event"], line.get("next_try_in")) for line in logs[1:-1]] == [
        ("round failed", 1.0),
        ("round failed", 2.0),
        ("round recovered", None),
        ("round failed", 1.0),
        ("round recovered", None),
    ]


def test_a_database_out_of_reach_is_waited_for(sqlite_template: Path, tmp_path: Path, now: datetime) -> None:
    """The whole of it: the shipped rounds, a real database that appears after five seconds, and a real event."""
    path = tmp_path / "later" / "akashi.sqlite"
    settings = Settings(f"sqlite:///{path}", "http://127.0.0.1:8000", tmp_path / "keys")
    database = Database(settings.database_url)

    class Appearing(Time):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.seconds >= 5 and not path.exists():
                path.parent.mkdir()
                shutil.copyfile(sqlite_template, path)
                with database.transaction() as session:
                    row = Organisation(key="kakuu", name_ja="架空大学", name_en="Kakuu", created_at=now)
                    session.add(row)
                    session.flush()
                    record(
                        session, row, Unit(name_ja="架空係", name_en="A", recorded_at=now, recorded_by="operator:test")
                    )

    passing = Appearing(now, 20)
    passing.worker = Worker(database, settings, ROUNDS, passing.timing())
    with capture_logs() as logs:
        passing.worker.run()
    failures = [line for line in logs if line["event"] == "round failed" and line["round"] == "ledger"]
    assert {line["error"] for line in failures} == {"OperationalError"}
    assert [line["round"] for line in logs if line["event"] == "round recovered"].count("ledger") == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerPending)) == 0
    database.close()
