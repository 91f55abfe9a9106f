"""Logins and launches: from a platform's request to a session of ours, by rules 1, 6, 7 and 8 of lti.md.

A login is one row that serves once. Verifying the token happens between two short transactions, because it may have to
ask the platform for its keys.

Source: IMS Security Framework 1.0 §5.1 (OpenID Connect launch flow); LTI Core 1.3.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlencode

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.lti.id_tokens import KeyFinder, LaunchRefused, Registration, verify_id_token
from lms.lti.keysets import KeysetUnavailable
from lms.lti.messages import Launch, read_launch
from lms.services.audit import note
from lms.services.opening import LaunchForbidden, OpenedSession, check_allowed, open_session
from lms.store.accounts import SignInAttempt
from lms.store.base import Database
from lms.store.launches import DeepLinkingRequest, HandoverTicket, LaunchSession, PendingLogin
from lms.store.platforms import Platform, RegistrationRequest, deployments_of

LOGIN_LIFETIME = timedelta(minutes=5)
_FIRST_SEEN = 5
"""Rows that a launch may be the first to write: identity, course, activity, visit, delivery."""


class LoginFault(StrEnum):
    """Why a login was refused, or its launch; stable codes for audit events."""

    REGISTRATION_UNKNOWN = "registration_unknown"
    HINT_MISSING = "login_hint_missing"
    TARGET_FOREIGN = "target_foreign"
    LOGIN_MALFORMED = "login_malformed"
    """A field stands there twice, is too long, or holds what no address or hint does."""
    ANSWER_MALFORMED = "answer_malformed"
    """State or token stands there twice."""
    REGISTRATION_WAITING = "registration_waiting"
    """A platform was registered from there, and nobody has approved it yet."""
    REGISTRATION_STOPPED = "registration_stopped"
    """Nobody comes in by it any more."""
    STATE_MISSING = "state_missing"
    STATE_UNKNOWN = "state_unknown"
    STATE_USED = "state_used"
    STATE_EXPIRED = "state_expired"
    BROWSER_CHANGED = "browser_changed"


class LoginRefused(Exception):
    """A login, or the answer to it, is not to be trusted."""

    def __init__(self, code: LoginFault, platform_id: int | None = None, organisation_id: int | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.platform_id = platform_id
        self.organisation_id = organisation_id


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What a platform sends to start a login; names are those of the specification."""

    issuer: str
    login_hint: str
    target_link_uri: str
    client_id: str | None
    message_hint: str | None
    deployment_hint: str | None


def registration_of(session: Session, platform: Platform) -> Registration:
    """Return a platform's registration as the LTI code takes it."""
    return Registration(
        id=platform.id,
        organisation_id=platform.organisation_id,
        issuer=platform.issuer,
        client_id=platform.client_id,
        authorization_url=platform.authorization_url,
        token_url=platform.token_url,
        keyset_url=platform.keyset_url,
        deployments=deployments_of(session, platform.id),
        trusted_audiences=frozenset(platform.trusted_audiences),
    )


def check_login(session: Session, request: LoginRequest, launch_url: str) -> Platform:
    """Return the platform that a login request comes from.

    Raises:
        LoginRefused: nobody registered it, it lacks its hint, or it would end somewhere else than here.
    """
    wanted = [Platform.issuer == request.issuer, Platform.stopped_at.is_(None)]
    if request.client_id is not None:
        wanted.append(Platform.client_id == request.client_id)
    platforms = session.scalars(select(Platform).where(*wanted).limit(2)).all()
    if len(platforms) != 1:
        raise _unregistered(session, request)
    platform = platforms[0]
    if not request.login_hint:
        raise LoginRefused(LoginFault.HINT_MISSING, platform.id, platform.organisation_id)
    if request.target_link_uri != launch_url:
        raise LoginRefused(LoginFault.TARGET_FOREIGN, platform.id, platform.organisation_id)
    return platform


def _unregistered(session: Session, request: LoginRequest) -> LoginRefused:
    """Tell a registration that was stopped or waits for approval from one that nobody knows."""
    stopped = select(Platform.organisation_id).where(
        Platform.issuer == request.issuer, Platform.stopped_at.is_not(None)
    )
    waiting = select(RegistrationRequest.organisation_id).where(
        RegistrationRequest.issuer == request.issuer, RegistrationRequest.state == "waiting"
    )
    if request.client_id is not None:
        stopped = stopped.where(Platform.client_id == request.client_id)
        waiting = waiting.where(RegistrationRequest.client_id == request.client_id)
    for query, code in ((stopped, LoginFault.REGISTRATION_STOPPED), (waiting, LoginFault.REGISTRATION_WAITING)):
        organisation_id = session.scalar(query.limit(1))
        if organisation_id is not None:
            return LoginRefused(code, None, organisation_id)
    return LoginRefused(LoginFault.REGISTRATION_UNKNOWN)


def begin_login(
    session: Session, platform: Platform, request: LoginRequest, browser_secret: str, now: datetime
) -> tuple[str, str]:
    """Keep a login that binds state, nonce, registration, target and browser; return where to go next, and the state."""
    state = secrets.token_urlsafe(32)
    nonce = secrets.token_urlsafe(32)
    session.add(
        PendingLogin(
            state_hash=_hash(state),
            organisation_id=platform.organisation_id,
            platform_id=platform.id,
            nonce=nonce,
            browser_hash=_hash(browser_secret),
            target_link_uri=request.target_link_uri,
            deployment_hint=request.deployment_hint,
            created_at=now,
            consumed_at=None,
        )
    )
    query = {
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": request.target_link_uri,
        "state": state,
        "nonce": nonce,
        "login_hint": request.login_hint,
    }
    if request.message_hint is not None:
        query["lti_message_hint"] = request.message_hint
    joiner = "&" if "?" in platform.authorization_url else "?"
    return f"{platform.authorization_url}{joiner}{urlencode(query)}", state


