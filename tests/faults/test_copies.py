"""Fifty copies of one launch at one moment open one session: in threads on both databases, and through a server's two workers."""

from __future__ import annotations

import os
import signal
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms.clock import read_clock
from lms.services.launches import login_cookie_name
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.identities import LtiIdentity
from lms.store.launches import LaunchSession, ResourceLink, ResourceLinkVisit
from lms.store.organisations import Organisation
from tests.factories import all_at_once, errors_in, log_in, register, serve_lms
from tests.faults.test_kill import Server, _free_port, _NoRedirect
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import BOTH_DATABASES, STAFF, RunningTool
from tests.web.visits import LAUNCH, TOOL, Browser, answer_of

pytestmark = pytest.mark.slow

COPIES = 50
ROUNDS = 100
"""On each database: 200 in all."""
LONG = 10_000
SERVED_ROUNDS = 10


def counted(database: Database) -> tuple[int, int]:
    """How many sessions there are, and how many copies were refused."""
    refused = select(func.count()).where(AuditEvent.kind == "request.refused")
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(LaunchSession)) or 0, session.scalar(refused) or 0


def reasons(database: Database) -> set[str]:
    """Why copies were refused."""
    with database.reading() as session:
        facts = session.scalars(select(AuditEvent.facts).where(AuditEvent.kind == "request.refused"))
        return {each["code"] for each in facts}


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(LONG, marks=pytest.mark.soak)])
def test_fifty_copies_of_a_launch_in_threads_open_one_session(
    tool: RunningTool, lms: PracticeLms, client: Browser, rounds: int
) -> None:
    before, _ = counted(tool.database)
    for turn in range(rounds):
        answer = answer_of(client, lms, STAFF, "core")
        name = login_cookie_name(answer["state"])
        cookie = client.get_cookie(name, "akashi.example.invalid")
        assert cookie is not None

        def post(_number: int, form: dict[str, str] = answer, header: str = f"{name}={cookie.value}") -> int:
            browser = tool.app.test_client(use_cookies=False)
            return browser.post(LAUNCH, data=form, headers={"Cookie": header}, base_url=TOOL).status_code

        found = all_at_once(COPIES, post)
        assert errors_in(found) == []
        assert Counter(found) == {303: 1, 401: COPIES - 1}
        assert counted(tool.database) == (before + turn + 1, (turn + 1) * (COPIES - 1))
        client.delete_cookie(name, domain="akashi.example.invalid")
    assert reasons(tool.database) == {"state_used"}


@pytest.fixture
def campus(database: Database, organisation: Organisation) -> Iterator[PracticeLms]:
    """A practice LMS, registered and served."""
    with serve_lms() as lms:
        with database.transaction() as session:
            register(session, organisation, lms)
        yield lms


@pytest.fixture
def server(database: Database, campus: PracticeLms, tmp_path: Path) -> Iterator[Server]:
    """The tool behind a web server with two workers."""
    environment = dict(os.environ) | {
        "AKASHI_DATABASE_URL": database.url,
        "AKASHI_KEYS_DIR": str(tmp_path / "keys"),
        "AKASHI_BASE_URL": "http://127.0.0.1:8000",
    }
    running = Server(environment, _free_port())
    running.start()
    yield running
    assert running.process is not None
    os.killpg(running.process.pid, signal.SIGTERM)
    running.process.wait()


def post_launch(port: int, form: dict[str, str], cookie: str) -> int:
    """Post a launch to the server; the status."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{LAUNCH}", data=urllib.parse.urlencode(form).encode(), headers={"Cookie": cookie}
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_fifty_copies_of_a_launch_through_a_server_open_one_session(
    database: Database, campus: PracticeLms, server: Server
) -> None:
    for turn in range(SERVED_ROUNDS):
        answer = log_in(database, campus, ("staff", "m1"), read_clock(), browser=f"browser-{turn}")
        form, cookie = {"state": answer.state, "id_token": answer.id_token}, login_cookie_name(answer.state)

        def post(_number: int, form: dict[str, str] = form, cookie: str = f"{cookie}={answer.browser}") -> int:
            return post_launch(server.port, form, cookie)

        found = all_at_once(COPIES, post)
        assert errors_in(found) == []
        assert Counter(found) == {303: 1, 401: COPIES - 1}
        assert counted(database) == (turn + 1, (turn + 1) * (COPIES - 1))
    assert reasons(database) == {"state_used"}
    with database.reading() as session:
        for model in (LtiIdentity, ResourceLink, ResourceLinkVisit):
            assert session.scalar(select(func.count()).select_from(model)) == 1
    assert len(campus.events("jwks")) <= 2, "the keys are fetched once, or once by each worker at the same moment"
    assert threading.active_count() < COPIES
