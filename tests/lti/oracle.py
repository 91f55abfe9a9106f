"""A second opinion on what may come in, written from the specification and not from the tool's code.

Source: 1EdTech Security Framework 1.0 §5.1.3; LTI Core 1.3 §5; RFC 7515 §5.2; RFC 6749 §3.1; rules 1, 2 and 9 of the design.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Pairs = list[tuple[str, str]]
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
LOGIN_FIELDS = ("iss", "login_hint", "target_link_uri", "client_id", "lti_message_hint", "lti_deployment_id")


@dataclass(frozen=True)
class Login:
    """A login that waits for its answer."""

    state: str
    nonce: str
    secret: str
    """What the browser's cookie for it holds."""


@dataclass(frozen=True)
class Request:
    """A request as it is sent."""

    method: str
    query: Pairs = field(default_factory=list)
    form: Pairs = field(default_factory=list)
    content_type: str = "application/x-www-form-urlencoded"
    cookies: Pairs = field(default_factory=list)
    headers: Pairs = field(default_factory=list)
    """Beside those of the cookies and of the body; they say nothing about a launch."""


@dataclass(frozen=True)
class Opened:
    """Whom a genuine launch lets in, and where."""

    sub: str
    link_id: str | None
    """None while content is chosen."""


@dataclass
class Oracle:
    """What one registration allows at one moment."""

    issuer: str
    client_id: str
    deployment_id: str
    target: str
    keys: dict[str, rsa.RSAPublicKey]
    now: float
    waiting: dict[str, Login] = field(default_factory=dict)
    """Logins that have not been answered, by their state."""

    def begins(self, request: Request) -> bool:
        """Tell whether a login request may go on to the platform."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return False
        sent = request.query + (self._form(request) if request.method == "POST" else [])
        fields: dict[str, str] = {}
        for name, value in sent:
            if name in LOGIN_FIELDS:
                if name in fields or len(value) > 4096 or "\0" in value:
                    return False
                fields[name] = value
        return (
            fields.get("iss") == self.issuer
            and fields.get("client_id") in {None, "", self.client_id}
            and fields.get("target_link_uri") == self.target
            and bool(fields.get("login_hint"))
        )

    def opens(self, request: Request) -> Opened | None:
        """Tell whom a launch lets in; None if it is not genuine."""
        sent = self._form(request) if request.method == "POST" else []
        states, tokens = [[value for name, value in sent if name == wanted] for wanted in ("state", "id_token")]
        if len(states) != 1 or len(tokens) != 1 or states[0] not in self.waiting:
            return None
        login = self.waiting[states[0]]
        cookie = f"__Host-l-{sha256(login.state.encode()).hexdigest()[:16]}"
        # White space around a name and a value is not part of them (RFC 6265 §5.2).
        if (cookie, login.secret) not in {(name.strip(), value.strip()) for name, value in request.cookies}:
            return None
        claims = self._signed(tokens[0])
        if claims is None or not (self._is_for_us(claims, login) and self._is_fresh(claims)):
            return None
        return self._read(claims)

    @staticmethod
    def _form(request: Request) -> Pairs:
        return request.form if request.content_type in FORMS else []

    def _signed(self, token: str) -> dict[str, Any] | None:
        parts = token.split(".")
        if len(parts) != 3 or len(token) > 65_536:
            return None
        decoded = [_decode(part) for part in parts]
        if any(part is None for part in decoded):
            return None
        header, claims = (_object(part or b"") for part in decoded[:2])
        if header is None or claims is None or header.get("alg") != "RS256" or {"crit", "b64"} & set(header):
            return None
        kid = header.get("kid")
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            return None
        try:
            signed = f"{parts[0]}.{parts[1]}".encode()
            key.verify(decoded[2] or b"", signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return None
        return claims

    def _is_for_us(self, claims: dict[str, Any], login: Login) -> bool:
        return (
            claims.get("iss") == self.issuer
            and _names_alone(claims.get("aud"), self.client_id)
            and claims.get("azp", self.client_id) == self.client_id
            and claims.get("nonce") == login.nonce
            and claims.get(CLAIM + "deployment_id") == self.deployment_id
            and claims.get(CLAIM + "target_link_uri") == self.target
            and claims.get(CLAIM + "version") == "1.3.0"
            and self._is_allowed(claims)
        )

    def _is_allowed(self, claims: dict[str, Any]) -> bool:
        """Whether this person may have what this kind of message asks for."""
        kind = claims.get(CLAIM + "message_type")
        if kind == "LtiDeepLinkingRequest":
            settings = claims.get(SETTINGS)
            is_chooser = _has_role(claims, "Instructor", "Administrator", "ContentDeveloper")
            return is_chooser and isinstance(settings, dict) and self._can_be_answered(settings)
        if kind == "LtiSubmissionReviewRequest":
            whose = claims.get(CLAIM + "for_user")
            user_id = whose.get("user_id") if isinstance(whose, dict) else None
            return _is_id(user_id) and (user_id == claims.get("sub") or _has_role(claims, "Instructor"))
        return bool(kind == "LtiResourceLinkRequest")

    def _can_be_answered(self, settings: dict[str, Any]) -> bool:
        types, url = settings.get("accept_types"), settings.get("deep_link_return_url")
        if not isinstance(types, list) or "ltiResourceLink" not in types or not isinstance(url, str):
            return False
        home = f"{self.issuer}/"
        return url.startswith((home, f"{self.issuer}?", f"{self.issuer}#")) or url == self.issuer

    def _is_fresh(self, claims: dict[str, Any]) -> bool:
        issued, expires, begins = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
        if any(type(each) not in (int, float) for each in (issued, expires, begins)):
            return False
        return bool(
            self.now - 600 <= issued <= self.now + 60
            and self.now - 60 < expires
            and 0 < expires - issued <= 3600
            and begins <= self.now + 60
        )

    @staticmethod
    def _read(claims: dict[str, Any]) -> Opened | None:
        roles, link, sub = claims.get(CLAIM + "roles"), claims.get(CLAIM + "resource_link"), claims.get("sub")
        is_choosing = claims[CLAIM + "message_type"] == "LtiDeepLinkingRequest"
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            return None
        link_id = link.get("id") if isinstance(link, dict) else None
        if not _is_id(sub) or not (is_choosing or _is_id(link_id)):
            return None
        if any("\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text) for text in _texts(claims)):
            return None
        return Opened(str(sub), None if is_choosing else str(link_id))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _has_role(claims: dict[str, Any], *names: str) -> bool:
    roles = claims.get(CLAIM + "roles")
    wanted = {*names, *(MEMBERSHIP + name for name in names)}
    return isinstance(roles, list) and any(isinstance(role, str) and role in wanted for role in roles)


def _names_alone(audience: Any, client_id: str) -> bool:
    """Whether an audience is this client, once or more often, and nobody else."""
    named = audience if isinstance(audience, list) else [audience]
    return bool(named) and all(each == client_id for each in named)


def _decode(part: str) -> bytes | None:
    """The bytes of one part of a token, if it is their one and only spelling."""
    try:
        found = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return found if found and base64.urlsafe_b64encode(found).decode().rstrip("=") == part else None


def _object(data: bytes) -> dict[str, Any] | None:
    """A JSON object in UTF-8 in which no name stands twice."""
    is_twice = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal is_twice
        is_twice = is_twice or len({name for name, _ in pairs}) < len(pairs)
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=look, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not is_twice else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
