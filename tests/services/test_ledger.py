"""The ledger at work: places, proofs, and that whatever is changed behind its back is named."""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Table, delete, event, func, insert, select, text, update
from sqlalchemy.orm import Session

from courses.events import commit_fields
from courses.ledger import Tree, leaf_hash, short_id, verify_inclusion
from courses.signed_notes import Checkpoint, NoteVerifier, open_checkpoint, sign_checkpoint
from lms.cli.context import CommandContext
from lms.cli.ledger import ledger as ledger_commands
from lms.config import KeyFolder, Settings
from lms.jobs.ledger import run_sequencer
from lms.services.ledger import UnusableCheckpointError, checkpoint_at, find_events, inclusion, sequence
from lms.services.ledger_checks import ProblemCode, verify_ledger
from lms.services.ledger_keys import (
    load_ledger_key,
    load_or_create_ledger_key,
    verifier_for,
)
from lms.services.record_checks import verify_records
from lms.store.base import Database
from lms.store.key_files import KeyFileExposed, KeyFileMissing, KeyFileUnreadable
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, LedgerLeaf, LedgerPending
from lms.store.organisations import Organisation, Unit
from lms.store.people import PERSONAL_FIELDS, Person, PersonalOpening, PersonParticulars
from lms.store.records import drop_append_only_ddl, record, record_personal, record_tables
from lms.store.schema import Base
from lms.wording.gettext import use_language

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
VERIFIER = NoteVerifier.of("akashi/kakuu", KEY.public_key())
OTHER_VERIFIER = NoteVerifier.of("akashi/kakuu", OTHER_KEY.public_key())

EVENT, LEAF, PENDING, CHECKPOINT, UNIT, OPENING = (
    model.__table__ for model in (LedgerEvent, LedgerLeaf, LedgerPending, LedgerCheckpoint, Unit, PersonalOpening)
)
Tampering = Callable[[Session], None]


def units(now: datetime, *names: str) -> list[Unit]:
    return [Unit(name_ja=f"架空{name}係", name_en=name, recorded_at=now, recorded_by="operator:test") for name in names]


def record_person(session: Session, organisation: Organisation, now: datetime) -> None:
    person = Person(organisation_id=organisation.id, created_at=now)
    session.add(person)
    session.flush()
    values = {
        **dict.fromkeys(PERSONAL_FIELDS, ""),
        "family_name": "架空",
        "given_name": "花子",
        "staff_number": "00042",
    }
    salt = secrets.token_bytes(32)
    row = PersonParticulars(
        person_id=person.id,
        valid_from=date(2026, 4, 1),
        valid_to=None,
        is_void=False,
        reason=None,
        recorded_at=now,
        recorded_by="system:staff_list",
    )
    record_personal(session, organisation, [(row, commit_fields(salt, values))])
    session.add(PersonalOpening(particulars_id=row.id, organisation_id=organisation.id, salt=salt, **values))


@pytest.fixture
def kept(database: Database, organisation: Organisation, now: datetime) -> Organisation:
    """An organisation with events 1-3 and 4-6 in the tree (the fifth is about a person) and event 7 pending."""
    with database.transaction() as session:
        record(session, organisation, *units(now, "A", "B", "C"))
        sequence(session, organisation.id, now, KEY)
    with database.transaction() as session:
        record(session, organisation, *units(now, "D"))
        record_person(session, organisation, now)
        record(session, organisation, *units(now, "E"))
        sequence(session, organisation.id, now, KEY)
        record(session, organisation, *units(now, "F"))
    return organisation


