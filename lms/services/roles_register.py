"""The register of appointments and the chart, as of a date and as known at a size of the ledger; the register as a file.

Source: ISO/IEC 27001 clause 5.3; domain.md §2, §7 (file 10).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import JST, Period
from courses.charts import Chart, Contradiction, Structure, chart_on, contradictions
from courses.ledger import short_id
from lms.reports.tables import Cell, Head, SheetLayout, write_csv, write_xlsx
from lms.services.bodies import separations_of
from lms.services.moments import known_at_label
from lms.services.people import Particulars, particulars_on
from lms.services.roles import acknowledged_at
from lms.store.documents import MigrationBatch
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation, Unit, units_of
from lms.store.people import PersonService
from lms.store.records import Moment, known
from lms.store.roles import Appointment, Body, Seat, appointments_of, bodies_of, seat_order, seats_of
from lms.wording.gettext import _, current_language
from lms.wording.permissions import role_label
from lms.wording.roles import end_kind_label, standing_label

Standing = Literal["in_force", "to_come", "over"]


class RegisterRow(NamedTuple):
    """One appointment."""

    appointment_id: int
    person_id: int
    staff_number: str
    """As on the first day of the term; empty where it was erased."""
    name: str
    romaji: str
    isms_role: str
    body: str
    seat: str
    unit: str
    first_day: date
    last_day: date | None
    """Included; None: until further notice."""
    standing: Standing
    """On the as-of date."""
    letter_number: str
    appointed_on: date
    appointer: str
    acknowledged_at: datetime | None
    end_kind: str
    end_letter_number: str
    reason: str
    source: str
    """Document that a migration batch took it from; empty: recorded in the tool."""
    recorded_at: datetime
    evidence_id: str


COLUMNS = (
    *("staff_number", "name", "isms_role", "body", "seat", "unit", "first_day", "last_day", "standing"),
    *("letter_number", "appointed_on", "appointer", "acknowledged_at_jst", "end_kind", "end_letter_number", "reason"),
    *("source", "recorded_at_utc", "evidence_id"),
)
"""Names of the columns of the file: a stable contract, never translated."""
_WIDTHS = (12, 20, 22, 24, 22, 20, 12, 12, 12, 22, 12, 24, 21, 14, 22, 30, 30, 23, 24)


def structure_of(session: Session, organisation_id: int, known_at: int | None = None) -> Structure:
    """Return bodies, seats and appointments as the chart takes them."""
    return Structure(
        bodies=[each.rule() for each in bodies_of(session, organisation_id, known_at)],
        seats=[(each.body_key, each.rule()) for each in seats_of(session, organisation_id, known_at)],
        held=[each.rule() for each in appointments_of(session, organisation_id, known_at)],
    )


def chart_of(session: Session, organisation_id: int, moment: Moment) -> Chart:
    """Return the chart of a date, as known at a size of the ledger."""
    return chart_on(structure_of(session, organisation_id, moment.known_at), moment.as_of)


def contradictions_of(session: Session, organisation_id: int, moment: Moment) -> tuple[Contradiction, ...]:
    """Return where bodies, seats and appointments differ among themselves on a date (NC07)."""
    service: dict[int, list[Period]] = {}
    rows = select(PersonService.person_id, PersonService.valid_from, PersonService.valid_to).where(
        PersonService.organisation_id == organisation_id, known(PersonService, moment.known_at)
    )
    for person_id, start, end in session.execute(rows):
        service.setdefault(person_id, []).append(Period(start, end))
    structure = structure_of(session, organisation_id, moment.known_at)
    separations = separations_of(session, organisation_id, moment.known_at)
    return contradictions(structure, moment.as_of, separations, service)


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called: people on a date, bodies, seats and units."""

    people: dict[int, Particulars | None]
    bodies: dict[str, Body]
    seats: dict[str, Seat]
    units: dict[int, Unit]
    language: str

    def person(self, person_id: int) -> str:
        """Return a person's name; in English the romanised one where there is one."""
        found = self.people.get(person_id)
        if found is None:
            return "–"
        if self.language == "en" and found.romaji:
            return found.romaji
        return f"{found.family_name} {found.given_name}".strip()

    def body(self, key: str | None) -> str:
        """Return a body's name."""
        return self.bodies[key].name(self.language) if key in self.bodies else key or ""

    def seat(self, key: str | None) -> str:
        """Return a seat's title."""
        return self.seats[key].title(self.language) if key in self.seats else key or ""

    def place(self, key: str | None) -> str:
        """Return a seat's title with its body before it; empty without a seat."""
        body, seat = self.body_of_seat(key), self.seat(key)
        return _("%(body)s: %(seat)s", body=body, seat=seat) if body and body != seat else seat

    def body_of_seat(self, key: str | None) -> str:
        """Return the name of the body that a seat belongs to."""
        return self.body(self.seats[key].body_key) if key in self.seats else ""

    def unit(self, unit_id: int | None) -> str:
        """Return a unit's name."""
        if unit_id not in self.units:
            return ""
        unit = self.units[unit_id]
        return unit.name_ja if self.language == "ja" else unit.name_en


