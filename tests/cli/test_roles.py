"""Appointing and the chart by command, each refusal in a sentence and exit code 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import FOLDER, Terminal

OFFICE = ("--appointer", "センター長")


@pytest.fixture
def staffed(database_url: str, tmp_path: Path) -> Terminal:
    """An installation with a staff list."""
    terminal = Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("unit", "import", FOLDER / "units.csv")
    terminal.done("people", "import", FOLDER / "staff.csv", "--apply")
    return terminal


def appoint(role: str, number: str, letter: str, *more: str) -> tuple[str, ...]:
    return ("role", "appoint", role, number, "--from", "2026-04-01", "--letter", letter, *OFFICE, *more)


def test_one_is_appointed_listed_drawn_and_ended(staffed: Terminal, tmp_path: Path) -> None:
    said = staffed.done(*appoint("internal_auditor", "00103", "架空任第1号", "--to", "2099-03-31"))
    assert "Appointment 1." in said
    listed = staffed.done("role", "list")
    assert listed.split("\t")[:3] == ["1", "00103", "Internal auditor"]
    assert "not acknowledged" in listed
    assert "00103" not in staffed.done("role", "list", "--as-of", "2026-03-31")
    drawn = tmp_path / "chart.svg"
    staffed.done("role", "chart", "--as-of", "2026-05-01", "--out", drawn)
    assert "MIHON Hanako" in drawn.read_text("utf-8")
    paper = tmp_path / "chart.pdf"
    staffed.done("role", "chart", "--as-of", "2026-05-01", "--out", paper)
    assert paper.read_bytes().startswith(b"%PDF")
    ended = ("--kind", "resigned", "--last-day", "2026-06-30", "--letter", "架空任第2号", "--reason", "辞任願による")
    assert "last day 2026-06-30" in staffed.done("role", "end", "1", *ended)
    assert "00103" in staffed.done("role", "list", "--as-of", "2026-06-30")
    assert "00103" not in staffed.done("role", "list", "--as-of", "2026-07-01")
    assert "Over" in staffed.done("role", "list", "--as-of", "2026-07-01", "--all")


def test_what_stands_against_an_appointment_is_said_and_nothing_recorded(staffed: Terminal) -> None:
    staffed.done(*appoint("ciso", "00108", "架空任第1号", "--to", "2027-03-31"))
    before = staffed.done("role", "list", "--all", "--as-of", "2026-05-01")
    for arguments, sentence in (
        (appoint("ciso", "00108", "架空任第1号"), "holds this role then already"),
        (appoint("chief_auditor", "00108", "架空任第2号"), "kept apart"),
        (appoint("ciso", "00102", "架空任第2号", "--to", "2026-03-31"), "before it starts"),
        (appoint("secretariat", "00102", "架空任第1号"), "used for another appointment"),
        (appoint("secretariat", "00102", "架空任第2号", "--seat", "nowhere"), "no such seat"),
        (appoint("secretariat", "99999", "架空任第2号"), "Nobody on the staff list"),
        (appoint("unit_head", "00102", "架空任第2号"), "“Unit” is empty"),
        (appoint("unit_head", "00102", "架空任第2号", "--unit", "ない係"), "no unit ない係"),
        (("role", "end", "99", "--kind", "left", "--last-day", "2026-06-30", "--letter", "2", "--reason", "x"), "no appointment 99"),
        (("role", "end", "1", "--kind", "left", "--last-day", "2026-03-01", "--letter", "2", "--reason", "x"), "before the role began"),
        (("role", "end", "1", "--kind", "left", "--last-day", "2027-03-31", "--letter", "2", "--reason", "x"), "ends by then anyway"),
        (("role", "list", "--known-at", "99"), "never had this size"),
        (("role", "chart", "--out", "chart.png"), "must end in .svg or .pdf"),
    ):  # fmt: skip
        assert sentence in staffed.refused(*arguments), arguments
    assert staffed.done("role", "list", "--all", "--as-of", "2026-05-01") == before


def test_a_check_records_nothing(staffed: Terminal) -> None:
    assert "Nothing was recorded" in staffed.done(*appoint("ciso", "00108", "架空任第1号", "--check"))
    assert staffed.done("role", "list", "--all") == ""
    staffed.done(*appoint("ciso", "00108", "架空任第1号"))
    assert "kept apart" in staffed.refused(*appoint("chief_auditor", "00108", "架空任第2号", "--check"))


def test_a_grant_is_taken_back(staffed: Terminal) -> None:
    staffed.done("grant", "secretariat", "00123")
    assert "Taken back" in staffed.done("grant", "--revoke", "secretariat", "00123")
    assert "has no grant" in staffed.refused("grant", "--revoke", "secretariat", "00123")
