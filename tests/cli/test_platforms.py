"""``akashi platform``: inviting, deciding, listing, changing, stopping and starting, as an operator would."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from lms.lti.tool_facts import ToolFacts
from lms.services.registrations import Opening, register_by_invitation
from lms.store.base import Database
from lms.store.platforms import Platform, PlatformInvitation, deployments_of
from tests.cli.test_commands import Terminal
from tests.registering import SITE, TOKEN, Site

TOOL = ToolFacts("https://akashi.example.invalid")


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Terminal:
    opened = Terminal(
        {
            "AKASHI_DATABASE_URL": database_url,
            "AKASHI_KEYS_DIR": str(tmp_path / "keys"),
            "AKASHI_BASE_URL": TOOL.base_url,
        }
    )
    opened.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    return opened


def invited(terminal: Terminal) -> str:
    """Return the secret of a new invitation's address."""
    found = re.search(
        r"^https://akashi.example.invalid/lti/register/([\w-]{43})$", terminal.done("platform", "invite"), re.M
    )
    assert found is not None
    return found[1]


def register(terminal: Terminal, database: Database, site: Site | None = None) -> str:
    """Let a platform register; return the number of its request."""
    used = site or Site()
    token = invited(terminal)
    with database.reading() as session:
        now = session.scalars(select(PlatformInvitation.created_at).order_by(PlatformInvitation.id.desc())).first()
    assert now is not None
    return str(register_by_invitation(database, used, token, Opening(used.configuration_url, TOKEN), TOOL, now).id)


def platform_of(database: Database) -> Platform:
    with database.reading() as session:
        return session.scalars(select(Platform)).one()


def test_an_invitation_is_printed_once_and_kept_as_a_hash(terminal: Terminal, database: Database) -> None:
    token = invited(terminal)
    with database.reading() as session:
        assert session.scalars(select(PlatformInvitation.token_hash)).one() == sha256(token.encode()).digest()
    assert "out of range" in terminal.refused("platform", "invite", "--days", "91")
    assert "too long" in terminal.refused("platform", "invite", "--note", "x" * 201)


def test_a_request_is_listed_whole_and_approved(terminal: Terminal, database: Database) -> None:
    assert "Nothing waits" in terminal.done("platform", "requests")
    number = register(terminal, database)
    listed = terminal.done("platform", "requests")
    for value in (SITE, "VShW6m08zr1IDqm", "moodle 4.5.6", f"{SITE}/mod/lti/certs.php", "send scores"):
        assert value in listed
    assert "“Name in Akashi” is missing" in terminal.refused("platform", "approve", number)
    assert "Activate" in terminal.done("platform", "approve", number, "--name", "学内Moodle")
    assert "already" in terminal.refused("platform", "approve", number, "--name", "x")
    assert "Nothing waits" in terminal.done("platform", "requests")
    assert platform_of(database).name == "学内Moodle"
    listed = terminal.done("platform", "list")
    assert "学内Moodle  [Nobody came yet]" in listed
    assert "deployments 2" in listed


def test_a_request_is_turned_down(terminal: Terminal, database: Database) -> None:
    number = register(terminal, database)
    terminal.done("platform", "decline", number)
    assert "already" in terminal.refused("platform", "decline", number)
    assert "no such request" in terminal.refused("platform", "decline", "999")
    assert terminal.done("platform", "list") == ""


def test_an_update_is_listed_as_old_and_new(terminal: Terminal, database: Database) -> None:
    terminal.done("platform", "approve", register(terminal, database), "--name", "学内Moodle")
    site = Site()
    site.configuration["token_endpoint"] = f"{SITE}/new/token.php"
    number = register(terminal, database, site)
    assert f"{SITE}/mod/lti/token.php → {SITE}/new/token.php" in terminal.done("platform", "requests")
    terminal.done("platform", "approve", number)
    assert platform_of(database).token_url == f"{SITE}/new/token.php"


def test_a_registration_is_stopped_and_started(terminal: Terminal, database: Database) -> None:
    terminal.done("platform", "approve", register(terminal, database), "--name", "学内Moodle")
    number = str(platform_of(database).id)
    assert "Sessions ended: 0" in terminal.done("platform", "stop", number)
    assert "[Stopped]" in terminal.done("platform", "list")
    assert platform_of(database).stopped_at is not None
    terminal.done("platform", "start", number)
    assert platform_of(database).stopped_at is None
    for command in ("stop", "start"):
        assert "no such platform" in terminal.refused("platform", command, "999")


def test_a_registration_is_changed_after_old_and_new_were_shown(terminal: Terminal, database: Database) -> None:
    terminal.done("platform", "approve", register(terminal, database), "--name", "学内Moodle")
    number = str(platform_of(database).id)
    assert "Nothing changes" in terminal.done("platform", "edit", number, "--name", "学内Moodle")
    unanswered = terminal.refused("platform", "edit", number, "--name", "新しい名前")
    assert "学内Moodle → 新しい名前" in unanswered
    assert platform_of(database).name == "学内Moodle"
    shown = terminal.done(
        *("platform", "edit", number, "--name", "新しい名前", "--deployment", "2", "--deployment", "3"),
        *("--trust-staff-number", "--keyset-url", f"{SITE}/new/certs.php", "--yes"),
    )
    assert "no → yes" in shown
    row = platform_of(database)
    assert (row.name, row.trusts_staff_number, row.keyset_url) == ("新しい名前", True, f"{SITE}/new/certs.php")
    with database.reading() as session:
        assert deployments_of(session, row.id) == {"2", "3"}
    assert "no web address" in terminal.refused("platform", "edit", number, "--token-url", "nonsense", "--yes")
    assert "another site" in terminal.refused("platform", "edit", number, "--succeeds", "999", "--yes")
    assert "lead back" in terminal.refused("platform", "edit", number, "--succeeds", number, "--yes")
    assert "no such platform" in terminal.refused("platform", "edit", "999", "--name", "x")
