"""Who may see a page: sessions per launch, the guard that every route names, form tokens, and response headers.

Default deny: a view without `requires` or `open_to_anyone` is refused by `guard`, and a test walks all routes.

Source: lti.md rules 7, 8 and 15; architecture.md §2.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user

from lms.lti.http import origin_of
from lms.services.account_uses import note_use
from lms.services.permissions import Permission
from lms.services.sessions import Visitor, find_visitor, is_of_account, touch, was_ended
from lms.web.request import browser_language, keep_to, now, reading, tool, transaction
from lms.wording.gettext import set_language

_SESSION_PATH = re.compile(r"^/s/([0-9a-f]{16})/")
_SECRET_ADDRESSES = ("/pledge/", "/lti/register/")
"""Beginnings of addresses that hold the secret of an invitation."""
_FRAMED = frozenset({"iframe", "frame", "embed", "object"})
_View = TypeVar("_View", bound=Callable[..., Any])


class NotLaunchedError(Exception):
    """The address belongs to no live session of this browser: open the activity again."""


class SessionEndedError(NotLaunchedError):
    """The session was ended by its owner or by the secretariat; said to its own browser alone."""


class AccountExpiredError(NotLaunchedError):
    """The session of an emergency account is over: sign in again."""


class NotPermittedError(Exception):
    """The visitor lacks the right that the page asks for."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission.value)
        self.permission = permission


class FormTokenError(Exception):
    """A form came without this session's token: it was not our page that sent it."""


def requires(permission: Permission) -> Callable[[_View], _View]:
    """Name the right that a view asks for."""

    def mark(view: _View) -> _View:
        view.permission = permission  # type: ignore[attr-defined]  # read by guard()
        return view

    return mark


def open_to_anyone(view: _View) -> _View:
    """Mark a view that needs no session: the steps before one exists, and what the public may see."""
    view.permission = None  # type: ignore[attr-defined]  # read by guard()
    return view


def accepts(largest: int) -> Callable[[_View], _View]:
    """Let a view take a larger body than others, in bytes; it is read only after the right was found."""

    def mark(view: _View) -> _View:
        view.largest_body = largest  # type: ignore[attr-defined]  # read by guard()
        return view

    return mark


class LaunchedSession(dict[str, Any], SessionMixin):
    """Flask's session for one launch: it carries flask-login's user id and nothing that a page could change."""

    def __init__(self, handle: str | None = None, secret: str = "") -> None:
        """Hold the address's handle and the cookie's secret; neither is believed before `load_visitor`."""
        super().__init__()
        self.secret = secret
        if handle is not None and secret:
            self["_user_id"] = handle

    @property
    def form_token(self) -> str:
        """The token that this session's forms carry; made from the secret, which it does not show."""
        return hmac.new(self.secret.encode(), b"akashi form token", sha256).hexdigest()


class LaunchSessionInterface(SessionInterface):
    """Finds the session by the address and its own cookie, so that two tabs or two people never mix."""

    def open_session(self, app: Flask, request: Request) -> LaunchedSession:
        """Return the session that the address names, unverified."""
        match = _SESSION_PATH.match(request.path)
        if match is None:
            return LaunchedSession()
        return LaunchedSession(match[1], request.cookies.get(session_cookie_name(match[1]), ""))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save nothing: the row is the session."""


class LoggedIn(UserMixin):  # type: ignore[misc]  # flask-login is untyped
    """flask-login's user: a visitor."""

    def __init__(self, visitor: Visitor) -> None:
        """Hold the visitor."""
        self.visitor = visitor

    def get_id(self) -> str:
        """Return the handle of the launch session."""
        return self.visitor.handle


def session_cookie_name(handle: str) -> str:
    """Return the name of a launch session's cookie."""
    return f"__Host-s-{handle}"


def set_launch_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that works in a platform's frame: Partitioned, SameSite=None, Secure, HttpOnly."""
    response.set_cookie(
        name, value, max_age=seconds, secure=True, httponly=True, samesite="None", path="/", partitioned=True
    )


def take_launch_cookie_back(response: Response, name: str) -> None:
    """Delete a cookie that `set_launch_cookie` set."""
    set_launch_cookie(response, name, "", 0)


def visitor() -> Visitor:
    """Return the visitor of this request; the one typed door to flask-login.

    Raises:
        NotLaunchedError: there is no live session.
        AccountExpiredError: it was an emergency account's.
        SessionEndedError: it was ended by somebody.
    """
    if not current_user.is_authenticated:
        if _was_account():
            raise AccountExpiredError
        raise SessionEndedError if _was_ended() else NotLaunchedError
    found: Visitor = current_user.visitor
    return found


