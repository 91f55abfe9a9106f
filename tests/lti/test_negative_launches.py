"""Launches that must fail, numbered as in the design, each beside a control that must pass.

A refused launch leaves no session, one audit event, and nothing of its token on the page; it is never a fault of ours.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.test import TestResponse

from lms.lti.http import AddressRefused, HttpReply, OutgoingFault, PlatformTimedOut
from lms.store.base import Database
from tests.practice_lms.claims import CLAIM
from tests.practice_lms.keys import KeyMaterial, sign
from tests.practice_lms.lms import Mutation, PracticeLms
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import OTHER_STAFF, STAFF
from tests.web.visits import (
    LAUNCH,
    LMS,
    LOGIN,
    OTHER_LMS,
    Browser,
    KeyRoom,
    answer_of,
    audit_events,
    log_in,
    page_of,
    session_count,
)

Json = dict[str, Any]
ABSENT = object()
YEAR = 365 * 24 * 3600
ME = "uPracticeLms001"


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
    Case("07-exp-past", "expired", times(issued=-200, expires=-100), control=times(issued=-60, expires=30)),
    Case("08-no-message-type", "message_type_unknown", claims(message_type=ABSENT)),
    Case("08-unknown-message-type", "message_type_unknown", claims(message_type="LtiUnheardOfRequest")),
    Case("09-no-roles", "roles_missing", claims(roles=ABSENT), control=claims(roles=[])),
    Case("10-no-deployment", "deployment_unknown", claims(deployment_id=ABSENT)),
    Case("10-unknown-deployment", "deployment_unknown", claims(deployment_id="77")),
    Case("11-no-resource-link", "resource_link_missing", claims(resource_link=ABSENT)),
    Case("11-resource-link-without-id", "resource_link_missing", claims(resource_link={"title": "M1"})),
    Case("11-resource-link-null", "resource_link_missing", claims(resource_link=None)),
    Case("11-resource-link-a-list", "resource_link_malformed", claims(resource_link=["1"])),
    Case("12-no-sub", "subject_missing", claims(sub=ABSENT)),
    Case("12-sub-null", "subject_missing", claims(sub=None)),
    Case("13-no-exp", "expiry_missing", claims(exp=ABSENT)),
    Case("14-no-iat", "issue_time_missing", claims(iat=ABSENT)),
    Case("14-iat-a-year-old", "issued_too_early", times(issued=-YEAR, expires=60)),
    Case("15-iat-an-hour-ahead", "issued_in_future", times(issued=3600), control=times(issued=3)),
    Case("16-exp-ten-years-ahead", "lifetime_too_long", times(expires=10 * YEAR), control=times(expires=3600)),
    Case("17-alg-none", "token_not_jwt", header(alg="none"), key=lambda _lms: None),
    Case("17-alg-none-signed", "algorithm_refused", header(alg="none")),
    Case("17-rs256-unsigned", "token_not_jwt", as_it_is, key=lambda _lms: None),
    Case("18-hs256-with-the-public-key", "algorithm_refused", header(alg="HS256"), key=public_pem),
    Case("18-rs256-with-an-hmac", "signature_wrong", as_it_is, key=public_pem),
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
    Case("28-nul-in-a-name", "text_unstorable", claims(family_name="a\0b"), control=claims(family_name="𠮷﨑")),
)


def launch(browser: Browser, lms: PracticeLms, mutate: Mutation | None = None, key: KeyMaterial | object = ABSENT) -> TestResponse:  # fmt: skip
    """Launch with the platform's answer spoilt."""
    lms.mutate = mutate
    original = lms.sign_with
    try:
        if key is None:
            lms.mutate = lambda head, found: sign(*_pair(mutate, head, found), None)
        elif key is not ABSENT:
            lms.sign_with = key  # type: ignore[assignment]
        return browser.post(LAUNCH, data=answer_of(browser, lms, STAFF, "core"))
    finally:
        lms.mutate, lms.sign_with = None, original


def _pair(mutate: Mutation | None, head: Json, found: Json) -> tuple[Json, Json]:
    mutated = (mutate or as_it_is)(head, found)
    assert not isinstance(mutated, str)
    return mutated


