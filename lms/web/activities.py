"""This activity: what it opens, for the instructors of its course; and choosing it where the activity says nothing."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.lti.messages import MessageKind
from lms.services.activities import UnknownActivityError, choose_content, state_of, undo_choice
from lms.services.content import PARAMETER, UnknownContentError, contents_on
from lms.services.permissions import Permission
from lms.services.sessions import Visitor
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _

blueprint = Blueprint("activities", __name__, url_prefix="/s/<handle>/activity")


def has_activity(asking: Visitor) -> bool:
    """Tell whether the visitor is an instructor who opened an activity of their course."""
    is_opened = asking.kind == MessageKind.RESOURCE_LINK and asking.resource_link_pk is not None
    return is_opened and asking.is_instructor


def _asking() -> Visitor:
    asking = visitor()
    if not has_activity(asking):
        raise UnknownActivityError
    return asking


@blueprint.get("")
@requires(Permission.LEARN)
def activity(handle: str) -> str:
    """Show what the activity opens, and where it says nothing let it be chosen."""
    return _page("", "")


def _page(chosen: str, error: str) -> str:
    asking, today = _asking(), jst_date(now())
    state = state_of(reading(), asking.organisation.id, asking.resource_link_pk, today)
    contents = contents_on(reading(), asking.organisation.id, today)
    proposed = state.proposal.opens if state.proposal is not None else None
    return render_template(
        "activities/activity.html",
        state=state,
        contents=contents,
        chosen=chosen or state.opens or proposed or "",
        parameter=PARAMETER,
        error=error,
    )


@blueprint.post("")
@requires(Permission.LEARN)
def choose(handle: str) -> Response:
    """Keep what the activity opens, or take the choice back."""
    asking = _asking()
    key = request.form.get("content", "")
    try:
        with transaction() as session:
            decided = (asking.actor, now())
            if request.form.get("action") == "undo":
                undo_choice(session, asking.organisation, asking.resource_link_pk, decided)
            else:
                choose_content(session, asking.organisation, asking.resource_link_pk, key, decided)
    except UnknownContentError:
        return make_response(_page("", _("Please choose one of the list.")), 422)
    return make_response(redirect(url_for("activities.activity", handle=handle), 303))
