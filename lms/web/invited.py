"""The page that an invitation opens: reading and signing a pledge without a platform's account.

The secret of the address alone opens it. No session, no cookie; the form's token is made from the secret.

Source: domain.md §4.
"""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, make_response, render_template, request

from courses.calendar import jst_date
from lms.services.invitations import (
    decline_by_invitation,
    form_token_of,
    open_invitation,
    sign_by_invitation,
)
from lms.services.people import Particulars, particulars_on
from lms.services.pledge_records import record_of
from lms.services.pledges import text_in_force, text_version
from lms.services.signing import FramedSigningError, NameDiffersError, NotAcceptedError, SigningForm, full_name
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeInvitation
from lms.web.pledges import signing_form
from lms.web.request import browser_language, now, reading, transaction
from lms.web.security import FormTokenError, forbid_frames, is_framed_request, open_to_anyone
from lms.wording.gettext import set_language

blueprint = Blueprint("invited", __name__, url_prefix="/pledge")


def _language() -> str:
    chosen = request.values.get("text", "") or request.form.get("text_language", "")
    language = chosen if chosen in {"ja", "en"} else browser_language()
    set_language(language)
    return language


@blueprint.get("/<token>")
@open_to_anyone
def page(token: str) -> str:
    """Show the text and the form beneath it; opening it uses nothing up."""
    forbid_frames()
    return _page(token, _language())


def _page(token: str, language: str, error: str = "", sent: SigningForm | None = None, declined: bool = False) -> str:
    row = open_invitation(reading(), token, now())
    current = text_in_force(reading(), row.organisation_id, row.text_key, jst_date(now()))
    text = text_version(reading(), row.organisation_id, current.text_id)
    return render_template(
        "pledges/invited.html",
        token=token,
        form_token=form_token_of(token),
        invitation=row,
        name=full_name(_particulars(row)) or "–",
        organisation=reading().get_one(Organisation, row.organisation_id),
        text=text,
        text_language=language,
        sha256=text.sha256(language),
        error=error,
        sent=sent,
        is_declined=declined,
    )


def _particulars(row: PledgeInvitation) -> Particulars | None:
    return particulars_on(reading(), row.organisation_id, jst_date(now())).get(row.person_id)


@blueprint.post("/<token>")
@open_to_anyone
def answer(token: str) -> Response:
    """Record the signature or the decline."""
    forbid_frames()
    language = _language()
    if not hmac.compare_digest(request.form.get("form_token", "").encode(), form_token_of(token).encode()):
        raise FormTokenError
    if is_framed_request():
        raise FramedSigningError
    form = signing_form()
    browser = (request.remote_addr, request.user_agent.string)
    is_decline = request.form.get("action") == "decline"
    try:
        with transaction() as session:
            if is_decline:
                decline_by_invitation(session, token, form, browser, now())
            else:
                row = sign_by_invitation(session, token, form, browser, now())
    except (NameDiffersError, NotAcceptedError) as again:
        error = "name" if isinstance(again, NameDiffersError) else "missing"
        return make_response(_page(token, language, error, form), 422)
    if is_decline:
        return make_response(_page(token, language, declined=True))
    organisation = reading().get_one(Organisation, row.organisation_id)
    found = record_of(reading(), organisation, row.id)
    return make_response(render_template("pledges/invited_receipt.html", found=found, organisation=organisation))
