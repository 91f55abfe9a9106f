"""Tokens that must be refused, each with a control that must pass; and the platform's keys behind them."""

import base64
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.lti.http import AddressRefused, HttpReply, OutgoingPolicy, PlatformHttp, PlatformUnreachable
from lms.lti.id_tokens import LaunchFault, LaunchRefused, Registration, verify_id_token
from lms.lti.keysets import (
    KeysetMalformed,
    KeysetOwner,
    KeysetSource,
    KeysetUnavailable,
    StoredKeyset,
    UnknownKid,
    parse_keyset,
)

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ISSUED = int(NOW.timestamp()) - 2
NONCE = "4531e76020074b41bdc27319a4e383f5"
KID = "platform-key-1"
REGISTRATION = Registration(
    id=1,
    organisation_id=1,
    issuer="https://moodle.example",
    client_id="uWABm2tolIlohLt",
    authorization_url="https://moodle.example/mod/lti/auth.php",
    token_url="https://moodle.example/mod/lti/token.php",
    keyset_url="https://moodle.example/mod/lti/certs.php",
    deployments=frozenset({"1"}),
    trusted_audiences=frozenset({"library"}),
)
CLAIMS: dict[str, Any] = {
    "iss": REGISTRATION.issuer,
    "aud": REGISTRATION.client_id,
    "sub": "4",
    "nonce": NONCE,
    "iat": ISSUED,
    "exp": ISSUED + 60,
    "given_name": "太郎",
    "family_name": "佐藤",
    "https://purl.imsglobal.org/spec/lti/claim/deployment_id": "1",
    "https://purl.imsglobal.org/spec/lti/claim/roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
    "https://purl.imsglobal.org/spec/lti/claim/resource_link": {"id": "1", "title": "M1"},
}