@contextmanager
def intruder(database: Database) -> Iterator[Session]:
    """Someone with full rights: no triggers, no foreign keys."""
    other = Database(database.url)
    statement = "PRAGMA foreign_keys = OFF" if database.is_sqlite else "SET session_replication_role = replica"

    @event.listens_for(other.engine, "connect")
    def unguard(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()

    with other.transaction() as session:
        for drop in drop_append_only_ddl([table.name for table in record_tables(Base)], other.engine.dialect.name):
            session.execute(text(drop))
        yield session
    other.close()


def problems_in(session: Session, organisation: Organisation, verifier: NoteVerifier) -> set[tuple[str, str]]:
    reports = verify_ledger(session, organisation.id, verifier), verify_records(session, organisation.id)
    assert all(report.problem_count == len(report.problems) for report in reports)
    return {(problem.code, problem.where) for report in reports for problem in report.problems}


def found(database: Database, organisation: Organisation, verifier: NoteVerifier = VERIFIER) -> set[tuple[str, str]]:
    with database.reading() as session:
        return problems_in(session, organisation, verifier)


# Places


def test_events_get_places_in_their_order_and_a_signed_checkpoint(
    database: Database, kept: Organisation, now: datetime
) -> None:
    with database.reading() as session:
        places = session.execute(select(LedgerLeaf.n, LedgerLeaf.event_id).order_by(LedgerLeaf.n)).all()
        leaves = session.scalars(select(LedgerEvent.leaf).order_by(LedgerEvent.id)).all()
        checkpoints = session.scalars(select(LedgerCheckpoint).order_by(LedgerCheckpoint.size)).all()
        assert session.scalars(select(LedgerPending.event_id)).all() == [7]
    assert places == [(n, n + 1) for n in range(6)]
    assert [open_checkpoint(each.note, VERIFIER) for each in checkpoints] == [
        Checkpoint("akashi/kakuu", size, Tree(leaves).root(size)) for size in (3, 6)
    ]
    assert [each.created_at for each in checkpoints] == [now, now]


def test_nothing_pending_makes_no_checkpoint(database: Database, organisation: Organisation, now: datetime) -> None:
    with database.transaction() as session:
        done = sequence(session, organisation.id, now, KEY)
        assert (done.count, done.checkpoint) == (0, None)
        assert session.scalar(select(func.count()).select_from(LedgerCheckpoint)) == 0


def test_a_limit_leaves_the_later_events_pending(database: Database, organisation: Organisation, now: datetime) -> None:
    with database.transaction() as session:
        record(session, organisation, *units(now, "A", "B", "C"))
        assert sequence(session, organisation.id, now, KEY, limit=2).count == 2
        assert session.scalars(select(LedgerPending.event_id)).all() == [3]
        done = sequence(session, organisation.id, now, KEY, limit=2)
        assert done.checkpoint is not None
        assert (done.count, done.checkpoint.size) == (1, 3)


def test_a_clock_set_back_does_not_make_a_larger_tree_older(
    database: Database, kept: Organisation, now: datetime
) -> None:
    with database.transaction() as session:
        done = sequence(session, kept.id, now - timedelta(days=1), KEY)
        assert done.checkpoint is not None
        assert done.checkpoint.created_at == now


def test_nothing_is_built_on_a_checkpoint_of_another_key(database: Database, kept: Organisation, now: datetime) -> None:
    with pytest.raises(UnusableCheckpointError) as refusal, database.transaction() as session:
        sequence(session, kept.id, now, OTHER_KEY)
    assert (refusal.value.organisation_id, refusal.value.size) == (kept.id, 6)
    assert found(database, kept) == set()


@pytest.mark.parametrize("column", ["root", "frontier", "note"])
def test_nothing_is_built_on_a_damaged_checkpoint(
    database: Database, kept: Organisation, now: datetime, column: str
) -> None:
    older = select(CHECKPOINT.c[column]).where(CHECKPOINT.c.size == 3)
    with intruder(database) as session:
        value = session.scalar(older)
        session.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == 6).values({column: value}))
    with pytest.raises(UnusableCheckpointError), database.transaction() as session:
        sequence(session, kept.id, now, KEY)


