"""The token endpoint: a service token for a signed assertion (``private_key_jwt``).

Source: 1EdTech Security Framework 1.0, section 4.1; RFC 7523. The departures are named in the profile.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jwt
import requests
from flask import Response
from jwt.types import Options

from tests.practice_lms.model import ToolRegistration
from tests.practice_lms.state import AccessToken

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# By the platform's clock and habits, in _check_claims.
_CHECKED_LATER: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}


class TokenRefusedError(Exception):
    """No token. ``error`` is what the reply says, an OAuth code or Moodle's own sentence."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class KeySetUnreadableError(Exception):
    """The tool's key set cannot be read."""


def token_reply(lms: "PracticeLms", form: Mapping[str, str]) -> Response:
    """Answer a token request, and log it."""
    try:
        tool, scopes = _granted_scopes(lms, form)
    except TokenRefusedError as refused:
        lms.record("token", "", form.get("scope", ""), 400, refused.error)
        return _reply(lms, _error_body(lms, refused.error), 400)
    lms.record("token", "", " ".join(scope.rsplit("/", 1)[-1] for scope in scopes), 200)
    body = {
        "access_token": issue_token(lms, scopes, tool.client_id),
        "token_type": "Bearer",
        "expires_in": lms.profile.access_token_lifetime,
        "scope": " ".join(scopes),
    }
    return _reply(lms, json.dumps(body), 200)


def issue_token(lms: "PracticeLms", scopes: tuple[str, ...], client_id: str = "") -> str:
    """A new service token, for the first tool unless another is named; expired ones are forgotten on the way."""
    token = secrets.token_hex(32)
    now = lms.clock.timestamp()
    with lms.state.lock:
        tokens = {name: kept for name, kept in lms.state.access_tokens.items() if kept.expires > now}
        tokens[token] = AccessToken(
            scopes, now + lms.profile.access_token_lifetime, lms.registration(client_id).client_id
        )
        lms.state.access_tokens = tokens
    return token


def tool_of_token(
    lms: "PracticeLms", authorization: str, scopes: tuple[str, ...], deployment_id: str | None
) -> ToolRegistration | None:
    """The tool whose token in force the header brings, if it carries one of the scopes and is for this deployment."""
    scheme, _, name = authorization.partition(" ")
    with lms.state.lock:
        token = lms.state.access_tokens.get(name.strip())
    if scheme.lower() != "bearer" or token is None or token.expires <= lms.clock.timestamp():
        return None
    tool = lms.registration(token.client_id)
    if deployment_id not in {None, tool.deployment_id}:
        return None
    return tool if any(scope in token.scopes for scope in scopes) else None


def _reply(lms: "PracticeLms", body: str, status: int) -> Response:
    media_type = "text/html" if lms.profile.token_replies_as_html else "application/json"
    return Response(body, status, content_type=f"{media_type}; charset=utf-8")


def _error_body(lms: "PracticeLms", error: str) -> str:
    if lms.profile.token_replies_as_html:
        # Moodle assembles this by hand: a quotation mark in the message makes the JSON invalid (seen 2026-11).
        return f'{{\r\n  "error" : "{error}"\r\n}}'
    return json.dumps({"error": error})


def _granted_scopes(lms: "PracticeLms", form: Mapping[str, str]) -> tuple[ToolRegistration, tuple[str, ...]]:
    if any(not form.get(name) for name in ("grant_type", "client_assertion_type", "client_assertion", "scope")):
        raise TokenRefusedError("invalid_request")
    if form["grant_type"] != "client_credentials":
        raise TokenRefusedError("unsupported_grant_type")
    if form["client_assertion_type"] != ASSERTION_TYPE:
        raise TokenRefusedError("invalid_request")
    tool = _asking_tool(lms, form["client_assertion"])
    claims = _verified_claims(lms, tool, form["client_assertion"])
    _check_claims(lms, tool, claims)
    granted = tuple(scope for scope in form["scope"].split() if scope in tool.scopes)
    if not granted:
        raise TokenRefusedError("invalid_scope")
    return tool, granted


