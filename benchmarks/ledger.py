"""The ledger: what an event adds to a transaction, and how long verifying takes."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, insert, select

from benchmarks.measure import Row, cpu_seconds, installation
from courses.ledger import leaf_hash
from lms.clock import read_clock
from lms.config import KeyFolder
from lms.services.ledger import sequence
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import load_or_create_ledger_key, verifier_for
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.ledger import LedgerEvent, LedgerPending
from lms.store.organisations import Organisation, Unit
from lms.store.records import record

EVENTS = 1_000_000


def appending() -> Iterator[Row]:
    """Measure a transaction that writes one record, with its event and with a row that has none."""
    now = read_clock()
    with installation() as made:
        with made.database.reading() as session:
            organisation = session.scalars(select(Organisation)).one()
        numbers = iter(range(10**9))

        def with_event() -> None:
            name = f"架空第{next(numbers)}係"
            with made.database.transaction() as session:
                record(
                    session, organisation, Unit(name_ja=name, name_en="u", recorded_at=now, recorded_by="operator:b")
                )

        def without() -> None:
            with made.database.transaction() as session:
                session.add(AuditEvent(organisation_id=organisation.id, at=now, kind="b", actor="operator:b", facts={}))

        plain = min(cpu_seconds(without, 100) for _ in range(3))
        ours = min(cpu_seconds(with_event, 100) for _ in range(3))
    yield Row(
        "Ledger: append, for a transaction that writes one row",
        f"the same transaction with a row that has no event: {plain * 1000:.2f} ms CPU",
        f"{ours * 1000:.2f} ms CPU = {ours / plain:.2f} ×",
        "≤ 1.25 ×",
        ours / plain <= 1.25,
    )


def _fill(database: Database, organisation_id: int) -> None:
    """Add many events that wait for their places."""
    with database.reading() as session:
        first = (session.scalar(select(func.max(LedgerEvent.id))) or 0) + 1
    for start in range(first, first + EVENTS, 50_000):
        numbers = range(start, start + 50_000)
        payloads = [b'{"akashi_event":1,"body":{"number":%d},"pad":"%s"}' % (number, b"x" * 250) for number in numbers]
        with database.transaction() as session:
            session.execute(
                insert(LedgerEvent),
                [
                    {"id": number, "organisation_id": organisation_id, "leaf": leaf_hash(data), "payload": data}
                    for number, data in zip(numbers, payloads, strict=True)
                ],
            )
            session.execute(
                insert(LedgerPending), [{"event_id": each, "organisation_id": organisation_id} for each in numbers]
            )


def _place(database: Database, organisation_id: int, key: Ed25519PrivateKey) -> int:
    """Give all waiting events their places; return how many there were."""
    placed = 0
    while True:
        with database.transaction() as session:
            done = sequence(session, organisation_id, read_clock(), key)
        if not done.count:
            return placed
        placed += done.count


def _read_and_hash(database: Database) -> None:
    with database.reading() as session:
        rows = session.execute(select(LedgerEvent.payload).order_by(LedgerEvent.id).execution_options(yield_per=10_000))
        for payload in rows.scalars():
            sha256(payload).digest()


def verifying() -> Iterator[Row]:
    """Measure verifying a large ledger, beside reading it and SHA-256 over the same bytes."""
    with installation() as made, TemporaryDirectory() as folder:
        with made.database.reading() as session:
            organisation = session.scalars(select(Organisation)).one()
        key = load_or_create_ledger_key(KeyFolder(Path(folder)), organisation.key)
        verifier = verifier_for(KeyFolder(Path(folder)), organisation.key)
        _fill(made.database, organisation.id)
        before = time.process_time()
        placed = _place(made.database, organisation.id, key)
        placing = time.process_time() - before
        reference = cpu_seconds(lambda: _read_and_hash(made.database))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = time.process_time()
        with made.database.reading() as session:
            report = verify_ledger(session, organisation.id, verifier)
        seconds = time.process_time() - before
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    yield Row(
        f"Ledger: verify {EVENTS:,} events in {report.checkpoints} checkpoints",
        f"reading them and SHA-256 over the same bytes: {reference:.1f} s CPU",
        f"{seconds:.1f} s CPU, peak memory + {grown:.0f} MB, {report.problem_count} problems",
        "≤ 5 s, ≤ 100 MB",
        seconds <= 5 and grown <= 100 and not report.problem_count,
    )
    yield Row(
        f"Ledger: give {placed:,} events their places",
        "",
        f"{placing:.1f} s CPU = {placed / placing:,.0f} events/s",
        "",
        None,
    )
