"""Anchors outside the database: a ledger that lost its end or its past does not start, until somebody says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from courses.ledger import leaf_hash, short_id
from courses.signed_notes import Checkpoint, sign_checkpoint
from lms.app import create_app
from lms.cli.context import CommandContext
from lms.cli.main import cli
from lms.config import Settings
from lms.jobs.ledger import begin_ledgers, run_sequencer
from lms.services.anchors import (
    AnchorError,
    AnchorUnreadableError,
    TreeInconsistentError,
    TreeSmallerError,
    check_ledgers,
    write_anchor,
)
from lms.services.ledger_keys import verifier_for
from lms.store.base import Database
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, LedgerLeaf, newest_checkpoint
from lms.store.organisations import Organisation, Unit
from lms.store.records import record
from lms.store.restores import LedgerRestore
from tests.services.test_ledger import intruder

EVENT, LEAF, CHECKPOINT, UNIT = (model.__table__ for model in (LedgerEvent, LedgerLeaf, LedgerCheckpoint, Unit))


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings(database.url, "http://127.0.0.1:8000", tmp_path / "keys")


def environment(settings: Settings) -> dict[str, str]:
    return {"AKASHI_DATABASE_URL": settings.database_url, "AKASHI_KEYS_DIR": str(settings.keys_dir)}


def run(settings: Settings, *arguments: str | Path) -> tuple[int, str]:
    context = CommandContext(environment(settings))
    try:
        result = CliRunner().invoke(cli, ["--language", "en", *map(str, arguments)], obj=context)
    finally:
        context.close()
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def add_units(database: Database, settings: Settings, organisation: Organisation, now: datetime, *names: str) -> None:
    with database.transaction() as session:
        rows = [Unit(name_ja=f"{name}係", name_en=name, recorded_at=now, recorded_by="operator:test") for name in names]
        record(session, organisation, *rows)
    run_sequencer(database, settings, now)


@pytest.fixture
def kept(database: Database, organisation: Organisation, now: datetime, settings: Settings) -> Organisation:
    """An organisation with events 1-3 and 4-6 in the tree, and an anchor of 6."""
    add_units(database, settings, organisation, now, "A", "B", "C")
    add_units(database, settings, organisation, now, "D", "E", "F")
    return organisation


def check(database: Database, settings: Settings) -> None:
    with database.reading() as session:
        check_ledgers(session, settings.anchor_dir, settings.keys)


def cut(session: Session, organisation_id: int, size: int) -> None:
    """Remove all that came after a size, whole: what is left is sound in itself."""
    ids = select(LEAF.c.event_id).where(LEAF.c.n >= size)
    session.execute(delete(UNIT).where(UNIT.c.event_id.in_(ids)))
    gone = list(session.scalars(ids))
    session.execute(delete(LEAF).where(LEAF.c.organisation_id == organisation_id, LEAF.c.n >= size))
    session.execute(delete(EVENT).where(EVENT.c.id.in_(gone)))
    session.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size > size))


def test_each_checkpoint_is_anchored_and_one_is_kept_for_each_day(
    database: Database, kept: Organisation, now: datetime, settings: Settings
) -> None:
    own = settings.anchor_dir / "kakuu"
    with database.reading() as session:
        newest = newest_checkpoint(session, kept.id)
    assert newest is not None
    assert (own / "newest.checkpoint").read_text("utf-8") == newest.note
    add_units(database, settings, kept, now + timedelta(days=1), "G")
    assert (own / "2026-11-23.checkpoint").read_text("utf-8") == newest.note
    assert sorted(path.name for path in own.iterdir()) == [
        ".lock", "2026-11-23.checkpoint", "2026-11-24.checkpoint", "newest.checkpoint",
    ]  # fmt: skip
    (own / ".new-of-a-killed-worker").write_text("")
    for day in range(500):
        (own / f"20{day // 28 // 12:02}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}.checkpoint").write_text("old")
    add_units(database, settings, kept, now + timedelta(days=2), "H")
    assert len(list(own.glob("20*.checkpoint"))) == 400
    assert (own / "2026-11-24.checkpoint").exists()
    assert list(own.glob(".new-*")) == []


def test_a_smaller_checkpoint_never_replaces_a_larger(
    database: Database, kept: Organisation, now: datetime, settings: Settings
) -> None:
    own = settings.anchor_dir / "kakuu"
    before = (own / "newest.checkpoint").read_bytes()
    with database.reading() as session:
        first = session.get_one(LedgerCheckpoint, (kept.id, 3))
    write_anchor(own, first, now)
    assert (own / "newest.checkpoint").read_bytes() == before


def test_a_ledger_whose_end_was_cut_off_is_whole_in_itself_and_found_by_its_anchor(
    database: Database, kept: Organisation, now: datetime, settings: Settings
) -> None:
    check(database, settings)
    with intruder(database) as session:
        cut(session, kept.id, 3)
    with pytest.raises(TreeSmallerError) as refused:
        check(database, settings)
    assert (refused.value.tree_size, refused.value.anchor_size) == (3, 6)
    with pytest.raises(TreeSmallerError):
        create_app(environment(settings))
    code, output = run(settings, "worker", "--once")
    assert code == 1
    assert "kakuu has 3 events, fewer than the 6 of its anchor kakuu/newest.checkpoint" in output
    code, output = run(settings, "ledger", "verify")
    assert code == 1
    assert "anchor.smaller  anchor kakuu/newest.checkpoint  tree 3, anchor 6" in output
    assert "Problems: 2" in output  # the newest and the day's; nothing else shows
    with database.transaction() as session:
        row = Unit(name_ja="新係", name_en="New", recorded_at=now, recorded_by="operator:test")
        record(session, kept, row)
    with pytest.raises(ExceptionGroup) as group:  # a running worker signs nothing on it either
        run_sequencer(database, settings, now)
    assert [type(each) for each in group.value.exceptions] == [TreeSmallerError]


def test_an_acknowledged_restore_lets_the_tool_start_and_is_named_for_ever(
    database: Database, kept: Organisation, now: datetime, settings: Settings
) -> None:
    code, output = run(settings, "restore", "--organisation", "kakuu", "--reason", "nothing")
    assert (code, "nothing to acknowledge" in output) == (1, True)
    with intruder(database) as session:
        cut(session, kept.id, 3)
    assert run(settings, "restore", "--organisation", "kakuu", "--reason", "  ")[0] == 1
    assert run(settings, "restore", "--organisation", "nobody", "--reason", "x")[0] == 1
    code, output = run(settings, "restore", "--organisation", "kakuu", "--reason", "disk lost, backup of 22 November")
    assert (code, "3 events, where 6 were anchored" in output) == (0, True)
    create_app(environment(settings))
    assert run(settings, "worker", "--once")[0] == 0
    with database.reading() as session:
        row = session.scalars(select(LedgerRestore)).one()
        newest = newest_checkpoint(session, kept.id)
    assert newest is not None
    assert newest.size == 4
    assert (settings.anchor_dir / "kakuu" / "newest.checkpoint").read_text("utf-8") == newest.note
    assert (row.found_size, row.anchor_size, row.reason) == (3, 6, "disk lost, backup of 22 November")
    code, output = run(settings, "ledger", "verify")
    assert code == 0, output
    assert "3 events, where 6 were anchored. Reason: disk lost, backup of 22 November" in output
    report = json.loads(run(settings, "ledger", "verify", "--json")[1])[0]
    assert [each["anchor_size"] for each in report["restores"]] == [6]
    add_units(database, settings, kept, now, "G", "H", "I", "J")
    check(database, settings)


def rewrite_history(session: Session, organisation: Organisation, key: Ed25519PrivateKey) -> None:
    """Replace the first event and sign everything anew: only who kept a checkpoint can tell."""
    payload = b'{"made":"up"}'
    session.execute(update(EVENT).where(EVENT.c.id == 1).values(payload=payload, leaf=leaf_hash(payload)))
    session.flush()
    leaves = list(session.scalars(select(EVENT.c.leaf).join(LEAF, LEAF.c.event_id == EVENT.c.id).order_by(LEAF.c.n)))
    resign(session, organisation, leaves, key)


def resign(session: Session, organisation: Organisation, leaves: list[bytes], key: Ed25519PrivateKey) -> None:
    from courses.ledger import Frontier

    for size in session.scalars(select(CHECKPOINT.c.size)).all():
        frontier = Frontier()
        frontier.extend(leaves[:size])
        note = sign_checkpoint(Checkpoint(f"akashi/{organisation.key}", size, frontier.root()), key)
        values = {"root": frontier.root(), "frontier": frontier.to_hex(), "note": note}
        session.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == size).values(**values))


def test_a_past_rewritten_with_the_ledgers_own_key_is_found_by_its_anchor(
    database: Database, kept: Organisation, settings: Settings
) -> None:
    from lms.services.ledger_keys import load_ledger_key

    with intruder(database) as session:
        rewrite_history(session, kept, load_ledger_key(settings.keys, "kakuu"))
    with pytest.raises(TreeInconsistentError) as refused:
        check(database, settings)
    assert (refused.value.tree_size, refused.value.anchor_size) == (6, 6)
    code, output = run(settings, "ledger", "verify")
    assert (code, "anchor.inconsistent  anchor kakuu/newest.checkpoint  tree 6, anchor 6" in output) == (1, True)
    code, output = run(settings, "worker", "--once")
    assert (code, "does not go on from the 6 events" in output) == (1, True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_bytes(path.read_bytes().replace(b"\n6\n", b"\n5\n")),
        lambda path: path.write_bytes(b"\xff" + path.read_bytes()),
    ],
    ids=["empty", "changed", "garbage"],
)
def test_an_anchor_that_is_no_checkpoint_of_the_ledger_is_named(
    database: Database, kept: Organisation, settings: Settings, damage: Callable[[Path], None]
) -> None:
    damage(settings.anchor_dir / kept.key / "newest.checkpoint")
    with pytest.raises(AnchorUnreadableError):
        check(database, settings)
    code, output = run(settings, "ledger", "verify")
    assert code == 1
    assert "anchor.unreadable  anchor kakuu/newest.checkpoint" in output


def test_an_empty_database_beside_anchors_is_a_smaller_tree(
    database: Database, kept: Organisation, settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(settings.anchor_dir / "kakuu", settings.anchor_dir / "lost+found")
    check(database, settings)  # a folder that no organisation can have
    shutil.copytree(settings.anchor_dir / "kakuu", settings.anchor_dir / "kuso")
    with pytest.raises(TreeSmallerError) as refused:
        check(database, settings)
    assert (refused.value.organisation_key, refused.value.tree_size) == ("kuso", 0)


def test_a_worker_anchors_what_was_signed_just_before_the_last_end(
    database: Database, kept: Organisation, now: datetime, settings: Settings
) -> None:
    own = settings.anchor_dir / "kakuu"
    before = (own / "newest.checkpoint").read_bytes()
    shutil.rmtree(own)
    begin_ledgers(database, settings, now)
    assert (own / "newest.checkpoint").read_bytes() == before


def test_an_anchor_that_can_not_be_written_is_told_and_the_events_have_their_places(
    database: Database, organisation: Organisation, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    blocked = replace(settings, anchors=tmp_path / "file" / "anchors")
    with pytest.raises(ExceptionGroup):
        add_units(database, blocked, organisation, now, "A")
    with database.reading() as session:
        newest = newest_checkpoint(session, organisation.id)
    assert newest is not None
    assert not isinstance(newest, AnchorError)
    assert newest.size == 1


# Proofs to hand out


def test_proofs_are_written_checked_and_refused_when_changed(
    database: Database, kept: Organisation, settings: Settings, tmp_path: Path
) -> None:
    with database.reading() as session:
        evidence_id = short_id(session.get_one(LedgerEvent, 2).leaf)
    inclusion, consistency = tmp_path / "inclusion.json", tmp_path / "consistency.json"
    assert run(settings, "ledger", "prove", evidence_id, "--out", inclusion)[0] == 0
    assert run(settings, "ledger", "consistency", "--from", "3", "--out", consistency)[0] == 0
    assert run(settings, "ledger", "consistency", "--from", "3", "--to", "6")[1] == consistency.read_text("utf-8")
    assert set(json.loads(inclusion.read_bytes())) == {
        "akashi_inclusion", "evidence_id", "payload", "n", "proof", "checkpoint",
    }  # fmt: skip
    key = str(verifier_for(settings.keys, "kakuu"))
    for file in (inclusion, consistency):
        assert run(settings, "ledger", "check", file)[0] == 0
        assert run(settings, "ledger", "check", file, "--key", key)[0] == 0
        text = file.read_text("utf-8")
        file.write_text(text.replace('"proof":["', '"proof":["' + "00" * 32 + '","'), "utf-8")
        code, output = run(settings, "ledger", "check", file)
        assert (code, "wrong: proof" in output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove", "E-0000000000000000"), "No event"),
        (("consistency", "--from", "4"), "over 4 events"),
        (("consistency", "--from", "6", "--to", "3"), "over 6 events"),
        (("consistency", "--from", "3", "--to", "99"), "over 99 events"),
    ],
)
def test_what_can_not_be_proven_is_said(
    kept: Organisation, settings: Settings, arguments: tuple[str, ...], said: str
) -> None:
    code, output = run(settings, "ledger", *arguments)
    assert (code, said in output) == (1, True)
