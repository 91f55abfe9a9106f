"""What a pack needs from a real ledger: the key's introduction, the cited events, the leaves and the checkpoint."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from courses.ledger import short_id
from lms.cli.context import CommandContext
from lms.cli.evidence import evidence as evidence_commands
from lms.cli.evidence_pack import refusal_sentence
from lms.config import KeyFolder, Settings
from lms.jobs.evidence import prepare_pack_key
from lms.jobs.ledger import run_sequencer
from lms.reports.evidence import verify
from lms.reports.evidence.pack import EventColumn, PackFacts, PackWriter, UnsoundPackError, fingerprint
from lms.services.ledger_keys import pack_verifier_for, verifier_for
from lms.services.pack_keys import PackKeyNotIntroducedError, introduce_pack_key, introduced_at
from lms.services.pack_proofs import cited_events, pack_seal
from lms.store.base import Database
from lms.store.evidence import PackKey
from lms.store.key_files import KeyFileMissing
from lms.store.ledger import LedgerEvent, newest_checkpoint
from lms.store.organisations import Organisation, Unit
from lms.store.records import record
from lms.wording.gettext import use_language
from tests.services.test_ledger import intruder

BY = "operator:test"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings(database.url, "http://127.0.0.1:8000", tmp_path / "keys")


def add_units(database: Database, organisation: Organisation, now: datetime, *names: str) -> None:
    with database.transaction() as session:
        rows = [Unit(name_ja=f"架空{name}係", name_en=name, recorded_at=now, recorded_by=BY) for name in names]
        record(session, organisation, *rows)


def write(target: Path, database: Database, organisation: Organisation, keys: KeyFolder, known_at: int) -> Path:
    """Write a pack with one table of units: the example for whoever fills packs."""
    facts = PackFacts("kakuu", date(2026, 4, 1), date(2027, 4, 1), date(2026, 11, 23), known_at, "1")
    with database.reading() as session, PackWriter(target, facts) as pack:
        units = session.execute(
            select(Unit.name_ja, LedgerEvent.leaf).join(LedgerEvent, LedgerEvent.id == Unit.event_id).order_by(Unit.id)
        )
        rows = [(name, short_id(leaf)) for name, leaf in units][:known_at]
        pack.add_csv(
            "01_units.csv",
            pack.head(len(rows)),
            ("unit", "evidence_id"),
            rows,
            evidence=["evidence_id"],
            values=[EventColumn("unit", "evidence_id", "body.name_ja")],
        )
        seal = pack_seal(session, organisation, keys, known_at)
        pack.add_events(cited_events(session, organisation.id, pack.evidence_ids, seal))
        pack.finish(seal)
    return target


def test_a_pack_from_the_ledger_verifies_and_is_the_same_when_made_again_later(
    database: Database, organisation: Organisation, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    add_units(database, organisation, now, "A", "B", "C")
    run_sequencer(database, settings, now)
    with database.reading() as session:
        held = newest_checkpoint(session, organisation.id)
    assert prepare_pack_key(database, settings, organisation, now, BY)
    add_units(database, organisation, now, "D")
    run_sequencer(database, settings, now)
    first = write(tmp_path / "a.zip", database, organisation, settings.keys, 3)
    add_units(database, organisation, now, "E")
    run_sequencer(database, settings, now)
    assert not prepare_pack_key(database, settings, organisation, now, BY)
    again = write(tmp_path / "b.zip", database, organisation, settings.keys, 3)
    assert first.read_bytes() == again.read_bytes()
    newest = write(tmp_path / "c.zip", database, organisation, settings.keys, 6)
    assert held is not None
    for pack in (first, newest):
        report = verify.check(str(pack), fingerprint(verifier_for(settings.keys, "kakuu")), held.note)
        assert report.findings == []
    with database.reading() as session:
        later = newest_checkpoint(session, organisation.id)
    assert later is not None
    assert [each.code for each in verify.check(str(first), since=later.note).findings] == ["since.larger"]


def test_no_pack_is_sealed_by_a_key_that_the_ledger_does_not_introduce(
    database: Database, organisation: Organisation, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    add_units(database, organisation, now, "A")
    run_sequencer(database, settings, now)
    with pytest.raises(PackKeyNotIntroducedError):
        write(tmp_path / "a.zip", database, organisation, settings.keys, 1)
    with database.transaction() as session:
        introduce_pack_key(session, organisation, settings.keys, now, BY)
    with pytest.raises(PackKeyNotIntroducedError):  # its event has no place yet
        write(tmp_path / "a.zip", database, organisation, settings.keys, 1)
    assert list(tmp_path.glob("*a.zip*")) == []


def test_an_introduced_key_is_not_replaced_when_its_file_is_missing(
    database: Database, organisation: Organisation, now: datetime, settings: Settings
) -> None:
    prepare_pack_key(database, settings, organisation, now, BY)
    (settings.keys_dir / "pack-kakuu.pem").unlink()
    with pytest.raises(KeyFileMissing):
        prepare_pack_key(database, settings, organisation, now, BY)
    with database.reading() as session:
        assert len(session.scalars(select(PackKey)).all()) == 1


def test_the_commands_print_the_keys_and_compare_with_this_installations_own(
    database: Database, organisation: Organisation, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    add_units(database, organisation, now, "A")
    environment = {"AKASHI_DATABASE_URL": database.url, "AKASHI_KEYS_DIR": str(settings.keys_dir)}

    def run(*arguments: str | Path) -> tuple[int, str]:
        context = CommandContext(environment)
        with use_language("en"):
            result = CliRunner().invoke(evidence_commands, [*map(str, arguments)], obj=context)
        context.close()
        return result.exit_code, result.output

    code, output = run("key")
    assert code == 0
    assert str(verifier_for(settings.keys, "kakuu")) in output
    assert str(pack_verifier_for(settings.keys, "kakuu")) in output
    pack = write(tmp_path / "a.zip", database, organisation, settings.keys, 1)
    code, output = run("verify", pack)
    assert (code, "Nothing is wrong" in output, "WHO MADE IT" in output) == (0, True, False)
    environment["AKASHI_KEYS_DIR"] = str(tmp_path / "no keys")
    code, output = run("verify", pack)
    assert (code, "WHO MADE IT" in output) == (0, True)
    other = Settings(database.url, settings.base_url, tmp_path / "other keys")
    assert other.keys != settings.keys
    code, output = run("verify", pack, "--key", "0" * 64)
    assert (code, "key.other" in output) == (1, True)
    assert run("verify", tmp_path / "nothing.zip")[0] == 2


def test_a_record_changed_behind_the_ledgers_back_makes_no_pack(
    database: Database, organisation: Organisation, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    add_units(database, organisation, now, "A", "B")
    run_sequencer(database, settings, now)
    prepare_pack_key(database, settings, organisation, now, BY)
    with intruder(database) as session:
        session.execute(update(Unit).where(Unit.name_en == "B").values(name_ja="別の係"))
    with pytest.raises(UnsoundPackError) as refused:
        write(tmp_path / "a.zip", database, organisation, settings.keys, 2)
    assert [(each.code, each.where) for each in refused.value.findings] == [("csv.value", "01_units.csv, 2, unit")]
    assert "csv.value 01_units.csv, 2, unit" in refusal_sentence(refused.value)
    assert list(tmp_path.glob("*.zip*")) == []


def test_another_organisations_broken_ledger_does_not_keep_the_pack_key_from_its_place(
    database: Database, organisation: Organisation, now: datetime, settings: Settings
) -> None:
    with database.transaction() as session:
        other = Organisation(key="kuso", name_ja="別の架空大学", name_en="Other", created_at=now)
        session.add(other)
    add_units(database, other, now, "A")
    settings.keys_dir.mkdir()
    (settings.keys_dir / "ledger-kuso.pem").write_text("no key")
    assert prepare_pack_key(database, settings, organisation, now, BY)
    with database.reading() as session:
        assert introduced_at(session, organisation, settings.keys) == 0