def test_an_event_committed_after_a_later_one_gets_the_next_place(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with database.transaction() as slow:
        record(slow, organisation, *units(now, "slow"))
        with database.transaction() as fast:
            record(fast, organisation, *units(now, "fast"))
        with database.transaction() as session:
            assert sequence(session, organisation.id, now, KEY).count == 1
    with database.transaction() as session:
        assert sequence(session, organisation.id, now, KEY).count == 1
        assert session.scalars(select(LedgerLeaf.event_id).order_by(LedgerLeaf.n)).all() == [2, 1]
    assert found(database, organisation) == set()


def test_an_event_committed_while_later_ones_are_placed_stays_pending(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with database.transaction() as slow:
        record(slow, organisation, *units(now, "slow"))
        with database.transaction() as fast:
            record(fast, organisation, *units(now, "fast"))

        @event.listens_for(database.engine, "before_cursor_execute")
        def commit_before_places_are_given(*arguments: Any) -> None:
            if arguments[2].startswith("INSERT INTO ledger_leaf"):
                slow.commit()

        with database.transaction() as session:
            assert sequence(session, organisation.id, now, KEY).count == 1
    with database.reading() as session:
        assert session.scalars(select(LedgerPending.event_id)).all() == [1]
    assert found(database, organisation) == set()


def test_another_organisations_event_gets_no_place(database: Database, kept: Organisation, now: datetime) -> None:
    with intruder(database) as session:
        changed(EVENT, "id", 7, organisation_id=99)(session)
    with database.transaction() as session:
        assert sequence(session, kept.id, now, KEY).count == 0


def test_many_writers_and_two_sequencers_skip_no_event_and_never_fork(
    database: Database, organisation: Organisation, now: datetime
) -> None:
    writers, events_each = 4, 20
    finished = threading.Event()

    def write(writer: int) -> None:
        for number in range(events_each):
            with database.transaction() as session:
                record(session, organisation, *units(now, f"{writer}-{number}"))
                if not database.is_sqlite:
                    time.sleep(random.random() / 100)  # so that ids and commits come in different orders

    def place() -> None:
        while not finished.is_set():
            with database.transaction() as session:
                sequence(session, organisation.id, now, KEY, limit=3)

    with ThreadPoolExecutor(writers + 2) as pool:
        sequencers = [pool.submit(place) for _ in range(2)]
        try:
            for writing in [pool.submit(write, writer) for writer in range(writers)]:
                writing.result()
        finally:
            finished.set()
        for sequencer in sequencers:
            sequencer.result()
    with database.transaction() as session:
        sequence(session, organisation.id, now, KEY)
    assert found(database, organisation) == set()
    with database.reading() as session:
        assert session.scalars(select(LedgerLeaf.n).order_by(LedgerLeaf.n)).all() == list(range(writers * events_each))
        sizes = session.scalars(select(LedgerCheckpoint.size).order_by(LedgerCheckpoint.size)).all()
    assert len(sizes) > 10
    assert all(larger - smaller <= 3 for smaller, larger in pairwise(sizes[:-1]))


def test_the_job_serves_every_organisation_and_names_those_that_can_not_go_on(
    database: Database, kept: Organisation, tmp_path: Path, now: datetime
) -> None:
    settings = Settings(database.url, "http://127.0.0.1:8000", tmp_path / "keys")
    with database.transaction() as session:
        other = Organisation(key="kuso", name_ja="空想大学", name_en="Kuso University", created_at=now)
        session.add(other)
        session.flush()
        record(session, other, *units(now, "A", "B"))
    with pytest.raises(ExceptionGroup) as group:  # the key of the ledger that has begun is not there
        run_sequencer(database, settings, now)
    assert [type(each) for each in group.value.exceptions] == [KeyFileMissing]
    assert found(database, other, verifier_for(settings.keys, "kuso")) == set()
    with database.transaction() as session:
        record(session, other, *units(now, "C"))
        session.execute(delete(LedgerPending).where(LedgerPending.organisation_id == kept.id))
    assert run_sequencer(database, settings, now) == 1
    assert run_sequencer(database, settings, now) == 0


# Proofs


def test_every_placed_event_is_proven_by_the_first_checkpoint_that_covers_it(
    database: Database, kept: Organisation
) -> None:
    with database.reading() as session:
        for placed in session.scalars(select(LedgerEvent).where(LedgerEvent.id < 7).order_by(LedgerEvent.id)):
            proof = inclusion(session, kept.id, placed.id)
            assert proof is not None
            assert (proof.n, proof.size) == (placed.id - 1, 3 if placed.id <= 3 else 6)
            signed = open_checkpoint(proof.note, VERIFIER)
            assert verify_inclusion(leaf_hash(placed.payload), proof.n, signed.size, proof.proof, signed.root)
        assert inclusion(session, kept.id, 7) is None
        assert inclusion(session, kept.id, 99) is None


def test_a_size_is_known_since_the_first_checkpoint_that_reaches_it(database: Database, kept: Organisation) -> None:
    with database.reading() as session:
        reached = {size: checkpoint_at(session, kept.id, size) for size in (1, 3, 4, 6, 7)}
    assert {size: each and each.size for size, each in reached.items()} == {1: 3, 3: 3, 4: 6, 6: 6, 7: None}


def test_an_evidence_id_finds_its_event_and_no_other(database: Database, kept: Organisation) -> None:
    with database.reading() as session:
        for each in session.scalars(select(LedgerEvent)).all():
            assert [hit.id for hit in find_events(session, kept.id, short_id(each.leaf))] == [each.id]
        assert find_events(session, kept.id, "E-0000000000000000") == []
        assert find_events(session, kept.id, "E-%") == []
        assert find_events(session, kept.id + 1, short_id(each.leaf)) == []


# Checks


def test_an_untouched_ledger_has_no_problem_and_is_counted(database: Database, kept: Organisation) -> None:
    with database.reading() as session:
        tree, records = verify_ledger(session, kept.id, VERIFIER), verify_records(session, kept.id)
    assert (tree.events, tree.leaves, tree.pending, tree.checkpoints, tree.problems) == (7, 6, 1, 2, [])
    assert (records.records, records.openings, records.erased, records.problems) == (7, 1, 0, [])


def test_an_erased_opening_is_no_problem(database: Database, kept: Organisation) -> None:
    with database.transaction() as session:
        session.execute(delete(PersonalOpening))
    assert found(database, kept) == set()


def test_another_key_than_the_ledgers_believes_no_checkpoint(database: Database, kept: Organisation) -> None:
    problems = {(ProblemCode.CHECKPOINT_NOTE, f"ledger_checkpoint {size}") for size in (3, 6)}
    assert found(database, kept, OTHER_VERIFIER) == problems


def changed(table: Table, key: str, number: int, **values: object) -> Tampering:
    return lambda session: void(session.execute(update(table).where(table.c[key] == number).values(values)))


def removed(table: Table, key: str, number: int) -> Tampering:
    return lambda session: void(session.execute(delete(table).where(table.c[key] == number)))


def added(table: Table, **values: object) -> Tampering:
    return lambda session: void(session.execute(insert(table).values(values)))


def void(_result: object) -> None:
    pass


def payload_byte(session: Session) -> None:
    payload = session.scalar(select(EVENT.c.payload).where(EVENT.c.id == 2))
    changed(EVENT, "id", 2, payload=payload.replace(b'"name_en":"B"', b'"name_en":"X"'))(session)


def event_and_record(session: Session) -> None:
    payload = session.scalar(select(EVENT.c.payload).where(EVENT.c.id == 2))
    payload = payload.replace(b'"name_en":"B"', b'"name_en":"X"')
    changed(EVENT, "id", 2, payload=payload, leaf=leaf_hash(payload))(session)
    changed(UNIT, "id", 2, name_en="X")(session)


def two_places(first: int, second: int) -> Tampering:
    def swap(session: Session) -> None:
        for n, event_id in ((first, -1), (second, first + 1), (first, second + 1)):
            changed(LEAF, "n", n, event_id=event_id)(session)

    return swap


def note_of_another_root(session: Session) -> None:
    changed(CHECKPOINT, "size", 6, note=sign_checkpoint(Checkpoint("akashi/kakuu", 6, bytes(32)), KEY))(session)


def note_of_another_ledger(session: Session) -> None:
    root = session.scalar(select(CHECKPOINT.c.root).where(CHECKPOINT.c.size == 6))
    changed(CHECKPOINT, "size", 6, note=sign_checkpoint(Checkpoint("akashi/kuso", 6, root), KEY))(session)


ROOT_3 = ("checkpoint.root", "ledger_checkpoint 3")
ROOT_6 = ("checkpoint.root", "ledger_checkpoint 6")
LATER = datetime.fromisoformat("2027-01-01T00:00:00+00:00")


TAMPERINGS: dict[str, tuple[Tampering, set[tuple[str, str]]]] = {
    "a byte of a payload": (payload_byte, {("event.changed", "ledger_event 2"), ("record.changed", "unit 2")}),
    "a payload that is no event": (
        changed(EVENT, "id", 2, payload=b"{"),
        {("event.changed", "ledger_event 2"), ("event.unreadable", "ledger_event 2")},
    ),
    "a leaf": (changed(EVENT, "id", 2, leaf=bytes(32)), {("event.changed", "ledger_event 2"), ROOT_3}),
    "a leaf of another length": (changed(EVENT, "id", 2, leaf=b"short"), {("event.changed", "ledger_event 2"), ROOT_3}),
    "event, leaf and record alike": (event_and_record, {ROOT_3}),
    "an event deleted": (
        removed(EVENT, "id", 2),
        {("event.missing", "ledger_leaf 1"), ("record.without_event", "unit 2"), ROOT_3},
    ),
    "an event given away": (
        changed(EVENT, "id", 2, organisation_id=99),
        {("event.foreign", "ledger_leaf 1"), ("event.foreign", "unit 2")},
    ),
    "an event slipped in": (
        added(EVENT, id=8, organisation_id=1, leaf=leaf_hash(b"{}"), payload=b"{}"),
        {("event.unplaced", "ledger_event 8"), ("record.missing", "ledger_event 8")},
    ),
    "two places swapped": (
        two_places(0, 2),
        {("leaf.order", "ledger_leaf 0"), ("leaf.order", "ledger_leaf 2"), ROOT_3},
    ),
    "two places swapped across a checkpoint": (
        two_places(1, 4),
        {*(("leaf.order", f"ledger_leaf {n}") for n in (1, 2, 3, 4)), ROOT_3, ROOT_6},
    ),
    "a place emptied": (
        removed(LEAF, "n", 1),
        {("leaf.gap", "ledger_leaf 2"), ("event.unplaced", "ledger_event 2"), ROOT_3},
    ),
    "the last place emptied": (removed(LEAF, "n", 5), {("event.unplaced", "ledger_event 6"), ROOT_6}),
    "a place nobody signed": (
        added(LEAF, organisation_id=1, n=6, event_id=7),
        {("leaf.unsigned", "ledger_leaf 6"), ("event.pending_though_placed", "ledger_pending 7")},
    ),
    "a pending row deleted": (removed(PENDING, "event_id", 7), {("event.unplaced", "ledger_event 7")}),
    "a pending event given away": (
        changed(EVENT, "id", 7, organisation_id=99),
        {("event.foreign", "ledger_pending 7"), ("event.foreign", "unit 6")},
    ),
    "a placed event pending again": (
        added(PENDING, organisation_id=1, event_id=3),
        {("event.pending_though_placed", "ledger_pending 3")},
    ),
    "no such event pending": (
        added(PENDING, organisation_id=1, event_id=70),
        {("event.missing", "ledger_pending 70")},
    ),
    "a root": (changed(CHECKPOINT, "size", 3, root=bytes(32)), {("checkpoint.content", "ledger_checkpoint 3")}),
    "a size": (
        changed(CHECKPOINT, "size", 3, size=2),
        {("checkpoint.content", "ledger_checkpoint 2"), ("checkpoint.gap", "ledger_checkpoint 6")},
    ),
    "a checkpoint less": (
        lambda session: session.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size == 3)),
        {("checkpoint.gap", "ledger_checkpoint 6")},
    ),
    "no note": (changed(CHECKPOINT, "size", 6, note="no note"), {("checkpoint.note", "ledger_checkpoint 6")}),
    "another ledger's note": (note_of_another_ledger, {("checkpoint.note", "ledger_checkpoint 6")}),
    "a root signed with the stolen key": (
        note_of_another_root,
        {("checkpoint.content", "ledger_checkpoint 6"), ("checkpoint.frontier", "ledger_checkpoint 6"), ROOT_6},
    ),
    "a frontier": (changed(CHECKPOINT, "size", 3, frontier="00"), {("checkpoint.frontier", "ledger_checkpoint 3")}),
    "a checkpoint's time": (
        changed(CHECKPOINT, "size", 3, created_at=LATER),
        {("checkpoint.order", "ledger_checkpoint 6")},
    ),
    "the newest checkpoint deleted": (removed(CHECKPOINT, "size", 6), {("leaf.unsigned", "ledger_leaf 3")}),
    "a record's value": (changed(UNIT, "id", 2, name_ja="架空X係"), {("record.changed", "unit 2")}),
    "a record's actor": (changed(UNIT, "id", 2, recorded_by="operator:other"), {("record.changed", "unit 2")}),
    "a record's time": (changed(UNIT, "id", 2, recorded_at=LATER), {("record.changed", "unit 2")}),
    "a record's number": (changed(UNIT, "id", 2, id=20), {("record.changed", "unit 20")}),
    "a record given away": (changed(UNIT, "id", 2, organisation_id=99), {("record.missing", "unit 2")}),
    "a record without its event": (
        changed(UNIT, "id", 2, event_id=70),
        {("record.without_event", "unit 2"), ("record.missing", "unit 2")},
    ),
    "a record deleted": (removed(UNIT, "id", 5), {("record.missing", "unit 5")}),
    "a correction made up": (
        changed(PersonParticulars.__table__, "id", 1, supersedes_id=9),
        {("record.changed", "person_particulars 1")},
    ),
    "a personal value": (
        changed(OPENING, "particulars_id", 1, family_name="空想"),
        {("opening.changed", "personal_opening 1")},
    ),
    "a salt": (changed(OPENING, "particulars_id", 1, salt=bytes(32)), {("opening.changed", "personal_opening 1")}),
    "no salt": (changed(OPENING, "particulars_id", 1, salt=b""), {("opening.changed", "personal_opening 1")}),
}


