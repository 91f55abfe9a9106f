"""Appointing, correcting, ending and renewing: a form, what stands against it, and only then the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import FiscalYear, jst_date
from courses.roles import EndKind, IsmsRole
from lms.services.people import find_person, particulars_on
from lms.services.permissions import Permission
from lms.services.renewal import last_letter
from lms.services.role_competence import requirement_titles
from lms.services.roles import (
    AppointmentRefused,
    Ending,
    EndingRefused,
    Examination,
    NewAppointment,
    Recorder,
    annul_appointment,
    appoint,
    appointment_in_force,
    correct_appointment,
    end_appointment,
    examine,
)
from lms.services.roles_register import names_on, roles_register
from lms.store.organisations import units_of
from lms.store.records import Moment
from lms.store.roles import Appointment
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _
from lms.wording.roles import ending_sentence, field_label

blueprint = Blueprint("appointing", __name__, url_prefix="/s/<handle>/roles")

_FIELDS = (
    *("person", "place", "unit", "first_day", "last_day", "letter_number", "appointed_on", "appointer", "reason"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read from the form: the appointment, or the fields that can't be read, each with a sentence."""

    wanted: NewAppointment | None
    errors: dict[str, str]


@blueprint.get("/appoint")
@requires(Permission.MANAGE_ROLES)
def form(handle: str) -> str:
    """Show an empty form: this fiscal year, the last appointer, the letter number that comes next."""
    today = jst_date(now())
    last = last_letter(reading(), visitor().organisation.id)
    entered = dict.fromkeys(_FIELDS, "") | {
        "first_day": today.isoformat(),
        "last_day": FiscalYear.of(today).last_day.isoformat(),
        "letter_number": last.free_number,
        "appointer": last.appointer,
        "place": request.args.get("place", ""),
    }
    return _page(entered, {}, None)


@blueprint.post("/appoint")
@requires(Permission.MANAGE_ROLES)
def decide(handle: str) -> Response:
    """Show what stands against the appointment, or record it."""
    return _decide(None)


@blueprint.get("/appointments/<row:appointment_id>/correct")
@requires(Permission.MANAGE_ROLES)
def correction_form(handle: str, appointment_id: int) -> str:
    """Show an appointment in the form, to be corrected."""
    row = appointment_in_force(reading(), visitor().organisation.id, appointment_id)
    person = particulars_on(reading(), visitor().organisation.id, row.valid_from).get(row.person_id)
    entered = dict.fromkeys(_FIELDS, "") | {
        "person": f"{person.staff_number} {person.family_name} {person.given_name}" if person else "",
        "place": f"seat:{row.seat_key}" if row.seat_key else f"role:{row.isms_role}",
        "unit": str(row.unit_id or ""),
        "first_day": row.valid_from.isoformat(),
        "last_day": row.last_day.isoformat() if row.last_day else "",
        "letter_number": row.letter_number,
        "appointed_on": row.appointed_on.isoformat(),
        "appointer": row.appointer,
    }
    return _page(entered, {}, None, row)


@blueprint.post("/appointments/<row:appointment_id>/correct")
@requires(Permission.MANAGE_ROLES)
def correct(handle: str, appointment_id: int) -> Response:
    """Show what stands against the correction, or record it; or record that the appointment was never made."""
    row = appointment_in_force(reading(), visitor().organisation.id, appointment_id)
    if request.form.get("action") != "annul":
        return _decide(row)
    try:
        with transaction() as session:
            annul_appointment(session, visitor().organisation, appointment_id, _text("reason"), _recorder())
    except EndingRefused as refused:
        entered = {name: _text(name) for name in _FIELDS}
        page = _page(entered, {refused.field: ending_sentence(refused.code, refused.field)}, None, row)
        return make_response(page, 422)
    return make_response(redirect(url_for("roles.register", handle=handle), 303))


def _decide(corrects: Appointment | None) -> Response:
    entered = {name: _text(name) for name in _FIELDS}
    read = _read(entered)
    if corrects is not None and not entered["reason"]:
        read.errors["reason"] = _("“%(field)s” is empty.", field=field_label("reason"))
    if read.wanted is None or read.errors:
        return make_response(_page(entered, read.errors, None, corrects), 422)
    asking = visitor()
    if request.form.get("action") == "record":
        try:
            with transaction() as session:
                if corrects is None:
                    row = appoint(session, asking.organisation, read.wanted, _recorder())
                else:
                    row = correct_appointment(session, asking.organisation, corrects.id, read.wanted, _recorder())
        except AppointmentRefused as refused:
            return make_response(_page(entered, {}, Examination(refused.problems, ()), corrects), 422)
        return make_response(
            redirect(url_for("roles.appointment", handle=asking.handle, appointment_id=row.id, recorded=1), 303)
        )
    found = examine(reading(), asking.organisation, read.wanted, asking.person_id, corrects.id if corrects else None)
    return make_response(_page(entered, {}, found, corrects), 422 if found.is_refused else 200)


def _recorder() -> Recorder:
    return Recorder(visitor().actor, now(), visitor().person_id)


def _text(name: str) -> str:
    return request.form.get(name, "").replace("\0", "").strip()