def platform_address_of(session: Session, state: str) -> str | None:
    """Return an address of the platform that a login went to; None for a state that is not one of ours."""
    return session.scalar(
        select(Platform.authorization_url)
        .join(PendingLogin, PendingLogin.platform_id == Platform.id)
        .where(PendingLogin.state_hash == _hash(state))
    )


def login_cookie_name(state: str) -> str:
    """Return the name under which the browser keeps the secret of one login, from the state that comes back."""
    return f"__Host-l-{sha256(state.encode()).hexdigest()[:16]}"


def complete_launch(
    database: Database,
    keys: KeyFinder,
    answer: tuple[str, str],
    browser_secret: str | None,
    now: datetime,
    browser: str | None = None,
) -> OpenedSession:
    """Verify a platform's answer to a login, consume the login, and open a session for it.

    Args:
        database: where the login is kept; opened here for two short transactions.
        keys: where the platform's public keys are found.
        answer: ``state`` and ``id_token`` as posted.
        browser_secret: what the browser's login cookie held.
        now: the present time.
        browser: the browser in a few words, for the session's owner to know it by.

    Raises:
        LoginRefused: the state is not one of ours, or not any more, or of another browser.
        LaunchRefused: the token or the message is not to be trusted.
        LaunchForbidden: the launch is genuine, and not for this person.
        KeysetUnavailable: the platform's keys are out of reach.
    """
    state, id_token = answer
    if not state:
        raise LoginRefused(LoginFault.STATE_MISSING)
    with database.reading() as session:
        login = session.get(PendingLogin, _hash(state))
        _check_pending(login, browser_secret, now)
        assert login is not None  # noqa: S101 - _check_pending refuses None; this tells mypy
        platform = session.get_one(Platform, login.platform_id)
        if platform.stopped_at is not None:
            raise LoginRefused(LoginFault.REGISTRATION_STOPPED, platform.id, platform.organisation_id)
        registration = registration_of(session, platform)
    try:
        claims = verify_id_token(id_token, registration, keys, login.nonce, now)
        launch = read_launch(claims, registration, login.target_link_uri, login.deployment_hint)
        check_allowed(launch)
    except (LaunchRefused, LaunchForbidden) as refused:
        with database.transaction() as session:
            _consume(session, login, now)
            _note_refused(session, registration, now, code=str(refused.code))
        raise
    except KeysetUnavailable as fault:
        # Nothing was said about the token: the login stays good, and the page may be reloaded.
        with database.transaction() as session:
            _note_refused(session, registration, now, code="keys_unavailable", reason=fault.reason)
        raise
    for _ in range(_FIRST_SEEN):
        # Whoever opens an activity in the same moment may write one of its rows first; the next try finds it.
        with suppress(IntegrityError):
            return _consume_and_open(database, platform, login, launch, now, browser)
    return _consume_and_open(database, platform, login, launch, now, browser)


def _note_refused(session: Session, registration: Registration, now: datetime, **facts: str) -> None:
    organisation_id = registration.organisation_id
    note(session, "launch.refused", "anonymous", now, organisation_id, **facts, platform=registration.id)


def _consume_and_open(
    database: Database, platform: Platform, login: PendingLogin, launch: Launch, now: datetime, browser: str | None
) -> OpenedSession:
    with database.transaction() as session:
        if not _consume(session, login, now):
            raise LoginRefused(LoginFault.STATE_USED, platform.id, platform.organisation_id)
        return open_session(session, platform, launch, now, browser)


def _check_pending(login: PendingLogin | None, browser_secret: str | None, now: datetime) -> None:
    if login is None:
        raise LoginRefused(LoginFault.STATE_UNKNOWN)
    where = (login.platform_id, login.organisation_id)
    if browser_secret is None or not hmac.compare_digest(login.browser_hash, _hash(browser_secret)):
        raise LoginRefused(LoginFault.BROWSER_CHANGED, *where)
    if login.consumed_at is not None:
        raise LoginRefused(LoginFault.STATE_USED, *where)
    if not timedelta(minutes=-1) <= now - login.created_at <= LOGIN_LIFETIME:
        raise LoginRefused(LoginFault.STATE_EXPIRED, *where)


def _consume(session: Session, login: PendingLogin, now: datetime) -> bool:
    """Use the login up; False if another request was quicker."""
    result = session.execute(
        update(PendingLogin)
        .where(PendingLogin.state_hash == login.state_hash, PendingLogin.consumed_at.is_(None))
        .values(consumed_at=now)
    )
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE has one


def purge(session: Session, now: datetime) -> int:
    """Delete logins, hand-over tickets and sessions that can serve no more; return how many logins and sessions."""
    session.execute(delete(HandoverTicket).where(HandoverTicket.created_at < now - timedelta(days=1)))
    over = LaunchSession.expires_at < now - timedelta(days=7)
    answered = DeepLinkingRequest.handle.in_(select(LaunchSession.handle).where(over))
    session.execute(delete(DeepLinkingRequest).where(answered))
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - timedelta(days=1)))
    logins = session.execute(delete(PendingLogin).where(PendingLogin.created_at < now - timedelta(days=1)))
    sessions = session.execute(delete(LaunchSession).where(over))
    return int(logins.rowcount + sessions.rowcount)  # type: ignore[attr-defined]  # a DELETE has one


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
