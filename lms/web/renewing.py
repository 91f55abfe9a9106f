"""Appointing again for the next fiscal year: tick, check, record."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import FiscalYear, jst_date
from lms.services.permissions import Permission
from lms.services.renewal import NextTerm, Renewal, last_letter, propose, terms_ending
from lms.services.roles import AppointmentRefused, Recorder, appoint_all
from lms.services.roles_register import roles_register
from lms.store.records import Moment
from lms.store.roles import Appointment
from lms.web.moments import asked_date
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _
from lms.wording.roles import field_label, problem_sentence

blueprint = Blueprint("renewing", __name__, url_prefix="/s/<handle>/roles/renew")

_FIELDS = ("first_day", "last_day", "letter_number", "appointed_on", "appointer")


@blueprint.get("")
@requires(Permission.MANAGE_ROLES)
def terms(handle: str) -> str:
    """Show whose terms end on a day, all ticked, with the next fiscal year filled in."""
    today = jst_date(now())
    ends_on = asked_date("ends_on") or FiscalYear.of(today).last_day
    last = last_letter(reading(), visitor().organisation.id)
    following = min(ends_on, date.max - timedelta(days=366)) + timedelta(days=1)
    entered = {
        "first_day": following.isoformat(),
        "last_day": _year_end(following).isoformat(),
        "letter_number": last.free_number,
        "appointed_on": "",
        "appointer": last.appointer,
    }
    return _page(ends_on, entered, None, {})


def _year_end(day: date) -> date:
    return FiscalYear.of(day).last_day if 1990 <= day.year < 2199 else day


@blueprint.post("")
@requires(Permission.MANAGE_ROLES)
def renew(handle: str) -> Response:
    """Show what stands against the new appointments, or record all that were ticked."""
    asking = visitor()
    errors: dict[str, str] = {}
    entered = {name: request.form.get(name, "").replace("\0", "").strip() for name in _FIELDS}
    ends_on = _day(request.form.get("ends_on", ""), "ends_on", errors) or FiscalYear.of(jst_date(now())).last_day
    rows = terms_ending(reading(), asking.organisation.id, ends_on)
    wanted = set(request.form.getlist("again"))
    ticked = [row for row in rows if str(row.id) in wanted]
    term = _term(entered, errors)
    if not ticked:
        errors["rows"] = _("Nobody is ticked. Nothing was recorded.")
    if errors or term is None:
        return make_response(_page(ends_on, entered, ticked, errors), 422)
    found = propose(reading(), asking.organisation, ticked, term, asking.person_id)
    is_refused = any(each.is_refused for each in found)
    if request.form.get("action") != "record" or is_refused:
        return make_response(_page(ends_on, entered, ticked, {}, found), 422 if is_refused else 200)
    try:
        with transaction() as session:
            recorder = Recorder(asking.actor, now(), asking.person_id)
            appoint_all(session, asking.organisation, [each.wanted for each in found], recorder)
    except AppointmentRefused as refused:
        errors["rows"] = problem_sentence(refused.problems[0])
        return make_response(_page(ends_on, entered, ticked, errors), 422)
    return make_response(
        redirect(url_for("renewing.terms", handle=handle, ends_on=ends_on.isoformat(), done=len(found)), 303)
    )


def _term(entered: dict[str, str], errors: dict[str, str]) -> NextTerm | None:
    first_day = _day(entered["first_day"], "first_day", errors)
    last_day = _day(entered["last_day"], "last_day", errors)
    appointed_on = _day(entered["appointed_on"], "appointed_on", errors) if entered["appointed_on"] else first_day
    for name in ("letter_number", "appointer"):
        if not entered[name]:
            errors[name] = _("“%(field)s” is empty.", field=field_label(name))
    if first_day is None or last_day is None or appointed_on is None or errors:
        return None
    return NextTerm(first_day, last_day, entered["letter_number"], appointed_on, entered["appointer"])


def _day(text: str, name: str, errors: dict[str, str]) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1990 <= day.year <= 2199:
        errors[name] = _("This is no date. Dates are written like 2026-11-23.")
        return None
    return day


def _page(
    ends_on: date,
    entered: dict[str, str],
    ticked: list[Appointment] | None,
    errors: dict[str, str],
    found: list[Renewal] | None = None,
) -> str:
    asking = visitor()
    ending = terms_ending(reading(), asking.organisation.id, ends_on)
    shown = {
        row.appointment_id: row
        for row in roles_register(reading(), asking.organisation.id, Moment(jst_date(now())), asking.language)
    }
    done = request.args.get("done", "")
    return render_template(
        "roles/renew.html",
        ends_on=ends_on,
        entered=entered,
        errors=errors,
        rows=[shown[row.id] for row in ending],
        chosen={row.id for row in (ending if ticked is None else ticked)},
        verdicts={each.former.id: each for each in found or []},
        can_record=found is not None and not any(each.is_refused for each in found),
        done=int(done) if done.isascii() and done.isdigit() and len(done) < 6 else None,
    )
