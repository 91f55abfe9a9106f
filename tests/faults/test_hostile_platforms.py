"""Platforms that fail at random while results come in: each line item ends with the wanted grade, and none is lost.

About three calls of ten go wrong: too many requests, errors, time-outs, replies that are lost after the work was done,
tokens that are forgotten, conflicts that are none. Meanwhile the worker is killed again and again, and pages are asked
for. What the platforms really took is written down where they take it.

``AKASHI_HOSTILE_RESULTS=2000 pytest -s tests/faults/test_hostile_platforms.py`` is the long run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from courses.calendar import jst_date, start_of_day
from lms.clock import read_clock
from lms.config import KeyFolder
from lms.jobs.reconciliation import NAME, NIGHT
from lms.lti.tool_keys import load_or_create
from lms.services.attempts import MayNotStartError, start_attempt, submit_attempt
from lms.services.awareness import ModuleInUse, module_in_use
from lms.services.reconciliation import want_comparisons
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.jobs import take
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation
from lms.store.outbox import Reconciliation, ScoreDelivery, ScoreTry
from lms.web.security import session_cookie_name
from tests.factories import adopt, answer_paper, launch, learner_of, register, serve_lms, small_module
from tests.faults.test_kill import Server, _free_port
from tests.practice_lms import ags
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.grading import apply_score
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, LmsPerson, PlatformConfig

RESULTS = int(os.environ.get("AKASHI_HOSTILE_RESULTS", "48"))
PLATFORMS = 2
MODULES = ("m1", "m2")
POINTS = 5
SHARE = 0.3
"""Of the calls to each endpoint that go wrong."""
SCRIPTS = ((3,), (1, 4), (4, 2, 5), (2, 2), (0, 3, 1), (5,))
"""Points of one person's attempts, one after the other, several of them within one second; full points end them."""

KINDS = {
    "token": ("429", "500", "503", "timeout", "lost-reply", "error-after"),
    "lineitems": ("429", "500", "503", "timeout", "lost-reply", "error-after", "401"),
    "results": ("429", "500", "503", "timeout", "lost-reply", "error-after", "401", "409"),
    "scores": ("429", "500", "503", "timeout", "lost-reply", "error-after", "401", "409"),
}
WORKER = (
    "import sys; from datetime import timedelta; from lms.jobs import crews\n"
    "from lms.services import line_items, outbox, reconciliation\n"
    "for each in (line_items, outbox, reconciliation): each.LEASE = timedelta(seconds=4)\n"
    "if {is_short}:\n"
    "    crews.LONGEST_REST = timedelta(seconds=2)\n"
    "    for each in (line_items, outbox, reconciliation): each.pause = lambda tries: timedelta(seconds=min(tries, 2) / 2)\n"
    "sys.argv = ['akashi', 'worker']; from lms.cli.main import cli; cli()"
)


@dataclass
class Taken:
    """What the platforms really took, in the order in which they took it."""

    grades: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Worker:
    """A worker that is killed from time to time."""

    environment: dict[str, str]
    log: Path
    most_kills: int
    is_short: bool
    """Whether failed tries and failing platforms wait a second or two at most, instead of longer each time."""
    kills: int = 0
    ended_by_itself: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Keep a worker running, and kill it every few seconds."""
        pauses = random.Random(1)
        while not self.stop.is_set():
            with self.log.open("a") as log:
                process = subprocess.Popen(
                    [sys.executable, "-c", WORKER.format(is_short=self.is_short)],
                    env=self.environment, start_new_session=True, stdout=log, stderr=log,
                )  # fmt: skip
            while (
                self.log.read_text().count("worker started") <= self.kills
                and process.poll() is None
                and not self.stop.is_set()
            ):
                time.sleep(0.05)
            # After the last kill it works on until the end.
            self.stop.wait(pauses.uniform(1, 3) if self.kills < self.most_kills else None)
            self.ended_by_itself += process.poll() is not None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.kills += 1


@dataclass
class Reader:
    """Somebody who asks for pages meanwhile."""

    url: str
    cookie: str
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def read(self, count: int | None = None) -> None:
        """Ask for a page so many times, or until told to stop."""
        while not self.stop.is_set() and (count is None or len(self.seconds) < count):
            began = time.monotonic()
            request = urllib.request.Request(self.url, headers={"Cookie": self.cookie})  # noqa: S310 - our own
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own
                response.read()
                self.statuses[response.status] += 1
            self.seconds.append(time.monotonic() - began)
            time.sleep(0.05)

    def p95(self) -> float:
        """Milliseconds within which 95 of 100 pages came."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)] * 1000


