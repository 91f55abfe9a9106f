"""The attendance register as a file: the head that says what it answers for, then its rows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from courses.calendar import FiscalYear
from courses.requirements import State
from lms.reports.attendance import AttendanceHead, AttendanceRow, attendance_csv, attendance_xlsx
from lms.services.attendance import Attendance, AttendanceFilter, attendance
from lms.services.moments import known_at_label
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.gettext import _, current_language
from lms.wording.registers import (
    category_label,
    column_labels,
    employment_label,
    mode_label,
    occasion_label,
    state_label,
    year_label,
)

Format = Literal["csv", "xlsx"]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export."""

    year: FiscalYear
    moment: Moment
    chosen: AttendanceFilter
    format: Format
    encoding: Literal["utf-8-sig", "cp932"] = "utf-8-sig"


def export_attendance(session: Session, organisation: Organisation, request: ExportRequest, target: Path) -> Attendance:
    """Write the register to a file, whole or not at all, and return it.

    Raises:
        UnknownTreeSizeError: the ledger never had the size asked for.
        UncodableCharacterError: CP932 lacks a character.
        OSError: the file can't be written; what stood there before still stands.
    """
    register = attendance(session, organisation.id, request.year, request.moment, request.chosen, current_language())
    head = _head(session, organisation, request, register)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with scratch.open("xb") as file:
            scratch.chmod(0o600)
            if request.format == "csv":
                attendance_csv(file, head, register.rows, request.encoding)
            else:
                attendance_xlsx(file, head, map(_in_words, register.rows), _("Attendance"), column_labels())
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return register


def _head(session: Session, organisation: Organisation, request: ExportRequest, register: Attendance) -> AttendanceHead:
    chosen = request.chosen
    filters = {
        "unit": chosen.unit,
        "employment": employment_label(chosen.employment) if chosen.employment else None,
        "category": category_label(chosen.category) if chosen.category else None,
        "requirement": chosen.requirement,
        "state": state_label(chosen.state) if chosen.state else None,
    }
    return AttendanceHead(
        organisation=organisation.name(current_language()),
        year_label=year_label(request.year),
        as_of=request.moment.as_of,
        known_at_label=known_at_label(session, organisation.id, request.moment.known_at),
        rows=len(register.rows),
        period=f"{request.year.start.isoformat()} / {request.year.last_day.isoformat()}",
        states=[(state.value, register.counts[state]) for state in State if register.counts[state]],
        people=register.people,
        without_obligation=register.people_without_obligation,
        filters=[(name, value) for name, value in filters.items() if value is not None],
    )


def _in_words(row: AttendanceRow) -> AttendanceRow:
    """Return a row with its codes in words: a workbook is for people, the CSV for programs."""
    return row._replace(
        employment=employment_label(row.employment),
        category=category_label(row.category),
        occasion=occasion_label(row.occasion),
        state=state_label(row.state),
        mode=mode_label(row.mode) if row.mode else row.mode,
    )


def file_name(organisation: Organisation, request: ExportRequest) -> str:
    """Return a name for the file that says what it is: organisation, year, as-of date."""
    return f"attendance-{organisation.key}-{request.year.year}-{request.moment.as_of:%Y%m%d}.{request.format}"
