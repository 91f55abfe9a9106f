"""File 10: who was appointed to which role, when, by whose letter, and whether it was acknowledged.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.2-5.4; domain.md §7.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from courses.calendar import Period
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.store.organisations import Unit
from lms.store.people import PersonService
from lms.store.permissions import Grant
from lms.store.records import known
from lms.store.roles import Acknowledgement, Appointment, Body, Seat

APPOINTMENTS = "10_appointments.csv"
BODIES = "10_bodies.csv"
GRANTS = "10_grants.csv"


def role_tables(source: Source) -> Iterator[Table]:
    """Yield file 10."""
    yield _appointments(source)
    yield _bodies(source)
    yield _grants(source)


def _appointments(source: Source) -> Table:
    members = ("letter_number", "appointed_on", "appointer", "end_kind", "end_letter_number")
    table = source.table(
        path=APPOINTMENTS,
        columns=(
            *("role", "body", "seat", "person", "unit", "from", "to", "letter_number", "appointed_on", "appointer"),
            *("acknowledged_at", "end_kind", "end_letter_number", "consistency"),
            *("acknowledgement_evidence_id", "evidence_id"),
        ),
        people=frozenset({"person"}),
        evidence=("acknowledgement_evidence_id", "evidence_id"),
        values=(
            *(EventColumn(name, "evidence_id", f"body.{name}") for name in members),
            EventColumn("role", "evidence_id", "body.isms_role"),
            EventColumn("seat", "evidence_id", "body.seat_key"),
            EventColumn("from", "evidence_id", "body.valid_from"),
            EventColumn("to", "evidence_id", "body.valid_to"),
            EventColumn("acknowledged_at", "acknowledgement_evidence_id", "body.acknowledged_at", "jst"),
        ),
        notes=(
            ("content", "every appointment in force on a day of the period; to: first day after the term"),
            ("consistency", "ok, or what does not fit: not_acknowledged, outside_service, seat_unknown"),
        ),
    )
    units = dict(source.session.execute(select(Unit.id, Unit.name_ja).where(Unit.organisation_id == source.organisation_id)).all())  # fmt: skip
    seats = {row.key: row for row, _ in source.records(Seat, order=(Seat.valid_from,))}
    service = _service(source)
    acknowledged = _acknowledged(source)
    for row, evidence_id in source.records(
        Appointment, *source.overlapping(Appointment), order=(Appointment.isms_role, Appointment.valid_from)
    ):
        seat = seats.get(row.seat_key or "")
        acknowledgement, acknowledgement_id = acknowledged.get(row.id, (None, ""))
        remarks = list(_remarks(row, acknowledgement, service.get(row.person_id, []), is_seated=seat is not None))
        table.add(
            row.isms_role,
            seat.body_key if seat else "",
            row.seat_key,
            row.person_id,
            units.get(row.unit_id or 0, ""),
            *(row.valid_from, row.valid_to, row.letter_number, row.appointed_on, row.appointer),
            acknowledgement.acknowledged_at if acknowledgement else None,
            *(row.end_kind, row.end_letter_number),
            " ".join(remarks) or "ok",
            *(acknowledgement_id, evidence_id),
        )
    return table


def _acknowledged(source: Source) -> dict[int, tuple[Acknowledgement, str]]:
    """Return the acknowledgement of each appointment: its own, or that of a row which it corrects."""
    found = {row.appointment_id: (row, evidence_id) for row, evidence_id in source.records(Acknowledgement)}
    rows = source.session.execute(
        select(Appointment.id, Appointment.supersedes_id, Appointment.person_id, Appointment.isms_role)
        .where(Appointment.organisation_id == source.organisation_id)
        .order_by(Appointment.id)
    ).all()
    same = {row_id: (person_id, role) for row_id, _, person_id, role in rows}
    for row_id, former_id, _, _ in rows:
        if row_id not in found and former_id in found and same[former_id] == same[row_id]:
            found[row_id] = found[former_id]
    return found


def _service(source: Source) -> dict[int, list[Period]]:
    rows = source.session.execute(
        select(PersonService.person_id, PersonService.valid_from, PersonService.valid_to).where(
            PersonService.organisation_id == source.organisation_id,
            known(PersonService, source.question.known_at),
        )
    )
    periods: dict[int, list[Period]] = {}
    for person_id, start, end in rows:
        periods.setdefault(person_id, []).append(Period(start, end))
    return periods


def _remarks(
    row: Appointment, acknowledgement: Acknowledgement | None, service: list[Period], *, is_seated: bool
) -> Iterator[str]:
    if acknowledgement is None and row.migration_batch_id is None:
        yield "not_acknowledged"
    if not any(row.valid_from in period for period in service):
        yield "outside_service"
    if row.seat_key is not None and not is_seated:
        yield "seat_unknown"


def _bodies(source: Source) -> Table:
    table = source.table(
        path=BODIES,
        columns=(
            *("body", "name_ja", "name_en", "reports_to", "seat", "role", "title_ja", "title_en", "is_chair"),
            *("least", "most", "bound_post", "from", "to", "evidence_id"),
        ),
        evidence=("evidence_id",),
        notes=(("content", "every body and seat that stood on a day of the period; a row without seat is the body"),),
    )
    bodies = list(source.records(Body, *source.overlapping(Body), order=(Body.position, Body.valid_from)))
    seats = list(source.records(Seat, *source.overlapping(Seat), order=(Seat.position, Seat.valid_from)))
    for body, evidence_id in bodies:
        names = (body.key, body.name_ja, body.name_en, body.parent_key)
        table.add(*names, *("",) * 7, body.valid_from, body.valid_to, evidence_id)
        for seat, seat_id in seats:
            if seat.body_key == body.key:
                table.add(
                    *names,
                    *(seat.key, seat.isms_role, seat.title_ja, seat.title_en, seat.is_chair, seat.least, seat.most),
                    *(seat.bound_post, seat.valid_from, seat.valid_to, seat_id),
                )
    return table


def _grants(source: Source) -> Table:
    table = source.table(
        path=GRANTS,
        columns=("role", "person", "from", "to", "recorded_by", "evidence_id"),
        people=frozenset({"person"}),
        actors=frozenset({"recorded_by"}),
        evidence=("evidence_id",),
        values=(
            EventColumn("role", "evidence_id", "body.isms_role"),
            EventColumn("from", "evidence_id", "body.valid_from"),
            EventColumn("to", "evidence_id", "body.valid_to"),
        ),
        notes=(("content", "rights in the tool that were granted beside appointments"),),
    )
    for row, evidence_id in source.records(
        Grant, *source.overlapping(Grant), order=(Grant.isms_role, Grant.valid_from)
    ):
        table.add(row.isms_role, row.person_id, row.valid_from, row.valid_to, row.recorded_by, evidence_id)
    return table
