"""Emergency accounts: the door that needs no platform, where it leads, and who has used it.

Every page that an account opens and every form that it sends is an audit event, noted by the guard.

Source: quality.md §5; lti.md rule 15 (no frame).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from lms.services.account_uses import acknowledge_uses, seen_until, uses_of
from lms.services.accounts import accounts_of
from lms.services.audit import note
from lms.services.permissions import Permission
from lms.services.sessions import ACCOUNT_LONGEST, choose_language, end_session
from lms.services.sign_in import SignIn, SignInLocked, SignInRefused, sign_in
from lms.web.browsers import browser_words
from lms.web.request import browser_language, now, reading, tool, transaction
from lms.web.rooms import room_label, rooms_of
from lms.web.security import (
    FormTokenError,
    forbid_frames,
    is_framed_request,
    open_to_anyone,
    requires,
    session_cookie_name,
    visitor,
)
from lms.wording.gettext import LANGUAGES

door_blueprint = Blueprint("account_door", __name__, url_prefix="/admin")
blueprint = Blueprint("accounts", __name__, url_prefix="/s/<handle>/account")
uses_blueprint = Blueprint("account_uses", __name__, url_prefix="/s/<handle>/account-uses")

_LONGEST_FIELD = 300


@door_blueprint.get("/sign-in")
@open_to_anyone
def sign_in_page() -> Response:
    """Show the form; it says nothing about which accounts there are."""
    return _door()


@door_blueprint.post("/sign-in")
@open_to_anyone
def enter() -> Response:
    """Check name, password and code in one step, and open a session."""
    if is_framed_request() or not _is_own_form():
        raise FormTokenError
    sent = SignIn(
        login_name=_sent("login_name"),
        password=_sent("password"),
        code=_sent("code"),
        address=request.remote_addr or "",
        language=browser_language(),
        browser=browser_words(request.user_agent.string),
    )
    try:
        opened = sign_in(tool().database, tool().settings.keys, sent, now())
    except SignInRefused:
        return _door("wrong", 401)
    except SignInLocked as locked:
        response = _door("locked", 429, -(-locked.seconds // 60))
        response.headers["Retry-After"] = str(locked.seconds)
        return response
    response = make_response(redirect(url_for("accounts.home", handle=opened.handle), 303))
    response.set_cookie(
        session_cookie_name(opened.handle),
        opened.secret,
        max_age=int(ACCOUNT_LONGEST.total_seconds()),
        secure=True,
        httponly=True,
        samesite="Strict",
        path="/",
    )
    return response


def _door(problem: str = "", status: int = 200, minutes: int = 0) -> Response:
    forbid_frames()
    page = render_template("accounts/sign_in.html", problem=problem, minutes=minutes, login_name=_sent("login_name"))
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _sent(name: str) -> str:
    return request.form.get(name, "")[:_LONGEST_FIELD].replace("\0", "")


def _is_own_form() -> bool:
    """Tell whether the browser says that our own page sent the form; one that says nothing is believed."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


@blueprint.get("")
@requires(Permission.USE_ACCOUNT)
def home(handle: str) -> str:
    """Show what the account leads to."""
    return render_template("accounts/home.html", rooms=rooms_of(visitor()))


@blueprint.post("/language")
@requires(Permission.USE_ACCOUNT)
def language(handle: str) -> Response:
    """Keep the chosen language."""
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        with transaction() as session:
            choose_language(session, handle, chosen)
    back = request.form.get("back", "")
    is_inside = back.startswith(f"/s/{handle}/") and "\\" not in back and back.isprintable()
    return make_response(redirect(back if is_inside else url_for("accounts.home", handle=handle), 303))


@blueprint.post("/sign-out")
@requires(Permission.USE_ACCOUNT)
def sign_out(handle: str) -> Response:
    """End the session."""
    asking = visitor()
    with transaction() as session:
        end_session(session, handle, now())
        note(session, "account.signed_out", asking.actor, now(), asking.organisation.id, account=asking.account_id)
    response = make_response(redirect(url_for("account_door.sign_in_page"), 303))
    response.set_cookie(session_cookie_name(handle), "", max_age=0, secure=True, httponly=True, path="/")
    return response


@uses_blueprint.get("")
@requires(Permission.MANAGE_SESSIONS)
def uses(handle: str) -> str:
    """Show each use of an emergency account, and which of them nobody has said to know."""
    asking = visitor()
    found = uses_of(reading(), asking.organisation.id, now())
    return render_template(
        "accounts/uses.html",
        uses=found,
        accounts=accounts_of(reading(), asking.organisation.id),
        seen_until=seen_until(reading(), asking.organisation.id),
        room_label=room_label,
    )


@uses_blueprint.post("/seen")
@requires(Permission.LINK_IDENTITIES)
def acknowledge(handle: str) -> Response:
    """Note that the secretariat has seen the uses up to the newest on its page; an account can't do it for itself."""
    until = request.form.get("until", "")
    if until.isascii() and until.isdigit() and len(until) <= 18:
        with transaction() as session:
            acknowledge_uses(session, visitor(), int(until), now())
    return make_response(redirect(url_for("account_uses.uses", handle=handle), 303))
