"""Faults of our own: database out of reach, disk full, what nobody foresaw."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import BadGateway

from lms.store.base import Database
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import STAFF, Launched, RunningTool
from tests.web.papers import start
from tests.web.visits import LAUNCH, Browser, Visit, answer_of, audit_events, contents, page_of, path_of

Put = Callable[[Database], None]


@pytest.fixture
def put_database(app: Flask) -> Iterator[Put]:
    """Puts another database under the running tool, until the end of the test."""
    tool = app.extensions["akashi"]

    def put(database: Database) -> None:
        app.extensions["akashi"] = replace(tool, database=database)

    yield put
    app.extensions["akashi"] = tool


def out_of_reach(kind: str, tmp_path: Any) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite:///{tmp_path}/missing/akashi.sqlite")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Database(f"postgresql+psycopg://akashi@127.0.0.1:{port}/akashi")


@contextmanager
def disk_full(database: Database) -> Iterator[None]:
    """Let SQLite's file grow no further, as on a full disk."""

    def cap(connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.close()

    database.close()
    event.listen(database.engine, "connect", cap)
    try:
        yield
    finally:
        event.remove(database.engine, "connect", cap)
        database.close()


def is_unavailable(response: Any, logged: str) -> None:
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert '"event": "unavailable"' in logged
    assert "Traceback" not in logged + page_of(response)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
class TestOutOfReach:
    @pytest.mark.parametrize(
        "asked", [("GET", "/"), ("GET", f"/modules/{MODULE}/"), ("GET", "/attendance"), ("POST", "/language")]
    )
    def test_a_page_is_503_with_a_log_line(
        self, staff: Visit, put_database: Put, kind: str, asked: tuple[str, str], tmp_path: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:  # fmt: skip
        (method, page), token = asked, staff.form_token
        put_database(out_of_reach(kind, tmp_path))
        capfd.readouterr()
        how = {"data": {"form_token": token}} if method == "POST" else {}
        response = staff.browser.open(staff.path(page), method=method, headers={"Accept-Language": "en"}, **how)
        is_unavailable(response, capfd.readouterr().err)
        assert "The tool can't save or read at the moment." in page_of(response)

    def test_a_login_and_a_launch_are_503(
        self, client: Browser, lms: PracticeLms, put_database: Put, kind: str, tmp_path: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:  # fmt: skip
        answer = answer_of(client, lms, STAFF, "core")
        put_database(out_of_reach(kind, tmp_path))
        is_unavailable(client.post("/lti/login", data=lms.initiate_login(STAFF, "core")), capfd.readouterr().err)
        is_unavailable(client.post(LAUNCH, data=answer), capfd.readouterr().err)

    def test_the_health_page_says_so(
        self, client: Browser, put_database: Put, kind: str, tmp_path: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        put_database(out_of_reach(kind, tmp_path))
        is_unavailable(client.get("/healthz"), capfd.readouterr().err)

    def test_the_front_door_and_the_keys_need_no_database(
        self, client: Browser, put_database: Put, kind: str, tmp_path: Any
    ) -> None:
        put_database(out_of_reach(kind, tmp_path))
        assert client.get("/").status_code == 200
        assert client.get("/lti/jwks").status_code == 200
        assert client.get("/nowhere").status_code == 404


class TestDiskFull:
    def test_a_submission_is_503_changes_nothing_and_works_afterwards(
        self, staff: Visit, tool_database: Database, capfd: pytest.CaptureFixture[str]
    ) -> None:
        sitting = start(staff, tool_database)
        sitting.answer_all()
        before = contents(tool_database)
        capfd.readouterr()
        with disk_full(tool_database):
            is_unavailable(sitting.submit(), capfd.readouterr().err)
            assert staff.get(f"{sitting.at}/summary").status_code == 200, "pages are still read"
        assert contents(tool_database) == before
        assert path_of(sitting.submit()) == staff.path(f"{sitting.at}/result")

    def test_a_refusal_that_cannot_be_noted_is_503_and_no_failure(
        self, staff: Visit, tool: RunningTool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        assert staff.form_token
        monkeypatch.setattr("lms.web.errors.note", full)
        capfd.readouterr()
        is_unavailable(staff.get("/attendance"), capfd.readouterr().err.partition("Traceback")[0])
        assert tool.database

    def test_a_refused_launch_on_a_full_disk_opens_nothing(
        self, client: Browser, lms: PracticeLms, tool: RunningTool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sqlalchemy.exc import OperationalError

        answer = answer_of(client, lms, STAFF, "core")

        def full(*_: object, **__: object) -> None:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))

        monkeypatch.setattr("lms.web.errors.note", full)
        assert client.post(LAUNCH, data={**answer, "state": "x"}).status_code == 503
        monkeypatch.undo()
        lms.clock = tool.clock
        assert client.post(LAUNCH, data=answer).status_code == 303


class TestUnforeseen:
    @staticmethod
    def broken(error: Exception) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise error

        return fail

    @pytest.mark.parametrize(
        "error",
        [
            RuntimeError("private words"),
            KeyError("private words"),
            IntegrityError("INSERT private words", {}, Exception("unique")),
            SQLAlchemyError("private words"),
        ],
        ids=["runtime", "key", "integrity", "sqlalchemy"],
    )
    def test_the_page_has_a_number_that_finds_it_in_the_log_and_no_details(
        self, launched: Launched, error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        staff = launched(STAFF, locale="en")
        monkeypatch.setattr("lms.web.training.standings_of", self.broken(error))
        capfd.readouterr()
        response = staff.get("/")
        logged = capfd.readouterr().err
        page = page_of(response)
        assert "private words" not in page
        if isinstance(error, SQLAlchemyError) and not isinstance(error, IntegrityError):
            is_unavailable(response, logged)
            return
        assert response.status_code == 500
        assert "Something went wrong on our side." in page
        number = page.partition("<code>500 ")[2].partition("</code>")[0]
        assert len(number) == 12
        assert f'"number": "{number}"' in logged
        assert '"event": "failed"' in logged

    def test_a_failure_before_a_session_is_known_is_a_page_too(
        self, client: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lms.web.launches.check_login", self.broken(RuntimeError()))
        response = client.post("/lti/login", headers={"Accept-Language": "en"})
        assert response.status_code == 500
        assert "Something went wrong on our side." in page_of(response)

    def test_a_program_is_answered_in_json(self, staff: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lms.web.training.standings_of", self.broken(RuntimeError()))
        response = staff.get("/", headers={"Accept": "application/json"})
        assert response.status_code == 500
        assert set(response.get_json()) == {"title", "advice", "code"}

    def test_a_fault_that_the_framework_names_is_a_failure_with_a_number(
        self, launched: Launched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staff = launched(STAFF, locale="en")
        monkeypatch.setattr("lms.web.training.standings_of", self.broken(BadGateway()))
        assert "<code>500 " in page_of(staff.get("/"))

    def test_a_failure_leaves_no_half_written_work(
        self, staff: Visit, tool_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sitting = start(staff, tool_database)
        before = contents(tool_database)
        monkeypatch.setattr("lms.services.attempts.want_scores", self.broken(RuntimeError()))
        assert sitting.submit().status_code == 500
        assert contents(tool_database) == before
        assert not audit_events(tool_database, "request.refused")


@pytest.mark.parametrize("path", ["/", "/lti/login", "/s/0123456789abcdef/", "/nowhere"])
@pytest.mark.parametrize("host", ["a" * 64, "a" * 300, "a..b", ".", "é" * 80, "[::1", "a b", "a@b", "<b>"])
def test_a_host_that_cannot_be_read_is_no_fault_of_ours(client: Browser, path: str, host: str) -> None:
    response = client.get(path, headers={"X-Forwarded-Host": host.encode().decode("latin-1")})
    assert response.status_code < 500
    assert host not in response.get_data(as_text=True) or len(host) < 3
    assert "Content-Security-Policy" in response.headers
