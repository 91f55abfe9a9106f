"""Appointments 任命: examined, recorded, corrected, ended early, acknowledged.

Whatever is recorded is examined again within the writing transaction, under the organisation's row, so that two who
record at once can't both have the last seat.

Source: ISO/IEC 27001 clause 5.3; domain.md §1; the rules are `courses.roles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import Period, jst_date
from courses.role_competence import CompetenceStanding
from courses.roles import (
    EndKind,
    IsmsRole,
    Problem,
    ProblemCode,
    RoleAssignment,
    SeatRule,
    Surroundings,
    carrier_of_acknowledgement,
    problems_of,
)
from lms.services.bodies import separations_of
from lms.services.role_competence import competence_for
from lms.store.organisations import Organisation, units_of, wait_for_others
from lms.store.people import PersonService, ScopeMembership
from lms.store.records import known, record
from lms.store.roles import Acknowledgement, Appointment, acknowledgements_of, appointments_of, seats_of


class AppointmentRefused(ValueError):
    """An appointment can't be recorded; nothing was changed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(*(str(each.code) for each in problems))
        self.problems = problems
        """All that stands against it, refusals first."""
        self.code = str(problems[0].code)


class UnknownAppointmentError(LookupError):
    """There is no such appointment, or a later row corrects it."""


class NotYourAppointmentError(LookupError):
    """Somebody would acknowledge an appointment that is not theirs."""


class AcknowledgedAlreadyError(ValueError):
    """The appointment was acknowledged before."""


class EndingRefused(ValueError):
    """An appointment can't be ended so; nothing was changed."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code, field)
        self.code = code
        """``field_missing``, ``ends_before_start`` or ``not_early``."""
        self.field = field


@dataclass(frozen=True, slots=True)
class NewAppointment:
    """What is said of an appointment."""

    person_id: int
    isms_role: IsmsRole
    first_day: date
    last_day: date | None
    """Included; None: until further notice."""
    letter_number: str
    appointed_on: date
    appointer: str
    seat_key: str | None = None
    unit_id: int | None = None
    reason: str | None = None
    migration_batch_id: int | None = None

    def rule(self) -> RoleAssignment:
        """Return it as the rules take it."""
        return RoleAssignment(
            person_id=self.person_id,
            isms_role=self.isms_role,
            first_day=self.first_day,
            last_day=self.last_day,
            seat_key=self.seat_key,
            unit_id=self.unit_id,
            letter_number=self.letter_number,
            appointed_on=self.appointed_on,
        )


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be read before an appointment is recorded."""

    problems: tuple[Problem, ...]
    competence: tuple[CompetenceStanding, ...]
    """How the appointee stands to what the role requires; empty where nothing is required."""

    @property
    def is_refused(self) -> bool:
        """Tell whether it can't be recorded."""
        return any(each.is_refusal for each in self.problems)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who records, and when."""

    actor: str
    now: datetime
    person_id: int | None = None
    """None: nobody on the staff list, such as an operator."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an appointment ends before its term."""

    kind: EndKind
    last_day: date
    """Last day in the role; the day before the first one ends it as if it had not begun."""
    letter_number: str
    reason: str


def examine(
    session: Session,
    organisation: Organisation,
    wanted: NewAppointment,
    recorder_id: int | None,
    corrects: int | None = None,
    beside: Sequence[RoleAssignment] = (),
) -> Examination:
    """Return what stands against an appointment and what competence its role requires; nothing is changed.

    Args:
        session: a reading session, or the writing one.
        organisation: whose appointment.
        wanted: the appointment.
        recorder_id: key of the person who records it; None: nobody on the staff list.
        corrects: key of the appointment that it corrects.
        beside: others that are recorded together with it.
    """
    missing = tuple(
        Problem(ProblemCode.FIELD_MISSING, field=name)
        for name in ("letter_number", "appointer")
        if not getattr(wanted, name).strip()
    )
    units = {each.id for each in units_of(session, organisation.id)}
    if (wanted.isms_role is IsmsRole.UNIT_HEAD or wanted.unit_id is not None) and wanted.unit_id not in units:
        missing += (Problem(ProblemCode.FIELD_MISSING, field="unit"),)
    around = _surroundings(session, organisation.id, wanted, (recorder_id, corrects), beside)
    found = problems_of(wanted.rule(), around)
    standings = competence_for(session, organisation.id, wanted.isms_role, wanted.person_id, wanted.first_day)
    return Examination(missing + found, standings)