def test_whatever_is_changed_is_named(database: Database, kept: Organisation) -> None:
    named = {}
    for name, (tamper, _problems) in TAMPERINGS.items():
        with intruder(database) as session:
            tamper(session)
            named[name] = problems_in(session, kept, VERIFIER)
            session.rollback()
    assert named == {name: problems for name, (_tamper, problems) in TAMPERINGS.items()}
    assert found(database, kept) == set()


@pytest.mark.parametrize(
    ("statement", "problems"),
    [
        (
            "UPDATE ledger_event SET payload = CAST(payload AS TEXT) WHERE id = 2",
            {("event.changed", "ledger_event 2"), ("event.unreadable", "ledger_event 2")},
        ),
        ("UPDATE unit SET recorded_at = 'yesterday' WHERE id = 2", {("record.unreadable", "unit 2")}),
    ],
)
def test_a_value_of_another_type_than_its_column_is_named(
    database: Database, kept: Organisation, statement: str, problems: set[tuple[str, str]]
) -> None:
    if not database.is_sqlite:
        pytest.skip("only SQLite stores any type in any column")
    with intruder(database) as session:
        session.execute(text(statement))
    assert found(database, kept) == problems


def test_what_differs_is_named_with_its_event(database: Database, kept: Organisation) -> None:
    with intruder(database) as session:
        changed(UNIT, "id", 2, name_en="X", recorded_by="operator:other")(session)
        changed(OPENING, "particulars_id", 1, given_name="太郎")(session)
    with database.reading() as session:
        report = verify_records(session, kept.id)
    assert [(problem.event_id, problem.where, problem.member) for problem in report.problems] == [
        (2, "unit 2", "actor"),
        (2, "unit 2", "body.name_en"),
        (5, "personal_opening 1", "given_name"),
    ]


