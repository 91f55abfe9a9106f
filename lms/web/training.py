"""My training: what is done, what is due, and where to go on."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from courses.requirements import State
from lms.lti.messages import MessageKind
from lms.services.account_uses import unseen_count
from lms.services.attempts import results_of
from lms.services.auditor_decisions import must_declare
from lms.services.awareness import modules_in_use
from lms.services.content import can_open
from lms.services.permissions import Permission
from lms.services.requirements import Standing, standings_of
from lms.services.roles import has_unacknowledged
from lms.services.sessions import choose_language
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import LANGUAGES

blueprint = Blueprint("training", __name__, url_prefix="/s/<handle>")

_DONE = {State.COMPLETE, State.LATE_COMPLETE, State.EXEMPT}
_DUE = {State.OPEN, State.OVERDUE, State.LAPSED}


@blueprint.get("/")
@requires(Permission.LEARN)
def home(handle: str) -> str:
    """Show the visitor's own obligations, and the results so far."""
    asking = visitor()
    session = reading()
    today = jst_date(now())
    mine: tuple[Standing, ...] = ()
    if asking.person_id is not None:
        mine = standings_of(session, asking.organisation.id, asking.person_id, now())
    modules = modules_in_use(session, asking.organisation.id, today)
    asked_for = {each.obligation.requirement.competence for each in mine}
    return render_template(
        "training/home.html",
        due=[each for each in mine if each.status.state in _DUE],
        done=[each for each in mine if each.status.state in _DONE],
        later=[each for each in mine if each.status.state not in _DONE | _DUE],
        modules=modules,
        others=[module for key, module in modules.items() if key not in asked_for],
        results=results_of(session, asking.identity_ids),
        unacknowledged=asking.person_id is not None
        and has_unacknowledged(session, asking.organisation.id, asking.person_id, today),
        emergency_uses=asking.may(Permission.MANAGE_SESSIONS)
        and unseen_count(session, asking.organisation.id, now()) > 0,
        must_declare=must_declare(session, asking.organisation.id, asking.person_id, today),
        opens_nothing=asking.kind == MessageKind.RESOURCE_LINK
        and (asking.opens is None or not can_open(session, asking.organisation.id, asking.opens, today)),
    )


@blueprint.post("/language")
@requires(Permission.LEARN)
def language(handle: str) -> Response:
    """Keep the chosen language and return to the page."""
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        with transaction() as session:
            choose_language(session, handle, chosen)
    back = request.form.get("back", "")
    inside = url_for("training.home", handle=handle)
    is_inside = back.startswith(inside) and "\\" not in back and back.isprintable()
    return make_response(redirect(back if is_inside else inside, 303))
