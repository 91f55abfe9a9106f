"""Rosters of the platforms' courses: when they were pulled, how they differ from the staff list, and pulling them now."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.services.permissions import Permission
from lms.services.roster_differences import Difference, compare_roster
from lms.services.roster_export import export_differences
from lms.services.rosters import find_source, pulls_of, roster_state, roster_states, want_pull
from lms.store.platforms import Platform
from lms.store.records import Moment
from lms.web.downloads import download
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.rosters import difference_sentence, difference_title, roster_fault

blueprint = Blueprint("rosters", __name__, url_prefix="/s/<handle>/rosters")

PULLS_SHOWN = 20


@blueprint.get("")
@requires(Permission.READ_ROSTERS)
def courses(handle: str) -> str:
    """Show the courses whose rosters are pulled."""
    states = roster_states(reading(), visitor().organisation.id)
    return render_template("rosters/courses.html", states=states, roster_fault=roster_fault)


@blueprint.get("/<row:source_id>")
@requires(Permission.READ_ROSTERS)
def course(handle: str, source_id: int) -> str:
    """Show how a course's roster differs from the staff list today, and from the snapshot before."""
    session = reading()
    source = find_source(session, visitor().organisation.id, source_id)
    platform = session.get_one(Platform, source.platform_id)
    return render_template(
        "rosters/course.html",
        source=source,
        state=roster_state(session, source, platform.name),
        found=compare_roster(session, source, Moment(jst_date(now()))),
        differences=list(Difference),
        pulls=pulls_of(session, source.id, PULLS_SHOWN),
        is_wanted=request.args.get("wanted") == "yes",
        difference_title=difference_title,
        difference_sentence=difference_sentence,
        roster_fault=roster_fault,
    )


@blueprint.post("/<row:source_id>/pull")
@requires(Permission.READ_ROSTERS)
def pull(handle: str, source_id: int) -> Response:
    """Have a roster pulled now, by the worker."""
    asking = visitor()
    with transaction() as session:
        want_pull(session, find_source(session, asking.organisation.id, source_id), asking.actor, now())
    return make_response(redirect(url_for("rosters.course", handle=handle, source_id=source_id, wanted="yes"), 303))


@blueprint.get("/<row:source_id>/differences.csv")
@requires(Permission.READ_ROSTERS)
def export(handle: str, source_id: int) -> Response:
    """Hand out the differences as a file."""
    asking, session = visitor(), reading()
    source = find_source(session, asking.organisation.id, source_id)
    moment = Moment(jst_date(now()))
    content = export_differences(session, asking.organisation, source, moment)
    return download(content, f"roster-{asking.organisation.key}-{source.id}-{moment.as_of:%Y%m%d}.csv", "csv")
