"""The evidence pack as a file: its bytes, and what its writer refuses to write."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from lms.reports.evidence import verify
from lms.reports.evidence.pack import (
    EventColumn,
    MissingEventsError,
    PackFileError,
    PackWriter,
    UnsoundPackError,
    fingerprint,
    verifier_source,
)
from lms.reports.tables import RowCountError
from tests.reports.evidence_packs import (
    COLUMNS,
    FACTS,
    LEDGER_VERIFIER,
    PACK_VERIFIER,
    PackValues,
    known_at,
    write_pack,
)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_pack_holds_its_files_in_order_and_an_ordinary_program_reads_it(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack.zip")
    with zipfile.ZipFile(pack) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "06_results.csv", "15_self_check.csv", "how-to-verify.txt", "proofs/events.txt", "verify.py",
            "proofs/leaves.bin", "manifest.json", "manifest.json.sig",
        ]  # fmt: skip
        manifest = json.loads(archive.read("manifest.json"))
        table = archive.read("06_results.csv")
        assert archive.read("verify.py") == verifier_source()
    assert table.decode("utf-8-sig").startswith(
        "organisation,kakuu\r\nperiod_from,2026-04-01\r\nperiod_to,2027-04-01\r\nas_of,2026-11-23\r\nknown_at,9\r\n"
        "generator,akashi test\r\ncriteria,2026-1\r\nabsent_columns,grader\r\nrows,3\r\n\r\nperson,mark,"
    )
    assert manifest["files"][0] == {
        "path": "06_results.csv",
        "sha256": sha256(table).hexdigest(),
        "bytes": len(table),
        "rows": 3,
        "evidence": ["evidence_id"],
        "values": [
            {"as": "text", "column": "mark", "evidence": "evidence_id", "member": "body.mark"},
            {"as": "text", "column": "title", "evidence": "evidence_id", "member": "body.title"},
            {"as": "jst", "column": "at_jst", "evidence": "evidence_id", "member": "recorded_at"},
        ],
    }
    assert manifest["ledger"]["fingerprint"] == fingerprint(LEDGER_VERIFIER)
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert names(tmp_path) == ["pack.zip"]


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_pack(tmp_path / "a.zip"), write_pack(tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    other = write_pack(tmp_path / "c.zip", PackValues(cited=(1, 3)))
    assert other.read_bytes() != first.read_bytes()


def test_a_good_pack_is_found_good_with_either_key(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack.zip")
    for key in (
        fingerprint(LEDGER_VERIFIER), str(LEDGER_VERIFIER), fingerprint(PACK_VERIFIER), str(PACK_VERIFIER),
        " ".join(fingerprint(PACK_VERIFIER)[at : at + 4] for at in range(0, 64, 4)),
    ):  # fmt: skip
        report = verify.check(str(pack), key)
        assert (report.findings, report.is_key_known) == ([], True)
    report = verify.check(str(pack))
    assert (report.findings, report.is_key_known) == ([], False)


def test_the_verifier_in_the_pack_runs_alone(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack.zip")
    with zipfile.ZipFile(pack) as archive:
        archive.extract("verify.py", tmp_path)
    command = [sys.executable, "-I", "-S", "verify.py", "pack.zip", "--key", fingerprint(LEDGER_VERIFIER)]
    done = subprocess.run([*command, "--lang", "en"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing is wrong." in done.stdout
    assert "3 rows, 3 evidence ids, 9 cells compared with events" in done.stdout
    assert "What it does not show" in done.stdout
    pack.write_bytes(pack.read_bytes()[:-1000])
    done = subprocess.run([*command, "--lang", "ja"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "zip.truncated" in done.stdout
    assert "途中で切れた" in done.stdout


def test_nothing_remains_of_a_pack_that_was_not_finished(tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(b"an older pack")
    with pytest.raises(RowCountError), PackWriter(tmp_path / "pack.zip", FACTS) as pack:
        pack.add_csv("a.csv", pack.head(2), ("a",), [("1",)])
    with PackWriter(tmp_path / "pack.zip", FACTS) as pack:
        pack.add_file("a.txt", b"a")
    assert names(tmp_path) == ["pack.zip"]
    assert (tmp_path / "pack.zip").read_bytes() == b"an older pack"


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/", ".a", "a\\b", "表.csv", "", "a.txt", "a" * 101])
def test_a_name_that_no_pack_has_or_that_is_taken_is_refused(tmp_path: Path, path: str) -> None:
    with PackWriter(tmp_path / "pack.zip", FACTS) as pack:
        pack.add_file("a.txt", b"a")
        with pytest.raises(PackFileError):
            pack.add_file(path, b"b")


def test_a_file_or_a_pack_too_large_for_the_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("LARGEST_FILE", "LARGEST_PACK"):
        with (
            monkeypatch.context() as smaller,
            pytest.raises(PackFileError),
            PackWriter(tmp_path / "p.zip", FACTS) as pack,
        ):
            smaller.setattr(f"lms.reports.evidence.pack.{limit}", 300)
            pack.add_file("a.txt", bytes(200))
            pack.add_file("b.txt", bytes(301))
    assert names(tmp_path) == []


def test_evidence_without_its_event_is_not_written(tmp_path: Path) -> None:
    values = PackValues()
    with PackWriter(tmp_path / "pack.zip", FACTS) as pack:
        pack.add_csv("a.csv", pack.head(3), COLUMNS, values.rows(), evidence=["evidence_id"])
        pack.add_events([(1, values.payloads[1]), (9, values.payloads[9])])
        with pytest.raises(MissingEventsError) as refused:
            pack.finish(values.seal())
    assert set(refused.value.evidence_ids) == {values.rows()[1][4], values.rows()[2][4]}
    assert names(tmp_path) == []


def test_a_cell_that_its_event_does_not_say_is_not_written(tmp_path: Path) -> None:
    values = PackValues()
    rows = [(*row[:1], 8, *row[2:]) for row in values.rows()]
    with PackWriter(tmp_path / "pack.zip", FACTS) as pack:
        mark = EventColumn("mark", "evidence_id", "body.mark")
        pack.add_csv("a.csv", pack.head(3), COLUMNS, rows, evidence=["evidence_id"], values=[mark])
        pack.add_events((n, values.payloads[n]) for n in (1, 3, 4, 9))
        with pytest.raises(UnsoundPackError) as refused:
            pack.finish(values.seal())
    assert [(each.code, each.where) for each in refused.value.findings] == [
        ("csv.value", f"a.csv, {row}, mark") for row in (1, 2, 3)
    ]
    assert names(tmp_path) == []


def test_evidence_from_after_the_known_state_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UnsoundPackError) as refused:
        write_pack(tmp_path / "pack.zip", PackValues(facts=known_at(4)))
    assert [(each.code, each.where) for each in refused.value.findings] == [
        ("evidence.later", "06_results.csv, 3, evidence_id")
    ]


def test_a_key_that_the_ledger_did_not_introduce_can_not_seal_a_pack(tmp_path: Path) -> None:
    with pytest.raises(UnsoundPackError) as refused:
        write_pack(tmp_path / "pack.zip", PackValues(introduced=replace(PACK_VERIFIER, public_key=b"x" * 32)))
    assert [each.code for each in refused.value.findings] == ["key.not_introduced"]