def check_refused(database: Database, response: TestResponse, status: int, code: str, sessions: int = 0) -> None:
    """The status and code, one audit event more, and not one session more."""
    assert response.status_code == status, page_of(response)
    assert "Location" not in response.headers
    assert not [each for each in response.headers.getlist("Set-Cookie") if each.startswith("__Host-s-")]
    assert f"{status} {code}" in page_of(response)
    assert session_count(database) == sessions
    event = [each for each in audit_events(database) if each.kind.endswith(".refused")][-1]
    assert event.facts["code"] == code


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_negative(case: Case, client: Browser, lms: PracticeLms, tool_database: Database) -> None:
    mutate: Mutation = case.mutate(lms) if case.needs_lms else case.mutate  # type: ignore[call-arg,arg-type,assignment]
    refused = launch(client, lms, mutate, ABSENT if case.key is None else case.key(lms))
    check_refused(tool_database, refused, 401, case.code)
    assert [event.kind for event in audit_events(tool_database)][-1] == "launch.refused"
    assert launch(client, lms, case.control).status_code == 303
    assert session_count(tool_database) == 1


def test_every_number_of_the_design_that_concerns_a_launch_has_its_case() -> None:
    numbers = {case.name[:2] for case in CASES}
    elsewhere = {"22", "23", "24", "25", "26", "29", "30"}  # below: they take more than one token
    assert numbers | elsewhere == {f"{number:02}" for number in range(1, 31)}
    assert len({case.name for case in CASES}) == len(CASES)


