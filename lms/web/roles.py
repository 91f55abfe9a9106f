"""The organisation chart of any date, the register of appointments, one appointment, and its letters."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, Response, make_response, render_template

from courses.calendar import FiscalYear, jst_date
from lms.services.attendance_export import MEDIA_TYPES, Format
from lms.services.permissions import Permission
from lms.services.roles import acknowledged_at, appointment_in_force
from lms.services.roles_documents import LetterKind, draw_chart_pdf, draw_chart_svg, letter_of
from lms.services.roles_register import (
    Names,
    RolesExport,
    chart_of,
    contradictions_of,
    export_roles,
    names_on,
    roles_register,
)
from lms.store.records import Moment
from lms.web.moments import asked_moment, moment_arguments
from lms.web.request import now, reading
from lms.web.security import requires, visitor
from lms.wording.roles import contradiction_sentence

blueprint = Blueprint("roles", __name__, url_prefix="/s/<handle>/roles")


@blueprint.get("")
@requires(Permission.READ_CHART)
def chart(handle: str) -> str:
    """Show the chart of a date, with the same as a table."""
    asking, moment = visitor(), asked_moment()
    names = names_on(reading(), asking.organisation.id, moment, asking.language)
    shown = chart_of(reading(), asking.organisation.id, moment)
    return render_template(
        "roles/chart.html",
        moment=moment,
        arguments=moment_arguments(),
        chart=shown,
        names=names,
        holders=sum(len(seat.holders) for seat in shown.seats()),
        contradictions=_contradictions(moment, names) if asking.may(Permission.READ_APPOINTMENTS) else [],
    )


def _contradictions(moment: Moment, names: Names) -> list[str]:
    return [
        contradiction_sentence(
            each, names.person(each.appointment.person_id) if each.appointment else "", names.place(each.seat_key)
        )
        for each in contradictions_of(reading(), visitor().organisation.id, moment)
    ]


@blueprint.get("/chart.<any(svg, pdf):chart_format>")
@requires(Permission.READ_CHART)
def chart_file(handle: str, chart_format: str) -> Response:
    """Hand out the chart as a picture or as a document."""
    asking, moment = visitor(), asked_moment()
    if chart_format == "svg":
        response = make_response(draw_chart_svg(reading(), asking.organisation, moment))
        response.headers["Content-Type"] = "image/svg+xml; charset=utf-8"
        return response
    name = f"chart-{asking.organisation.key}-{moment.as_of:%Y%m%d}.pdf"
    return pdf(draw_chart_pdf(reading(), asking.organisation, moment), name)


def pdf(content: bytes, name: str) -> Response:
    """Return a document to be shown by the browser."""
    response = make_response(content)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


@blueprint.get("/appointments")
@requires(Permission.READ_APPOINTMENTS)
def register(handle: str) -> str:
    """Show all appointments, those in force first."""
    asking, moment = visitor(), asked_moment()
    rows = roles_register(reading(), asking.organisation.id, moment, asking.language)
    in_force = [row for row in rows if row.standing == "in_force"]
    return render_template(
        "roles/register.html",
        moment=moment,
        arguments=moment_arguments(),
        in_force=in_force,
        to_come=[row for row in rows if row.standing == "to_come"],
        over=[row for row in rows if row.standing == "over"],
        unacknowledged=[row for row in in_force if row.acknowledged_at is None],
        year_end=FiscalYear.of(jst_date(now())).last_day,
    )


@blueprint.get("/appointments/export.<any(csv, xlsx):file_format>")
@requires(Permission.READ_APPOINTMENTS)
def export(handle: str, file_format: Format) -> Response:
    """Hand out the register as a file."""
    asking = visitor()
    wanted = RolesExport(asked_moment(), file_format)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "roles"
        export_roles(reading(), asking.organisation, wanted, path)
        response = make_response(path.read_bytes())
    response.headers["Content-Type"] = MEDIA_TYPES[file_format]
    response.headers["Content-Disposition"] = f'attachment; filename="{wanted.file_name(asking.organisation)}"'
    return response


@blueprint.get("/appointments/<row:appointment_id>")
@requires(Permission.READ_APPOINTMENTS)
def appointment(handle: str, appointment_id: int) -> str:
    """Show one appointment."""
    asking = visitor()
    row = appointment_in_force(reading(), asking.organisation.id, appointment_id)
    today = Moment(jst_date(now()))
    register_row = next(
        each
        for each in roles_register(reading(), asking.organisation.id, today, asking.language)
        if each.appointment_id == appointment_id
    )
    return render_template(
        "roles/appointment.html",
        row=row,
        shown=register_row,
        acknowledgement=acknowledged_at(reading(), asking.organisation.id, [row]).get(row.id),
    )


@blueprint.get("/appointments/<row:appointment_id>/<any(appointment, ending):letter_kind>.pdf")
@requires(Permission.READ_APPOINTMENTS)
def letter(handle: str, appointment_id: int, letter_kind: LetterKind) -> Response:
    """Hand out the letter of an appointment, or of its ending."""
    content = letter_of(reading(), visitor().organisation, appointment_id, letter_kind)
    return pdf(content, f"{letter_kind}-{appointment_id}.pdf")
