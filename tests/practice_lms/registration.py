"""Dynamic registration: registration tokens, and tools that register themselves or update their registration.

Source: LTI Dynamic Registration 1.0; OpenID Connect Dynamic Client Registration. Checks, their order and
their words are those of Moodle 4.5 (its code read, and a registration seen, 2026-11).
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from jwt.types import Options

from tests.practice_lms.configuration import configuration_url
from tests.practice_lms.keys import sign
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE, ToolRegistration, domain_of

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
NEW_REGISTRATION, UPDATE_REGISTRATION = "reg", "reg-update"
NAME_CLAIMS = frozenset({"name", "given_name", "family_name"})
_LINE_ITEM, _LINE_ITEM_READ, _RESULT, _SCORE = AGS_SCOPES
# By the platform's clock, in _read_token.
_CHECKED_LATER: Options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}


class RegistrationRefusedError(Exception):
    """A registration is refused; ``reason`` is the whole body of the answer, as in Moodle, unless the status is 404."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    @property
    def body(self) -> str:
        """To a token that is past or not its own Moodle answers with a page of its site."""
        return "<!DOCTYPE html>\n<title>Error</title>\n" if self.status == 404 else self.reason


@dataclass(frozen=True)
class RegistrationStart:
    """What the tool's registration page is opened with."""

    openid_configuration: str
    """Address of the platform's configuration document."""
    token: str
    """Good for one registration, or for an update; sent as the bearer token."""

    def address(self, registration_url: str) -> str:
        """The tool's registration URL with both query parameters, as the administrator's browser opens it."""
        parts = urlsplit(registration_url)
        added = [("openid_configuration", self.openid_configuration), ("registration_token", self.token)]
        query = [*parse_qsl(parts.query, keep_blank_values=True), *added]
        return parts._replace(query=urlencode(query), fragment="").geturl()


@dataclass(frozen=True)
class _Token:
    subject: str
    is_update: bool


def begin_registration(lms: "PracticeLms", client_id: str | None) -> RegistrationStart:
    """A token for a new registration, or for an update of the named one.

    Raises:
        KeyError: There is no such registration to update.
    """
    now = int(lms.clock.timestamp())
    # In an update the subject is the deployment, in a new registration the client id that the tool will get.
    subject = new_client_id() if client_id is None else lms.registration(client_id).deployment_id
    claims = {
        "sub": subject,
        "scope": NEW_REGISTRATION if client_id is None else UPDATE_REGISTRATION,
        "iat": now,
        "exp": now + lms.profile.registration_lifetime,
    }
    key = lms.keys.current
    token = sign({"typ": "JWT", "alg": "RS256", "kid": key.kid}, claims, key.private_key)
    return RegistrationStart(configuration_url(lms), token)


