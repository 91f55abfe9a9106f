"""The linking queue: which person on the staff list an identity of a platform is."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.services.identities import UnknownPersonError, link_by_decision, linking_queue
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor

blueprint = Blueprint("identities", __name__, url_prefix="/s/<handle>/identities")


@blueprint.get("")
@requires(Permission.LINK_IDENTITIES)
def queue(handle: str) -> str:
    """Show identities without a person first, then those that are linked."""
    return _page(None, "")


def _page(failed_identity: int | None, entered: str) -> str:
    organisation = visitor().organisation
    identities = linking_queue(reading(), organisation.id)
    return render_template(
        "identities/queue.html",
        waiting=[each for each in identities if each.person_id is None],
        linked=[each for each in identities if each.person_id is not None],
        people=particulars_on(reading(), organisation.id, jst_date(now()), None),
        failed_identity=failed_identity,
        entered=entered,
    )


@blueprint.post("/<row:identity_id>")
@requires(Permission.LINK_IDENTITIES)
def decide(handle: str, identity_id: int) -> Response:
    """Link an identity to the person with a staff number, or take the link back."""
    asking = visitor()
    staff_number = request.form.get("staff_number", "").replace("\0", "").strip()
    wanted = None if request.form.get("action") == "unlink" else staff_number
    try:
        with transaction() as session:
            link_by_decision(session, asking.organisation, identity_id, wanted, (asking.actor, now()))
    except UnknownPersonError:
        return make_response(_page(identity_id, staff_number), 422)
    return make_response(redirect(url_for("identities.queue", handle=handle), 303))
