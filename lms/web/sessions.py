"""Open sessions: one's own, to see and to end them; and for whoever may, those of the whole organisation.

Source: lti.md rule 8.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from lms.services.live_sessions import end_all_of, end_anybodys, end_own, everybodys_sessions, own_sessions
from lms.services.permissions import Permission
from lms.web.request import now, reading, transaction
from lms.web.security import requires, session_cookie_name, take_launch_cookie_back, visitor

blueprint = Blueprint("sessions", __name__, url_prefix="/s/<handle>/sessions")

PAGE_SIZE = 50
"""People whose sessions a page shows."""


@blueprint.get("")
@requires(Permission.LEARN)
def mine(handle: str) -> str:
    """Show the visitor's own open sessions."""
    sessions = own_sessions(reading(), visitor(), now())
    return render_template("sessions/mine.html", sessions=sessions, done=request.args.get("done", ""))


@blueprint.post("/end")
@requires(Permission.LEARN)
def end(handle: str) -> Response:
    """End one of the visitor's own sessions, or all but this one."""
    asking = visitor()
    mark = None if request.form.get("which") == "others" else request.form.get("which", "")
    with transaction() as session:
        is_this = end_own(session, asking, mark, now())
    if not is_this:
        return make_response(redirect(url_for("sessions.mine", handle=handle, done="ended"), 303))
    response = make_response(render_template("sessions/ended.html", visitor=None))
    take_launch_cookie_back(response, session_cookie_name(handle))
    return response


@blueprint.get("/all")
@requires(Permission.MANAGE_SESSIONS)
def everybodys(handle: str) -> str:
    """Show the organisation's open sessions by person."""
    text = request.args.get("q", "").strip()[:100]
    found = everybodys_sessions(reading(), visitor(), now(), text)
    page_text = request.args.get("page", "1")
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1
    page = min(max(1, page), pages)
    return render_template(
        "sessions/everybody.html",
        found=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        people=len(found),
        count=sum(len(each.sessions) for each in found),
        text=text,
        page=page,
        pages=pages,
        done=request.args.get("done", ""),
    )


@blueprint.post("/all/end")
@requires(Permission.MANAGE_SESSIONS)
def end_theirs(handle: str) -> Response:
    """End one session of somebody, or all that they have."""
    asking, sent = visitor(), request.form
    with transaction() as session:
        if "owner" in sent:
            end_all_of(session, asking, sent["owner"], now())
        else:
            end_anybodys(session, asking, sent.get("which", ""), now())
    address = url_for("sessions.everybodys", handle=handle, done="ended", q=sent.get("q") or None)
    return make_response(redirect(address, 303))
