"""The commands, walked as an administrator would: from an empty database to the attendance export."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from lms.cli.context import CommandContext
from lms.cli.main import cli
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.platforms import Platform

FOLDER = Path(__file__).parent.parent / "practice_organisation"
PLATFORM = ("--issuer", "https://moodle.example.invalid", "--client-id", "abc", "--deployment", "1")


class Terminal:
    """Runs commands against one installation."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *arguments: str | Path, language: str = "en") -> Result:
        context = CommandContext(self.environment)
        try:
            return CliRunner().invoke(cli, ["--language", language, *map(str, arguments)], obj=context)
        finally:
            context.close()

    def done(self, *arguments: str | Path) -> str:
        """Run a command that must succeed; return what it printed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: str | Path, language: str = "en") -> str:
        """Run a command that must be refused in a sentence; return it."""
        result = self.run(*arguments, language=language)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        return result.output


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Terminal:
    return Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})


@pytest.fixture
def installed(terminal: Terminal) -> Terminal:
    """An installation with the practice organisation, set up by commands alone."""
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("unit", "import", FOLDER / "units.csv")
    terminal.done("parameters", "set", FOLDER / "parameters.yaml")
    terminal.done("people", "import", FOLDER / "staff.csv", "--apply")
    terminal.done(
        "catalogue", "adopt", "--decision", "議題2", "--approved-by", "委員会", "--effective-on", "2026-04-01"
    )
    approval = ("--approved-by", "委員会", "--approved-on", "2026-04-01")
    terminal.done("requirement", "default", "isms-and-my-role", *approval, "--first-year", "2026")
    return terminal


def test_an_empty_database_is_migrated_and_said_to_need_it(tmp_path: Path) -> None:
    terminal = Terminal({"AKASHI_DATABASE_URL": f"sqlite:///{tmp_path}/new/akashi.sqlite"})
    terminal.done("db", "migrate")
    assert (tmp_path / "new" / "akashi.sqlite").stat().st_mode & 0o077 == 0
    fresh = Terminal({"AKASHI_DATABASE_URL": f"sqlite:///{tmp_path}/other.sqlite"})
    assert "akashi db migrate" in fresh.refused("ledger", "verify")


def test_bad_settings_and_an_unreachable_database_are_told_in_a_sentence(tmp_path: Path) -> None:
    assert "AKASHI_BASE_URL" in Terminal({"AKASHI_BASE_URL": "ftp://x"}).refused("ledger", "verify")
    missing = Terminal({"AKASHI_DATABASE_URL": f"sqlite:///{tmp_path}/nowhere/akashi.sqlite"})
    assert "can't be used" in missing.refused("ledger", "verify")


def test_a_dry_run_shows_the_difference_and_records_nothing(terminal: Terminal) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("unit", "import", FOLDER / "units.csv")
    assert "added 42" in terminal.done("people", "import", FOLDER / "staff.csv")
    assert "added 42" in terminal.done("people", "import", FOLDER / "staff.csv", "--apply")
    assert "unchanged 42" in terminal.done("people", "import", FOLDER / "staff.csv", "--apply")


def test_a_bad_staff_list_is_refused_whole_with_row_and_column(
    terminal: Terminal, tmp_path: Path, database: Database
) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("unit", "import", FOLDER / "units.csv")
    lines = (FOLDER / "staff.csv").read_text("utf-8-sig").splitlines()
    bad = [lines[0], lines[1], lines[1], lines[2].replace("情報基盤運用係", "無い係"), lines[3].replace("見本", "=1+1")]
    file = tmp_path / "bad.csv"
    file.write_text("\r\n".join(bad), "utf-8")
    output = terminal.refused("people", "import", file, "--apply")
    assert "row 3" in output.lower()
    assert "無い係" in output
    assert "added 42" in terminal.done("people", "import", FOLDER / "staff.csv")
    with database.reading() as session:
        assert "people.import_refused" in session.scalars(select(AuditEvent.kind)).all()


def test_attendance_is_exported_as_csv_and_xlsx(installed: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert "42 rows" in installed.done("attendance", "export", "--year", "2026", "--as-of", "2026-11-23", "--out", out)
    head, table = out.read_bytes().decode("utf-8-sig").split("\r\n\r\n", 1)
    rows = list(csv.DictReader(table.splitlines()))
    assert "rows,42" in head
    assert len(rows) == 42
    assert {row["state"] for row in rows} >= {"open", "overdue", "left_before_due"}
    book = tmp_path / "a.xlsx"
    installed.done("attendance", "export", "--year", "2026", "--as-of", "2026-11-23", "--format", "xlsx", "--out", book)
    cells = [row[0] for row in openpyxl.load_workbook(book).active.iter_rows(values_only=True)]
    assert "00123" in cells
    some = tmp_path / "some.csv"
    installed.done(
        "attendance", "export", "--year", "2026", "--as-of", "2026-11-23", "--state", "overdue", "--out", some
    )
    narrowed = list(csv.DictReader(some.read_bytes().decode("utf-8-sig").split("\r\n\r\n", 1)[1].splitlines()))
    assert narrowed == [row for row in rows if row["state"] == "overdue"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--year", "20x6"), "2026"),
        (("--year", "2026", "--known-at", "999999"), "largest"),
        (("--year", "2026", "--encoding", "cp932"), "𠮷"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused_and_writes_nothing(
    installed: Terminal, tmp_path: Path, database: Database, arguments: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("what stood there before", "utf-8")
    assert said in installed.refused("attendance", "export", *arguments, "--out", out)
    assert out.read_text("utf-8") == "what stood there before"
    assert sorted(tmp_path.glob("*a.csv*")) == [out]
    with database.reading() as session:
        assert session.scalars(select(AuditEvent.kind)).all()[-1] == "export.refused"


def test_a_platform_is_registered_once_and_gets_more_deployments(installed: Terminal, database: Database) -> None:
    output = installed.done(
        "platform", "add", "Moodle", *PLATFORM, "--trust-staff-number", "--trusted-audience", "library"
    )
    assert "/lti/login" in output
    with database.reading() as session:
        assert session.scalars(select(Platform.trusted_audiences)).all()[-1] == ["library"]
    assert "never overwritten" in installed.refused("platform", "add", "Moodle", *PLATFORM)
    assert "accepted" in installed.done("platform", "deployment", PLATFORM[1], "abc", "2")
    assert "No platform" in installed.refused("platform", "deployment", PLATFORM[1], "other", "2")
    other = ("--issuer", "https://moodle.example.invalid", "--client-id", "other", "--deployment", "1")
    assert "web address" in installed.refused("platform", "add", "x", *other, "--token-url", "nonsense")


def test_roles_are_granted_to_people_on_the_staff_list_alone(installed: Terminal) -> None:
    assert "00123" in installed.done("grant", "secretariat", "00123")
    assert "99999" in installed.refused("grant", "secretariat", "99999")
    assert "99999" in installed.refused("grant", "secretariat", "99999", language="ja")


def test_requirements_are_asked_for_adopted_modules_alone(installed: Terminal) -> None:
    assert "no-such" in installed.refused("requirement", "default", "no-such", "--approved-by", "x")
    wrong_day = ("requirement", "default", "isms-and-my-role", "--approved-by", "x", "--due", "13-45")
    installed.refused(*wrong_day)


def test_the_worker_places_events_and_the_ledger_verifies(installed: Terminal) -> None:
    installed.done("worker", "--once")
    assert "0 pending" in installed.done("ledger", "verify")
    report = json.loads(installed.done("ledger", "verify", "--json"))
    assert "kakuu" in json.dumps(report)


def test_requirements_are_listed_and_the_default_load_is_adopted_once(installed: Terminal) -> None:
    listed = installed.done("requirement", "list")
    assert "isms-and-my-role-annual  fiscal_year  isms-and-my-role  2026–  approved by 委員会 on 2026-04-01" in listed
    adopted = installed.done("requirement", "adopt-defaults", "--approved-by", "委員会", "--approved-on", "2026-05-01")
    assert "+ internal-auditor-course-internal-auditor" in adopted
    assert "isms-and-my-role" not in adopted
    assert "pledge" not in adopted, "no text is approved"
    assert "+ " not in installed.done("requirement", "adopt-defaults", "--approved-by", "委員会")
    assert "12-31" in installed.run("requirement", "adopt-defaults", "--approved-by", "x", "--due", "x").output
    assert installed.done("requirement", "list").count("\n") == adopted.count("+ ") + 2


def test_a_persons_record_is_shown_in_words_and_as_json(installed: Terminal) -> None:
    shown = installed.done("people", "show", "00101", "--as-of", "2026-11-23")
    for part in ("As of 2026-11-23, everything recorded.", "In scope", "isms-and-my-role-annual", "Open", "E-"):
        assert part in shown
    found = json.loads(installed.done("people", "show", "00101", "--as-of", "2026-11-23", "--json"))
    assert (found["person"]["staff_number"], found["person"]["is_in_scope"]) == ("00101", True)
    assert {kind for kind, facts in found["facts"].items() if facts} == {
        "particulars",
        "scope",
        "service",
        "affiliation",
    }
    assert [each["state"] for each in found["obligations"]] == ["open"]
    assert found["evidence"] == []
    assert "Nobody was known" in installed.refused("people", "show", "99999")
    assert "Nobody was known" in installed.refused("people", "show", "00101", "--known-at", "0")
    assert "its largest is 0" in installed.refused("people", "show", "00101", "--known-at", "1")
    assert installed.run("people", "show", "00101", "--as-of", "1900-01-01").exit_code == 2