def _was_account() -> bool:
    from flask import session  # noqa: PLC0415 - the request's own session

    handle = session.get("_user_id")
    return handle is not None and is_of_account(reading(), handle, session.secret)  # type: ignore[attr-defined]  # LaunchedSession


def _was_ended() -> bool:
    from flask import session  # noqa: PLC0415 - the request's own session

    handle = session.get("_user_id")
    return handle is not None and was_ended(reading(), handle, session.secret)  # type: ignore[attr-defined]  # LaunchedSession


def init_app(app: Flask) -> None:
    """Set the session interface, the guard and the headers."""
    app.session_interface = LaunchSessionInterface()
    app.config["REMEMBER_COOKIE_NAME"] = ";"  # no cookie can be called so: nothing is remembered beyond a launch
    # Without flask-login's context processor: a page that reports a broken database must not ask it for the visitor.
    login_manager = LoginManager(app, add_context_processor=False)
    login_manager.session_protection = None  # the cookie is bound to its address already
    login_manager.user_loader(load_visitor)
    app.before_request(guard)
    app.after_request(harden)


def load_visitor(handle: str) -> LoggedIn | None:
    """Return the visitor of a live session for flask-login."""
    from flask import session  # noqa: PLC0415 - the request's own session

    found = find_visitor(reading(), handle, session.secret, now())  # type: ignore[attr-defined]  # LaunchedSession
    return None if found is None else LoggedIn(found)


def guard() -> None:
    """Refuse whoever lacks what the view asks for, before it runs.

    Raises:
        NotLaunchedError: there is no live session.
        NotPermittedError: the visitor lacks the right.
        FormTokenError: a form came without the session's token.
    """
    if request.endpoint is None:
        return
    view = current_app.view_functions[request.endpoint]
    permission = getattr(view, "permission", Permission.LEARN)
    if permission is None:
        set_language(browser_language())
        return
    asking = visitor()
    keep_to(asking.organisation.id)
    set_language(asking.language)
    if asking.platform_address is not None:
        allow_frames_of(asking.platform_address)
    if not asking.may(permission):
        raise NotPermittedError(permission)
    if request.method not in {"GET", "HEAD"}:
        request.max_content_length = getattr(view, "largest_body", request.max_content_length)
        _check_form_token()
    if asking.needs_touch or asking.account_id is not None:
        with transaction() as session:
            touch(session, asking.handle, now())
            if asking.account_id is not None:
                note_use(session, asking, request.endpoint, request.method, now())


def _check_form_token() -> None:
    from flask import session  # noqa: PLC0415 - the request's own session

    # Forms come from the session's own pages. Browsers that say where a request comes from are believed when they say no.
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise FormTokenError
    sent = request.form.get("form_token", "")
    if not hmac.compare_digest(sent.encode(), session.form_token.encode()):  # type: ignore[attr-defined]  # LaunchedSession
        raise FormTokenError


def csp_nonce() -> str:
    """Return this response's nonce for the scripts that the template names."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def harden(response: Response) -> Response:
    """Set the security headers; a page of a launch may be framed by its own platform alone."""
    policy = (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; font-src 'self'; connect-src 'self'; "
        f"script-src 'nonce-{csp_nonce()}'; form-action {_form_targets()}; base-uri 'none'; "
        f"frame-ancestors {_frame_ancestors()}"
    )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # The address of an invitation is a secret: it is told to no page that it leads to.
    response.headers["Referrer-Policy"] = "no-referrer" if request.path.startswith(_SECRET_ADDRESSES) else "same-origin"
    if not tool().settings.is_loopback_http:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.path.startswith(("/s/", "/lti/", "/pledge/", "/admin/")):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def allow_frames_of(platform_address: str) -> None:
    """Let this response be framed by the pages of a platform, given any address of it."""
    g.frame_origins = {origin_of(platform_address)}


def forbid_frames() -> None:
    """Let this response be framed by nobody, its platform neither: what is signed is seen as a page of its own."""
    g.is_unframable = True


def is_framed_request() -> bool:
    """Tell whether the browser says that what it asks for is to be shown within a frame."""
    return request.headers.get("Sec-Fetch-Dest", "") in _FRAMED


def _frame_ancestors() -> str:
    if g.get("is_unframable", False):
        return "'none'"
    return " ".join(sorted(g.get("frame_origins", ()))) or "'none'"


def post_only_to(address: str) -> None:
    """Let the forms of this response lead to the origin of an address, and nowhere else."""
    g.form_origin = origin_of(address)


def _form_targets() -> str:
    """Return where forms may lead to: Chromium applies form-action to the redirects of a submitted form too."""
    if "form_origin" in g:
        return str(g.form_origin)
    return " ".join(["'self'", *sorted(g.get("frame_origins", ()))])