def names_on(session: Session, organisation_id: int, moment: Moment, language: str) -> Names:
    """Return what everybody and everything is called on a date; what is closed keeps its last name."""
    bodies = bodies_of(session, organisation_id, moment.known_at)
    seats = seats_of(session, organisation_id, moment.known_at)
    return Names(
        people=particulars_on(session, organisation_id, moment.as_of, moment.known_at),
        bodies={each.key: each for each in sorted(bodies, key=lambda each: _fit(each, moment.as_of))},
        seats={each.key: each for each in sorted(seats, key=lambda each: _fit(each, moment.as_of))},
        units={each.id: each for each in units_of(session, organisation_id)},
        language=language,
    )


def _fit(row: Body | Seat, day: date) -> tuple[bool, date]:
    """Sort versions so that the one in force on a day comes last, else the newest."""
    return day in Period(row.valid_from, row.valid_to), row.valid_from


def roles_register(session: Session, organisation_id: int, moment: Moment, language: str) -> list[RegisterRow]:
    """Return every known appointment, the newest terms first, with how it stands on the as-of date."""
    rows = appointments_of(session, organisation_id, moment.known_at)
    names = names_on(session, organisation_id, moment, language)
    acknowledged = acknowledged_at(session, organisation_id, rows, moment.known_at, moment.as_of)
    batches = dict(
        session.execute(
            select(MigrationBatch.id, MigrationBatch.source_document).where(
                MigrationBatch.organisation_id == organisation_id
            )
        ).all()
    )
    leaves = dict(
        session.execute(
            select(LedgerEvent.id, LedgerEvent.leaf).join(Appointment, Appointment.event_id == LedgerEvent.id).where(
                Appointment.organisation_id == organisation_id
            )
        ).all()
    )  # fmt: skip
    found = []
    for row in rows:
        person = names.people.get(row.person_id)
        acknowledgement = acknowledged.get(row.id)
        found.append(
            RegisterRow(
                appointment_id=row.id,
                person_id=row.person_id,
                staff_number=person.staff_number if person else "",
                name=f"{person.family_name} {person.given_name}".strip() if person else "",
                romaji=person.romaji if person else "",
                isms_role=row.isms_role,
                body=names.body_of_seat(row.seat_key),
                seat=names.seat(row.seat_key),
                unit=names.unit(row.unit_id),
                first_day=row.valid_from,
                last_day=row.last_day,
                standing=_standing(row, moment.as_of),
                letter_number=row.letter_number,
                appointed_on=row.appointed_on,
                appointer=row.appointer,
                acknowledged_at=acknowledgement.acknowledged_at if acknowledgement else None,
                end_kind=row.end_kind or "",
                end_letter_number=row.end_letter_number or "",
                reason=row.reason or "",
                source=batches.get(row.migration_batch_id or 0, ""),
                recorded_at=row.recorded_at,
                evidence_id=short_id(leaves[row.event_id]),
            )
        )
    order = seat_order(session, organisation_id, moment.known_at)
    positions = {row.id: order.get(row.seat_key or "", len(order)) for row in rows}
    found.sort(
        key=lambda row: (
            -row.first_day.toordinal(),
            positions[row.appointment_id],
            row.staff_number,
            row.appointment_id,
        )
    )
    return found


