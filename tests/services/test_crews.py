"""A platform that hangs, fails or asks for patience holds up itself alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from lms.config import KeyFolder, Settings
from lms.jobs.crews import FAILURES_IN_A_ROW, LONGEST_REST, Breakdown, Crews, Done, Platforms
from lms.jobs.scores import deliver_scores
from lms.lti.tool_keys import load_or_create
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.organisations import Organisation
from lms.store.outbox import ScoreDelivery
from tests.factories import (
    MODULE,
    adopt,
    launch,
    learner_of,
    register,
    serve_lms,
    small_module,
    take_test,
    with_activities,
)
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity

SECOND = timedelta(seconds=1)
CONFIG = with_activities(default_config(), Activity("m1", "M1", "1", {"akashi": MODULE}, 10))
FAILURE = Breakdown(is_failure=True)


def gathered(crews: Crews[int, str], started: list[int], patience: float = 5) -> list[Done[int, str]]:
    return [each for found in crews.gather(started, patience) for each in found]


def test_all_tasks_of_a_crew_are_done() -> None:
    crews: Crews[int, str] = Crews(str, lambda _: False)
    crews.start(1, range(30), 5)
    assert sorted(int(each.outcome or "-1") for each in gathered(crews, [1])) == list(range(30))
    assert not crews.is_busy(1)
    assert gathered(crews, []) == []


def test_a_crew_that_hangs_is_not_waited_for_and_gathered_later() -> None:
    gate = threading.Event()

    def work(task: int) -> str:
        assert task or gate.wait(10)
        return str(task)

    crews: Crews[int, str] = Crews(work, lambda _: False)
    crews.start(1, [0], 5)
    crews.start(2, [1, 2], 5)
    began = time.monotonic()
    found = gathered(crews, [1, 2], 0.2)
    assert time.monotonic() - began < 2
    assert sorted(each.task for each in found) == [1, 2]
    assert (crews.is_busy(1), crews.is_busy(2)) == (True, False)
    assert gathered(crews, []) == []  # nobody waits for what an earlier round began
    gate.set()
    assert [each.task for each in gathered(crews, [1])] == [0]


def test_a_crew_ends_when_its_platform_keeps_failing_or_its_time_is_over() -> None:
    crews: Crews[int, str] = Crews(str, lambda _: True)
    crews.start(1, range(40), 5)
    found = gathered(crews, [1])
    begun = [each for each in found if each.outcome is not None]
    assert len(found) == 40
    assert FAILURES_IN_A_ROW <= len(begun) <= FAILURES_IN_A_ROW + 4
    crews.start(1, range(5), 0)
    assert [each.outcome for each in gathered(crews, [1])] == [None] * 5


def test_an_error_of_ours_reaches_the_round() -> None:
    def work(_: int) -> str:
        raise ZeroDivisionError

    crews: Crews[int, str] = Crews(work, lambda _: False)
    crews.start(1, [1], 5)
    (done,) = gathered(crews, [1])
    assert isinstance(done.error, ZeroDivisionError)


def test_a_platform_rests_longer_each_time_it_fails_until_it_answers(now: datetime) -> None:
    platforms = Platforms()
    for _ in range(FAILURES_IN_A_ROW - 1):
        platforms.note(1, FAILURE, now)
    assert not platforms.rests(1, now)
    rests = []
    for _ in range(12):
        platforms.note(1, FAILURE, now)
        assert platforms.rests(1, now)
        assert platforms.is_doubtful(1)
        assert not platforms.rests(1, now - timedelta(hours=1))  # the clock was put back
        rest = SECOND
        while platforms.rests(1, now + rest):
            rest += SECOND
        rests.append(rest)
    assert rests[0] <= 2 * SECOND
    assert rests[5] > 10 * rests[0]
    assert rests[-1] <= LONGEST_REST
    assert not platforms.rests(2, now)
    assert platforms.note(1, None, now)
    assert not platforms.note(1, None, now)
    assert not platforms.rests(1, now)


def test_a_platform_that_asks_for_patience_gets_it(now: datetime) -> None:
    platforms = Platforms()
    platforms.note(1, Breakdown(False, 5 * SECOND), now)
    assert platforms.rests(1, now + 4 * SECOND)
    assert not platforms.rests(1, now + 5 * SECOND)
    assert not platforms.is_doubtful(1)
    platforms.note(1, Breakdown(False, timedelta(days=1)), now)
    assert not platforms.rests(1, now + timedelta(minutes=1))  # the one that was refused waits longer, not all


def test_one_thing_that_keeps_failing_says_nothing_of_its_platform(now: datetime) -> None:
    platforms = Platforms()
    for _ in range(20):
        platforms.note(1, FAILURE, now, about=7)
    assert not platforms.is_doubtful(1)
    for number in range(FAILURES_IN_A_ROW):
        platforms.note(1, FAILURE, now, about=number)
    assert platforms.is_doubtful(1)


# With the outbox


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture
def hanging_and_healthy(
    database: Database, organisation: Organisation, keys_dir: Path, now: datetime
) -> Iterator[tuple[PracticeLms, PracticeLms]]:
    keys = load_or_create(KeyFolder(keys_dir))
    module = None
    with serve_lms(CONFIG) as hanging, serve_lms(CONFIG) as healthy:
        for lms in (hanging, healthy):
            lms.fetch_jwks = lambda _: keys.public_jwks()
            with database.transaction() as session:
                platform = register(session, organisation, lms)
                module = module or adopt(session, organisation, small_module())
            for person in ("staff", "newcomer"):
                launch(database, lms, (person, "m1"), now)
            with database.transaction() as session:
                for identity in session.scalars(select(LtiIdentity).where(LtiIdentity.platform_id == platform.id)):
                    take_test(session, learner_of(session, organisation, identity.id), module, now)
        yield hanging, healthy


def test_a_hanging_platform_holds_up_no_other(
    database: Database, keys_dir: Path, now: datetime, hanging_and_healthy: tuple[PracticeLms, PracticeLms]
) -> None:
    hanging, healthy = hanging_and_healthy
    hanging.faults.add(Fault("token", FaultKind.TIMEOUT, seconds=4))
    settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir)
    began = time.monotonic()
    assert deliver_scores(database, settings, now) == 2
    assert time.monotonic() - began < 3.5
    assert [healthy.grade(person, "m1").final for person in ("staff", "newcomer")] == [10, 10]  # type: ignore[union-attr]
    began = time.monotonic()
    assert deliver_scores(database, settings, now) == 0  # busy: no second crew, and no waiting
    assert time.monotonic() - began < 0.5
    hanging.faults.clear()
    tried = 0
    while tried < 2 and time.monotonic() - began < 20:
        time.sleep(0.1)
        tried += deliver_scores(database, settings, now)
    assert tried == 2
    with database.reading() as session:
        states = session.execute(select(ScoreDelivery.state, ScoreDelivery.refusal).order_by(ScoreDelivery.id)).all()
        assert [tuple(each) for each in states] == [("wanted", "unreachable")] * 2 + [("delivered", None)] * 2
        next_try = max(session.scalars(select(ScoreDelivery.next_try_at)))
    for lms in (hanging, healthy):
        lms.clock.set(next_try)
    assert deliver_scores(database, settings, next_try) == 2
    assert [hanging.grade(person, "m1").final for person in ("staff", "newcomer")] == [10, 10]  # type: ignore[union-attr]


def test_when_a_platform_is_back_all_that_waited_for_it_goes_at_once(
    database: Database, keys_dir: Path, now: datetime, hanging_and_healthy: tuple[PracticeLms, PracticeLms]
) -> None:
    failing, _ = hanging_and_healthy
    failing.faults.add(Fault("scores", FaultKind.TIMEOUT, seconds=0.01))
    settings = Settings("sqlite:///unopened.sqlite", "http://127.0.0.1:8000", keys_dir)
    calls = 0
    for second in range(60):
        now += SECOND
        failing.clock.set(now)
        calls += deliver_scores(database, settings, now) - (second == 0) * 2  # the healthy platform's two
    assert FAILURES_IN_A_ROW <= calls <= 16
    with database.reading() as session:
        waiting = session.scalars(select(ScoreDelivery.next_try_at).where(ScoreDelivery.state == "wanted")).all()
    failing.faults.clear()
    now = min(waiting) + LONGEST_REST
    with database.transaction() as session:  # one of them has to wait long, because it was tried often
        session.scalars(select(ScoreDelivery).where(ScoreDelivery.state == "wanted")).all()[0].next_try_at = now + LONGEST_REST  # fmt: skip
    failing.clock.set(now)
    assert deliver_scores(database, settings, now) == 1
    assert deliver_scores(database, settings, now) == 1
    with database.reading() as session:
        assert set(session.scalars(select(ScoreDelivery.state))) == {"delivered"}
