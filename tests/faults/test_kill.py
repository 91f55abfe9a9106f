"""SIGKILL of the web server while people answer: nothing acknowledged is lost, nothing is doubled.

A kill can't test durability against a power cut, so fsync itself is asserted beside it: read back on SQLite and
PostgreSQL, and seen in a system-call trace on SQLite.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from lms.clock import read_clock
from lms.services.launches import _hash
from lms.store.attempts import Answer, Attempt, AttemptResult
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink
from lms.store.ledger import LedgerEvent
from lms.store.platforms import Platform
from tests.practice_organisation.seed import MODULE, seed

KILLS = int(os.environ.get("AKASHI_KILLS", "30"))
LEARNERS = 6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """The tool's web server, which can be killed and started again."""

    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--workers", "2", "--preload"]
        self.process = subprocess.Popen(
            [*command, "--log-level", "critical", "--no-control-socket", "wsgi:app"],
            env=self.environment,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        pytest.fail("the server did not start")

    def kill(self) -> None:
        """Kill the server and all its workers at once, as a crash would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Crowd:
    """Learners who keep answering, and what the server has acknowledged to them."""

    port: int
    acknowledged: dict[tuple[int, int], int] = field(default_factory=dict)
    """(attempt, position) to the number of the last acknowledged answer."""
    in_flight: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    """The answers sent since then: each may have arrived although its acknowledgement did not."""
    submitted: set[int] = field(default_factory=set)
    saves: int = 0
    statuses: set[int] = field(default_factory=set)
    """All statuses that answers were met with."""
    stop: threading.Event = field(default_factory=threading.Event)


def _post(port: int, path: str, cookie: str, fields: dict[str, str]) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=urllib.parse.urlencode(fields).encode(),
        headers={"Cookie": cookie, "Accept": "application/json"},
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None


@dataclass
class Seat:
    """A learner's session and the attempt that is open in it."""

    handle: str
    cookie: str
    form_token: str
    identity_id: int


def open_seats(database: Database, count: int) -> list[Seat]:
    """Open sessions for learners without an attempt, as launches would."""
    from lms.web.security import LaunchedSession, session_cookie_name

    seats = []
    now = read_clock()
    with database.transaction() as session:
        platform = session.scalars(select(Platform)).one()
        link = ResourceLink(
            organisation_id=platform.organisation_id, platform_id=platform.id, deployment_id="1",
            resource_link_id="kill", opens=MODULE, last_launched_at=now,
        )  # fmt: skip
        session.add(link)
        session.flush()
        for number in range(count):
            identity = LtiIdentity(
                organisation_id=platform.organisation_id, platform_id=platform.id, sub=f"kill-{number}",
                first_seen_at=now, last_seen_at=now,
            )  # fmt: skip
            session.add(identity)
            session.flush()
            handle, secret = f"{number:016x}", f"secret-{number}"
            session.add(
                LaunchSession(
                    handle=handle,
                    secret_hash=_hash(secret),
                    organisation_id=platform.organisation_id,
                    platform_id=platform.id,
                    deployment_id=link.deployment_id,
                    identity_id=identity.id,
                    resource_link_pk=link.id,
                    lti_roles=[],
                    is_framed=False,
                    language="ja",
                    created_at=now,
                    touched_at=now,
                    expires_at=now.replace(year=now.year + 1),
                )
            )
            token = LaunchedSession(handle, secret).form_token
            seats.append(Seat(handle, f"{session_cookie_name(handle)}={secret}", token, identity.id))
    return seats


def _open_attempt(database: Database, identity_id: int) -> Attempt | None:
    with database.reading() as session:
        return session.scalar(select(Attempt).where(Attempt.identity_id == identity_id, Attempt.submitted_at.is_(None)))


def _answer_for_ever(crowd: Crowd, seat: Seat, database: Database) -> None:
    """Give answers that carry a growing number, and note which of them the server has acknowledged."""
    choice = random.Random(seat.handle)
    number = 0
    while not crowd.stop.is_set():
        try:
            attempt = _open_attempt(database, seat.identity_id)
            if attempt is None:
                _post(
                    crowd.port, f"/s/{seat.handle}/modules/{MODULE}/test", seat.cookie, {"form_token": seat.form_token}
                )
                if _open_attempt(database, seat.identity_id) is None:
                    return  # attempts used up
                continue
            number += 1
            _answer(crowd, seat, attempt, (choice.randrange(len(attempt.paper)) + 1, number))
            if number % 60 == 0:
                address = f"/s/{seat.handle}/attempts/{attempt.id}/submit"
                if _post(crowd.port, address, seat.cookie, {"form_token": seat.form_token}) == 303:
                    crowd.submitted.add(attempt.id)
        except OSError:
            time.sleep(0.02)  # the server is down: try again


def _answer(crowd: Crowd, seat: Seat, attempt: Attempt, what: tuple[int, int]) -> None:
    position, number = what
    order = attempt.paper[position - 1]["order"]
    key = order[number % len(order)] if order else ("true", "false")[number % 2]
    fields = {"form_token": seat.form_token, "go": "stay", "shown": "1", "choice": key}
    fields |= {f"pair-{each}": str(number % len(order)) for each in order}
    place = (attempt.id, position)
    crowd.in_flight.setdefault(place, set()).add(number)
    address = f"/s/{seat.handle}/attempts/{attempt.id}/questions/{position}"
    status = _post(crowd.port, address, seat.cookie, fields)
    if status == 200:
        crowd.acknowledged[place] = number
        crowd.in_flight[place].clear()
        crowd.saves += 1
    crowd.statuses.add(status)


def _kept(given: dict[str, object], order: list[str], number: int) -> bool:
    """Tell whether a kept answer is the one with this number."""
    if "pairs" in given:
        pairs = given["pairs"]
        assert isinstance(pairs, dict)
        return set(pairs.values()) == {order[number % len(order)]}
    if "value" in given:
        return given["value"] is (number % 2 == 0)
    key = order[number % len(order)]
    return given.get("choice") == key or given.get("choices") == [key]


@contextmanager
def _crowd(database: Database, port: int, seats: list[Seat]) -> Iterator[Crowd]:
    crowd = Crowd(port)
    threads = [threading.Thread(target=_answer_for_ever, args=(crowd, seat, database)) for seat in seats]
    for thread in threads:
        thread.start()
    try:
        yield crowd
    finally:
        crowd.stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [KILLS, pytest.param(1_000, marks=pytest.mark.soak)])
