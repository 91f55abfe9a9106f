"""The secretariat's register of attendance: filters, counts by state, and the same as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, Response, make_response, render_template, request

from courses.calendar import FiscalYear, jst_date
from courses.people import Category, Employment
from courses.requirements import State
from lms.services.attendance import AttendanceFilter, attendance, years_with_obligations
from lms.services.attendance_export import (
    MEDIA_TYPES,
    ExportRequest,
    Format,
    export_attendance,
    file_name,
)
from lms.services.permissions import Permission
from lms.store.organisations import units_of
from lms.store.records import Moment
from lms.store.requirements import requirements_of
from lms.web.moments import AXES, asked_moment, asked_one_of
from lms.web.request import now, reading
from lms.web.security import requires, visitor

blueprint = Blueprint("attendance", __name__, url_prefix="/s/<handle>/attendance")

PAGE_SIZE = 100
_FILTERS = {"year", "unit", "category", "employment", "requirement", "state", *AXES}


@dataclass(frozen=True, slots=True)
class Question:
    """What the page was asked."""

    year: FiscalYear
    moment: Moment
    chosen: AttendanceFilter


def _question() -> Question:
    year_text = request.args.get("year", "")
    year = FiscalYear.parse(year_text) if year_text else FiscalYear.of(jst_date(now()))
    return Question(
        year=year,
        moment=asked_moment(),
        chosen=AttendanceFilter(
            unit=request.args.get("unit") or None,
            category=asked_one_of("category", {each.value for each in Category}),
            employment=asked_one_of("employment", {each.value for each in Employment}),
            requirement=request.args.get("requirement") or None,
            state=State(state) if (state := asked_one_of("state", {each.value for each in State})) else None,
        ),
    )


@blueprint.get("")
@requires(Permission.READ_ATTENDANCE)
def register(handle: str) -> str:
    """Show the register."""
    asking = visitor()
    session = reading()
    asked = _question()
    found = attendance(session, asking.organisation.id, asked.year, asked.moment, asked.chosen, asking.language)
    page_text = request.args.get("page", "1")
    page = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1
    pages = max(1, -(-len(found.rows) // PAGE_SIZE))
    page = min(max(1, page), pages)
    requirements = requirements_of(session, asking.organisation.id)
    first_year = min((each.first_year for each in requirements), default=asked.year.year)
    arguments = {name: value for name, value in request.args.items() if name in _FILTERS and value}
    return render_template(
        "attendance/register.html",
        asked=asked,
        found=found,
        rows=found.rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        page=page,
        pages=pages,
        total=sum(found.counts.values()),
        states=list(State),
        years=list(years_with_obligations(first_year, jst_date(now()))),
        units=units_of(session, asking.organisation.id),
        requirements=requirements,
        categories=[each.value for each in Category],
        employments=[each.value for each in Employment],
        arguments=arguments,
        without_state={name: value for name, value in arguments.items() if name != "state"},
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires(Permission.READ_ATTENDANCE)
def export(handle: str, file_format: Format) -> Response:
    """Hand out the register as a file, with the filters of the page."""
    asking = visitor()
    asked = _question()
    wanted = ExportRequest(asked.year, asked.moment, asked.chosen, file_format)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "attendance"
        export_attendance(reading(), asking.organisation, wanted, path)
        response = make_response(path.read_bytes())
    response.headers["Content-Type"] = MEDIA_TYPES[file_format]
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(asking.organisation, wanted)}"'
    return response