def _standing(row: Appointment, day: date) -> Standing:
    if row.valid_from > day:
        return "to_come"
    return "in_force" if row.valid_to is None or day < row.valid_to else "over"


@dataclass(frozen=True, slots=True)
class RolesExport:
    """What to export."""

    moment: Moment
    format: Literal["csv", "xlsx"]
    encoding: Literal["utf-8-sig", "cp932"] = "utf-8-sig"

    def file_name(self, organisation: Organisation) -> str:
        """Return a name for the file that says what it is."""
        return f"roles-{organisation.key}-{self.moment.as_of:%Y%m%d}.{self.format}"


def export_roles(session: Session, organisation: Organisation, wanted: RolesExport, target: Path) -> int:
    """Write the register to a file, whole or not at all, and return its number of rows.

    Raises:
        UncodableCharacterError: CP932 lacks a character.
        OSError: the file can't be written; what stood there before still stands.
    """
    rows = roles_register(session, organisation.id, wanted.moment, current_language())
    in_words = wanted.format == "xlsx"
    cells = [_cells(row, in_words=in_words) for row in rows]
    head = Head(
        (
            ("organisation", organisation.name(current_language())),
            ("as_of", wanted.moment.as_of),
            ("known_at", known_at_label(session, organisation.id, wanted.moment.known_at)),
        ),
        len(rows),
    )
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with scratch.open("xb") as file:
            scratch.chmod(0o600)
            if in_words:
                layout = SheetLayout(_("Appointments"), _WIDTHS, _column_labels(), frozen_columns=2)
                write_xlsx(file, head, COLUMNS, cells, layout)
            else:
                write_csv(file, head, COLUMNS, cells, wanted.encoding)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return len(rows)


def _cells(row: RegisterRow, *, in_words: bool) -> tuple[Cell, ...]:
    acknowledged = row.acknowledged_at.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S") if row.acknowledged_at else None
    return (
        row.staff_number,
        row.name,
        role_label(row.isms_role) if in_words else row.isms_role,
        row.body,
        row.seat,
        row.unit,
        row.first_day,
        row.last_day,
        standing_label(row.standing) if in_words else row.standing,
        row.letter_number,
        row.appointed_on,
        row.appointer,
        acknowledged,
        end_kind_label(row.end_kind) if in_words and row.end_kind else row.end_kind,
        row.end_letter_number,
        row.reason,
        row.source,
        f"{row.recorded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        row.evidence_id,
    )


def _column_labels() -> dict[str, str]:
    return {
        "staff_number": _("Staff number"),
        "name": _("Name"),
        "isms_role": _("Role"),
        "body": _("Body"),
        "seat": _("Seat"),
        "unit": _("Unit"),
        "first_day": _("First day"),
        "last_day": _("Last day"),
        "standing": _("On the as-of date"),
        "letter_number": _("Letter number"),
        "appointed_on": _("Date of appointment"),
        "appointer": _("Appointer"),
        "acknowledged_at_jst": _("Acknowledged at (JST)"),
        "end_kind": _("Kind of ending"),
        "end_letter_number": _("Number of the letter of ending"),
        "reason": _("Reason"),
        "source": _("Taken from"),
        "recorded_at_utc": _("Recorded at (UTC)"),
        "evidence_id": _("Evidence id"),
        "organisation": _("Organisation"),
        "as_of": _("As of the end of the day (JST)"),
        "known_at": _("As known at"),
        "rows": _("Rows"),
    }