def config_of(people: int) -> PlatformConfig:
    """A platform with so many people and three activities, one of which has no column of its own."""
    config = default_config()
    cast = tuple(LmsPerson(f"p{number}", str(1000 + number), f"p{number}", "見本", "学生") for number in range(people))
    activities = (
        Activity("a1", "M1", "1", {"akashi": "m1"}, 100, resource_id="m1", tag="isms"),
        Activity("a2", "M2", "2", {"akashi": "m2"}, 5),
        Activity("a3", "M2 again", "3", {"akashi": "m2"}),
    )
    course = replace(config.courses[0], activities=activities)
    return replace(config, people=cast, courses=(course,))


def make_hostile(lms: PracticeLms) -> None:
    """Let three calls of ten go wrong, each in another way."""
    for endpoint, kinds in KINDS.items():
        share = 1 - (1 - SHARE) ** (1 / len(kinds))
        for kind in kinds:
            retry_after = "1" if kind == "503" else ""
            lms.faults.add(Fault(endpoint, FaultKind(kind), share=share, seconds=0.3, retry_after=retry_after))
    lms.faults.add(Fault("scores", FaultKind.SLOW, calls=2, share=0.05, seconds=6))  # later than we wait
    lms.faults.add(Fault("scores", FaultKind.TOO_MANY_REQUESTS, calls=2, share=0.05, retry_after="2"))


@contextmanager
def hostile_platforms(
    database: Database, organisation: Organisation, keys: Path, people: int, taken: Taken
) -> Iterator[list[PracticeLms]]:
    """Serve platforms, register them, and let everybody open every activity while they are still well."""
    tool_keys = load_or_create(KeyFolder(keys))
    with ExitStack() as stack:
        platforms = []
        for _ in range(PLATFORMS):
            lms = stack.enter_context(serve_lms(config_of(people)))
            lms.fetch_jwks = lambda _: tool_keys.public_jwks()
            lms.state.events = deque()
            platforms.append(lms)
            with database.transaction() as session:
                register(session, organisation, lms)
        with database.transaction() as session:
            adopt(
                session,
                organisation,
                *(small_module(key, pass_percent=100, bank=POINTS, attempts=9, wait_minutes=0) for key in MODULES),
            )
        for lms in platforms:
            for person in lms.config.people:
                for activity in ("a1", "a2", "a3"):
                    launch(database, lms, (person.key, activity), read_clock())
        by_issuer = {id(each): each.config.issuer for each in platforms}

        def apply_and_note(grade: Any, score: Any, item: Any, profile: Any) -> None:
            apply_score(grade, score, item, profile)
            lms = next(each for each in platforms if each.state.line_items.get(item.id) is item)
            with taken.lock:
                taken.grades.setdefault((by_issuer[id(lms)], item.id, score.sub), []).append(grade.final)

        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(ags, "apply_score", apply_and_note)
        with database.transaction() as session:  # of this night: the test compares when it wants to
            now = read_clock()
            take(session, NAME, start_of_day(jst_date(now - NIGHT)) + NIGHT, now)
        for lms in platforms:
            make_hostile(lms)
        yield platforms


def come_in(
    database: Database, organisation: Organisation, platforms: list[PracticeLms], count: int
) -> dict[tuple[str, str, str], int]:
    """Let results come in, one after the other; return each person's best by platform and module."""
    with database.reading() as session:
        identities = {(each.platform_id, each.sub): each.id for each in session.scalars(select(LtiIdentity))}
        modules = {key: module_in_use(session, organisation.id, key, read_clock().date()) for key in MODULES}
        ids = sorted({platform_id for platform_id, _ in identities})
    best: dict[tuple[str, str, str], int] = {}
    people = len(platforms[0].config.people)
    scripts = random.Random(2)
    places = [(number, person, key) for person in range(people) for number in range(PLATFORMS) for key in MODULES]
    scripts.shuffle(places)
    done = 0
    while done < count:
        number, person, key = places[done % len(places)] if done < len(places) else scripts.choice(places)
        sub = str(1000 + person)
        identity_id = identities[ids[number], sub]
        for points in scripts.choice(SCRIPTS)[: count - done]:
            if not take_test(database, (organisation, identity_id), modules[key], points):
                break
            place = (platforms[number].config.issuer, key, sub)
            best[place] = max(best.get(place, 0), points)
            done += 1
        if done % 100 < 3:
            platforms[number].state.access_tokens.clear()  # they expire
    return best


