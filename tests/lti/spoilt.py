"""Launches spoilt on purpose, numbered as in the design, each beside a control that must pass."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from werkzeug.test import TestResponse

from tests.practice_lms.claims import CLAIM, VOCABULARY
from tests.practice_lms.keys import KeyMaterial, sign
from tests.practice_lms.lms import Mutation, PracticeLms
from tests.web.conftest import STAFF
from tests.web.visits import LAUNCH, Browser, answer_of

Json = dict[str, Any]
ABSENT = object()
YEAR = 365 * 24 * 3600
ME = "uPracticeLms001"
TEACHER = VOCABULARY + "membership#Instructor"
LEARNER = VOCABULARY + "membership#Learner"
SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def claims(**changes: Any) -> Mutation:
    """Change claims; LTI claims by their short names, ABSENT to leave one out."""

    def mutate(header: Json, found: Json) -> tuple[Json, Json]:
        long = {name if name in found or name in {"azp", "nbf"} else CLAIM + name: new for name, new in changes.items()}
        return header, {name: value for name, value in {**found, **long}.items() if value is not ABSENT}

    return mutate


def times(issued: int = 0, expires: int | None = None) -> Mutation:
    """Move ``iat`` and ``exp``, in seconds from now; without ``expires`` the token lasts its usual minute."""

    def mutate(header: Json, found: Json) -> tuple[Json, Json]:
        end = found["exp"] + issued if expires is None else found["iat"] + expires
        return header, {**found, "iat": found["iat"] + issued, "exp": end}

    return mutate


def choosing(**settings: Any) -> Mutation:
    """A teacher's request to choose content; its settings may be changed, ABSENT to leave one out."""

    def mutate(header: Json, found: Json) -> tuple[Json, Json]:
        address = f"{found['iss']}/mod/lti/contentitem_return.php"
        whole = {
            "deep_link_return_url": address,
            "accept_types": ["ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe"],
        } | settings
        kept = {name: value for name, value in whole.items() if value is not ABSENT}
        changes = {CLAIM + "message_type": "LtiDeepLinkingRequest", CLAIM + "roles": [TEACHER], SETTINGS: kept}
        return header, {name: value for name, value in found.items() if name != CLAIM + "resource_link"} | changes

    return mutate


def reviewing(for_user: Any, role: str = TEACHER) -> Mutation:
    """A request to look at somebody's submission."""
    return claims(message_type="LtiSubmissionReviewRequest", for_user=for_user, roles=[role])


def header(**changes: Any) -> Mutation:
    """Change the token's header."""
    return lambda head, found: (
        {name: value for name, value in {**head, **changes}.items() if value is not ABSENT},
        found,
    )


def as_it_is(head: Json, found: Json) -> tuple[Json, Json]:
    return head, found


def public_pem(lms: PracticeLms) -> bytes:
    return lms.keys.current.private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def other_key(_lms: PracticeLms) -> KeyMaterial:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def tampered(lms: PracticeLms) -> Mutation:
    def mutate(head: Json, found: Json) -> str:
        first, _, last = sign(head, found, lms.keys.current.private_key).split(".")
        body = base64.urlsafe_b64encode(json.dumps({**found, "sub": "100"}).encode()).rstrip(b"=").decode()
        return f"{first}.{body}.{last}"

    return mutate


def with_embedded_key(lms: PracticeLms) -> Mutation:
    """Sign by a key that the token brings along."""

    def mutate(head: Json, found: Json) -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = {**lms.keys.current.public_jwk(), "n": _number(key.public_key().public_numbers().n)}
        return sign({**head, "jwk": jwk, "jku": "https://evil.example.invalid/keys"}, found, key)

    return mutate


def respelt(lms: PracticeLms) -> Mutation:
    """Change the bits of the last character that stand for nothing: the same signature, spelt in another way."""

    def mutate(head: Json, found: Json) -> str:
        token = sign(head, found, lms.keys.current.private_key)
        return token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ 1]

    return mutate


def in_utf_16(lms: PracticeLms) -> Mutation:
    """Sign claims that are written in UTF-16, which some readers of JSON take and others don't."""

    def mutate(head: Json, found: Json) -> str:
        parts = (json.dumps(head).encode(), json.dumps(found).encode("utf-16"))
        signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        key = lms.keys.current.private_key
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return mutate


def _number(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(256, "big")).rstrip(b"=").decode()


