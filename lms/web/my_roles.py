"""My roles: what I am appointed to, what it means, and acknowledging receipt 確認（受領）."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.services.content import ROLES
from lms.services.permissions import Permission
from lms.services.role_competence import competence_for, requirement_titles
from lms.services.role_texts import shipped_role_texts
from lms.services.roles import NotYourAppointmentError, acknowledge, appointment_in_force
from lms.services.roles_documents import LetterKind, letter_of
from lms.services.roles_register import roles_register
from lms.services.scores import want_scores
from lms.store.records import Moment
from lms.web.request import now, reading, transaction
from lms.web.roles import pdf
from lms.web.security import requires, visitor

blueprint = Blueprint("my_roles", __name__, url_prefix="/s/<handle>/roles/mine")


@blueprint.get("")
@requires(Permission.LEARN)
def mine(handle: str) -> str:
    """Show the visitor's own appointments."""
    asking = visitor()
    today = jst_date(now())
    rows = roles_register(reading(), asking.organisation.id, Moment(today), asking.language)
    own = [row for row in rows if asking.person_id is not None and row.person_id == asking.person_id]
    held = [row for row in own if row.standing != "over"]
    return render_template(
        "roles/mine.html",
        held=held,
        over=[row for row in own if row.standing == "over"],
        texts={role.value: text.duties[asking.language] for role, text in shipped_role_texts().items()},
        versions={role.value: text.version for role, text in shipped_role_texts().items()},
        titles=requirement_titles(reading(), asking.organisation.id, asking.language),
        competence={
            row.appointment_id: competence_for(
                reading(), asking.organisation.id, IsmsRole(row.isms_role), row.person_id, max(today, row.first_day)
            )
            for row in held
        },
    )


@blueprint.post("/<row:appointment_id>/acknowledge")
@requires(Permission.LEARN)
def acknowledge_receipt(handle: str, appointment_id: int) -> Response:
    """Record that the visitor acknowledges receipt of an appointment."""
    asking = visitor()
    with transaction() as session:
        acknowledge(session, asking.organisation, appointment_id, (asking.person_id, asking.identity_id), now())
        want_scores(session, asking.identity_ids, ROLES, now())
    return make_response(redirect(url_for("my_roles.mine", handle=handle), 303))


@blueprint.get("/<row:appointment_id>/<any(appointment, ending):letter_kind>.pdf")
@requires(Permission.LEARN)
def own_letter(handle: str, appointment_id: int, letter_kind: LetterKind) -> Response:
    """Hand out a letter of the visitor's own.

    Raises:
        NotYourAppointmentError: it is somebody else's.
    """
    asking = visitor()
    row = appointment_in_force(reading(), asking.organisation.id, appointment_id)
    if asking.person_id is None or row.person_id != asking.person_id:
        raise NotYourAppointmentError(appointment_id)
    return pdf(
        letter_of(reading(), asking.organisation, appointment_id, letter_kind), f"{letter_kind}-{appointment_id}.pdf"
    )
