"""``akashi doctor``: sentences with advice, exit code 1 when something is wrong, findings for machines."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from lms.cli.context import CommandContext
from lms.lti.http import PlatformHttp
from tests.cli.test_commands import Terminal


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime) -> Terminal:
    monkeypatch.setattr(CommandContext, "now", lambda _self: now)
    if database_url.startswith("sqlite"):
        (tmp_path / "akashi.sqlite").chmod(0o600)
    return Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})


def test_what_is_wrong_is_said_with_what_to_do_until_nothing_is(terminal: Terminal) -> None:
    said = terminal.refused("doctor", "--offline")
    assert "! No worker is at work." in said
    assert "    Start the service akashi-worker." in said
    assert "SQLite" not in said
    assert "PostgreSQL" not in said
    terminal.done("worker", "--once")
    said = terminal.done("doctor", "--offline", "--all")
    assert "Nothing is wrong." in said
    assert "Workers at work: 1" in said
    assert "問題はありません。" in terminal.run("doctor", "--offline", language="ja").output


def test_machines_get_codes_and_facts(terminal: Terminal) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    found = json.loads(terminal.run("doctor", "--offline", "--json").output)
    by_code = {each["code"]: each for each in found}
    assert by_code["worker_never"]["level"] == "wrong"
    assert by_code["secretariat_none"]["facts"] == {"organisation": "kakuu"}
    assert by_code["secretariat_none"]["advice"] == "akashi grant secretariat STAFF-NUMBER"
    assert by_code["schema_good"]["advice"] == ""


def test_an_empty_database_is_a_finding_and_no_traceback(tmp_path: Path) -> None:
    terminal = Terminal(
        {"AKASHI_DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite", "AKASHI_KEYS_DIR": str(tmp_path / "k")}
    )
    assert "akashi db migrate" in terminal.refused("doctor")
    nowhere = Terminal({"AKASHI_DATABASE_URL": f"sqlite:///{tmp_path}/no/where.sqlite"})
    assert nowhere.run("doctor", "--offline").exit_code == 1


def test_offline_nobody_is_asked(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(PlatformHttp, "request", lambda _self, _method, url, **_how: asked.append(url))
    terminal.run("doctor", "--offline")
    assert asked == []
    terminal.run("doctor")
    assert asked == ["http://127.0.0.1:8000/lti/jwks"]