class TestNegative:
    """Those that take more than one spoilt token."""

    def test_02_an_unknown_kid_is_looked_up_once_in_half_a_minute(
        self, client: Browser, lms: PracticeLms, key_room: KeyRoom, tool_database: Database
    ) -> None:
        assert launch(client, lms).status_code == 303
        for _ in range(3):
            check_refused(tool_database, launch(client, lms, header(kid="x")), 401, "kid_unknown", sessions=1)
        assert len(key_room.asked) == 2
        lms.clock.advance(31)
        launch(client, lms, header(kid="x"))
        assert len(key_room.asked) == 3

    @pytest.mark.parametrize("has_state", [True, False], ids=["with-state", "without-state"])
    def test_05_a_form_of_lti_1_1(
        self, client: Browser, lms: PracticeLms, tool_database: Database, has_state: bool
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        form = {"lti_message_type": "basic-lti-launch-request", "lti_version": "LTI-1p0", "oauth_signature": "x"}
        if has_state:
            check_refused(
                tool_database, client.post(LAUNCH, data={**form, "state": answer["state"]}), 401, "token_not_jwt"
            )
        else:
            check_refused(tool_database, client.post(LAUNCH, data=form), 401, "state_missing")

    @pytest.mark.parametrize(
        ("state", "code"),
        [(None, "state_missing"), ("", "state_missing"), ("x", "state_unknown"), ("é\0", "state_unknown")],
    )
    def test_22_a_state_missing_or_unknown(
        self, client: Browser, lms: PracticeLms, tool_database: Database, state: str | None, code: str
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        form = {"id_token": answer["id_token"]} | ({} if state is None else {"state": state})
        check_refused(tool_database, client.post(LAUNCH, data=form), 401, code)
        assert client.post(LAUNCH, data=answer).status_code == 303

    def test_22_a_state_of_another_browser(
        self, new_browser: Callable[[], Browser], lms: PracticeLms, tool_database: Database
    ) -> None:
        mine, other = new_browser(), new_browser()
        answer = answer_of(mine, lms, STAFF, "core")
        check_refused(tool_database, other.post(LAUNCH, data=answer), 401, "browser_changed")
        assert mine.post(LAUNCH, data=answer).status_code == 303

    def test_23_the_same_answer_again(
        self, client: Browser, new_browser: Callable[[], Browser], lms: PracticeLms, tool_database: Database
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert client.post(LAUNCH, data=answer).status_code == 303
        check_refused(tool_database, client.post(LAUNCH, data=answer), 401, "state_used", sessions=1)
        check_refused(tool_database, new_browser().post(LAUNCH, data=answer), 401, "browser_changed", sessions=1)

    def test_23_a_token_spelt_anew_is_no_new_token(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert client.post(LAUNCH, data=answer).status_code == 303
        padded = {**answer, "id_token": answer["id_token"] + "=="}
        check_refused(tool_database, client.post(LAUNCH, data=padded), 401, "state_used", sessions=1)

    def test_24_a_used_nonce_in_a_fresh_login(self, client: Browser, lms: PracticeLms, tool_database: Database) -> None:
        used = log_in(client, lms.initiate_login(STAFF, "core"))
        assert client.post(LAUNCH, data=lms.authorize(used, STAFF)).status_code == 303
        check_refused(tool_database, launch(client, lms, claims(nonce=used["nonce"])), 401, "nonce_wrong", sessions=1)

    def test_25_state_and_nonce_swapped_between_two_pending_logins(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        first, second = answer_of(client, lms, STAFF, "core"), answer_of(client, lms, OTHER_STAFF, "core")
        swapped = {"state": first["state"], "id_token": second["id_token"]}
        check_refused(tool_database, client.post(LAUNCH, data=swapped), 401, "nonce_wrong")
        assert client.post(LAUNCH, data=second).status_code == 303, "the control: the second login is untouched"

    def test_26_a_login_at_one_platform_and_a_token_of_another(
        self, client: Browser, lms: PracticeLms, other_lms: PracticeLms, tool_database: Database
    ) -> None:
        query = log_in(client, lms.initiate_login(STAFF, "core"))
        foreign = log_in(client, other_lms.initiate_login(STAFF, "core"))
        token = other_lms.authorize({**foreign, "nonce": query["nonce"]}, STAFF)["id_token"]
        mixed = {"state": query["state"], "id_token": token}
        check_refused(tool_database, client.post(LAUNCH, data=mixed), 401, "kid_unknown")
        assert launch(client, other_lms).status_code == 303, "the control: the other platform's own launch"

    def test_26_a_platform_speaking_in_the_name_of_another(
        self, client: Browser, lms: PracticeLms, other_lms: PracticeLms, tool_database: Database
    ) -> None:
        check_refused(tool_database, launch(client, lms, claims(iss=OTHER_LMS)), 401, "issuer_wrong")
        check_refused(tool_database, launch(client, other_lms, claims(iss=LMS, aud=ME)), 401, "issuer_wrong")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param(
                {"target_link_uri": "https://evil.example.invalid/"}, "target_foreign", id="27-foreign-target"
            ),
            pytest.param({"iss": "https://unknown.example.invalid"}, "registration_unknown", id="29-unknown-iss"),
            pytest.param({"client_id": "somebody"}, "registration_unknown", id="29-unknown-client"),
            pytest.param({"login_hint": ""}, "login_hint_missing", id="29-no-login-hint"),
        ],
    )
    def test_a_login_that_must_fail(
        self, client: Browser, lms: PracticeLms, tool_database: Database, changes: dict[str, str], code: str
    ) -> None:
        response = client.post(LOGIN, data={**lms.initiate_login(STAFF, "core"), **changes})
        check_refused(tool_database, response, 400, code)
        assert launch(client, lms).status_code == 303

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(HttpReply(500, {}, b""), id="30-keys-500"),
            pytest.param(HttpReply(200, {"content-type": "text/html"}, b"<html>"), id="30-keys-html"),
            pytest.param(PlatformTimedOut(LMS), id="30-keys-hanging"),
            pytest.param(AddressRefused(LMS), id="30-keys-at-a-private-address"),
        ],
    )
    def test_30_keys_out_of_reach(
        self,
        client: Browser,
        lms: PracticeLms,
        key_room: KeyRoom,
        tool_database: Database,
        fault: HttpReply | OutgoingFault,
    ) -> None:
        key_room.fault = fault if isinstance(fault, OutgoingFault) else None
        key_room.reply = fault if isinstance(fault, HttpReply) else None
        check_refused(tool_database, launch(client, lms), 503, "keys_unavailable")
        key_room.fault = key_room.reply = None
        assert launch(client, lms).status_code == 303
        key_room.fault = PlatformTimedOut(LMS)
        assert launch(client, lms).status_code == 303, "the good keys are kept"
