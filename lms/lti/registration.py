"""Dynamic registration: reading what a platform says of itself, asking it to take the tool, reading its answer.

The address of the configuration comes with a request, so it is believed in nothing but its own origin: the issuer and
every other address must lie on the same one. Three calls are made, each bounded in time and size, none redirected:
configuration, public keys, registration. The keys are read first, because a platform whose keys are out of reach could
never launch anything.

Source: LTI Dynamic Registration 1.0; OpenID Connect Discovery 1.0 §3; OpenID Connect Dynamic Client Registration 1.0 §3.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lms.lti.http import (
    MAX_URL_LENGTH,
    BearerRefused,
    HttpReply,
    OutgoingFault,
    OutgoingRefused,
    PlatformHttp,
    PlatformTimedOut,
    RedirectRefused,
    ReplyTooLarge,
    origin_of,
)
from lms.lti.keysets import KeysetMalformed, parse_keyset
from lms.lti.tool_facts import ToolFacts, registration_request

MAX_TEXT: Final = 255
MAX_TOKEN: Final = 4096
MAX_LIST: Final = 200
_PLATFORM: Final = "https://purl.imsglobal.org/spec/lti-platform-configuration"
_TOOL: Final = "https://purl.imsglobal.org/spec/lti-tool-configuration"
_ACCEPT: Final = {"Accept": "application/json"}


class RegistrationFault(StrEnum):
    """Why a registration was refused; stable codes for audit events and pages."""

    CONFIGURATION_MISSING = "configuration_missing"
    """The page was not opened by a platform: no address of a configuration came with it."""
    ADDRESS_MALFORMED = "address_malformed"
    TOKEN_MALFORMED = "registration_token_malformed"
    ADDRESS_REFUSED = "address_refused"
    """Not https, or an address that the installation does not call, such as a private network's."""
    REDIRECTED = "redirected"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too_large"
    STATUS = "status_unexpected"
    MALFORMED = "answer_malformed"
    ORIGIN_FOREIGN = "origin_foreign"
    """The issuer or an address lies on another origin than the configuration."""
    METHOD_MISSING = "method_missing"
    """The platform says that it does not speak what the tool speaks: RS256, private_key_jwt, id_token."""
    KEYS_MALFORMED = "keys_malformed"
    REGISTERED_ELSEWHERE = "registered_elsewhere"
    """The platform answered with a registration that is not this organisation's to change."""


class RegistrationRefused(Exception):
    """A registration came to nothing; it carries codes, never an address's rest, a body or a token."""

    def __init__(self, code: RegistrationFault, step: str = "", detail: str = "", *, is_sent: bool = False) -> None:
        super().__init__(code.value, step, detail)
        self.code = code
        self.step = step
        """``configuration``, ``keys`` or ``registration``."""
        self.detail = detail
        """Name of the member or reason that is meant, or the status."""
        self.is_sent = is_sent
        """Whether the platform was asked to register the tool, so that it may have done so."""


@dataclass(frozen=True, slots=True)
class PlatformConfiguration:
    """What a platform says of itself; every address lies on the origin of its configuration."""

    origin: str
    issuer: str
    authorization_url: str
    token_url: str
    keyset_url: str
    registration_url: str
    product: str | None
    """Family code and version, such as ``moodle 4.5.6``."""
    scopes: tuple[str, ...] | None
    """Scopes of services that it knows; None where it says nothing."""
    messages: tuple[str, ...]
    """Types of messages that it knows; empty where it says nothing."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What a platform answered to a registration."""

    client_id: str
    deployment_id: str | None
    scopes: tuple[str, ...]
    """Granted scopes of services."""


def configuration_origin(configuration_url: str) -> str:
    """Return the origin of a configuration's address, which alone decides what else is believed.

    Raises:
        RegistrationRefused: it is missing, or no address.
    """
    if not configuration_url:
        raise RegistrationRefused(RegistrationFault.CONFIGURATION_MISSING)
    try:
        return origin_of(configuration_url)
    except OutgoingRefused as refused:
        raise RegistrationRefused(RegistrationFault.ADDRESS_MALFORMED, "configuration", refused.reason) from None


