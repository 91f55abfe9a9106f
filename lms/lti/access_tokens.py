"""Access tokens for a platform's services: asked for with a signed assertion, kept until shortly before they expire.

Source: 1EdTech Security Framework 1.0, section 4.1; RFC 6749 section 4.4; RFC 7523.
"""

import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from lms.lti.http import HttpReply, PlatformHttp
from lms.lti.id_tokens import Registration
from lms.lti.tool_keys import ToolKey

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BACK_DATED: Final = timedelta(seconds=5)
"""Moodle 4.5 has no leeway at all for an `iat` in its future (seen 2026-11)."""
ASSERTION_LIFETIME: Final = timedelta(minutes=5)
RENEW_BEFORE: Final = timedelta(seconds=60)
MAX_TOKEN_LENGTH: Final = 8192
MAX_EXPIRES_IN: Final = 7 * 24 * 3600
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_OAUTH_ERRORS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


class AccessTokenFault(Exception):
    """The platform gave no usable access token."""


class TokenRefused(AccessTokenFault):
    """The token endpoint answered with an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        """The OAuth error code, or "other": platforms write free text there (Moodle 4.5, seen 2026-11)."""


class TokenReplyMalformed(AccessTokenFault):
    """The token endpoint's reply is not a bearer token; carries the part that is wrong."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


class ScopesNotGranted(AccessTokenFault):
    """The platform left out scopes that were asked for."""

    def __init__(self, missing: frozenset[str]) -> None:
        super().__init__(*sorted(missing))
        self.missing = missing


@dataclass(frozen=True)
class ServiceCall:
    """One call to a platform's service."""

    scopes: frozenset[str]
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Kept:
    token: str = field(repr=False)
    obtained_at: datetime
    usable_until: datetime


_Place = tuple[str, str, frozenset[str]]


class Signers(Protocol):
    """Where the key that signs is found, at each signature anew."""

    def signer(self, now: datetime) -> ToolKey:
        """The key that signs at a moment."""
        ...


class AccessTokens:
    """The access tokens of this process, for all registrations."""

    def __init__(self, http: PlatformHttp, keys: Signers) -> None:
        self._http = http
        self._keys = keys
        self._kept: dict[_Place, _Kept] = {}
        self._lock = threading.Lock()

    def token(self, registration: Registration, scopes: frozenset[str], now: datetime) -> str:
        """A token that is good for at least some seconds more.

        Raises:
            AccessTokenFault: The platform refused, or answered nonsense.
            OutgoingFault: The platform could not be asked.
        """
        place = (registration.client_id, registration.token_url, scopes)
        with self._lock:
            kept = self._kept.get(place)
        if kept is not None and kept.obtained_at <= now < kept.usable_until:
            return kept.token
        fresh = self._ask(registration, scopes, now)
        with self._lock:
            self._kept[place] = fresh
        return fresh.token

    def forget(self, registration: Registration, scopes: frozenset[str], refused: str) -> None:
        """Give up a token that the platform refused, unless another call has renewed it meanwhile."""
        place = (registration.client_id, registration.token_url, scopes)
        with self._lock:
            kept = self._kept.get(place)
            if kept is not None and kept.token == refused:
                del self._kept[place]

    def _ask(self, registration: Registration, scopes: frozenset[str], now: datetime) -> _Kept:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._keys.signer(now).sign(_assertion(registration, now)),
            "scope": " ".join(sorted(scopes)),
        }
        reply = self._http.request(
            "POST",
            registration.token_url,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(form).encode(),
            origin_allowlist=registration.origins,
        )
        return _read_reply(reply, scopes, now)


def call_service(
    http: PlatformHttp, tokens: AccessTokens, registration: Registration, call: ServiceCall, now: datetime
) -> HttpReply:
    """Make a call with a token; if the platform answers 401, once more with a new one.

    Raises:
        AccessTokenFault: No token was to be had.
        OutgoingFault: The platform could not be reached, or the address is not one of the registration's origins.
    """
    for _ in range(2):
        token = tokens.token(registration, call.scopes, now)
        reply = http.request(
            call.method,
            call.url,
            headers=call.headers,
            body=call.body,
            origin_allowlist=registration.origins,
            bearer=token,
        )
        if reply.status != 401:
            break
        tokens.forget(registration, call.scopes, token)
    return reply


def _assertion(registration: Registration, now: datetime) -> dict[str, Any]:
    return {
        "iss": registration.client_id,
        "sub": registration.client_id,
        "aud": registration.token_url,
        "iat": int((now - BACK_DATED).timestamp()),
        "exp": int((now + ASSERTION_LIFETIME).timestamp()),
        "jti": secrets.token_urlsafe(24),
    }


def _read_reply(reply: HttpReply, scopes: frozenset[str], now: datetime) -> _Kept:
    # The media type says nothing: Moodle 4.5 answers its JSON as text/html (seen 2026-11).
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        value = None
    if reply.status != 200:
        error = value.get("error") if isinstance(value, dict) else None
        known = isinstance(error, str) and error in _OAUTH_ERRORS
        raise TokenRefused(reply.status, str(error) if known else "other")
    if not isinstance(value, dict):
        raise TokenReplyMalformed("body")
    token = _read_token(value)
    _check_granted(value.get("scope"), scopes)
    usable = max(timedelta(0), timedelta(seconds=_read_lifetime(value)) - RENEW_BEFORE)
    return _Kept(token, now, now + usable)


def _read_token(value: dict[str, Any]) -> str:
    token = value.get("access_token")
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(token):
        raise TokenReplyMalformed("access_token")
    kind = value.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenReplyMalformed("token_type")
    return token


def _read_lifetime(value: dict[str, Any]) -> int:
    """Seconds that the token lasts; 0, so that it is not kept, where the platform does not say."""
    seconds = value.get("expires_in", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
        raise TokenReplyMalformed("expires_in")
    return min(seconds, MAX_EXPIRES_IN)


def _check_granted(granted: object, scopes: frozenset[str]) -> None:
    """An absent scope means all of them; Moodle silently leaves out those that it does not grant."""
    if granted is None:
        return
    if not isinstance(granted, str):
        raise TokenReplyMalformed("scope")
    missing = scopes - set(granted.split())
    if missing:
        raise ScopesNotGranted(missing)