@cache
def platform_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class OneKey:
    """A platform that publishes one key."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_key(self, owner: Registration, kid: str, now: datetime) -> rsa.RSAPublicKey:
        self.asked.append(kid)
        if kid != KID:
            raise UnknownKid(owner.id, "kid_unknown")
        return platform_key().public_key()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(
    payload: bytes, header: Mapping[str, Any] | bytes | None = None, key: rsa.RSAPrivateKey | None = None
) -> str:
    """A token put together by hand, so that it can be wrong in any place."""
    head = header if isinstance(header, bytes) else json.dumps(header or {"alg": "RS256", "kid": KID}).encode()
    signing = f"{encode(head)}.{encode(payload)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{signing}.{encode(algorithm.sign(signing.encode(), key or platform_key()))}"


def token(**changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ABSENT}
    return signed(json.dumps(claims).encode())


ABSENT = object()


def verify(text: str, registration: Registration = REGISTRATION, nonce: str = NONCE, now: datetime = NOW) -> Any:
    return verify_id_token(text, registration, OneKey(), nonce, now)


def fault_of(text: str, **how: Any) -> LaunchFault:
    with pytest.raises(LaunchRefused) as caught:
        verify(text, **how)
    return caught.value.code


def test_a_token_as_moodle_sends_it_passes() -> None:
    assert verify(token()) == CLAIMS


REFUSED: list[tuple[str, dict[str, Any], LaunchFault]] = [
    ("6 no iss", {"iss": ABSENT}, LaunchFault.ISSUER_WRONG),
    ("6 no aud", {"aud": ABSENT}, LaunchFault.AUDIENCE_WRONG),
    ("6 no nonce", {"nonce": ABSENT}, LaunchFault.NONCE_WRONG),
    ("iss with a slash", {"iss": "https://moodle.example/"}, LaunchFault.ISSUER_WRONG),
    ("iss as a list", {"iss": ["https://moodle.example"]}, LaunchFault.ISSUER_WRONG),
    ("7 exp past", {"iat": ISSUED - 200, "exp": ISSUED - 140}, LaunchFault.EXPIRED),
    ("exp before iat", {"exp": ISSUED - 1}, LaunchFault.EXPIRED),
    ("12 no sub", {"sub": ABSENT}, LaunchFault.SUBJECT_MISSING),
    ("12 sub null", {"sub": None}, LaunchFault.SUBJECT_MISSING),
    ("12 sub empty", {"sub": ""}, LaunchFault.SUBJECT_MISSING),
    ("13 no exp", {"exp": ABSENT}, LaunchFault.EXPIRY_MISSING),
    ("13 exp true", {"exp": True}, LaunchFault.EXPIRY_MISSING),
    ("13 exp text", {"exp": str(ISSUED + 60)}, LaunchFault.EXPIRY_MISSING),
    ("13 exp enormous", {"exp": 10**400}, LaunchFault.EXPIRY_MISSING),
    ("14 no iat", {"iat": ABSENT}, LaunchFault.ISSUE_TIME_MISSING),
    ("14 iat false", {"iat": False}, LaunchFault.ISSUE_TIME_MISSING),
    ("14 iat a year old", {"iat": ISSUED - 31_536_000}, LaunchFault.ISSUED_TOO_EARLY),
    ("14 iat 11 minutes old", {"iat": ISSUED - 660}, LaunchFault.ISSUED_TOO_EARLY),
    ("15 iat an hour ahead", {"iat": ISSUED + 3600, "exp": ISSUED + 3660}, LaunchFault.ISSUED_IN_FUTURE),
    ("16 exp ten years ahead", {"exp": ISSUED + 315_360_000}, LaunchFault.LIFETIME_TOO_LONG),
    ("nbf ahead", {"nbf": ISSUED + 600}, LaunchFault.NOT_YET_VALID),
    ("nbf text", {"nbf": "now"}, LaunchFault.NOT_YET_VALID),
    ("20 aud wrong", {"aud": "someone"}, LaunchFault.AUDIENCE_WRONG),
    ("20 aud empty", {"aud": []}, LaunchFault.AUDIENCE_WRONG),
    ("20 aud a number", {"aud": 5}, LaunchFault.AUDIENCE_WRONG),
    ("20 aud of numbers", {"aud": [5, REGISTRATION.client_id]}, LaunchFault.AUDIENCE_WRONG),
    ("20 aud an object", {"aud": {REGISTRATION.client_id: 1}}, LaunchFault.AUDIENCE_WRONG),
    ("20 another client's", {"aud": ["someone"], "azp": "someone"}, LaunchFault.AUDIENCE_WRONG),
    ("21 extra aud without azp", {"aud": ["library", REGISTRATION.client_id]}, LaunchFault.AZP_WRONG),
    ("21 azp not mine", {"azp": "someone"}, LaunchFault.AZP_WRONG),
    ("21 azp null", {"azp": None}, LaunchFault.AZP_WRONG),
    ("21 azp a list", {"azp": [REGISTRATION.client_id]}, LaunchFault.AZP_WRONG),
    (
        "21 extra aud not trusted",
        {"aud": ["someone", REGISTRATION.client_id], "azp": REGISTRATION.client_id},
        LaunchFault.AUDIENCE_UNTRUSTED,
    ),
    ("nonce of another login", {"nonce": "0d45eec09bb1"}, LaunchFault.NONCE_WRONG),
    ("nonce a number", {"nonce": 5}, LaunchFault.NONCE_WRONG),
    ("nonce not ASCII", {"nonce": "印"}, LaunchFault.NONCE_WRONG),
    ("28 sub too long", {"sub": "a" * 256}, LaunchFault.SUBJECT_MALFORMED),
    ("28 sub a number", {"sub": 4}, LaunchFault.SUBJECT_MALFORMED),
    ("lone surrogate", {"given_name": "\ud800"}, LaunchFault.TEXT_UNSTORABLE),
    ("NUL deep inside", {"x": [{"y": "a\0b"}]}, LaunchFault.TEXT_UNSTORABLE),
    ("NUL in a name", {"x": {"a\0b": 1}}, LaunchFault.TEXT_UNSTORABLE),
]


@pytest.mark.parametrize(("changes", "fault"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_claim_is_refused(changes: dict[str, Any], fault: LaunchFault) -> None:
    assert fault_of(token(**changes)) == fault


CONTROLS: list[tuple[str, dict[str, Any]]] = [
    ("aud as a list of one", {"aud": [REGISTRATION.client_id]}),
    ("azp mine", {"azp": REGISTRATION.client_id}),
    ("21 trusted extra aud", {"aud": ["library", REGISTRATION.client_id], "azp": REGISTRATION.client_id}),
    ("15 iat three seconds ahead", {"iat": ISSUED + 5, "exp": ISSUED + 65}),
    ("exp within the leeway", {"iat": ISSUED - 100, "exp": ISSUED - 40}),
    ("iat nearly ten minutes old", {"iat": ISSUED - 590, "exp": ISSUED + 60}),
    ("an hour's life", {"exp": ISSUED + 3600}),
    ("fractions of seconds", {"iat": ISSUED + 0.5, "exp": ISSUED + 60.5}),
    ("nbf now", {"nbf": ISSUED}),
    ("sub of 255", {"sub": "a" * 255}),
    ("unknown claims", {"https://example.org/claim": {"a": [1, None, True]}}),
]


@pytest.mark.parametrize("changes", [row[1] for row in CONTROLS], ids=[row[0] for row in CONTROLS])
def test_its_control_passes(changes: dict[str, Any]) -> None:
    assert verify(token(**changes)) == {**CLAIMS, **changes}


def payload(**changes: Any) -> bytes:
    return json.dumps({**CLAIMS, **changes}).encode()


def spki() -> bytes:
    return (
        platform_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def hs256_with_public_key() -> str:
    signing = f"{encode(json.dumps({'alg': 'HS256', 'kid': KID}).encode())}.{encode(payload())}"
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{signing}.{encode(algorithm.sign(signing.encode(), spki()))}"


def unsigned(signature: str) -> str:
    return f"{encode(json.dumps({'alg': 'none', 'kid': KID}).encode())}.{encode(payload())}.{signature}"


def tampered() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{encode(payload(sub='2'))}.{signature}"


def with_embedded_key() -> str:
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(other_key().public_key(), as_dict=True)
    return signed(payload(), {"alg": "RS256", "kid": KID, "jwk": jwk}, other_key())


FORGED: list[tuple[str, Callable[[], str], LaunchFault]] = [
    ("1 no kid", lambda: signed(payload(), {"alg": "RS256"}), LaunchFault.KID_MISSING),
    ("1 kid a number", lambda: signed(payload(), {"alg": "RS256", "kid": 1}), LaunchFault.KID_MISSING),
    ("1 kid empty", lambda: signed(payload(), {"alg": "RS256", "kid": ""}), LaunchFault.KID_MISSING),
    ("1 kid too long", lambda: signed(payload(), {"alg": "RS256", "kid": "k" * 256}), LaunchFault.KID_MISSING),
    ("2 unknown kid", lambda: signed(payload(), {"alg": "RS256", "kid": "?"}), LaunchFault.KID_UNKNOWN),
    ("5 not a JWT", lambda: "not a token", LaunchFault.NOT_JWT),
    ("5 empty", lambda: "", LaunchFault.NOT_JWT),
    ("5 two parts", lambda: "a.b", LaunchFault.NOT_JWT),
    ("5 four parts", lambda: token() + ".x", LaunchFault.NOT_JWT),
    ("5 not ASCII", lambda: "印.印.印", LaunchFault.NOT_JWT),
    ("padding appended", lambda: token() + "==", LaunchFault.NOT_JWT),
    ("line break appended", lambda: token() + "\n", LaunchFault.NOT_JWT),
    ("header of impossible length", lambda: "abcde." + token().split(".", 1)[1], LaunchFault.NOT_JWT),
    ("payload of impossible length", lambda: f"{token().split('.')[0]}.abcde.abcd", LaunchFault.NOT_JWT),
    ("header not JSON", lambda: signed(payload(), b"{"), LaunchFault.NOT_JWT),
    ("header with a key twice", lambda: signed(payload(), b'{"alg":"RS256","alg":"RS256"}'), LaunchFault.NOT_JWT),
    ("header too deep", lambda: signed(payload(), b'{"a":' + b"[" * 20_000), LaunchFault.NOT_JWT),
    ("28 header a list", lambda: signed(payload(), b"[]"), LaunchFault.NOT_JWT),
    ("28 body a list", lambda: signed(b"[1]"), LaunchFault.PAYLOAD_MALFORMED),
    ("28 body a text", lambda: signed(b'"x"'), LaunchFault.PAYLOAD_MALFORMED),
    ("body not JSON", lambda: signed(b"{"), LaunchFault.PAYLOAD_MALFORMED),
    ("body not UTF-8", lambda: signed(b'{"a":"\xff"}'), LaunchFault.PAYLOAD_MALFORMED),
    ("body with NaN", lambda: signed(b'{"exp":NaN}'), LaunchFault.PAYLOAD_MALFORMED),
    ("body too deep", lambda: signed(b'{"a":' + b"[" * 20_000), LaunchFault.PAYLOAD_MALFORMED),
    ("body with a claim twice", lambda: signed(b'{"sub":"2",' + payload()[1:]), LaunchFault.PAYLOAD_MALFORMED),
    ("17 alg none", lambda: unsigned("AA"), LaunchFault.ALGORITHM_REFUSED),
    ("17 alg none, no signature", lambda: unsigned(""), LaunchFault.NOT_JWT),
    ("18 HS256 with the public key", hs256_with_public_key, LaunchFault.ALGORITHM_REFUSED),
    ("RS512", lambda: signed(payload(), {"alg": "RS512", "kid": KID}), LaunchFault.ALGORITHM_REFUSED),
    ("alg a list", lambda: signed(payload(), {"alg": ["RS256"], "kid": KID}), LaunchFault.ALGORITHM_REFUSED),
    ("no alg", lambda: signed(payload(), {"kid": KID}), LaunchFault.ALGORITHM_REFUSED),
    ("19 another key", lambda: signed(payload(), key=other_key()), LaunchFault.SIGNATURE_WRONG),
    ("19 an embedded key", with_embedded_key, LaunchFault.SIGNATURE_WRONG),
    ("19 tampered body", tampered, LaunchFault.SIGNATURE_WRONG),
    ("crit", lambda: signed(payload(), {"alg": "RS256", "kid": KID, "crit": ["exp"]}), LaunchFault.HEADER_MALFORMED),
    ("b64", lambda: signed(payload(), {"alg": "RS256", "kid": KID, "b64": False}), LaunchFault.HEADER_MALFORMED),
    ("too large", lambda: token(x="a" * 65_536), LaunchFault.TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize(("make", "fault"), [row[1:] for row in FORGED], ids=[row[0] for row in FORGED])
def test_a_forged_token_is_refused(make: Callable[[], str], fault: LaunchFault) -> None:
    assert fault_of(make()) == fault


def test_another_algorithm_is_refused_before_any_key_is_looked_for() -> None:
    keys = OneKey()
    with pytest.raises(LaunchRefused):
        verify_id_token(hs256_with_public_key(), REGISTRATION, keys, NONCE, NOW)
    assert keys.asked == []


def test_a_login_without_a_nonce_never_matches() -> None:
    assert fault_of(token(nonce=""), nonce="") == LaunchFault.NONCE_WRONG


def test_a_refusal_says_nothing_but_its_code() -> None:
    with pytest.raises(LaunchRefused) as caught:
        verify(token(sub="佐藤" * 200))
    assert str(caught.value) == "subject_malformed"
    assert caught.value.__cause__ is None


def test_a_registrations_origins_are_those_of_its_addresses() -> None:
    assert REGISTRATION.origins == {"https://moodle.example"}
    split = replace(REGISTRATION, issuer="urn:example:platform", token_url="https://sso.example:8443/token")
    assert split.origins == {"https://moodle.example", "https://sso.example:8443"}


BOUND = ("iss", "aud", "nonce", "exp", "iat", "sub", "azp")
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(list(CLAIMS.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*CLAIMS, "azp", "nbf"]), ODD | st.just(ABSENT), min_size=1, max_size=3))
def test_a_mutated_token_is_refused_or_says_the_same_about_what_binds_it(changes: dict[str, Any]) -> None:
    try:
        claims = verify(token(**changes))
    except LaunchRefused:
        return
    assert claims["iss"] == REGISTRATION.issuer
    assert claims["aud"] in (REGISTRATION.client_id, [REGISTRATION.client_id])
    assert claims.get("azp", REGISTRATION.client_id) == REGISTRATION.client_id
    assert claims["nonce"] == NONCE
    assert isinstance(claims["sub"], str)
    assert claims["sub"]
    for name in ("iat", "exp"):
        assert type(claims[name]) in (int, float)
    assert 0 < claims["exp"] - claims["iat"] <= 3600


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    text = token()
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.characters(max_codepoint=0x250).filter(lambda one: one != text[at]))
    with pytest.raises(LaunchRefused):
        verify(text[:at] + sign + text[at + 1 :])


# The platform's keys


def jwk(key: rsa.RSAPrivateKey, kid: str = KID, **changes: Any) -> dict[str, Any]:
    numbers = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    entry = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": numbers["n"], "e": numbers["e"], **changes}
    return {name: value for name, value in entry.items() if value is not ABSENT}


def jwks(*entries: Any) -> str:
    return json.dumps({"keys": list(entries)})


@cache
def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


def test_a_keyset_holds_its_rs256_keys_by_id() -> None:
    found = parse_keyset(jwks(jwk(platform_key()), jwk(other_key(), "second", alg=ABSENT, use=ABSENT)))
    assert set(found.keys) == {KID, "second"}
    assert found.keys[KID].public_numbers() == platform_key().public_key().public_numbers()
    assert parse_keyset(jwks(jwk(platform_key()))) is parse_keyset(jwks(jwk(platform_key())))


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"alg": "RS512"},
        {"alg": None},
        {"use": "enc"},
        {"kid": ABSENT},
        {"kid": 5},
        {"kid": ""},
        {"kid": "k" * 256},
        {"n": ABSENT},
        {"n": "印"},
        {"n": "abcde"},
        {"n": "AQAB"},
        {"e": 65537},
        {"e": "Ag"},
        {"n": "A" * 400 + "____" * 800},
    ],
)
def test_a_key_that_cannot_verify_is_passed_over(changes: dict[str, Any]) -> None:
    assert set(parse_keyset(jwks("text", jwk(other_key(), **changes), jwk(platform_key(), "good"))).keys) == {"good"}


def test_a_short_key_is_passed_over() -> None:
    with pytest.raises(KeysetMalformed, match="no_usable_key"):
        parse_keyset(jwks(jwk(weak_key())))


@pytest.mark.parametrize(
    "text", ["", "<html>", "[]", "{}", '{"keys":{}}', '{"keys":[]}', "[" * 20_000, json.dumps({"keys": [{}] * 101})]
)
def test_what_is_no_keyset_is_refused(text: str) -> None:
    with pytest.raises(KeysetMalformed):
        parse_keyset(text)


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(KeysetMalformed, match="kid_twice"):
        parse_keyset(jwks(jwk(platform_key()), jwk(other_key())))


class Store:
    def __init__(self) -> None:
        self.rows: dict[int, StoredKeyset] = {}

    def get(self, platform_id: int) -> StoredKeyset | None:
        return self.rows.get(platform_id)

    def put(self, platform_id: int, jwks_json: str, fetched_at: datetime) -> None:
        former = self.rows.get(platform_id)
        self.rows[platform_id] = StoredKeyset(jwks_json, fetched_at, former.last_attempt_at if former else None)

    def note_attempt(self, platform_id: int, attempted_at: datetime) -> None:
        self.rows[platform_id] = replace(self.rows[platform_id], last_attempt_at=attempted_at)


class Published(PlatformHttp):
    """A platform whose keyset address answers what a test says."""

    def __init__(self, answer: str | HttpReply | Exception) -> None:
        super().__init__(OutgoingPolicy())
        self.answer = answer
        self.calls = 0

    def request(self, method: str, url: str, **rest: Any) -> HttpReply:
        assert (method, url) == ("GET", REGISTRATION.keyset_url)
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, HttpReply) else HttpReply(200, {}, self.answer.encode())


FIRST = jwks(jwk(other_key(), "old"))
SECOND = jwks(jwk(platform_key()))
OWNER: KeysetOwner = REGISTRATION


def test_a_keyset_is_fetched_once_and_kept() -> None:
    http = Published(SECOND)
    source = KeysetSource(http, Store())
    for seconds in (0, 10, 3600):
        assert source.find_key(OWNER, KID, NOW + timedelta(seconds=seconds))
    assert http.calls == 1


def test_2_an_unknown_key_id_is_asked_for_once_and_then_not_for_thirty_seconds() -> None:
    http, store = Published(FIRST), Store()
    source = KeysetSource(http, store)
    assert source.find_key(OWNER, "old", NOW)
    http.answer = SECOND
    assert source.find_key(OWNER, KID, NOW + timedelta(seconds=1))
    assert http.calls == 2
    for seconds, calls in ((2, 2), (30, 2), (31, 3), (60, 3), (61, 4)):
        with pytest.raises(UnknownKid):
            source.find_key(OWNER, "never", NOW + timedelta(seconds=seconds))
        assert http.calls == calls
    assert source.find_key(OWNER, KID, NOW + timedelta(seconds=62))


def test_the_pause_is_each_registrations_own() -> None:
    http, store = Published(SECOND), Store()
    source = KeysetSource(http, store)
    other = replace(REGISTRATION, id=2)
    for owner in (REGISTRATION, other):
        assert source.find_key(owner, KID, NOW)
        with pytest.raises(UnknownKid):
            source.find_key(owner, "never", NOW)
    assert http.calls == 4


@pytest.mark.parametrize(
    "failure",
    [
        HttpReply(500, {}, b""),
        "<html>",
        "{}",
        HttpReply(200, {}, b"\xff"),
        PlatformUnreachable("https://moodle.example", "connection"),
        AddressRefused("https://moodle.example", "network"),
    ],
)
def test_30_a_failed_fetch_is_never_kept_and_a_good_keyset_outlives_it(failure: str | HttpReply | Exception) -> None:
    http, store = Published(failure), Store()
    source = KeysetSource(http, store)
    with pytest.raises(KeysetUnavailable):
        source.find_key(OWNER, KID, NOW)
    assert store.rows == {}
    http.answer = SECOND
    assert source.find_key(OWNER, KID, NOW)
    http.answer = failure
    assert source.find_key(OWNER, KID, NOW + timedelta(hours=23))
    assert http.calls == 2
    assert source.find_key(OWNER, KID, NOW + timedelta(hours=24))
    assert http.calls == 3
    assert source.find_key(OWNER, KID, NOW + timedelta(hours=24, seconds=1))
    assert http.calls == 3
    with pytest.raises(KeysetUnavailable):
        source.find_key(OWNER, "new", NOW + timedelta(hours=25))
    assert store.rows[1].jwks_json == SECOND


def test_a_stale_keyset_is_fetched_anew_and_a_withdrawn_key_is_gone() -> None:
    http, store = Published(FIRST), Store()
    source = KeysetSource(http, store)
    source.find_key(OWNER, "old", NOW)
    http.answer = SECOND
    with pytest.raises(UnknownKid):
        source.find_key(OWNER, "old", NOW + timedelta(hours=24))
    assert http.calls == 2


def test_a_clock_set_back_neither_freezes_the_keyset_nor_the_pause() -> None:
    http, store = Published(SECOND), Store()
    source = KeysetSource(http, store)
    store.rows[1] = StoredKeyset(FIRST, NOW + timedelta(days=1), NOW + timedelta(days=1))
    assert source.find_key(OWNER, KID, NOW)


def test_a_damaged_row_counts_as_none() -> None:
    store = Store()
    store.rows[1] = StoredKeyset("{", NOW, NOW)
    assert KeysetSource(Published(SECOND), store).find_key(OWNER, KID, NOW)


def test_a_token_is_verified_with_the_keys_fetched_and_unreachable_keys_are_no_verdict() -> None:
    good = KeysetSource(Published(SECOND), Store())
    assert verify_id_token(token(), REGISTRATION, good, NONCE, NOW) == CLAIMS
    out_of_reach = KeysetSource(Published(HttpReply(500, {}, b"")), Store())
    with pytest.raises(KeysetUnavailable):
        verify_id_token(token(), REGISTRATION, out_of_reach, NONCE, NOW)


def test_a_key_of_another_kind_never_stands_in() -> None:
    other = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    with pytest.raises(KeysetMalformed):
        parse_keyset(jwks(copy.copy({**other, "kid": KID, "alg": "RS256", "use": "sig"})))