# The key


def test_processes_that_need_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create_ledger_key(folder, "kakuu"), range(8)))
    assert len({key.private_bytes_raw() for key in keys}) == 1
    assert verifier_for(folder, "kakuu") == NoteVerifier.of("akashi/kakuu", keys[0].public_key())
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.path.iterdir()] == [("ledger-kakuu.pem", 0o600)]
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileMissing):
        load_ledger_key(KeyFolder(tmp_path), "kakuu")
    load_or_create_ledger_key(KeyFolder(tmp_path), "kakuu")
    (tmp_path / "ledger-kakuu.pem").chmod(0o640)
    with pytest.raises(KeyFileExposed):
        load_or_create_ledger_key(KeyFolder(tmp_path), "kakuu")
    (tmp_path / "ledger-kakuu.pem").chmod(0o600)
    (tmp_path / "ledger-kakuu.pem").write_text("no key")
    with pytest.raises(KeyFileUnreadable):
        load_or_create_ledger_key(KeyFolder(tmp_path), "kakuu")


# The commands


@pytest.fixture
def akashi(database: Database, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a command of `akashi ledger` in English; give its exit status and what it wrote."""
    context = CommandContext({"AKASHI_DATABASE_URL": database.url, "AKASHI_KEYS_DIR": str(tmp_path / "keys")})

    def run(*arguments: str) -> tuple[int, str]:
        with use_language("en"):
            result = CliRunner().invoke(ledger_commands, arguments, obj=context)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        context.database.close()
        return result.exit_code, result.output

    return run


def test_the_commands_show_verify_and_print_what_outsiders_need(
    database: Database,
    organisation: Organisation,
    tmp_path: Path,
    now: datetime,
    akashi: Callable[..., tuple[int, str]],
) -> None:
    assert akashi("verify") == (
        0,
        "kakuu: 0 events, 0 in the tree, 0 pending, 0 checkpoints, 0 records, 0 openings, 0 erased.\n  Nothing is wrong.\n",
    )
    with database.transaction() as session:
        record(session, organisation, *units(now, "A", "B"))
        sequence(
            session, organisation.id, now, load_or_create_ledger_key(KeyFolder(tmp_path / "keys"), "kakuu"), limit=1
        )
        first, second = (short_id(leaf) for leaf in session.scalars(select(LedgerEvent.leaf).order_by(LedgerEvent.id)))
    verifier = verifier_for(KeyFolder(tmp_path / "keys"), "kakuu")
    assert akashi("key") == (0, f"{verifier}\n")
    status, note = akashi("checkpoint", "--organisation", "kakuu")
    assert (status, open_checkpoint(note, verifier).size) == (0, 1)
    status, shown = akashi("show", first)
    assert status == 0
    assert '"name_en": "A"' in shown
    assert "Place: 0 in the tree of 1, signed on 2026-11-23 12:00:00 JST\nThe proof holds." in shown
    assert akashi("show", second)[1].endswith("It waits for its place in the tree.\n")
    assert akashi("show", "E-0")[0] == 1
    assert akashi("verify", "--organisation", "nobody")[0] == 1


def test_the_verify_command_fails_and_names_the_row_when_something_is_wrong(
    database: Database,
    organisation: Organisation,
    tmp_path: Path,
    now: datetime,
    akashi: Callable[..., tuple[int, str]],
) -> None:
    with database.transaction() as session:
        record(session, organisation, *units(now, "A"))
        sequence(session, organisation.id, now, load_or_create_ledger_key(KeyFolder(tmp_path / "keys"), "kakuu"))
        evidence_id = short_id(session.scalars(select(LedgerEvent.leaf)).one())
    with intruder(database) as session:
        changed(UNIT, "id", 1, name_en="X")(session)
    status, written = akashi("verify")
    assert status == 1
    assert "record.changed  unit 1  body.name_en  event 1\n" in written
    status, written = akashi("verify", "--json")
    (result,) = json.loads(written)
    assert (status, result["ledger"]["problems"]) == (1, [])
    assert result["records"]["problems"] == [
        {"code": "record.changed", "where": "unit 1", "event_id": 1, "member": "body.name_en"}
    ]
    with intruder(database) as session:
        changed(EVENT, "id", 1, payload=b"{}")(session)
    status, written = akashi("show", evidence_id)
    assert (status, written.splitlines()[-1]) == (1, "The proof does not hold: run `akashi ledger verify`.")
    (tmp_path / "keys" / "ledger-kakuu.pem").unlink()
    assert "checkpoint.note  ledger_checkpoint 1  no key" in akashi("verify")[1]
    assert akashi("key")[0] == 1
