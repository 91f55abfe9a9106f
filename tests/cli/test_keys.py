"""``akashi keys``: what an administrator sees of the private keys, and what is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from lms.app import create_app
from lms.cli.context import CommandContext
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.key_files import KeyFileLocked
from tests.cli.test_commands import Terminal

PASSPHRASE = "correct-horse-battery-staple"


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Terminal:
    return Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})


def events(terminal: Terminal) -> list[tuple[str, dict[str, object]]]:
    database = Database(terminal.environment["AKASHI_DATABASE_URL"])
    with database.reading() as session:
        found = [(each.kind, each.facts) for each in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
    database.close()
    return found


def test_a_rotation_is_told_and_listed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(CommandContext, "now", lambda _self: now)
    assert "\tsigns\n" in terminal.done("keys", "list")
    said = terminal.done("keys", "rotate")
    assert "Key 2 is published" in said
    assert "It signs from 2026-11-24 12:00 JST" in said
    assert "signs from 2026-11-24 12:00 JST" in terminal.done("keys", "list")
    assert "Key 2 waits already" in terminal.refused("keys", "rotate")
    assert [facts["hours"] for kind, facts in events(terminal) if kind == "key.rotated"] == [24]


def test_a_key_in_use_is_retired_only_by_force(terminal: Terminal) -> None:
    assert "Key 1 signs" in terminal.refused("keys", "retire", "1", "--force")
    terminal.done("keys", "rotate")
    assert "Key 1 signs" in terminal.refused("keys", "retire", "1")
    assert "is to sign from" in terminal.refused("keys", "retire", "2")
    assert "There is no key 7" in terminal.refused("keys", "retire", "7")
    terminal.done("keys", "rotate", "--hours", "0")
    assert "Platforms may still meet signatures of key 1" in terminal.refused("keys", "retire", "1")
    assert "Key 1 is gone" in terminal.done("keys", "retire", "1", "--force")
    assert not (Path(terminal.environment["AKASHI_KEYS_DIR"]) / "tool-key-0001.pem").exists()
    assert [facts["forced"] for kind, facts in events(terminal) if kind == "key.retired"] == [True]


def test_keys_are_encrypted_and_a_wrong_passphrase_refuses_the_start(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("evidence", "key")
    assert "AKASHI_KEYS_PASSPHRASE_FILE" in terminal.refused("keys", "encrypt")
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    file.chmod(0o600)
    plain = dict(terminal.environment)
    terminal.environment["AKASHI_KEYS_PASSPHRASE_FILE"] = str(file)
    assert "akashi keys encrypt" in terminal.refused("worker", "--once")
    said = terminal.done("keys", "encrypt")
    assert {"ledger-kakuu.pem", "pack-kakuu.pem"} <= set(said.split())
    assert "not encrypted" not in terminal.done("keys", "list")
    assert PASSPHRASE not in said + str(events(terminal))
    terminal.done("worker", "--once")
    assert "Nothing is wrong" in terminal.done("ledger", "verify")
    terminal.done("evidence", "key")
    create_app(terminal.environment).extensions["akashi"].database.close()

    file.write_text(PASSPHRASE[::-1])
    for environment in (terminal.environment, plain):
        for command in (("worker", "--once"), ("keys", "list"), ("evidence", "key")):
            assert "encrypted with another passphrase" in Terminal(environment).refused(*command)
        with pytest.raises(KeyFileLocked):
            create_app(environment)
