"""``akashi account``: made, listed, closed, opened, reset and looked after at the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import Terminal


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Terminal:
    made = Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})
    made.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    return made


def test_an_account_is_shown_once_and_listed_without_what_opens_it(terminal: Terminal) -> None:
    said = terminal.done("account", "add", "rescue")
    password = said.partition("Password: ")[2].splitlines()[0]
    secret = said.partition("secret=")[2].partition("&")[0]
    assert len(password) == 29
    assert len(secret) == 32
    assert "█" in said, "the picture for the authenticator"
    listed = terminal.done("account", "list")
    assert listed.startswith("rescue\t")
    assert "open" in listed
    assert password not in listed
    assert secret not in listed
    assert "There is an account rescue already" in terminal.refused("account", "add", "rescue")
    assert "lower-case ASCII" in terminal.refused("account", "add", "Rescue")


def test_an_account_is_closed_opened_and_reset(terminal: Terminal) -> None:
    first = terminal.done("account", "add", "rescue")
    assert "Closed: rescue" in terminal.done("account", "disable", "rescue")
    assert "closed already" in terminal.done("account", "disable", "rescue")
    assert "closed" in terminal.done("account", "list")
    assert "Open again" in terminal.done("account", "enable", "rescue")
    second = terminal.done("account", "reset", "rescue")
    assert first.partition("secret=")[2][:32] != second.partition("secret=")[2][:32]
    for command in ("disable", "enable", "reset"):
        assert "There is no account nobody" in terminal.refused("account", command, "nobody")
    assert terminal.done("account", "uses") == ""
