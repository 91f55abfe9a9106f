"""Verifying a launch's id_token: the one function that decides whether a platform really said this, now, to us.

Source: 1EdTech Security Framework 1.0, section 5.1.3; OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725.
"""

import base64
import binascii
import hmac
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lms.lti.http import OutgoingRefused, origin_of
from lms.lti.keysets import MAX_KID_LENGTH, UnknownKid

ALGORITHM: Final = "RS256"
MAX_TOKEN_BYTES: Final = 64 * 1024
MAX_ID_LENGTH: Final = 255
LEEWAY_SECONDS: Final = 60
MAX_AGE_SECONDS: Final = 10 * 60
MAX_LIFETIME_SECONDS: Final = 60 * 60
_LAST_SECOND: Final = 2**40
"""Later times are nonsense, and beyond what a datetime holds."""
# Exactly the characters of a compact token: PyJWT alone also takes padding, which gives one token several spellings.
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_JWS: Final = jwt.PyJWS(algorithms=[ALGORITHM], options={"verify_signature": True, "enforce_minimum_key_length": True})


class LaunchFault(StrEnum):
    """Why a launch was refused: stable codes that are logged and stored, never translated."""

    TOO_LARGE = "token_too_large"
    NOT_JWT = "token_not_jwt"
    HEADER_MALFORMED = "header_malformed"
    ALGORITHM_REFUSED = "algorithm_refused"
    KID_MISSING = "kid_missing"
    KID_UNKNOWN = "kid_unknown"
    SIGNATURE_WRONG = "signature_wrong"
    PAYLOAD_MALFORMED = "payload_malformed"
    TEXT_UNSTORABLE = "text_unstorable"
    ISSUER_WRONG = "issuer_wrong"
    AUDIENCE_WRONG = "audience_wrong"
    AUDIENCE_UNTRUSTED = "audience_untrusted"
    AZP_WRONG = "azp_wrong"
    EXPIRY_MISSING = "expiry_missing"
    EXPIRED = "expired"
    ISSUE_TIME_MISSING = "issue_time_missing"
    ISSUED_TOO_EARLY = "issued_too_early"
    ISSUED_IN_FUTURE = "issued_in_future"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    NOT_YET_VALID = "not_yet_valid"
    NONCE_WRONG = "nonce_wrong"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_MALFORMED = "subject_malformed"
    VERSION_WRONG = "version_wrong"
    MESSAGE_TYPE_UNKNOWN = "message_type_unknown"
    DEPLOYMENT_UNKNOWN = "deployment_unknown"
    DEPLOYMENT_CHANGED = "deployment_changed"
    TARGET_WRONG = "target_wrong"
    RESOURCE_LINK_MISSING = "resource_link_missing"
    RESOURCE_LINK_MALFORMED = "resource_link_malformed"
    ROLES_MISSING = "roles_missing"
    ROLES_MALFORMED = "roles_malformed"
    CONTEXT_MALFORMED = "context_malformed"
    PROFILE_MALFORMED = "profile_malformed"
    CUSTOM_MALFORMED = "custom_malformed"
    PRESENTATION_MALFORMED = "presentation_malformed"
    SERVICES_MALFORMED = "services_malformed"
    SETTINGS_MISSING = "deep_linking_settings_missing"
    SETTINGS_MALFORMED = "deep_linking_settings_malformed"
    LINKS_NOT_ACCEPTED = "deep_linking_links_not_accepted"
    DATA_TOO_LONG = "deep_linking_data_too_long"
    RETURN_URL_MISSING = "deep_linking_return_url_missing"
    RETURN_URL_FOREIGN = "deep_linking_return_url_foreign"
    FOR_USER_MISSING = "for_user_missing"
    FOR_USER_MALFORMED = "for_user_malformed"


class LaunchRefused(Exception):
    """The launch is not to be trusted; it carries only a code, so that nothing of the token reaches a page or a log."""

    def __init__(self, code: LaunchFault) -> None:
        super().__init__(code.value)
        self.code = code


@dataclass(frozen=True)
class Registration:
    """What one organisation registered about one platform."""

    id: int
    """The platform's row."""
    organisation_id: int
    issuer: str
    """Compared character by character with `iss`."""
    client_id: str
    """Our name on that platform."""
    authorization_url: str
    token_url: str
    keyset_url: str
    deployments: frozenset[str]
    """Deployment ids that may launch."""
    trusted_audiences: frozenset[str] = field(default_factory=frozenset)
    """Audiences that may stand beside our client_id in one token."""

    @cached_property
    def origins(self) -> frozenset[str]:
        """The platform's origins: where tokens may be sent, and where a person may be sent back to."""
        found = {origin_of(url) for url in (self.authorization_url, self.token_url, self.keyset_url)}
        # An issuer need not be an address.
        with suppress(OutgoingRefused):
            found.add(origin_of(self.issuer))
        return frozenset(found)


class KeyFinder(Protocol):
    """Where the platform's keys are found."""

    def find_key(self, owner: Registration, kid: str, now: datetime) -> RSAPublicKey:
        """The key; raises UnknownKid or KeysetUnavailable."""
        ...


