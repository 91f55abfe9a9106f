"""The door from a platform: login, the cookie test before it, launch, and the tool's public keys.

The login step finds out whether its cookie comes back *before* it sends the browser to the platform, whose hint serves
once; where it does not, it offers a new window, which repeats the login there.

Source: lti.md rules 1, 9 and browser binding.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.lti.messages import MessageKind
from lms.lti.roles import is_instructor
from lms.services.content import PLEDGES, ROLES, TRAINING, can_open
from lms.services.launches import (
    LOGIN_LIFETIME,
    LoginFault,
    LoginRefused,
    LoginRequest,
    begin_login,
    check_login,
    complete_launch,
    login_cookie_name,
)
from lms.services.opening import LONGEST_SESSION, OpenedSession, launched_where
from lms.web.browsers import browser_words
from lms.web.request import now, reading, tool, transaction
from lms.web.security import allow_frames_of, open_to_anyone, session_cookie_name, set_launch_cookie

blueprint = Blueprint("launches", __name__, url_prefix="/lti")

_PROBE = re.compile(r"^[0-9a-f]{16}$")
_LOGIN_FIELDS = ("iss", "login_hint", "target_link_uri", "client_id", "lti_message_hint", "lti_deployment_id")
_LONGEST_FIELD = 4096
_FRAMED = {"iframe", "frame", "embed", "object"}


def _login_request() -> LoginRequest:
    sent = request.values if request.method == "POST" else request.args  # the body of a HEAD says nothing
    fields = {name: _login_field(sent.getlist(name)) for name in _LOGIN_FIELDS}
    return LoginRequest(
        issuer=fields["iss"],
        login_hint=fields["login_hint"],
        target_link_uri=fields["target_link_uri"],
        client_id=fields["client_id"] or None,
        message_hint=fields["lti_message_hint"] or None,
        deployment_hint=fields["lti_deployment_id"] or None,
    )


def _login_field(found: list[str]) -> str:
    """The one value of a field; empty where it is absent.

    Raises:
        LoginRefused: it stands there twice (RFC 6749 §3.1 forbids that), is too long, or can't be kept.
    """
    if len(found) > 1 or any(len(value) > _LONGEST_FIELD or "\0" in value for value in found):
        raise LoginRefused(LoginFault.LOGIN_MALFORMED)
    return found[0] if found else ""


def _answer_field(name: str) -> str:
    """State or token as posted; empty where it is absent.

    Raises:
        LoginRefused: it stands there twice, so that two readers could each take another one.
    """
    found = request.form.getlist(name)
    if len(found) > 1:
        raise LoginRefused(LoginFault.ANSWER_MALFORMED)
    return found[0] if found else ""


def _as_fields(login: LoginRequest) -> dict[str, str]:
    values = {
        "iss": login.issuer,
        "login_hint": login.login_hint,
        "target_link_uri": login.target_link_uri,
        "client_id": login.client_id,
        "lti_message_hint": login.message_hint,
        "lti_deployment_id": login.deployment_hint,
    }
    return {name: value for name, value in values.items() if value is not None}


@blueprint.route("/login", methods=["GET", "POST"])
@open_to_anyone
def login() -> Response:
    """Take a platform's login request, and set a cookie to see whether it comes back."""
    wanted = _login_request()
    check_login(reading(), wanted, tool().settings.launch_url)
    probe = secrets.token_hex(8)
    response = make_response(
        redirect(f"{url_for('launches.login_check')}?{urlencode(_as_fields(wanted) | {'probe': probe})}", 303)
    )
    set_launch_cookie(response, f"__Host-p-{probe}", secrets.token_urlsafe(32), 300)
    return response


@blueprint.get("/login/check")
@open_to_anyone
def login_check() -> Response:
    """Go on to the platform if the cookie came back; else offer a new window."""
    wanted = _login_request()
    platform = check_login(reading(), wanted, tool().settings.launch_url)
    probe = request.args.get("probe", "")
    secret = request.cookies.get(f"__Host-p-{probe}") if _PROBE.match(probe) else None
    allow_frames_of(platform.authorization_url)
    if secret is None:
        is_framed = request.headers.get("Sec-Fetch-Dest", "iframe") in _FRAMED
        page = render_template("launches/new_window.html", fields=_as_fields(wanted), is_framed=is_framed)
        return make_response(page, 200)
    with transaction() as session:
        address, state = begin_login(session, platform, wanted, secret, now())
    response = make_response(redirect(address, 303))
    set_launch_cookie(response, login_cookie_name(state), secret, int(LOGIN_LIFETIME.total_seconds()))
    response.set_cookie(
        f"__Host-p-{probe}", "", max_age=0, secure=True, httponly=True, samesite="None", path="/", partitioned=True
    )
    return response


@blueprint.post("/launch")
@open_to_anyone
def launch() -> Response:
    """Take the platform's answer, open a session, and show what the activity opens."""
    state = _answer_field("state")
    opened = complete_launch(
        tool().database,
        tool().keysets,
        (state, _answer_field("id_token")),
        request.cookies.get(login_cookie_name(state)),
        now(),
        browser_words(request.user_agent.string),
    )
    # The login's cookie stays for its minutes: a reloaded launch is then told that it was used already.
    response = make_response(redirect(_destination(opened), 303))
    set_launch_cookie(response, session_cookie_name(opened.handle), opened.secret, int(LONGEST_SESSION.total_seconds()))
    return response


def _destination(opened: OpenedSession) -> str:
    if opened.kind is MessageKind.DEEP_LINKING:
        return url_for("deep_linking.choose", handle=opened.handle)
    if opened.kind is MessageKind.SUBMISSION_REVIEW:
        return url_for("reviews.review", handle=opened.handle)
    organisation_id, lti_roles = launched_where(reading(), opened.handle)
    if opened.opens is not None and can_open(reading(), organisation_id, opened.opens, jst_date(now())):
        return content_address(opened.handle, opened.opens)
    if is_instructor(lti_roles):
        return url_for("activities.activity", handle=opened.handle)
    return url_for("training.home", handle=opened.handle)


def content_address(handle: str, opens: str) -> str:
    """Return the page that an activity opens; ``opens`` is one that `lms.services.content.can_open`."""
    pages = {PLEDGES: "pledges.mine", ROLES: "my_roles.mine", TRAINING: "training.home"}
    if opens in pages:
        return url_for(pages[opens], handle=handle)
    return url_for("modules.overview", handle=handle, key=opens)


@blueprint.get("/jwks")
@open_to_anyone
def jwks() -> Response:
    """Show the tool's public keys."""
    document: dict[str, Any] = tool().keys.public_jwks()
    response = jsonify(document)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