def take_test(database: Database, who: tuple[Organisation, int], module: ModuleInUse, points: int) -> bool:
    """Start and submit a test with so many points; False where the attempts are used up."""
    now = read_clock()
    try:
        with database.transaction() as session:
            learner = learner_of(session, *who)
            attempt_id = start_attempt(session, learner, module, now)
            answer_paper(session, learner, attempt_id, now, POINTS - points)
        with database.transaction() as session:
            submit_attempt(session, learner, attempt_id, read_clock())
    except MayNotStartError:
        return False
    return True


def wait_until(is_done: Callable[[], bool], seconds: float, database: Database) -> None:
    """Wait until something is so; say what is left where it takes too long."""
    ends = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < ends, left_in(database)
        time.sleep(0.2)


def left_in(database: Database) -> list[str]:
    """What has not been delivered, found or compared."""
    undelivered = select(ScoreDelivery).where(ScoreDelivery.state != "delivered")
    unfound = select(ResourceLink).where(ResourceLink.line_item_url.is_(None))
    undone = select(Reconciliation).where(Reconciliation.state != "done")
    with database.reading() as session:
        return [
            *(
                f"{row.id}: {row.state} {row.refusal} {row.tries} {row.next_try_at}"
                for row in session.scalars(undelivered)
            ),
            *(
                f"activity {row.id}: {row.line_item_tries} {row.line_item_wait_until}"
                for row in session.scalars(unfound)
            ),
            *(f"comparison {row.id}: {row.refusal} {row.tries} {row.next_try_at}" for row in session.scalars(undone)),
            f"at {read_clock()}",
        ]


def is_delivered(database: Database) -> bool:
    with database.reading() as session:
        return not session.scalar(select(func.count()).where(ScoreDelivery.state != "delivered"))


def is_compared(database: Database) -> bool:
    with database.reading() as session:
        return not session.scalar(select(func.count()).where(Reconciliation.state != "done"))


def items_of(lms: PracticeLms, key: str) -> list[int]:
    """The line items of a module, by its activities' links."""
    links = {"m1": ("1",), "m2": ("2", "3")}[key]
    return [item.id for item in lms.state.line_items.values() if item.link_id in links]


def check_grades(
    platforms: list[PracticeLms], best: dict[tuple[str, str, str], int], but: frozenset[tuple[str, int, str]]
) -> int:
    """See that each line item holds the best; return how many grades were looked at."""
    wrong, seen = [], 0
    for lms in platforms:
        for (issuer, key, sub), points in best.items():
            if issuer != lms.config.issuer:
                continue
            for item_id in items_of(lms, key):
                grade = lms.state.grades.get((item_id, sub))
                maximum = lms.state.line_items[item_id].maximum
                seen += 1
                is_right = grade is not None and grade.final == pytest.approx(points / POINTS * maximum)
                if not is_right and (issuer, item_id, sub) not in but:
                    wrong.append((issuer, item_id, sub, points, grade))
    assert wrong == []
    return seen


def report(database: Database, platforms: list[PracticeLms], facts: dict[str, object]) -> None:
    """Print how many calls it took."""
    calls: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for lms in platforms:
        calls.update(event.kind for event in lms.events() if event.kind in KINDS and event.kind != "token")
        calls["token"] += len(lms.events("token"))
        for fault in lms.faults.all():
            faults[fault.endpoint] += fault.served
            if fault.endpoint == "token" and fault.kind not in {FaultKind.LOST_REPLY, FaultKind.ERROR_AFTER}:
                calls["token"] += fault.served  # the token endpoint notes only what it has processed
    with database.reading() as session:
        outcomes = Counter(session.scalars(select(ScoreTry.outcome)))
    shares = {kind: f"{faults[kind]}/{calls[kind]} = {faults[kind] / max(calls[kind], 1):.0%}" for kind in calls}
    print(f"\n{database.engine.name}: {facts}\n  calls {dict(calls)}, gone wrong {shares}\n  tries {dict(outcomes)}")


