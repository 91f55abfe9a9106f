"""The commands for pledges, walked from a sample to a verified record."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms.store.base import Database
from lms.store.pledges import PledgeSignature
from tests.cli.test_commands import FOLDER, Terminal

HEADING = "職員番号,誓約書,版,署名日,原本の所在\n"
BATCH = ("--source", "誓約書綴", "--place", "書庫A-3", "--verified-by", "00123")


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Terminal:
    found = Terminal({"AKASHI_DATABASE_URL": database_url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})
    found.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    found.done("unit", "import", FOLDER / "units.csv")
    found.done("people", "import", FOLDER / "staff.csv", "--apply")
    return found


def test_a_sample_becomes_a_text_in_effect_and_papers_come_in(
    terminal: Terminal, tmp_path: Path, database: Database
) -> None:
    assert "parameters set" in terminal.refused("pledge", "draft", "confidentiality")
    terminal.done("parameters", "set", FOLDER / "parameters.yaml")
    assert "架空大学情報基盤センター" in terminal.done("pledge", "draft", "confidentiality")
    terminal.refused("pledge", "draft", "confidentiality")
    terminal.refused("pledge", "draft", "no-such")
    assert "Draft" in terminal.done("pledge", "list")
    decision = ("--decision", "議題3", "--approved-by", "委員会", "--effective-on", "2026-04-01")
    terminal.refused("pledge", "approve", "9", *decision)
    terminal.done("pledge", "approve", "1", *decision)
    terminal.refused("pledge", "approve", "1", *decision)
    assert "In effect" in terminal.done("pledge", "list")
    file = tmp_path / "papers.csv"
    file.write_text(f"{HEADING}99999,confidentiality,1,2026-04-02,A\n00101,confidentiality,1,2026-02-30,A\n", "utf-8")
    refused = terminal.refused("pledge", "import", file, *BATCH, "--apply")
    assert "Row 2" in refused
    assert "Row 3" in refused
    file.write_text(f"{HEADING}00101,confidentiality,1,2026-04-02,A\n", "utf-8")
    assert "repeat with --apply" in terminal.done("pledge", "import", file, *BATCH)
    assert "Recorded: 1" in terminal.done("pledge", "import", file, *BATCH, "--apply")
    file.write_text("x\n", "utf-8")
    terminal.refused("pledge", "import", file, *BATCH)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PledgeSignature)) == 1
        code = session.scalars(select(PledgeSignature.code)).one()
    verified = terminal.done("pledge", "verify", code)
    assert "2 Apr 2026" in verified
    assert "花子" not in verified
    terminal.refused("pledge", "verify", "0000-0000-0000-0000")