def _surroundings(
    session: Session,
    organisation_id: int,
    wanted: NewAppointment,
    who: tuple[int | None, int | None],
    beside: Sequence[RoleAssignment],
) -> Surroundings:
    recorder_id, corrects = who
    seats: dict[str, list[SeatRule]] = {}
    for seat in seats_of(session, organisation_id):
        seats.setdefault(seat.key, []).append(seat.rule())
    return Surroundings(
        held=[*(each.rule() for each in appointments_of(session, organisation_id) if each.id != corrects), *beside],
        seats=seats,
        separations=separations_of(session, organisation_id),
        service=_periods(session, PersonService, organisation_id, wanted.person_id),
        scope=_periods(session, ScopeMembership, organisation_id, wanted.person_id),
        recorder_id=recorder_id,
        is_history=wanted.migration_batch_id is not None,
    )


def _periods(
    session: Session, model: type[PersonService | ScopeMembership], organisation_id: int, person_id: int
) -> list[Period]:
    rows = select(model.valid_from, model.valid_to).where(
        model.organisation_id == organisation_id, model.person_id == person_id, known(model, None)
    )
    return [Period(start, end) for start, end in session.execute(rows.order_by(model.valid_from))]


def appoint(session: Session, organisation: Organisation, wanted: NewAppointment, recorder: Recorder) -> Appointment:
    """Record an appointment.

    Raises:
        AppointmentRefused: something stands against it.
    """
    wait_for_others(session, organisation.id)
    return _record(session, organisation, wanted, recorder, None)


def appoint_all(
    session: Session, organisation: Organisation, wanted: Sequence[NewAppointment], recorder: Recorder
) -> list[Appointment]:
    """Record several appointments, all or none; each is examined beside those before it.

    Raises:
        AppointmentRefused: something stands against one of them.
    """
    wait_for_others(session, organisation.id)
    return [_record(session, organisation, each, recorder, None) for each in wanted]


def correct_appointment(
    session: Session, organisation: Organisation, appointment_id: int, wanted: NewAppointment, recorder: Recorder
) -> Appointment:
    """Record what an appointment should have said; ``wanted.reason`` says why.

    Raises:
        UnknownAppointmentError: there is none, or it was corrected before.
        AppointmentRefused: something stands against it, or the reason is missing.
    """
    wait_for_others(session, organisation.id)
    former = appointment_in_force(session, organisation.id, appointment_id)
    if not (wanted.reason or "").strip():
        raise AppointmentRefused((Problem(ProblemCode.FIELD_MISSING, field="reason"),))
    return _record(session, organisation, wanted, recorder, former)


def _record(
    session: Session,
    organisation: Organisation,
    wanted: NewAppointment,
    recorder: Recorder,
    former: Appointment | None,
) -> Appointment:
    found = examine(session, organisation, wanted, recorder.person_id, former.id if former else None)
    if found.is_refused:
        raise AppointmentRefused(found.problems)
    row = Appointment(
        person_id=wanted.person_id,
        isms_role=wanted.isms_role.value,
        seat_key=wanted.seat_key,
        unit_id=wanted.unit_id,
        letter_number=wanted.letter_number.strip(),
        appointed_on=wanted.appointed_on,
        appointer=wanted.appointer.strip(),
        reason=wanted.reason,
        migration_batch_id=former.migration_batch_id if former else wanted.migration_batch_id,
        valid_from=wanted.first_day,
        valid_to=wanted.rule().period.end,
        supersedes_id=former.id if former else None,
        recorded_at=recorder.now,
        recorded_by=recorder.actor,
    )
    record(session, organisation, row)
    return row


def annul_appointment(
    session: Session, organisation: Organisation, appointment_id: int, reason: str, recorder: Recorder
) -> Appointment:
    """Record that an appointment was never made.

    Raises:
        UnknownAppointmentError: there is none, or it was corrected before.
        EndingRefused: the reason is missing.
    """
    wait_for_others(session, organisation.id)
    if not reason.strip():
        raise EndingRefused("field_missing", "reason")
    former = appointment_in_force(session, organisation.id, appointment_id)
    row = _successor(former, recorder, reason, is_void=True, valid_to=former.valid_to)
    record(session, organisation, row)
    return row


def end_appointment(
    session: Session, organisation: Organisation, appointment_id: int, ending: Ending, recorder: Recorder
) -> Appointment:
    """Record that an appointment ends before its term; the last day still belongs to it.

    Raises:
        UnknownAppointmentError: there is none, or it was corrected before.
        EndingRefused: letter number or reason is missing, the last day lies before the role began, or is not earlier
            than the one that the term has.
    """
    wait_for_others(session, organisation.id)
    former = appointment_in_force(session, organisation.id, appointment_id)
    check_ending(former, ending)
    valid_to = ending.last_day + timedelta(days=1)
    row = _successor(former, recorder, ending.reason, valid_to=valid_to)
    row.end_kind = ending.kind.value
    row.end_letter_number = ending.letter_number.strip()
    record(session, organisation, row)
    return row


