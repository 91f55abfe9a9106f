"""Evidence packs: of the practice organisation and of 20,000 people, beside the writing of their tables alone."""

from __future__ import annotations

import csv
import io
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sqlalchemy import select

from benchmarks.measure import Row, cpu_seconds, installation
from benchmarks.people import fill
from courses.calendar import FiscalYear
from lms.clock import read_clock
from lms.config import KeyFolder, Settings
from lms.jobs.evidence import prepare_pack_key
from lms.lti.tool_keys import load_or_create
from lms.reports.tables import Head, csv_chunks
from lms.services.evidence.pack import make_pack, newest_known_at
from lms.services.evidence.source import PackQuestion
from lms.services.ledger import sequence
from lms.services.ledger_keys import load_or_create_ledger_key
from lms.store.base import Database
from lms.store.organisations import Organisation

REQUIREMENTS = 10


def _place(database: Database, keys: KeyFolder) -> None:
    """Give everything recorded its place, many events at a time."""
    with database.reading() as session:
        organisation = session.scalars(select(Organisation)).one()
    signer = load_or_create_ledger_key(keys, organisation.key)
    while True:
        with database.transaction() as session:
            if not sequence(session, organisation.id, read_clock(), signer).count:
                return


def _write_tables(pack: Path) -> None:
    """Read the tables of a pack from their CSV and write them again: the reference.

    A pack's values must come from somewhere; reading them from CSV stands for that, and costs less than asking the
    database and the rules. Of what makes a pack more than tables (events, hashes, verification, summary and charts as
    PDF) nothing is in it.
    """
    with zipfile.ZipFile(pack) as archive:
        for name in archive.namelist():
            if name.endswith(".csv"):
                rows = list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))
                body = rows[rows.index([]) + 2 :]
                for _ in csv_chunks(Head((), len(body)), rows[rows.index([]) + 1], body):
                    pass


def packs() -> Iterator[Row]:
    """Measure a pack of the practice organisation and one of 20,000 people more."""
    for people in (0, 20_000):
        with installation() as made, tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            settings = Settings(made.database.url, "http://127.0.0.1:8000", folder / "keys", folder / "anchors")
            load_or_create(settings.keys)
            if people:
                fill(made.database, people, REQUIREMENTS)
            _place(made.database, settings.keys)
            with made.database.reading() as session:
                organisation = session.scalars(select(Organisation)).one()
            prepare_pack_key(made.database, settings, organisation, read_clock(), "operator:bench")
            target = folder / "pack.zip"
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

            def work() -> None:
                with made.database.reading() as session:
                    size = newest_known_at(session, organisation.id)  # noqa: B023
                    question = PackQuestion(organisation, FiscalYear(2026).period, date(2026, 11, 23), size)  # noqa: B023
                    make_pack(session, question, settings.keys, target)  # noqa: B023

            seconds = cpu_seconds(work)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            reference = cpu_seconds(lambda: _write_tables(target))  # noqa: B023
            subprocess.run([sys.executable, "-m", "lms.reports.evidence.verify", str(target)], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
            yield Row(
                f"Evidence pack, {people + 42:,} people",
                f"reading and writing its tables alone: {reference:.1f} s CPU",
                f"{seconds:.1f} s CPU = {seconds / reference:.1f} ×, {target.stat().st_size / 1e6:.0f} MB, +{grown:.0f} MB memory",
                "≤ 3 ×" if people else "–",
                None if not people else seconds <= 3 * reference,
            )


if __name__ == "__main__":
    for row in packs():
        print(row)