def new_client_id() -> str:
    """Fifteen letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(15))


def receive_registration(lms: "PracticeLms", authorization: str, payload: object) -> ToolRegistration:
    """Register the tool that sends this, or update its registration.

    Raises:
        RegistrationRefusedError: The token does not serve, or the payload does not say what it must.
    """
    with lms.state.lock:
        token = _read_token(lms, authorization)
        if not isinstance(payload, dict):
            raise RegistrationRefusedError(400, "missing required attribute response_types")
        known = _registered(lms, token)
        if known is None:
            facts: dict[str, Any] = {"client_id": token.subject, "deployment_id": lms.next_deployment_id()}
            waits = lms.profile.registered_tools_wait
            facts |= {"is_active": not waits, "in_chooser": not waits}
        else:
            # The state stays; Moodle takes the tool out of the chooser, as each registration asks for that.
            facts = {"client_id": known.client_id, "deployment_id": known.deployment_id, "is_active": known.is_active}
            facts |= {"in_chooser": known.in_chooser and not lms.profile.registered_tools_wait}
        tool = ToolRegistration(**facts, **_tool_facts(lms, payload))
        lms.keep_registration(tool)
        if token.is_update and not lms.profile.update_tokens_serve_again:
            lms.state.used_registration_tokens.add(authorization)
        return tool


def read_registration(lms: "PracticeLms", authorization: str) -> ToolRegistration:
    """The registration that an update token names, for the tool to look at before it updates.

    Raises:
        RegistrationRefusedError: The token does not serve, or is one for a new registration.
    """
    tool = _registered(lms, _read_token(lms, authorization))
    if tool is None:
        raise RegistrationRefusedError(404, "No registration found.")
    return tool


def describe(lms: "PracticeLms", tool: ToolRegistration) -> dict[str, Any]:
    """What the platform answers to a registration."""
    configuration: dict[str, Any] = {
        "version": "1.3.0",
        "deployment_id": tool.deployment_id,
        "target_link_uri": tool.target_link_uri,
        "domain": tool.domain,
        "description": tool.description,
    }
    if tool.takes_deep_linking:
        message = {"type": "LtiDeepLinkingRequest", "target_link_uri": tool.deep_linking_url or tool.target_link_uri}
        configuration["messages"] = [message]
    if tool.custom_parameters:
        # Moodle keeps them as lines "name=value" and cuts the value at the next equals sign when it reads them back.
        configuration["custom_parameters"] = {
            name: value.split("=")[0] for name, value in tool.custom_parameters.items()
        }
    configuration["claims"] = _echoed_claims(lms, tool)
    return {
        "client_id": tool.client_id,
        "response_types": ["id_token"],
        "jwks_uri": tool.jwks_url,
        "initiate_login_uri": tool.login_url,
        "grant_types": ["client_credentials", "implicit"],
        "redirect_uris": list(tool.redirect_uris),
        "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt",
        "client_name": tool.name,
        "logo_uri": tool.logo_url,
        "scope": " ".join(_echoed_scopes(lms, tool)),
        TOOL_CONFIGURATION: configuration,
    }


def _read_token(lms: "PracticeLms", authorization: str) -> _Token:
    if not authorization.startswith("Bearer "):
        raise RegistrationRefusedError(401, "missing_registration_token")
    text = authorization.removeprefix("Bearer ").strip()
    claims = _verified(lms, text)
    if not isinstance(claims.get("exp"), int) or claims["exp"] <= lms.clock.timestamp():
        raise RegistrationRefusedError(404, "Expired token")
    scope, subject = claims.get("scope"), claims.get("sub")
    if scope not in {NEW_REGISTRATION, UPDATE_REGISTRATION} or not isinstance(subject, str):
        raise RegistrationRefusedError(403, "Incorrect scope")
    if scope == NEW_REGISTRATION and any(tool.client_id == subject for tool in lms.registrations()):
        raise RegistrationRefusedError(401, "token_already_used")
    if authorization in lms.state.used_registration_tokens:
        raise RegistrationRefusedError(401, "token_already_used")
    return _Token(subject, scope == UPDATE_REGISTRATION)


def _verified(lms: "PracticeLms", text: str) -> dict[str, Any]:
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        key = next(key for key in lms.keys.keys if key.kid == kid)
        claims: dict[str, Any] = jwt.decode(text, key.private_key.public_key(), ["RS256"], options=_CHECKED_LATER)
    except (jwt.InvalidTokenError, StopIteration):
        raise RegistrationRefusedError(404, "Signature verification failed") from None
    return claims


def _registered(lms: "PracticeLms", token: _Token) -> ToolRegistration | None:
    if not token.is_update:
        return None
    found = next((tool for tool in lms.registrations() if tool.deployment_id == token.subject), None)
    if found is None:
        raise RegistrationRefusedError(400, "Unknown client")
    return found


def _tool_facts(lms: "PracticeLms", payload: Mapping[str, Any]) -> dict[str, Any]:
    """What the platform takes from a registration; claims alone decide which personal data it will send."""
    needed = ("response_types", "initiate_login_uri", "redirect_uris", "client_name", "jwks_uri")
    for name in (*needed, "token_endpoint_auth_method", TOOL_CONFIGURATION):
        if not payload.get(name):
            raise RegistrationRefusedError(400, f"missing required attribute {name}")
    configuration = payload[TOOL_CONFIGURATION]
    target = _checked_target(configuration)
    _check_protocol(payload)
    claims = set(configuration.get("claims") or ())
    messages = [entry for entry in configuration.get("messages") or () if entry.get("type") == "LtiDeepLinkingRequest"]
    return {
        "login_url": payload["initiate_login_uri"],
        "redirect_uris": tuple(payload["redirect_uris"]),
        "jwks_url": payload["jwks_uri"],
        "target_link_uri": target,
        "name": payload["client_name"],
        "domain": domain_of(configuration["domain"]),
        "description": configuration.get("description") or "",
        "logo_url": payload.get("logo_uri") or "",
        "custom_parameters": {name: str(value) for name, value in (configuration.get("custom_parameters") or {}).items()},
        "scopes": _granted_scopes(lms, payload.get("scope")),
        "takes_deep_linking": bool(messages),
        "deep_linking_url": messages[-1].get("target_link_uri", "") if messages else "",
        "sends_names": bool(claims & NAME_CLAIMS),
        "sends_email": "email" in claims,
    }  # fmt: skip


def _checked_target(configuration: object) -> str:
    if not isinstance(configuration, dict):
        raise RegistrationRefusedError(400, f"missing required attribute {TOOL_CONFIGURATION}")
    domain = configuration.get("domain")
    if not isinstance(domain, str) or not domain:
        raise RegistrationRefusedError(400, "missing_domain")
    target = str(configuration.get("target_link_uri") or f"https://{domain}")
    if domain_of(domain) != domain_of(target):
        raise RegistrationRefusedError(400, "domain_targetlinkuri_mismatch")
    return target


def _check_protocol(payload: Mapping[str, Any]) -> None:
    if "id_token" not in payload["response_types"]:
        raise RegistrationRefusedError(400, "invalid_response_types")
    if not isinstance(payload["redirect_uris"], list):
        raise RegistrationRefusedError(400, "invalid_redirect_uris")
    if payload["token_endpoint_auth_method"] != "private_key_jwt":
        raise RegistrationRefusedError(400, "invalid_token_endpoint_auth_method")
    if payload.get("application_type", "web") != "web":
        raise RegistrationRefusedError(400, "invalid_application_type")


def _granted_scopes(lms: "PracticeLms", scope: object) -> tuple[str, ...]:
    """Moodle knows three settings of the grade service: none, read and score, and that with writing line items."""
    # One string with spaces. Moodle breaks on a list (its own type error); here a list grants nothing.
    asked = set(scope.split(" ")) if isinstance(scope, str) else set()
    granted = set(asked)
    if lms.profile.grades_scopes_come_together and asked & set(AGS_SCOPES):
        granted |= {_LINE_ITEM_READ, _RESULT, _SCORE}
    return tuple(name for name in (*AGS_SCOPES, NRPS_SCOPE) if name in granted)


def _echoed_scopes(lms: "PracticeLms", tool: ToolRegistration) -> list[str]:
    echoed = [name for name in (_SCORE, _RESULT, _LINE_ITEM_READ, _LINE_ITEM) if name in tool.scopes]
    if echoed and lms.profile.grades_scopes_come_together and _LINE_ITEM not in echoed:
        echoed.append(_LINE_ITEM)
    return echoed + [name for name in (NRPS_SCOPE,) if name in tool.scopes]


def _echoed_claims(lms: "PracticeLms", tool: ToolRegistration) -> list[str]:
    config = lms.config.for_tool(tool)
    names = ["name", "family_name", "given_name"] if config.sends_names else []
    return ["sub", "iss", *names, *(["email"] if config.sends_email else [])]
