"""File 10: who was appointed to which role, when, by whose letter, and whether it was acknowledged.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.2-5.4; domain.md §7.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from courses.calendar import Period
from courses.roles import SeatRule, Surroundings, problems_of
from lms.reports.evidence.pack import EventColumn
from lms.services.bodies import separations_of
from lms.services.evidence.materials import PackFile
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.people import Particulars
from lms.services.roles import acknowledged_at
from lms.services.roles_documents import draw_chart_pdf
from lms.store.organisations import Unit
from lms.store.people import PersonService, ScopeMembership
from lms.store.permissions import Grant
from lms.store.records import known
from lms.store.roles import Acknowledgement, Appointment, Body, Seat, appointments_of, seats_of
from lms.wording.gettext import use_language

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
            (
                "consistency",
                "ok, or what does not fit: not_acknowledged, or codes of what stands against an appointment",
            ),
        ),
    )
    units = dict(source.session.execute(select(Unit.id, Unit.name_ja).where(Unit.organisation_id == source.organisation_id)).all())  # fmt: skip
    seats = {row.key: row for row, _ in source.records(Seat, order=(Seat.valid_from,))}
    everything = _Everything(source)
    for row, evidence_id in source.records(
        Appointment, *source.overlapping(Appointment), order=(Appointment.isms_role, Appointment.valid_from)
    ):
        seat = seats.get(row.seat_key or "")
        acknowledgement, acknowledgement_id = everything.acknowledgement_of(row)
        table.add(
            row.isms_role,
            seat.body_key if seat else "",
            row.seat_key,
            row.person_id,
            units.get(row.unit_id or 0, ""),
            *(row.valid_from, row.valid_to, row.letter_number, row.appointed_on, row.appointer),
            acknowledgement.acknowledged_at if acknowledgement else None,
            *(row.end_kind, row.end_letter_number),
            " ".join(everything.remarks_on(row)) or "ok",
            *(acknowledgement_id, evidence_id),
        )
    return table


class _Everything:
    """What appointments are held against."""

    def __init__(self, source: Source) -> None:
        session, organisation_id, known_at = source.session, source.organisation_id, source.question.known_at
        rows = appointments_of(session, organisation_id, known_at)
        found = acknowledged_at(session, organisation_id, rows, known_at, source.question.as_of)
        events = source.evidence_ids([each.event_id for each in found.values()])
        self._acknowledged = {key: (each, events[each.event_id]) for key, each in found.items()}
        self._held = [each.rule() for each in rows]
        self._seats: dict[str, list[SeatRule]] = {}
        for seat in seats_of(session, organisation_id, known_at):
            self._seats.setdefault(seat.key, []).append(seat.rule())
        self._separations = separations_of(session, organisation_id, known_at)
        self._service = _periods(source, PersonService)
        self._scope = _periods(source, ScopeMembership)

    def acknowledgement_of(self, row: Appointment) -> tuple[Acknowledgement | None, str]:
        """Return the acknowledgement that holds for an appointment, and its evidence id."""
        return self._acknowledged.get(row.id, (None, ""))

    def remarks_on(self, row: Appointment) -> Iterator[str]:
        """Yield what does not fit about an appointment, as codes."""
        recorder = row.recorded_by.removeprefix("person:")
        around = Surroundings(
            held=[each for each in self._held if each.appointment_id != row.id],
            seats=self._seats,
            separations=self._separations,
            service=self._service.get(row.person_id, []),
            scope=self._scope.get(row.person_id, []),
            recorder_id=int(recorder) if recorder.isdigit() else None,
        )
        if row.id not in self._acknowledged and row.migration_batch_id is None:
            yield "not_acknowledged"
        yield from dict.fromkeys(each.code.value for each in problems_of(row.rule(), around))


def _periods(source: Source, model: type[PersonService | ScopeMembership]) -> dict[int, list[Period]]:
    rows = source.session.execute(
        select(model.person_id, model.valid_from, model.valid_to)
        .where(model.organisation_id == source.organisation_id, known(model, source.question.known_at))
        .order_by(model.valid_from, model.id)
    )
    periods: dict[int, list[Period]] = {}
    for person_id, start, end in rows:
        periods.setdefault(person_id, []).append(Period(start, end))
    return periods


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
        table.add(*names, *("",) * 8, body.valid_from, body.valid_to, evidence_id)
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


def chart_files(source: Source) -> Iterator[PackFile]:
    """Yield the organisation chart of the as-of date, in both languages; people stand on it as in the tables."""
    question = source.question
    appointed = {row.person_id for row, _ in source.records(Appointment, *source.overlapping(Appointment))}
    called: dict[int, Particulars | None] = {
        person_id: Particulars("", source.naming.person(person_id), "", "", "", "", "", "")
        for person_id in sorted(appointed)
    }
    for language in ("ja", "en"):
        with use_language(language):
            people = None if source.naming.is_named else called
            content = draw_chart_pdf(source.session, question.organisation, question.moment, people)
        yield PackFile(f"10_chart.{language}.pdf", content)
