"""Two thousand tamperings with a whole organisation's records, each found and named.

A vandal with all rights on a copied database changes one thing at a time: any column of any record, a personal value, an
event, a place, a checkpoint; or a byte of a proof or of a pack that was handed out. Tables are taken from the models and
rows from the practice organisation, so that new kinds of record are covered as soon as it has any.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Table, delete, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses.signed_notes import NoteVerifier
from lms.config import Settings
from lms.jobs.ledger import run_sequencer
from lms.reports.evidence import verify
from lms.services.anchors import verify_anchors
from lms.services.ledger import inclusion
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import verifier_for
from lms.services.ledger_proofs import check_proof, consistency_file, inclusion_file
from lms.services.record_checks import verify_records
from lms.store.base import Database, UtcDateTime
from lms.store.ledger import LedgerCheckpoint, LedgerEvent, LedgerLeaf
from lms.store.migrations import migrate
from lms.store.openings import RecordOpening
from lms.store.organisations import Organisation
from lms.store.people import PersonalOpening
from lms.store.records import Record, drop_append_only_ddl, record_tables
from lms.store.schema import Base
from tests.practice_organisation.seed import seed
from tests.reports.evidence_packs import LEDGER_VERIFIER, write_pack

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
EVENT, LEAF, CHECKPOINT = (model.__table__ for model in (LedgerEvent, LedgerLeaf, LedgerCheckpoint))
OPENINGS = (PersonalOpening.__table__, RecordOpening.__table__)
UNSIGNED = frozenset({("ledger_checkpoint", "created_at")})
"""When the sequencer ran is a convenience: neither note nor event says it."""

Place = tuple[str, object]
"""Table and key."""


def tables_of_records() -> list[Table]:
    """Tables whose rows have an event each."""
    models = [mapper for mapper in Base.registry.mappers if issubclass(mapper.class_, Record)]
    return sorted((mapper.local_table for mapper in models if isinstance(mapper.local_table, Table)), key=lambda each: each.name)  # fmt: skip


@dataclass(frozen=True)
class Installation:
    """The practice organisation in a file without triggers, and how to look at it."""

    database: Database
    settings: Settings
    verifier: NoteVerifier

    def problems(self, session: Session) -> set[str]:
        """Everything that is found wrong, by table and key."""
        session.expire_all()
        organisation = session.get_one(Organisation, 1)
        reports = (
            verify_ledger(session, 1, self.verifier),
            verify_records(session, 1),
            verify_anchors(session, organisation, self.settings.anchor_dir, self.settings.keys),
        )
        return {problem.where for report in reports for problem in report.problems}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tampering")
    database = Database(f"sqlite:///{folder / 'akashi.sqlite'}")
    migrate(database)
    seed(database, "http://127.0.0.1:1", NOW)
    settings = Settings(database.url, "http://127.0.0.1:8000", folder / "keys")
    while run_sequencer(database, settings, NOW):
        pass
    database.close()
    opened = Database(database.url)

    @event.listens_for(opened.engine, "connect")
    def unguard(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")

    with opened.transaction() as session:
        for statement in drop_append_only_ddl([table.name for table in record_tables(Base)], "sqlite"):
            session.execute(text(statement))
    yield Installation(opened, settings, verifier_for(settings.keys, "kakuu"))
    opened.close()


class Vandal:
    """Changes one thing, and knows by which names it may be found."""

    def __init__(self, session: Session, chance: random.Random) -> None:
        self.session, self.chance = session, chance

    def some_row(self, table: Table) -> Any:
        """A row at random; None in an empty table."""
        count = self.session.scalar(select(func.count()).select_from(table)) or 0
        query = select(table).order_by(*table.primary_key.columns).limit(1)
        return self.session.execute(query.offset(self.chance.randrange(count))).first() if count else None

    def change_record(self, table: Table) -> set[str] | None:
        """Change one column of one record, or remove it."""
        row = self.some_row(table)
        if row is None:
            return None
        if self.chance.random() < 0.1:
            self.session.execute(delete(table).where(table.c.id == row.id))
            return {f"{table.name} {row.id}"}
        column = self.chance.choice(list(table.c))
        value = self.another(column, getattr(row, column.key))
        self.session.execute(update(table).where(table.c.id == row.id).values({column.key: value}))
        return {f"{table.name} {row.id}", f"{table.name} {value}"}

    def change_opening(self, table: Table) -> set[str] | None:
        """Change one personal value, its salt, or whose it is."""
        row = self.some_row(table)
        if row is None:
            return None
        key = next(iter(table.primary_key.columns))
        column = self.chance.choice(list(table.c))
        value = self.another(column, getattr(row, column.key))
        self.session.execute(update(table).where(key == getattr(row, key.key)).values({column.key: value}))
        return {f"{table.name} {getattr(row, key.key)}", f"{table.name} {value}"}

    def slip_in_record(self, table: Table) -> set[str] | None:
        """Add a record that was never recorded, under an event that is not there."""
        row = self.some_row(table)
        if row is None:
            return None
        number = 1_000_000 + self.chance.randrange(1_000)
        values = row._asdict() | {"id": number, "event_id": number}
        if "supersedes_id" in values:
            values["supersedes_id"] = None
        self.session.execute(insert(table).values(values))
        return {f"{table.name} {number}"}

    def change_event(self) -> set[str]:
        """Change a byte of an event or its leaf hash, give it to somebody else, or remove it."""
        row = self.some_row(EVENT)
        place = self.session.scalar(select(LEAF.c.n).where(LEAF.c.event_id == row.id))
        names = {f"ledger_event {row.id}", f"ledger_leaf {place}"}
        kind = self.chance.randrange(5)
        if kind == 0:
            self.session.execute(delete(EVENT).where(EVENT.c.id == row.id))
        else:
            values = {
                1: {"payload": self.other_bytes(row.payload)},
                2: {"leaf": self.other_bytes(row.leaf)},
                3: {"organisation_id": 2},
                4: {"payload": row.payload[:-1]},
            }[kind]
            self.session.execute(update(EVENT).where(EVENT.c.id == row.id).values(values))
        return names

    def change_place(self) -> set[str]:
        """Remove a place, move it, swap two events, or let a place point elsewhere."""
        size = self.session.scalar(select(func.count()).select_from(LEAF)) or 0
        a, b = self.chance.sample(range(size), 2)
        names = {f"ledger_leaf {a}", f"ledger_leaf {b}", f"ledger_leaf {a + 1}"}
        own = LEAF.c.organisation_id == 1
        kind = self.chance.randrange(4)
        if kind == 0:
            gone = self.session.scalar(select(LEAF.c.event_id).where(own, LEAF.c.n == a))
            self.session.execute(delete(LEAF).where(own, LEAF.c.n == a))
            names |= {f"ledger_event {gone}", *self.checkpoints()}
        elif kind == 1:
            self.session.execute(update(LEAF).where(own, LEAF.c.n == a).values(n=size + 5))
            names |= {f"ledger_leaf {size + 5}", *self.checkpoints()}
        elif kind == 2:
            first, second = (self.session.scalar(select(LEAF.c.event_id).where(own, LEAF.c.n == n)) for n in (a, b))
            self.session.execute(update(LEAF).where(own, LEAF.c.n == a).values(event_id=-1))
            self.session.execute(update(LEAF).where(own, LEAF.c.n == b).values(event_id=first))
            self.session.execute(update(LEAF).where(own, LEAF.c.n == a).values(event_id=second))
        else:
            self.session.execute(update(LEAF).where(own, LEAF.c.n == a).values(event_id=10**9))
        return names

    def change_checkpoint(self) -> set[str]:
        """Change what a checkpoint says, or remove it: the newest leaves a tail that nothing signs."""
        row = self.some_row(CHECKPOINT)
        names = {f"ledger_checkpoint {row.size}", *self.checkpoints()}
        if self.chance.random() < 0.1:
            self.session.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size == row.size))
            rest = max(self.session.scalars(select(CHECKPOINT.c.size)))
            return {f"ledger_leaf {rest}", *ANCHORS} if rest < row.size else names
        column = self.chance.choice([each for each in CHECKPOINT.c if (CHECKPOINT.name, each.key) not in UNSIGNED])
        value = self.another(column, getattr(row, column.key))
        self.session.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == row.size).values({column.key: value}))
        return names | {f"ledger_checkpoint {value}"} | ANCHORS

    def cut_off(self) -> set[str]:
        """Remove everything after a checkpoint, whole: what is left is sound in itself."""
        sizes = sorted(self.session.scalars(select(CHECKPOINT.c.size)))
        size = self.chance.choice(sizes[:-1])
        gone = list(self.session.scalars(select(LEAF.c.event_id).where(LEAF.c.n >= size)))
        for table in tables_of_records():
            self.session.execute(delete(table).where(table.c.event_id.in_(gone)))
        self.session.execute(delete(LEAF).where(LEAF.c.n >= size))
        self.session.execute(delete(EVENT).where(EVENT.c.id.in_(gone)))
        self.session.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size > size))
        return set(ANCHORS)

    def checkpoints(self) -> set[str]:
        return {f"ledger_checkpoint {size}" for size in self.session.scalars(select(CHECKPOINT.c.size))}

    def other_bytes(self, value: bytes) -> bytes:
        place = self.chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ self.chance.randrange(1, 256)]) + value[place + 1 :]

    def another(self, column: Column[Any], value: Any) -> Any:
        """Another value that the column can hold."""
        if value is not None and column.nullable and self.chance.random() < 0.2:
            return None
        kind = type(value)
        if value is None:
            kind = datetime if isinstance(column.type, UtcDateTime) else column.type.python_type
            kind = list if isinstance(column.type, JSON) else kind
        changes: dict[type, Callable[[], Any]] = {
            bool: lambda: not value,
            int: lambda: (value or 0) + self.chance.choice([1, 7, 1_000_000]),
            float: lambda: (value or 0) + 1,
            str: lambda: self.another_text(value or ""),
            bytes: lambda: self.other_bytes(value),
            date: lambda: (value or date(2026, 1, 1)) + timedelta(days=self.chance.choice([-1, 1, 365])),
            datetime: lambda: (value or NOW) + timedelta(microseconds=self.chance.choice([1, 10**6, 10**12])),
            dict: lambda: {**(value or {}), "slipped": "in"},
            list: lambda: [*(value or []), "slipped in"],
        }
        return changes[kind]()

    def another_text(self, value: str) -> str:
        place = self.chance.randrange(len(value) + 1)
        return self.chance.choice(
            [f"{value[:place]}x{value[place:]}", f"{value} ", "別の値" if value != "別の値" else ""]
        )


ANCHORS = frozenset({"anchor kakuu/newest.checkpoint", "anchor kakuu/2026-11-23.checkpoint"})


def vandalise(installation: Installation, chance: random.Random) -> Iterator[tuple[str, set[str] | None, set[str]]]:
    """Change one thing after the other, each taken back; give what was done, its names, and what was found."""
    records = tables_of_records()
    while True:
        with Session(installation.database.engine) as session:
            vandal = Vandal(session, chance)
            table = chance.choice(records)
            acts: list[tuple[str, Callable[[], set[str] | None], int]] = [
                (f"change {table.name}", partial(vandal.change_record, table), 20),
                (f"slip into {table.name}", partial(vandal.slip_in_record, table), 3),
                ("opening", partial(vandal.change_opening, chance.choice(OPENINGS)), 4),
                ("event", vandal.change_event, 4),
                ("place", vandal.change_place, 3),
                ("checkpoint", vandal.change_checkpoint, 2),
                ("cut off", vandal.cut_off, 1),
            ]
            name, act, _ = chance.choices(acts, [weight for _, _, weight in acts])[0]
            try:
                names = act()
            except IntegrityError:  # not even a vandal can write this
                session.rollback()
                continue
            yield name, names, installation.problems(session) if names is not None else set()
            session.rollback()


@pytest.mark.parametrize("wanted", [600, pytest.param(10_000, marks=pytest.mark.soak)])
def test_every_tampering_with_the_database_is_found_and_named(installation: Installation, wanted: int) -> None:
    chance = random.Random(20261123)
    with installation.database.reading() as session:
        assert installation.problems(session) == set()
    done, missed, touched = 0, [], set()
    for name, names, problems in vandalise(installation, chance):
        if names is None:
            continue
        done += 1
        touched.add(name)
        if not names & problems:
            missed.append((name, names, problems))
        if done == wanted:
            break
    assert missed == []
    with installation.database.reading() as session:
        assert installation.problems(session) == set()
        filled = {
            table.name for table in tables_of_records() if session.scalar(select(func.count()).select_from(table))
        }
    assert {f"change {name}" for name in filled} | {"opening", "event", "place", "checkpoint", "cut off"} <= touched


def test_tables_without_events_are_known_by_name() -> None:
    with_events = {table.name for table in tables_of_records()}
    ledger = {"ledger_event", "ledger_leaf", "ledger_checkpoint"}
    assert {table.name for table in record_tables(Base)} - with_events - ledger == {"audit_event"}


def test_every_changed_byte_of_a_proof_that_was_handed_out_is_found(installation: Installation) -> None:
    chance = random.Random(6962)
    with installation.database.reading() as session:
        sizes = sorted(session.scalars(select(CHECKPOINT.c.size)))
        files = [consistency_file(session, 1, sizes[0], sizes[-1])]
        for event_id in (1, 100, 200):
            proof = inclusion(session, 1, event_id)
            assert proof is not None
            files.append(inclusion_file(session.get_one(LedgerEvent, event_id), proof))
    missed = []
    for number in range(800):
        good = files[number % len(files)]
        assert check_proof(good, installation.verifier) == []
        place = chance.randrange(len(good))
        bad = [
            good[:place] + bytes([good[place] ^ chance.randrange(1, 256)]) + good[place + 1 :],
            good[:place] + good[place + 1 :],
            good[:place] + chance.randbytes(1) + good[place:],
        ][chance.randrange(3)]
        if bad != good and not check_proof(bad, installation.verifier):
            missed.append((number, place, bad))
    assert missed == []


def test_every_changed_byte_of_a_pack_is_found(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = write_pack(tmp_path / "pack.zip")
    good, missed = path.read_bytes(), []
    for _ in range(600):
        place = chance.randrange(len(good))
        path.write_bytes(good[:place] + bytes([good[place] ^ chance.randrange(1, 256)]) + good[place + 1 :])
        if not verify.check(str(path), str(LEDGER_VERIFIER)).findings:
            missed.append(place)
    assert missed == []