def test_no_acknowledged_answer_is_lost_when_the_server_is_killed(
    database: Database, database_url: str, tmp_path: Path, kills: int
) -> None:
    seed(database, "http://127.0.0.1:9", read_clock())
    seats = open_seats(database, LEARNERS)
    environment = dict(os.environ) | {
        "AKASHI_DATABASE_URL": database_url,
        "AKASHI_KEYS_DIR": str(tmp_path / "keys"),
        "AKASHI_LOG_FORMAT": "console",
    }
    server = Server(environment, _free_port())
    server.start()
    pauses = random.Random(1)
    with _crowd(database, server.port, seats) as crowd:
        for _ in range(kills):
            time.sleep(pauses.uniform(0.05, 0.35))
            server.kill()
            server.start()
        time.sleep(0.3)
    server.kill()
    assert crowd.saves > kills
    assert crowd.statuses <= {200, 409, 503}
    _check(database, crowd)


def _check(database: Database, crowd: Crowd) -> None:
    with database.reading() as session:
        lost = []
        for (attempt_id, position), number in crowd.acknowledged.items():
            attempt = session.get_one(Attempt, attempt_id)
            answer = session.get(Answer, (attempt_id, position))
            order = attempt.paper[position - 1]["order"]
            may_be = {number} | crowd.in_flight[(attempt_id, position)]
            if answer is None or not any(_kept(answer.given, order, each) for each in may_be):
                lost.append((attempt_id, position, number))
        assert lost == []
        results = session.scalars(select(AttemptResult.attempt_id)).all()
        assert crowd.submitted <= set(results)
        assert len(results) == len(set(results))
        closed = session.scalars(select(Attempt.id).where(Attempt.submitted_at.is_not(None))).all()
        assert set(closed) == set(results)
        events = session.scalar(select(func.count()).select_from(LedgerEvent))
        assert events == len(set(session.scalars(select(LedgerEvent.id))))


def test_the_database_really_waits_for_the_disk(database: Database) -> None:
    with database.reading() as session:
        if database.is_sqlite:
            assert session.scalar(text("PRAGMA synchronous")) == 2
            assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        else:
            assert session.scalar(text("SHOW fsync")) == "on"
            assert session.scalar(text("SHOW synchronous_commit")) == "on"


def test_a_commit_on_sqlite_calls_fsync(sqlite_template: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        if os.environ.get("AKASHI_TEST_ALL") == "1":
            pytest.fail("strace is missing: apt-get install strace")
        pytest.skip("strace is missing: apt-get install strace")
    path, trace = tmp_path / "akashi.sqlite", tmp_path / "trace"
    shutil.copyfile(sqlite_template, path)
    script = (
        "import sys; from lms.store.base import Database; from lms.services.audit import note\n"
        "from lms.clock import read_clock\n"
        f"database = Database('sqlite:///{path}')\n"
        "for number in range(5):\n"
        "    with database.transaction() as session:\n"
        "        note(session, 'test.fsync', 'anonymous', read_clock(), None, number=number)\n"
        "    print('ACKNOWLEDGED', file=sys.stderr, flush=True)\n"
    )
    traced = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", str(trace)]
    subprocess.run([*traced, sys.executable, "-c", script], check=True, capture_output=True)
    calls = re.findall(r"\b(fsync|fdatasync)\(|write\(2, \"(ACK)", trace.read_text(errors="replace"))
    synced = 0
    acknowledged = 0
    for sync, told in calls:
        synced += bool(sync)
        if told:
            acknowledged += 1
            assert synced >= acknowledged, "told the client before the disk had it"
    assert acknowledged == 5