def check_ending(former: Appointment, ending: Ending) -> None:
    """Refuse an ending that can't be.

    Raises:
        EndingRefused: see `end_appointment`.
    """
    for name in ("letter_number", "reason"):
        if not getattr(ending, name).strip():
            raise EndingRefused("field_missing", name)
    valid_to = ending.last_day + timedelta(days=1)
    if valid_to < former.valid_from:
        raise EndingRefused("ends_before_start", "last_day")
    if former.valid_to is not None and valid_to >= former.valid_to:
        raise EndingRefused("not_early", "last_day")


def _successor(
    former: Appointment, recorder: Recorder, reason: str, *, valid_to: date | None, is_void: bool = False
) -> Appointment:
    return Appointment(
        person_id=former.person_id,
        isms_role=former.isms_role,
        seat_key=former.seat_key,
        unit_id=former.unit_id,
        letter_number=former.letter_number,
        appointed_on=former.appointed_on,
        appointer=former.appointer,
        end_kind=former.end_kind,
        end_letter_number=former.end_letter_number,
        migration_batch_id=former.migration_batch_id,
        reason=reason.strip(),
        valid_from=former.valid_from,
        valid_to=valid_to,
        is_void=is_void,
        supersedes_id=former.id,
        recorded_at=recorder.now,
        recorded_by=recorder.actor,
    )


def acknowledge(
    session: Session, organisation: Organisation, appointment_id: int, who: tuple[int | None, int], now: datetime
) -> Acknowledgement:
    """Record that an appointee acknowledged receipt 確認（受領）; ``who`` is the person and the identity at the screen.

    Raises:
        UnknownAppointmentError: there is none, or it was corrected meanwhile, so that it was not what was shown.
        NotYourAppointmentError: it is somebody else's.
        AcknowledgedAlreadyError: it was acknowledged before.
    """
    wait_for_others(session, organisation.id)
    person_id, identity_id = who
    row = appointment_in_force(session, organisation.id, appointment_id)
    if person_id is None or row.person_id != person_id:
        raise NotYourAppointmentError(appointment_id)
    if appointment_id in acknowledged_at(session, organisation.id, [row]):
        raise AcknowledgedAlreadyError(appointment_id)
    acknowledgement = Acknowledgement(
        appointment_id=row.id,
        person_id=person_id,
        identity_id=identity_id,
        acknowledged_at=now,
        recorded_at=now,
        recorded_by=f"person:{person_id}",
    )
    record(session, organisation, acknowledgement)
    return acknowledgement


def acknowledged_at(
    session: Session,
    organisation_id: int,
    rows: Sequence[Appointment],
    known_at: int | None = None,
    as_of: date | None = None,
) -> dict[int, Acknowledgement]:
    """Return by appointment the acknowledgement that holds for it, its own or one that corrections carried on.

    With ``as_of``, only what was acknowledged by the end of that JST day is there.
    """
    found = {
        each.appointment_id: each
        for each in acknowledgements_of(session, organisation_id, known_at)
        if as_of is None or jst_date(each.acknowledged_at) <= as_of
    }
    chain = {
        key: (former, person_id, isms_role)
        for key, former, person_id, isms_role in session.execute(
            select(Appointment.id, Appointment.supersedes_id, Appointment.person_id, Appointment.isms_role).where(
                Appointment.organisation_id == organisation_id
            )
        )
    }
    carriers = {row.id: carrier_of_acknowledgement(row.id, chain, found) for row in rows}
    return {key: found[carrier] for key, carrier in carriers.items() if carrier is not None}


def has_unacknowledged(session: Session, organisation_id: int, person_id: int, day: date) -> bool:
    """Tell whether somebody holds on a day, or will hold, a role whose receipt they have not acknowledged."""
    rows = appointments_of(session, organisation_id, None, {person_id})
    rows = [row for row in rows if row.valid_to is None or row.valid_to > day]
    return len(acknowledged_at(session, organisation_id, rows)) < len(rows)


def appointment_in_force(session: Session, organisation_id: int, appointment_id: int) -> Appointment:
    """Return an appointment that no later row corrects.

    Raises:
        UnknownAppointmentError: there is none.
    """
    row = session.scalar(
        select(Appointment).where(
            Appointment.organisation_id == organisation_id,
            Appointment.id == appointment_id,
            known(Appointment, None),
        )
    )
    if row is None:
        raise UnknownAppointmentError(appointment_id)
    return row