@contextmanager
def worker_and_reader(
    database: Database, lms: PracticeLms, keys: Path, count: int
) -> Iterator[tuple[Worker, Reader, Reader]]:
    """Run a worker that is killed, and somebody who reads pages: before, and meanwhile."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AKASHI_")} | {
        "AKASHI_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "AKASHI_KEYS_DIR": str(keys),
        "AKASHI_LOG_FORMAT": "console",
    }
    opened = launch(database, lms, ("p0", "a1"), read_clock())
    server = Server(environment, _free_port())
    server.start()
    url = f"http://127.0.0.1:{server.port}/s/{opened.handle}/"
    cookie = f"{session_cookie_name(opened.handle)}={opened.secret}"
    before, during, worker = (
        Reader(url, cookie),
        Reader(url, cookie),
        Worker(environment, keys.parent / "worker.log", 2 + count // 100, count < 500),
    )
    Reader(url, cookie).read(10)  # what is made at the first asking is made
    before.read(40)
    threads = [threading.Thread(target=work) for work in (worker.run, during.read)]
    for thread in threads:
        thread.start()
    try:
        yield worker, before, during
    finally:
        worker.stop.set()
        during.stop.set()
        for thread in threads:
            thread.join()
        server.kill()


@pytest.mark.slow
@pytest.mark.parametrize("count", [RESULTS, pytest.param(20_000, marks=pytest.mark.soak)])
def test_each_line_item_ends_with_the_wanted_grade(
    database: Database, organisation: Organisation, tmp_path: Path, count: int
) -> None:
    taken, patience = Taken(), 60 + count
    with (
        hostile_platforms(database, organisation, tmp_path / "keys", max(3, count // 6), taken) as platforms,
        worker_and_reader(database, platforms[0], tmp_path / "keys", count) as (worker, before, during),
    ):
        began = time.monotonic()
        best = come_in(database, organisation, platforms, count)
        came_in = time.monotonic() - began
        wait_until(lambda: is_delivered(database), patience, database)
        delivered = time.monotonic() - began
        grades = check_grades(platforms, best, frozenset())
        lost, overridden = spoil(platforms, best)
        with database.transaction() as session:
            assert want_comparisons(session, organisation.id, "operator:test", read_clock()) == 3 * PLATFORMS
        wait_until(lambda: is_compared(database) and is_delivered(database), patience, database)
    check_grades(platforms, best, overridden)
    check_order(taken)
    assert all(len(items_of(lms, "m2")) == 2 for lms in platforms)  # made once, however often it was tried
    with database.reading() as session:
        sums = (func.sum(Reconciliation.same), func.sum(Reconciliation.lost), func.sum(Reconciliation.overridden))
        found = tuple(session.execute(select(*sums)).one())
    assert found == (grades - len(lost) - len(overridden), len(lost), len(overridden))
    assert set(during.statuses) == {200}
    assert worker.ended_by_itself == 0, worker.log.read_text()[-2000:]
    facts = {
        "results": count, "grades": grades, "came in": f"{came_in:.1f} s", "delivered": f"{delivered:.1f} s",
        "kills": worker.kills - 1, "pages": len(during.seconds), "p95 ms before": f"{before.p95():.0f}",
        "p95 ms during": f"{during.p95():.0f}", "lost": len(lost), "overridden": len(overridden),
    }  # fmt: skip
    report(database, platforms, facts)


def spoil(
    platforms: list[PracticeLms], best: dict[tuple[str, str, str], int]
) -> tuple[set[tuple[str, int, str]], frozenset[tuple[str, int, str]]]:
    """Clear some grades and override others; return which."""
    places = [
        (lms, item_id, sub)
        for lms in platforms
        for (issuer, key, sub), points in best.items()
        if issuer == lms.config.issuer and points > 1
        for item_id in items_of(lms, key)[:1]
    ]
    lost, overridden = set(), set()
    for number, (lms, item_id, sub) in enumerate(places[: max(6, len(places) // 10)]):
        if number % 2:
            lms.delete_grade(item_id, sub)
            lost.add((lms.config.issuer, item_id, sub))
        else:
            lms.override_grade(item_id, sub, 0.5)
            overridden.add((lms.config.issuer, item_id, sub))
    return lost, frozenset(overridden)


def check_order(taken: Taken) -> None:
    """See that no platform took a worse grade after a better one; a teacher's stands there with half a point."""
    back = {
        place: grades
        for place, grades in taken.grades.items()
        if any(later < earlier for earlier, later in pairwise(grades)) and 0.5 not in grades
    }
    assert back == {}
