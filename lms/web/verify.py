"""Looking up a verify code: anybody learns that a record is there, when and which text was signed, and nobody's name.

A code has 80 random bits; a million guesses a second for a thousand years would find one of ten thousand records with a
chance below one in three thousand. So the page needs no session.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from courses.calendar import jst_date
from lms.services.pledge_records import find_record, state_of
from lms.services.signing import UnknownSignatureError
from lms.web.request import now, reading
from lms.web.security import open_to_anyone

blueprint = Blueprint("verify", __name__, url_prefix="/verify")


@blueprint.get("")
@open_to_anyone
def verify() -> Response:
    """Say whether a record with a code exists."""
    typed = request.args.get("code", "")[:100].replace("\0", "")
    found, status = None, 200
    if typed.strip():
        try:
            found = find_record(reading(), typed)
        except UnknownSignatureError:
            status = 404
    state = state_of(reading(), found, jst_date(now())) if found else None
    return make_response(render_template("pledges/verify.html", typed=typed, found=found, state=state), status)
