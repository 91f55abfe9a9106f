"""Evidence packs by command: written whole or not at all, the same bytes for the same question, refusals in a sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from lms.reports.evidence import verify
from tests.cli.test_commands import Terminal, installed, terminal

__all__ = ["installed", "terminal"]


@pytest.fixture
def placed(installed: Terminal) -> Terminal:
    """An installation whose events have their places."""
    installed.run("worker", "--once")
    return installed


def test_a_pack_is_written_shown_and_verified(placed: Terminal, tmp_path: Path) -> None:
    first, again = tmp_path / "a.zip", tmp_path / "b.zip"
    arguments = ("evidence", "pack", "--year", "2026", "--as-of", "2026-11-23", "--out")
    result = placed.run(*arguments, first, "--names")
    assert result.exit_code == 0, result.output
    assert "summary" in result.stderr, "progress goes where it disturbs no pipe"
    with zipfile.ZipFile(first) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["about"] == {"people": "pseudonyms"}
    assert (tmp_path / "a.zip.names.csv").stat().st_mode & 0o777 == 0o600
    assert placed.run(*arguments, again).exit_code == 0
    assert first.read_bytes() == again.read_bytes()
    assert verify.check(str(first)).findings == []
    assert placed.run("evidence", "verify", first).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--year", "26"), "no such fiscal year"),
        (("--year", "2026", "--as-of", "2026-03-31"), "as-of date"),
        (("--year", "2026", "--known-at", "99999999"), "never had this size"),
        (("--from", "2026-04-02", "--to", "2026-04-01"), "must hold a day"),
        (
            (
                "--from",
                "2026-04-01",
            ),
            "--from and --to",
        ),
        (("--year", "2026", "--from", "2026-04-01", "--to", "2027-04-01"), "--from and --to"),
        ((), "--from and --to"),
    ],
)
def test_what_can_not_be_asked_is_refused_and_writes_nothing(
    placed: Terminal, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    result = placed.run("evidence", "pack", *arguments, "--out", tmp_path / "pack.zip")
    assert result.exit_code != 0
    assert sentence in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_folder_that_is_not_there_is_told_in_a_sentence(placed: Terminal, tmp_path: Path) -> None:
    result = placed.run("evidence", "pack", "--year", "2026", "--out", tmp_path / "nowhere" / "pack.zip")
    assert result.exit_code == 1
    assert "can't be written" in result.output
