"""The page that a platform opens to register the tool: it shows what will be registered, and one button.

The secret of the address alone opens it. No session, no cookie; the form's token is made from the secret. Only the site
that the configuration's address lies on may frame it, as Moodle 4.5 does on its "Manage tools" page (seen 2026-11).

Source: LTI Dynamic Registration 1.0 §3.1 and §3.8 (close message); lti.md rule 11.
"""

from __future__ import annotations

import hmac
from contextlib import suppress

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from lms.lti.http import OutgoingRefused
from lms.lti.tool_facts import SCOPES
from lms.services.registrations import (
    Opening,
    look_at_platform,
    open_platform_invitation,
    register_by_invitation,
    registration_form_token,
)
from lms.store.organisations import Organisation
from lms.web.request import end_reading, now, reading, tool
from lms.web.security import FormTokenError, allow_frames_of, open_to_anyone

blueprint = Blueprint("registration", __name__, url_prefix="/lti/register")


@blueprint.get("/<token>")
@open_to_anyone
def page(token: str) -> str:
    """Show the platform, what it will be asked for, and the button; opening it uses nothing up."""
    opening = _opening(request.args)
    invitation = open_platform_invitation(reading(), token, now())
    organisation = reading().get_one(Organisation, invitation.organisation_id)
    end_reading()  # no connection is held while the platform is asked
    found = look_at_platform(tool().database, tool().registrar, invitation, opening, now())
    return render_template(
        "registration/offer.html",
        token=token,
        form_token=registration_form_token(token),
        opening=opening,
        invitation=invitation,
        organisation=organisation,
        found=found,
        lacking=[] if found.scopes is None else [scope for scope in SCOPES if scope not in found.scopes],
        facts=tool().facts,
    )


@blueprint.post("/<token>")
@open_to_anyone
def register(token: str) -> Response:
    """Register the tool with the platform, and tell what happens next."""
    opening = _opening(request.form)
    if not hmac.compare_digest(request.form.get("form_token", "").encode(), registration_form_token(token).encode()):
        raise FormTokenError
    end_reading()
    kept = register_by_invitation(tool().database, tool().registrar, token, opening, tool().facts, now())
    organisation = reading().get_one(Organisation, kept.organisation_id)
    return make_response(render_template("registration/done.html", kept=kept, organisation=organisation))


def _opening(values: MultiDict[str, str]) -> Opening:
    """Read what the platform sent, and let its pages frame the answer, be it a refusal."""
    address = values.get("openid_configuration", "")
    with suppress(OutgoingRefused):
        allow_frames_of(address)
    return Opening(address, values.get("registration_token") or None)