def verify_id_token(
    token: str, registration: Registration, keys: KeyFinder, expected_nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token that this platform signed for us, just now, in answer to the login of that nonce.

    Raises:
        LaunchRefused: Anything about the token is wrong; the code says what.
        KeysetUnavailable: The platform's keys are out of reach, so nothing can be said.
    """
    kid = _read_kid(token)
    try:
        key = keys.find_key(registration, kid, now)
    except UnknownKid:
        raise LaunchRefused(LaunchFault.KID_UNKNOWN) from None
    claims = _read_payload(_verified_payload(token, key))
    _check_parties(claims, registration)
    _check_times(claims, now.timestamp())
    _check_nonce(claims, expected_nonce)
    _check_subject(claims)
    return claims


def _read_kid(token: str) -> str:
    """The key id, once the header is one that we would ever verify."""
    if len(token) > MAX_TOKEN_BYTES:
        raise LaunchRefused(LaunchFault.TOO_LARGE)
    compact = _COMPACT.fullmatch(token)
    if compact is None:
        raise LaunchRefused(LaunchFault.NOT_JWT)
    try:
        segment = compact[1]
        header = _read_object(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, _NotAnObject):
        raise LaunchRefused(LaunchFault.NOT_JWT) from None
    if header.get("alg") != ALGORITHM:
        raise LaunchRefused(LaunchFault.ALGORITHM_REFUSED)
    if "crit" in header or "b64" in header:
        raise LaunchRefused(LaunchFault.HEADER_MALFORMED)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise LaunchRefused(LaunchFault.KID_MISSING)
    return kid


def _verified_payload(token: str, key: RSAPublicKey) -> bytes:
    try:
        payload = _JWS.decode(token, key, algorithms=[ALGORITHM])
    except jwt.InvalidSignatureError:
        raise LaunchRefused(LaunchFault.SIGNATURE_WRONG) from None
    except jwt.PyJWTError:
        raise LaunchRefused(LaunchFault.NOT_JWT) from None
    return bytes(payload)


def _read_payload(payload: bytes) -> dict[str, Any]:
    try:
        claims = _read_object(payload)
    except _NotAnObject:
        raise LaunchRefused(LaunchFault.PAYLOAD_MALFORMED) from None
    if not _is_storable(claims):
        raise LaunchRefused(LaunchFault.TEXT_UNSTORABLE)
    return claims


def _check_parties(claims: dict[str, Any], registration: Registration) -> None:
    if claims.get("iss") != registration.issuer:
        raise LaunchRefused(LaunchFault.ISSUER_WRONG)
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise LaunchRefused(LaunchFault.AUDIENCE_WRONG)
    if registration.client_id not in named:
        raise LaunchRefused(LaunchFault.AUDIENCE_WRONG)
    extra = set(named) - {registration.client_id}
    if (extra or "azp" in claims) and claims.get("azp") != registration.client_id:
        raise LaunchRefused(LaunchFault.AZP_WRONG)
    if not extra <= registration.trusted_audiences:
        raise LaunchRefused(LaunchFault.AUDIENCE_UNTRUSTED)


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires = _read_time(claims.get("exp"), LaunchFault.EXPIRY_MISSING)
    issued = _read_time(claims.get("iat"), LaunchFault.ISSUE_TIME_MISSING)
    if issued > now + LEEWAY_SECONDS:
        raise LaunchRefused(LaunchFault.ISSUED_IN_FUTURE)
    if issued < now - MAX_AGE_SECONDS:
        raise LaunchRefused(LaunchFault.ISSUED_TOO_EARLY)
    if expires <= now - LEEWAY_SECONDS or expires <= issued:
        raise LaunchRefused(LaunchFault.EXPIRED)
    if expires > issued + MAX_LIFETIME_SECONDS:
        raise LaunchRefused(LaunchFault.LIFETIME_TOO_LONG)
    if "nbf" in claims and _read_time(claims["nbf"], LaunchFault.NOT_YET_VALID) > now + LEEWAY_SECONDS:
        raise LaunchRefused(LaunchFault.NOT_YET_VALID)


def _read_time(value: object, fault: LaunchFault) -> float:
    """Seconds since 1970; `True` is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST_SECOND:
        raise LaunchRefused(fault)
    return float(value)


def _check_nonce(claims: dict[str, Any], expected: str) -> None:
    nonce = claims.get("nonce")
    # An empty expectation would let a token without a real nonce pass.
    if not isinstance(nonce, str) or not expected or not hmac.compare_digest(nonce.encode(), expected.encode()):
        raise LaunchRefused(LaunchFault.NONCE_WRONG)


def _check_subject(claims: dict[str, Any]) -> None:
    subject = claims.get("sub")
    if subject is None or subject == "":
        raise LaunchRefused(LaunchFault.SUBJECT_MISSING)
    if not isinstance(subject, str) or len(subject) > MAX_ID_LENGTH:
        raise LaunchRefused(LaunchFault.SUBJECT_MALFORMED)


class _NotAnObject(Exception):
    """The bytes are not one unambiguous JSON object."""


def _read_object(data: bytes) -> dict[str, Any]:
    try:
        # Decoded first: given bytes, the reader would also take UTF-16 and UTF-32, which no token is written in.
        value = json.loads(data.decode(), object_pairs_hook=_once_each, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _NotAnObject from None
    if not isinstance(value, dict):
        raise _NotAnObject
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may each take another one of two equal keys: such a document says two things at once.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotAnObject
    return found


def _refuse_constant(name: str) -> None:
    raise _NotAnObject(name)


def _is_storable(claims: dict[str, Any]) -> bool:
    """Whether every text can be written as UTF-8 and into PostgreSQL: no lone surrogates, no NUL."""
    waiting: list[object] = [claims]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and _UNSTORABLE.search(value):
            return False
    return True