def _read(entered: dict[str, str]) -> Read:
    errors: dict[str, str] = {}
    first_day = _day(entered, "first_day", errors)
    last_day = _day(entered, "last_day", errors, is_optional=True)
    appointed_on = _day(entered, "appointed_on", errors, is_optional=True) or first_day
    person_id = _person(entered["person"], first_day, errors)
    place = _place(entered["place"], errors)
    unit = entered["unit"]
    named = int(unit) if unit.isascii() and unit.isdigit() and len(unit) < 16 else 0  # no unit's key
    unit_id = named if unit else None
    if errors or first_day is None or appointed_on is None or person_id is None or place is None:
        return Read(None, errors)
    wanted = NewAppointment(
        person_id=person_id,
        isms_role=place[0],
        first_day=first_day,
        last_day=last_day,
        letter_number=entered["letter_number"],
        appointed_on=appointed_on,
        appointer=entered["appointer"],
        seat_key=place[1],
        unit_id=unit_id,
        reason=entered["reason"] or None,
    )
    return Read(wanted, errors)


def _day(entered: dict[str, str], name: str, errors: dict[str, str], *, is_optional: bool = False) -> date | None:
    try:
        if entered[name]:
            day = date.fromisoformat(entered[name])
            if not 1990 <= day.year <= 2199:
                raise ValueError(day)
            return day
    except ValueError:
        errors[name] = _("This is no date. Dates are written like 2026-11-23.")
        return None
    if not is_optional:
        errors[name] = _("“%(field)s” is empty.", field=field_label(name))
    return None


def _person(entered: str, day: date | None, errors: dict[str, str]) -> int | None:
    number = entered.split(maxsplit=1)[0] if entered else ""
    found = find_person(reading(), visitor().organisation.id, number, day or jst_date(now())) if number else None
    if found is None:
        errors["person"] = _("Nobody on the staff list has this staff number on the first day. Choose from the list.")
    return found


def _place(entered: str, errors: dict[str, str]) -> tuple[IsmsRole, str | None] | None:
    kind, _colon, key = entered.partition(":")
    if kind == "role" and key in {role.value for role in IsmsRole}:
        return IsmsRole(key), None
    seats = names_on(reading(), visitor().organisation.id, Moment(jst_date(now())), "en").seats
    if kind == "seat" and key in seats:
        return IsmsRole(seats[key].isms_role), key
    errors["place"] = _("Choose a role and seat from the list.")
    return None


def _page(
    entered: dict[str, str], errors: dict[str, str], found: Examination | None, corrects: Appointment | None = None
) -> str:
    asking = visitor()
    today = jst_date(now())
    organisation_id = asking.organisation.id
    return render_template(
        "roles/appoint.html",
        entered=entered,
        errors=errors,
        found=found,
        corrects=corrects,
        names=names_on(reading(), organisation_id, Moment(today), asking.language),
        people=sorted(
            (each for each in particulars_on(reading(), organisation_id, today).values() if each is not None),
            key=lambda each: each.staff_number,
        ),
        units=units_of(reading(), organisation_id),
        roles=list(IsmsRole),
        titles=requirement_titles(reading(), organisation_id, asking.language),
    )


@blueprint.get("/appointments/<row:appointment_id>/end")
@requires(Permission.MANAGE_ROLES)
def ending_form(handle: str, appointment_id: int) -> str:
    """Show the form that ends an appointment before its term."""
    row = appointment_in_force(reading(), visitor().organisation.id, appointment_id)
    entered = {
        "kind": EndKind.RESIGNED.value,
        "last_day": jst_date(now()).isoformat(),
        "letter_number": last_letter(reading(), visitor().organisation.id).free_number,
        "reason": "",
    }
    return _ending_page(row, entered, {})


@blueprint.post("/appointments/<row:appointment_id>/end")
@requires(Permission.MANAGE_ROLES)
def end(handle: str, appointment_id: int) -> Response:
    """End an appointment before its term."""
    asking = visitor()
    row = appointment_in_force(reading(), asking.organisation.id, appointment_id)
    entered = {name: _text(name) for name in ("kind", "last_day", "letter_number", "reason")}
    errors: dict[str, str] = {}
    last_day = _day(entered, "last_day", errors)
    if entered["kind"] not in {kind.value for kind in EndKind}:
        errors["kind"] = _("Choose one from the list.")
    if last_day is None or errors:
        return make_response(_ending_page(row, entered, errors), 422)
    ending = Ending(EndKind(entered["kind"]), last_day, entered["letter_number"], entered["reason"])
    try:
        with transaction() as session:
            ended = end_appointment(session, asking.organisation, appointment_id, ending, _recorder())
    except EndingRefused as refused:
        errors[refused.field] = ending_sentence(refused.code, refused.field)
        return make_response(_ending_page(row, entered, errors), 422)
    return make_response(
        redirect(url_for("roles.appointment", handle=handle, appointment_id=ended.id, recorded=1), 303)
    )


def _ending_page(row: Appointment, entered: dict[str, str], errors: dict[str, str]) -> str:
    asking = visitor()
    shown = next(
        each
        for each in roles_register(reading(), asking.organisation.id, Moment(jst_date(now())), asking.language)
        if each.appointment_id == row.id
    )
    return render_template("roles/end.html", row=row, shown=shown, entered=entered, errors=errors, kinds=list(EndKind))