def _asking_tool(lms: "PracticeLms", assertion: str) -> ToolRegistration:
    """The tool that an assertion, not yet verified, says it is from."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise TokenRefusedError("invalid_request") from None
    for tool in lms.registrations():
        if tool.client_id == claims.get("iss"):
            return tool
    raise TokenRefusedError("invalid_client")


def _verified_claims(lms: "PracticeLms", tool: ToolRegistration, assertion: str) -> dict[str, Any]:
    keys = _candidate_keys(lms, tool, jwt.get_unverified_header(assertion).get("kid"))
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], options=_CHECKED_LATER)
        except jwt.InvalidTokenError:
            continue
        return claims
    raise TokenRefusedError("Signature verification failed")


def _candidate_keys(lms: "PracticeLms", tool: ToolRegistration, kid: str | None) -> list[jwt.PyJWK]:
    if kid is None and lms.profile.kid_is_mandatory:
        raise TokenRefusedError("error/Error: kid must be provided in JWT header.")
    try:
        keys = keys_of_tool(lms, tool, kid)
    except KeySetUnreadableError as unreadable:
        raise TokenRefusedError(f"The tool's key set cannot be read: {unreadable}") from unreadable
    if kid is None:
        return list(keys.values())
    if kid not in keys:
        raise TokenRefusedError('"kid" invalid, unable to lookup correct key')
    return [keys[kid]]


def keys_of_tool(lms: "PracticeLms", tool: ToolRegistration, kid: str | None) -> dict[str, jwt.PyJWK]:
    """The tool's key set by ``kid``, read again where it does not hold the one that is looked for.

    Raises:
        KeySetUnreadableError: It is not known yet or lacks the key, and cannot be read; the text says what went wrong.
    """
    known = lms.tool_keys.get(tool.client_id, {})
    if kid in known:
        return known
    try:
        document = lms.fetch_jwks(tool.jwks_url)
        lms.tool_keys[tool.client_id] = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
    except (requests.RequestException, jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise KeySetUnreadableError(type(error).__name__) from error
    return lms.tool_keys[tool.client_id]


def _check_claims(lms: "PracticeLms", tool: ToolRegistration, claims: dict[str, Any]) -> None:
    now, client_id = lms.clock.timestamp(), tool.client_id
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise TokenRefusedError("invalid_client")
    _check_presence(lms, claims)
    if _is_number(claims.get("exp")) and claims["exp"] <= now:
        raise TokenRefusedError("Expired token")
    if _is_number(claims.get("iat")) and claims["iat"] > now + lms.profile.future_iat_leeway:
        moment = datetime.fromtimestamp(claims["iat"], ZoneInfo(lms.profile.server_timezone))
        raise TokenRefusedError(f"Cannot handle token with iat prior to {moment:%Y-%m-%dT%H:%M:%S%z}")
    if lms.profile.checks_assertion_audience:
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not {f"{lms.config.issuer}/mod/lti/token.php", lms.config.issuer} & set(named):
            raise TokenRefusedError("invalid_client")
    if lms.profile.refuses_reused_assertion:
        _use_once(lms, claims.get("jti"))


def _check_presence(lms: "PracticeLms", claims: dict[str, Any]) -> None:
    is_whole = _is_number(claims.get("exp")) and _is_number(claims.get("iat")) and isinstance(claims.get("jti"), str)
    if lms.profile.assertion_needs_everything and not is_whole:
        raise TokenRefusedError("invalid_client")


def _use_once(lms: "PracticeLms", jti: object) -> None:
    with lms.state.lock:
        if not isinstance(jti, str) or jti in lms.state.used_assertions:
            raise TokenRefusedError("invalid_client")
        lms.state.used_assertions.add(jti)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