def read_configuration(http: PlatformHttp, configuration_url: str) -> PlatformConfiguration:
    """Ask a platform for its configuration.

    Raises:
        RegistrationRefused: it can't be had, or is not to be trusted.
    """
    origin = configuration_origin(configuration_url)
    document = _document(_asked(http, "configuration", origin, "GET", configuration_url, headers=_ACCEPT))
    addresses = {
        name: _address(document, name, origin)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")
    }
    for name, spoken in (
        ("id_token_signing_alg_values_supported", "RS256"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
        ("response_types_supported", "id_token"),
    ):
        if document.get(name) is not None and spoken not in _texts(document, name):
            raise RegistrationRefused(RegistrationFault.METHOD_MISSING, "configuration", name)
    platform = _object(document, _PLATFORM)
    return PlatformConfiguration(
        origin=origin,
        issuer=_issuer(document, origin),
        authorization_url=addresses["authorization_endpoint"],
        token_url=addresses["token_endpoint"],
        keyset_url=addresses["jwks_uri"],
        registration_url=addresses["registration_endpoint"],
        product=_product(platform),
        scopes=_texts(document, "scopes_supported") if "scopes_supported" in document else None,
        messages=_message_types(platform),
    )


def check_keys(http: PlatformHttp, configuration: PlatformConfiguration) -> None:
    """Read the platform's public keys once, so that an address which can't serve launches is not registered.

    Raises:
        RegistrationRefused: they can't be had, or verify nothing.
    """
    reply = _asked(http, "keys", configuration.origin, "GET", configuration.keyset_url, headers=_ACCEPT)
    try:
        parse_keyset(reply.body.decode())
    except (UnicodeDecodeError, KeysetMalformed) as malformed:
        reason = malformed.args[0] if isinstance(malformed, KeysetMalformed) else "not_text"
        raise RegistrationRefused(RegistrationFault.KEYS_MALFORMED, "keys", reason) from None


def ask_to_register(
    http: PlatformHttp, configuration: PlatformConfiguration, registration_token: str | None, tool: ToolFacts
) -> Registered:
    """Ask the platform to register the tool, and return what it answered.

    Raises:
        RegistrationRefused: it did not, or its answer can't be used.
    """
    wanted = registration_request(tool, configuration.scopes)
    try:
        reply = _asked(
            http,
            "registration",
            configuration.origin,
            "POST",
            configuration.registration_url,
            headers=_ACCEPT | {"Content-Type": "application/json"},
            body=json.dumps(wanted, ensure_ascii=False).encode(),
            bearer=registration_token,
        )
        return _read_answer(_document(reply, "registration"), wanted["scope"])
    except RegistrationRefused as refused:
        refused.is_sent = refused.code not in {RegistrationFault.ADDRESS_REFUSED, RegistrationFault.TOKEN_MALFORMED}
        raise


def _read_answer(document: Mapping[str, Any], asked_scopes: str) -> Registered:
    configuration = _object(document, _TOOL, "registration")
    deployment = configuration.get("deployment_id")
    scopes = document.get("scope", asked_scopes)
    if not isinstance(scopes, str):
        raise _malformed("registration", "scope")
    known = frozenset(asked_scopes.split())
    return Registered(
        client_id=_text(document, "client_id", "registration"),
        deployment_id=None if deployment is None else _text(configuration, "deployment_id", "registration"),
        # What was not asked for is not used, so a long list of inventions is not kept either.
        scopes=tuple(sorted(known & frozenset(scopes.split()))),
    )


def _asked(
    http: PlatformHttp,
    step: str,
    origin: str,
    method: str,
    url: str,
    **how: Any,  # noqa: ANN401 - handed to the client as it is
) -> HttpReply:
    try:
        reply = http.request(method, url, origin_allowlist=frozenset({origin}), **how)
    except OutgoingFault as fault:
        raise RegistrationRefused(_code_of(fault), step, fault.reason) from None
    if reply.status not in {200, 201}:
        raise RegistrationRefused(RegistrationFault.STATUS, step, str(reply.status))
    return reply


def _code_of(fault: OutgoingFault) -> RegistrationFault:
    codes: tuple[tuple[type[OutgoingFault], RegistrationFault], ...] = (
        (BearerRefused, RegistrationFault.TOKEN_MALFORMED),
        (OutgoingRefused, RegistrationFault.ADDRESS_REFUSED),
        (RedirectRefused, RegistrationFault.REDIRECTED),
        (PlatformTimedOut, RegistrationFault.TIMED_OUT),
        (ReplyTooLarge, RegistrationFault.TOO_LARGE),
    )
    return next((code for kind, code in codes if isinstance(fault, kind)), RegistrationFault.UNREACHABLE)


def _malformed(step: str, member: str) -> RegistrationRefused:
    return RegistrationRefused(RegistrationFault.MALFORMED, step, member)


def _document(reply: HttpReply, step: str = "configuration") -> Mapping[str, Any]:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise _malformed(step, "not_json") from None
    if not isinstance(document, dict):
        raise _malformed(step, "not_an_object")
    return document


def _object(document: Mapping[str, Any], name: str, step: str = "configuration") -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise _malformed(step, name.rsplit("/", maxsplit=1)[-1])
    return found


def _text(document: Mapping[str, Any], name: str, step: str = "configuration") -> str:
    found = document.get(name)
    if (
        not isinstance(found, str)
        or not 0 < len(found) <= MAX_TEXT
        or not found.isprintable()
        or found != found.strip()
    ):
        raise _malformed(step, name)
    return found


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = document.get(name)
    if not isinstance(found, list) or len(found) > MAX_LIST:
        raise _malformed("configuration", name)
    return tuple(each for each in found if isinstance(each, str) and len(each) <= MAX_TEXT)


def _address(document: Mapping[str, Any], name: str, origin: str) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= MAX_URL_LENGTH:
        raise _malformed("configuration", name)
    try:
        its_origin = origin_of(found)
    except OutgoingRefused:
        raise _malformed("configuration", name) from None
    if its_origin != origin:
        raise RegistrationRefused(RegistrationFault.ORIGIN_FOREIGN, "configuration", name)
    return found


def _issuer(document: Mapping[str, Any], origin: str) -> str:
    _address(document, "issuer", origin)
    return _text(document, "issuer")


def _product(platform: Mapping[str, Any]) -> str | None:
    """Return family and version in a few words: Moodle's version goes on with ``(Build: 20250811)``."""
    parts = (platform.get("product_family_code"), platform.get("version"))
    words = " ".join(part.partition(" (")[0].strip() for part in parts if isinstance(part, str) and part.isprintable())
    return words[:100] or None


def _message_types(platform: Mapping[str, Any]) -> tuple[str, ...]:
    entries = platform.get("messages_supported")
    if not isinstance(entries, list):
        return ()
    types = (entry.get("type") for entry in entries[:MAX_LIST] if isinstance(entry, dict))
    return tuple(each for each in types if isinstance(each, str) and len(each) <= MAX_TEXT)
