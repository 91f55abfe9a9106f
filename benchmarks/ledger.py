"""The ledger: what an event adds to a transaction, and how long verifying takes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, insert, select

from benchmarks.measure import Row, cpu_seconds, installation
from courses.ledger import leaf_hash
from lms.clock import read_clock
from lms.services.ledger import sequence
from lms.services.ledger_checks import verify_ledger
from lms.services.ledger_keys import load_or_create_ledger_key, verifier_for
from lms.store.audit import AuditEvent
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


def verifying() -> Iterator[Row]:
    """Measure verifying a large ledger, beside SHA-256 over the same bytes."""
    now = read_clock()
    with installation() as made, TemporaryDirectory() as folder:
        keys = Path(folder)
        with made.database.transaction() as session:
            organisation = session.scalars(select(Organisation)).one()
            first = (session.scalar(select(func.max(LedgerEvent.id))) or 0) + 1
        key = load_or_create_ledger_key(keys, organisation.key)
        for start in range(first, first + EVENTS, 50_000):
            payloads = [(number, b'{"akashi_event":1,"body":{"number":%d},"pad":"%s"}' % (number, b"x" * 250)) for number in range(start, start + 50_000)]  # fmt: skip
            with made.database.transaction() as session:
                session.execute(
                    insert(LedgerEvent),
                    [
                        {"id": number, "organisation_id": organisation.id, "leaf": leaf_hash(data), "payload": data}
                        for number, data in payloads
                    ],
                )
                session.execute(
                    insert(LedgerPending),
                    [{"event_id": number, "organisation_id": organisation.id} for number, _ in payloads],
                )
        placed = 0

        def place() -> None:
            nonlocal placed
            while True:
                with made.database.transaction() as session:
                    done = sequence(session, organisation.id, now, key)
                placed += done.count
                if not done.count:
                    return

        placing = cpu_seconds(place)

        def plain() -> None:
            with made.database.reading() as session:
                rows = session.execute(
                    select(LedgerEvent.payload).order_by(LedgerEvent.id).execution_options(yield_per=10_000)
                )
                for payload in rows.scalars():
                    sha256(payload).digest()

        reference = cpu_seconds(plain)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = None

        def verify() -> None:
            nonlocal report
            with made.database.reading() as session:
                report = verify_ledger(session, organisation.id, verifier_for(keys, organisation.key))

        seconds = cpu_seconds(verify)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    yield Row(
        f"Ledger: verify {EVENTS:,} events",
        f"reading them and SHA-256 over the same bytes: {reference:.1f} s CPU",
        f"{seconds:.1f} s CPU, peak memory + {grown:.0f} MB, {'sound' if report and not report.problems else 'problems'}",
        "≤ 5 s, ≤ 100 MB",
        seconds <= 5 and grown <= 100,
    )
    yield Row(
        f"Ledger: give {placed:,} events their places",
        "",
        f"{placing:.1f} s CPU = {placed / placing:,.0f} events/s",
        "",
        None,
    )