@dataclass(frozen=True)
class Case:
    """A launch that must fail, and its control."""

    name: str
    """Number in the design, then what is wrong."""
    code: str
    mutate: Mutation | Callable[[PracticeLms], Mutation]
    control: Mutation = as_it_is
    key: Callable[[PracticeLms], KeyMaterial] | None = None
    """Signs in place of the platform's key."""
    needs_lms: bool = field(default=False)
    """Whether ``mutate`` is made for a platform first."""


CASES = (
    Case("01-no-kid", "kid_missing", header(kid=ABSENT)),
    Case("01-kid-null", "kid_missing", header(kid=None)),
    Case("01-kid-too-long", "kid_missing", header(kid="k" * 256)),
    Case("01-kid-a-list", "kid_missing", header(kid=["1"])),
    Case("02-unknown-kid", "kid_unknown", header(kid="somebody-elses")),
    Case("03-version-1.2.0", "version_wrong", claims(version="1.2.0")),
    Case("04-no-version", "version_wrong", claims(version=ABSENT)),
    Case("05-not-a-jwt", "token_not_jwt", lambda _head, _found: "not-a-jwt"),
    Case("05-empty", "token_not_jwt", lambda _head, _found: ""),
    Case("05-four-parts", "token_not_jwt", lambda head, found: sign(head, found, None) + ".x.y"),
    Case("05-padded", "token_not_jwt", lambda head, found: sign(head, found, b"k") + "=="),
    Case("06-no-iss", "issuer_wrong", claims(iss=ABSENT)),
    Case("06-no-aud", "audience_wrong", claims(aud=ABSENT)),
    Case("06-no-nonce", "nonce_wrong", claims(nonce=ABSENT)),
    Case("06-iss-null", "issuer_wrong", claims(iss=None)),
    Case("06-aud-empty", "audience_wrong", claims(aud=[]), control=claims(aud=[ME])),
    Case("06-nonce-empty", "nonce_wrong", claims(nonce="")),
    Case("07-exp-past", "expired", times(issued=-200, expires=-100), control=times(issued=-60, expires=30)),
    Case("08-no-message-type", "message_type_unknown", claims(message_type=ABSENT)),
    Case("08-unknown-message-type", "message_type_unknown", claims(message_type="LtiUnheardOfRequest")),
    Case("09-no-roles", "roles_missing", claims(roles=ABSENT), control=claims(roles=[])),
    Case("09-roles-null", "roles_missing", claims(roles=None)),
    Case("10-no-deployment", "deployment_unknown", claims(deployment_id=ABSENT)),
    Case("10-unknown-deployment", "deployment_unknown", claims(deployment_id="77")),
    Case("10-deployment-a-number", "deployment_unknown", claims(deployment_id=1)),
    Case("11-no-resource-link", "resource_link_missing", claims(resource_link=ABSENT)),
    Case("11-resource-link-without-id", "resource_link_missing", claims(resource_link={"title": "M1"})),
    Case("11-resource-link-null", "resource_link_missing", claims(resource_link=None)),
    Case("11-resource-link-a-list", "resource_link_malformed", claims(resource_link=["1"])),
    Case("12-no-sub", "subject_missing", claims(sub=ABSENT)),
    Case("12-sub-null", "subject_missing", claims(sub=None)),
    Case("12-sub-empty", "subject_missing", claims(sub="")),
    Case("13-no-exp", "expiry_missing", claims(exp=ABSENT)),
    Case("13-exp-a-text", "expiry_missing", claims(exp="2999999999")),
    Case("14-no-iat", "issue_time_missing", claims(iat=ABSENT)),
    Case("14-iat-a-year-old", "issued_too_early", times(issued=-YEAR, expires=60)),
    Case(
        "14-iat-eleven-minutes-old",
        "issued_too_early",
        times(issued=-660, expires=30),
        control=times(issued=-590, expires=30),
    ),
    Case("15-iat-an-hour-ahead", "issued_in_future", times(issued=3600), control=times(issued=3)),
    Case("16-exp-ten-years-ahead", "lifetime_too_long", times(expires=10 * YEAR), control=times(expires=3600)),
    Case("17-alg-none", "token_not_jwt", header(alg="none"), key=lambda _lms: None),
    Case("17-alg-none-signed", "algorithm_refused", header(alg="none")),
    Case("17-rs256-unsigned", "token_not_jwt", as_it_is, key=lambda _lms: None),
    Case("18-hs256-with-the-public-key", "algorithm_refused", header(alg="HS256"), key=public_pem),
    Case("18-rs256-with-an-hmac", "signature_wrong", as_it_is, key=public_pem),
    Case("19-signature-spelt-anew", "token_not_jwt", respelt, needs_lms=True),
    Case("19-other-key", "signature_wrong", as_it_is, key=other_key),
    Case("19-embedded-jwk", "signature_wrong", with_embedded_key, needs_lms=True),
    Case("19-tampered-body", "signature_wrong", tampered, needs_lms=True),
    Case("20-aud-wrong", "audience_wrong", claims(aud="somebody"), control=claims(aud=[ME])),
    Case("20-another-clients-aud", "audience_wrong", claims(aud=["somebody"], azp="somebody")),
    Case("21-extra-aud-without-azp", "azp_wrong", claims(aud=["library", ME])),
    Case("21-azp-not-mine", "azp_wrong", claims(azp="somebody"), control=claims(aud=[ME], azp=ME)),
    Case("21-untrusted-extra-aud", "audience_untrusted", claims(aud=["library", ME], azp=ME)),
    Case("27-no-target", "target_wrong", claims(target_link_uri=ABSENT)),
    Case("27-foreign-target", "target_wrong", claims(target_link_uri="https://evil.example.invalid/lti/launch")),
    Case("28-header-a-list", "token_not_jwt", lambda head, found: ([head], found)),
    Case("28-body-a-list", "payload_malformed", lambda head, found: (head, [found])),
    Case("28-body-a-number", "payload_malformed", lambda head, _found: (head, 5)),
    Case("28-body-in-utf-16", "payload_malformed", in_utf_16, needs_lms=True),
    Case("28-roles-a-string", "roles_malformed", claims(roles="Learner"), control=claims(roles=["Learner"])),
    Case("28-roles-integers", "roles_malformed", claims(roles=[1, 2])),
    Case("28-sub-too-long", "subject_malformed", claims(sub="9" * 256), control=claims(sub="9" * 255)),
    Case("28-sub-a-number", "subject_malformed", claims(sub=5)),
    Case(
        "28-link-id-too-long",
        "resource_link_malformed",
        claims(resource_link={"id": "9" * 256}),
        control=claims(resource_link={"id": "9" * 255}),
    ),
    Case("08-review-without-whose", "for_user_missing", reviewing(ABSENT), control=reviewing({"user_id": "100"})),
    Case("08-review-of-nobody", "for_user_missing", reviewing({"user_id": ""})),
    Case("08-review-of-a-list", "for_user_malformed", reviewing(["100"])),
    Case("30-without-settings", "deep_linking_settings_missing", claims(message_type="LtiDeepLinkingRequest")),
    Case(
        "30-without-return-url",
        "deep_linking_return_url_missing",
        choosing(deep_link_return_url=ABSENT),
        control=choosing(),
    ),
    Case("30-return-url-null", "deep_linking_return_url_missing", choosing(deep_link_return_url=None)),
    Case("30-return-url-a-list", "deep_linking_settings_malformed", choosing(deep_link_return_url=["https://x"])),
    Case("30-return-url-a-script", "deep_linking_settings_malformed", choosing(deep_link_return_url="javascript:x()")),
    Case(
        "30-return-url-foreign",
        "deep_linking_return_url_foreign",
        choosing(deep_link_return_url="https://evil.example.invalid/return"),
    ),
    Case("30-links-not-accepted", "deep_linking_links_not_accepted", choosing(accept_types=["file"])),
    Case("28-nul-in-a-name", "text_unstorable", claims(family_name="a\0b"), control=claims(family_name="𠮷﨑")),
)


def launch(
    browser: Browser,
    lms: PracticeLms,
    mutate: Mutation | None = None,
    key: KeyMaterial | object = ABSENT,
    person_key: str = STAFF,
) -> TestResponse:
    """Launch with the platform's answer spoilt."""
    lms.mutate = mutate
    original = lms.sign_with
    try:
        if key is None:
            lms.mutate = lambda head, found: sign(*_pair(mutate, head, found), None)
        elif key is not ABSENT:
            lms.sign_with = key  # type: ignore[assignment]
        return browser.post(LAUNCH, data=answer_of(browser, lms, person_key, "core"))
    finally:
        lms.mutate, lms.sign_with = None, original


def _pair(mutate: Mutation | None, head: Json, found: Json) -> tuple[Json, Json]:
    mutated = (mutate or as_it_is)(head, found)
    assert not isinstance(mutated, str)
    return mutated
