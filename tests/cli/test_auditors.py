"""The commands about auditors, over the practice organisation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lms.services.organisations import add_organisation
from lms.store.base import Database
from lms.store.organisations import find_organisation
from tests.cli.test_commands import Terminal
from tests.conftest import NOW
from tests.factories import place_events
from tests.practice_organisation.seed import seed


@pytest.fixture(scope="module")
def practice_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice organisation in a closed database, its events placed."""
    path = tmp_path_factory.mktemp("practice") / "akashi.sqlite"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    seed(database, "https://lms.example.invalid", NOW)
    with database.transaction() as session:
        organisation = find_organisation(session, "kakuu")
        assert organisation is not None
        place_events(session, organisation, NOW)
        add_organisation(session, "betsu", "別架空大学", "Betsu Kakuu University", NOW)
    database.close()
    return path


@pytest.fixture
def terminal(practice_file: Path, tmp_path: Path) -> Terminal:
    return Terminal({"AKASHI_DATABASE_URL": f"sqlite:///{practice_file}", "AKASHI_KEYS_DIR": str(tmp_path / "keys")})


KAKUU = ("--organisation", "kakuu")


def test_auditors_are_listed_with_what_is_lacking(terminal: Terminal) -> None:
    listed = terminal.done("auditors", "list", "--as-of", "2026-09-30", *KAKUU)
    assert listed.count("  Qualified") == 7
    assert "Attended a course without passing it" in listed
    rows = json.loads(terminal.done("auditors", "list", "--as-of", "2025-11-30", "--json", *KAKUU))
    assert [row["status"] for row in rows].count("valid") == 4
    assert json.loads(terminal.done("auditors", "list", "--known-at", "0", "--json", *KAKUU)) == []


def test_the_pool_from_the_records_and_from_its_file_are_analysed_alike(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "pool.json"
    for day, margin in (("2025-11-30", 1), ("2026-09-30", 2), ("2027-04-02", -2)):
        from_records = terminal.done("auditors", "pool", "--as-of", day, "--json", "--input-out", file, *KAKUU)
        assert json.loads(from_records)["margin"] == margin
        from_file = json.loads(terminal.done("pool", "analyse", file, "--json"))
        said = json.loads(from_records)
        for analysis in (said, from_file):  # a file has the kinds of grounds, not the records behind them
            analysis.pop("explanation")
        assert from_file == said
    assert "Margin: 2" in terminal.done("auditors", "pool", "--as-of", "2026-09-30", *KAKUU)


def test_a_pool_that_cannot_be_made_and_a_size_that_never_was_are_said_in_a_sentence(
    terminal: Terminal, tmp_path: Path
) -> None:
    nothing = terminal.run("auditors", "pool", "--organisation", "betsu")
    assert (nothing.exit_code, "No audited area is defined" in nothing.output) == (1, True)
    for command in ("list", "pool"):
        refused = terminal.run("auditors", command, "--known-at", "999999", *KAKUU)
        assert (refused.exit_code, "never had this size" in refused.output) == (1, True)
    unwritable = terminal.run("auditors", "pool", "--input-out", tmp_path / "no" / "pool.json", *KAKUU)
    assert (unwritable.exit_code, "can't be written" in unwritable.output) == (1, True)
    assert not (tmp_path / "no").exists()
