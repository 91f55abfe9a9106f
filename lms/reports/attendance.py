"""Attendance evidence 受講記録: one row for each person in scope and obligation.

Codes (state, mode, employment, category) and column names are a stable contract and are never translated; people read
the translated headings that the caller gives for the XLSX.

Source: ISO/IEC 27001 clause 7.2 d; domain.md §3, §7 (files 05 and 06).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from courses.calendar import JST, NaiveTimeError
from lms.reports.tables import Cell, CsvEncoding, Head, SheetLayout, csv_chunks, write_csv, write_xlsx


class AttendanceRow(NamedTuple):
    """One obligation of one person, with the evidence credited to it."""

    staff_number: str
    """Text as it stood on the as-of date; leading zeros matter."""
    name: str
    kana: str | None
    unit: str
    employment: str
    """Code: regular, part-time, agency, vendor …"""
    category: str
    """Code: faculty, administrative …"""
    requirement: str
    occasion: str
    """The fiscal year, or the event that gave rise to the obligation."""
    opens_on: date | None
    """JST date."""
    due_on: date | None
    """JST date; the day itself still counts."""
    state: str
    """Code of one of the nine states."""
    completed_at: datetime | None
    """Aware; the server's time of submission. Written as two columns, JST and UTC."""
    mode: str | None
    """Code of the kind of evidence."""
    module: str | None
    module_version: str | None
    mark: int | None
    """Points of the credited attempt."""
    maximum: int | None
    """Points."""
    pass_mark: int | None
    """Points."""
    attempts: int
    """All attempts up to the as-of date, not only the credited one."""
    evidence_id: str | None


_SPLIT = AttendanceRow._fields.index("completed_at")

COLUMNS: tuple[str, ...] = (
    *AttendanceRow._fields[:_SPLIT],
    "completed_at_jst",
    "completed_at_utc",
    *AttendanceRow._fields[_SPLIT + 1 :],
)
"""Names of the columns in their order."""

# Half-width characters, wide enough for the Japanese heading, the name and the filter's button.
_WIDTHS = (15, 20, 22, 26, 14, 16, 26, 12, 12, 12, 16, 21, 23, 17, 30, 18, 10, 12, 12, 12, 32)


@dataclass(frozen=True, slots=True)
class AttendanceHead:
    """What the register answers for."""

    organisation: str
    year_label: str
    """The fiscal year as documents write it, for example 令和8年度."""
    as_of: date
    """JST date; the register shows the end of this day."""
    known_at_label: str
    """Size of the ledger's tree, with its time."""
    rows: int
    period: str = ""
    """First and last day of the fiscal year."""
    states: Sequence[tuple[str, int]] = ()
    """Obligations by state, within the filters; their sum is the population."""
    people: int | None = None
    """People in scope on any day of the year, within the filters; None: not counted."""
    without_obligation: int | None = None
    """How many of them have no obligation, and so no row."""
    filters: Sequence[tuple[str, str]] = ()
    """Name and value of each filter that narrowed the register; none means everybody in scope."""

    def as_head(self) -> Head:
        """Return the lines above the table."""
        return Head(
            (
                ("organisation", self.organisation),
                ("year", self.year_label),
                *((("period", self.period),) if self.period else ()),
                ("as_of", self.as_of),
                ("known_at", self.known_at_label),
                *((f"filter:{name}", value) for name, value in self.filters),
                *((("people", self.people),) if self.people is not None else ()),
                *((("without_obligation", self.without_obligation),) if self.without_obligation is not None else ()),
                *((f"state:{state}", count) for state, count in self.states),
            ),
            self.rows,
        )


def attendance_csv(
    out: BinaryIO, head: AttendanceHead, rows: Iterable[AttendanceRow], encoding: CsvEncoding = "utf-8-sig"
) -> int:
    """Write the register as CSV and return the number of rows.

    Raises:
        NaiveTimeError: a completion came without its zone.
        UncodableCharacterError: the encoding lacks a character.
        RowCountError: more or fewer rows came than the head says.
    """
    return write_csv(out, head.as_head(), COLUMNS, _expanded(rows), encoding)


def attendance_csv_chunks(
    head: AttendanceHead, rows: Iterable[AttendanceRow], encoding: CsvEncoding = "utf-8-sig"
) -> Iterator[bytes]:
    """Yield the register as CSV, piece by piece, for a streamed response; raises as ``attendance_csv`` does."""
    return csv_chunks(head.as_head(), COLUMNS, _expanded(rows), encoding)


def attendance_xlsx(
    target: Path | BinaryIO,
    head: AttendanceHead,
    rows: Iterable[AttendanceRow],
    sheet_name: str,
    labels: Mapping[str, str],
) -> int:
    """Write the register as XLSX and return the number of rows.

    ``labels`` translates the names in ``COLUMNS`` and the head's organisation, year, as_of, known_at, ``filter:…`` and
    rows.

    Raises:
        NaiveTimeError: a completion came without its zone.
        TooManyRowsError: a sheet cannot hold them.
        CellTooLongError: a text is longer than a cell holds.
        RowCountError: more or fewer rows came than the head says.
    """
    layout = SheetLayout(sheet_name, _WIDTHS, labels, frozen_columns=2)
    return write_xlsx(target, head.as_head(), COLUMNS, _expanded(rows), layout)


def _expanded(rows: Iterable[AttendanceRow]) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows with the moment of completion in both zones: "2026-05-01 10:00:00", "2026-05-01T01:00:00Z"."""
    for row in rows:
        moment = row.completed_at
        if moment is None:
            yield (*row[:_SPLIT], None, None, *row[_SPLIT + 1 :])
            continue
        if moment.tzinfo is None:
            raise NaiveTimeError(moment)
        utc = moment.astimezone(UTC).isoformat("T", "seconds")[:19]
        yield (*row[:_SPLIT], _jst_hour(utc[:13]) + utc[13:], f"{utc}Z", *row[_SPLIT + 1 :])


@lru_cache(maxsize=10_000)
def _jst_hour(utc_hour: str) -> str:
    """Return "2026-05-01 10" for "2026-05-01T01".

    JST differs from UTC by whole hours, so minutes and seconds are the same, and a year has few hours but many rows.
    """
    return datetime.fromisoformat(f"{utc_hour}:00+00:00").astimezone(JST).isoformat(" ", "hours")[:13]
