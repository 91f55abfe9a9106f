"""Registers: the states of 20,000 people x 12 requirements, and 100,000 rows as files."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.measure import Row, best_of, installation
from benchmarks.people import fill
from lms.reports.attendance import COLUMNS, AttendanceHead, AttendanceRow, attendance_csv, attendance_xlsx
from lms.services.completions import results_by_person
from lms.services.people import people_facts
from lms.services.requirements import standings
from lms.store.attempts import AttemptResult
from lms.store.identities import IdentityLink
from lms.store.organisations import Organisation
from lms.store.people import PersonAffiliation, PersonService, ScopeMembership
from lms.store.records import Moment

REQUIREMENTS = 10  # beside the two of the practice organisation: 12


def _read_rows(session: Session, organisation_id: int) -> int:
    """Read the rows that the states rest on, with Core selects, and keep them as light tuples."""
    count = 0
    for table in (ScopeMembership, PersonAffiliation, PersonService, IdentityLink, AttemptResult):
        columns = [column for column in table.__table__.columns if column.name != "questions"]
        count += len(session.execute(select(*columns).where(table.organisation_id == organisation_id)).all())
    return count


def states() -> Iterator[Row]:
    """Measure the register's core for 1,000 and for 20,000 people."""
    seconds = {}
    reference = {}
    for people in (1_000, 20_000):
        with installation() as made:
            fill(made.database, people, REQUIREMENTS)
            with made.database.reading() as session:
                organisation_id = session.scalars(select(Organisation.id)).one()

                def work(session: Session = session, organisation_id: int = organisation_id) -> int:
                    found = standings(session, organisation_id, 2026, Moment(date(2026, 11, 23)))
                    return sum(len(person.standings) for person in found)

                def read(session: Session = session, organisation_id: int = organisation_id) -> int:
                    return _read_rows(session, organisation_id)

                seconds[people] = best_of(3, work)
                reference[people] = best_of(3, read)
                if people == 20_000:
                    parts = (
                        best_of(2, lambda: people_facts(session, organisation_id)),  # noqa: B023 - used at once
                        best_of(2, lambda: results_by_person(session, organisation_id, None)),  # noqa: B023
                    )
    ratio = seconds[20_000] / reference[20_000]
    yield Row(
        "States of 20,000 people × 12 requirements",
        f"the same rows by Core selects: {reference[20_000]:.2f} s CPU",
        f"{seconds[20_000]:.2f} s CPU = {ratio:.1f} × (of these {parts[0]:.2f} s people, {parts[1]:.2f} s results)",
        "≤ 3 ×",
        ratio <= 3,
    )
    growth = seconds[20_000] / seconds[1_000]
    yield Row(
        "… grown from 1,000 people",
        f"1,000 people: {seconds[1_000]:.3f} s CPU",
        f"20 × the people take {growth:.1f} × the time",
        "linear (≤ 25 ×)",
        growth <= 25,
    )


def _rows(count: int) -> list[AttendanceRow]:
    moment = datetime(2026, 5, 1, 1, 2, 3, tzinfo=UTC)
    return [
        AttendanceRow(
            f"{number:05d}",
            f"架空 {number}",
            "カクウ",
            "総務係",
            "regular",
            "administrative",
            "ISMSと私の役割（年次）",
            "fiscal_year:2026",
            date(2026, 4, 1),
            date(2026, 12, 31),
            "complete",
            moment,
            "own_test",
            "isms-and-my-role",
            "0123456789ab",
            9,
            10,
            8,
            1,
            "E-0123456789abcdef",
        )
        for number in range(count)
    ]


def files() -> Iterator[Row]:
    """Measure 100,000 rows as CSV and XLSX beside the plain libraries on the same tuples."""
    import xlsxwriter  # noqa: PLC0415 - as the tool does

    rows = _rows(100_000)
    head = AttendanceHead("架空大学", "令和8年度", date(2026, 11, 23), "-", len(rows))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"

        def plain_csv() -> None:
            with out.open("w", newline="", encoding="utf-8-sig") as file:
                csv.writer(file).writerows(rows)

        def our_csv() -> None:
            with out.open("wb") as file:
                attendance_csv(file, head, rows)

        def plain_xlsx() -> None:
            book = xlsxwriter.Workbook(str(out), {"constant_memory": True})
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    sheet.write(number, column, value if isinstance(value, int) else str(value))
            book.close()

        def our_xlsx() -> None:
            attendance_xlsx(out, head, rows, "Attendance", dict(zip(COLUMNS, COLUMNS, strict=True)))

        for name, ours, plain, limit in (
            ("CSV", our_csv, plain_csv, 2.0),
            ("XLSX", our_xlsx, plain_xlsx, 1.3),
        ):
            times = 3 if name == "CSV" else 1
            reference, seconds = best_of(times, plain), best_of(times, ours)
            yield Row(
                f"100,000 attendance rows → {name}",
                f"plain library on the same tuples: {reference:.2f} s CPU",
                f"{seconds:.2f} s CPU = {seconds / reference:.2f} ×",
                f"≤ {limit} ×",
                seconds / reference <= limit,
            )
