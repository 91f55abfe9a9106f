"""Asking a platform for access tokens and keeping them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from lms.config import KeyFolder
from lms.lti.access_tokens import (
    AccessTokens,
    ScopesNotGranted,
    ServiceCall,
    TokenRefused,
    TokenReplyMalformed,
    call_service,
)
from lms.lti.http import HttpReply, OriginRefused, OutgoingPolicy, PlatformHttp
from lms.lti.id_tokens import Registration
from lms.lti.tool_keys import ToolKeys, load_or_create

NOW = datetime(2026, 11, 23, 3, 0, 0, 700_000, tzinfo=UTC)
PLATFORM = "https://moodle.example"
REGISTRATION = Registration(
    id=1,
    organisation_id=1,
    issuer=PLATFORM,
    client_id="uWABm2tolIlohLt",
    authorization_url=f"{PLATFORM}/mod/lti/auth.php",
    token_url=f"{PLATFORM}/mod/lti/token.php",
    keyset_url=f"{PLATFORM}/mod/lti/certs.php",
    deployments=frozenset({"1"}),
)
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
ROSTER = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SCOPES = frozenset({SCORE})
CALL = ServiceCall(SCOPES, "POST", f"{PLATFORM}/scores", {"Content-Type": "text/plain"}, b"body")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> ToolKeys:
    return load_or_create(KeyFolder(tmp_path_factory.mktemp("keys")))


def granted(**changes: Any) -> HttpReply:
    """A reply as Moodle 4.5 gives it, down to its media type."""
    body = {"access_token": "first", "token_type": "Bearer", "expires_in": 3600, "scope": SCORE, **changes}
    kept = {name: value for name, value in body.items() if value is not ...}
    return HttpReply(200, {"content-type": "text/html; charset=utf-8"}, json.dumps(kept).encode())


class Scripted(PlatformHttp):
    """A platform that answers what a test says, and remembers what it was asked."""

    def __init__(self, *replies: HttpReply | Exception) -> None:
        super().__init__(OutgoingPolicy())
        self.replies = list(replies)
        self.calls: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **rest: Any) -> HttpReply:
        self.calls.append({"method": method, "url": url, **rest})
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def test_the_assertion_is_what_a_strict_platform_asks_for(keys: ToolKeys) -> None:
    http = Scripted(granted(scope=f"{SCORE} {ROSTER}"))
    assert AccessTokens(http, keys).token(REGISTRATION, frozenset({SCORE, ROSTER}), NOW) == "first"
    [call] = http.calls
    assert (call["method"], call["url"]) == ("POST", REGISTRATION.token_url)
    assert call["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert call["origin_allowlist"] == {PLATFORM}
    form = {name: value for name, [value] in parse_qs(call["body"].decode()).items()}
    assertion = form.pop("client_assertion")
    assert form == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": f"{SCORE} {ROSTER}",
    }
    assert jwt.get_unverified_header(assertion)["kid"] == keys.signer(NOW).kid
    claims = jwt.decode(
        assertion, keys.signer(NOW).private_key.public_key(), algorithms=["RS256"], options={"verify_signature": True, "verify_aud": False, "verify_exp": False, "verify_iat": False}
    )  # fmt: skip
    assert len(claims.pop("jti")) >= 32
    second = int(NOW.timestamp())
    assert claims == {
        "iss": REGISTRATION.client_id,
        "sub": REGISTRATION.client_id,
        "aud": REGISTRATION.token_url,
        "iat": second - 5,
        "exp": second + 300,
    }


def test_each_assertion_has_an_id_of_its_own(keys: ToolKeys) -> None:
    http = Scripted(granted(expires_in=0), granted(expires_in=0))
    tokens = AccessTokens(http, keys)
    tokens.token(REGISTRATION, SCOPES, NOW)
    tokens.token(REGISTRATION, SCOPES, NOW)
    bodies = [parse_qs(call["body"].decode())["client_assertion"][0] for call in http.calls]
    ids = {jwt.decode(body, options={"verify_signature": False})["jti"] for body in bodies}
    assert len(ids) == 2


def test_a_token_is_kept_until_a_minute_before_it_expires(keys: ToolKeys) -> None:
    http = Scripted(granted(), granted(access_token="second"))
    tokens = AccessTokens(http, keys)
    for seconds, expected in ((0, "first"), (3539, "first"), (3540, "second"), (3600, "second")):
        assert tokens.token(REGISTRATION, SCOPES, NOW + timedelta(seconds=seconds)) == expected


def test_a_clock_set_back_does_not_lengthen_a_tokens_life(keys: ToolKeys) -> None:
    http = Scripted(granted(), granted(access_token="second"))
    tokens = AccessTokens(http, keys)
    tokens.token(REGISTRATION, SCOPES, NOW)
    assert tokens.token(REGISTRATION, SCOPES, NOW - timedelta(hours=1)) == "second"


def test_a_token_without_a_lifetime_is_used_once(keys: ToolKeys) -> None:
    http = Scripted(granted(expires_in=..., scope=...), granted(access_token="second"))
    tokens = AccessTokens(http, keys)
    assert [tokens.token(REGISTRATION, SCOPES, NOW) for _ in range(2)] == ["first", "second"]


def test_tokens_of_other_clients_platforms_and_scopes_are_kept_apart(keys: ToolKeys) -> None:
    elsewhere = "https://other.example/token"
    asked = [
        (REGISTRATION, SCOPES),
        (replace(REGISTRATION, client_id="another"), SCOPES),
        (replace(REGISTRATION, token_url=elsewhere), SCOPES),
        (REGISTRATION, frozenset({ROSTER})),
    ]
    http = Scripted(*(granted(access_token=f"token-{n}", scope=...) for n in range(4)))
    tokens = AccessTokens(http, keys)
    for _ in range(2):
        found = [tokens.token(registration, scopes, NOW) for registration, scopes in asked]
        assert found == ["token-0", "token-1", "token-2", "token-3"]


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (HttpReply(200, {}, b"<html>"), "body"),
        (HttpReply(200, {}, b"[]"), "body"),
        (HttpReply(200, {}, b"[" * 20_000), "body"),
        (granted(access_token=...), "access_token"),
        (granted(access_token=""), "access_token"),
        (granted(access_token=5), "access_token"),
        (granted(access_token="a b"), "access_token"),
        (granted(access_token="a\r\nX: y"), "access_token"),
        (granted(access_token="a" * 8193), "access_token"),
        (granted(token_type="mac"), "token_type"),
        (granted(token_type=...), "token_type"),
        (granted(expires_in="3600"), "expires_in"),
        (granted(expires_in=True), "expires_in"),
        (granted(expires_in=-1), "expires_in"),
        (granted(scope=[SCORE]), "scope"),
    ],
)
def test_a_reply_that_is_no_bearer_token_is_malformed(keys: ToolKeys, reply: HttpReply, part: str) -> None:
    with pytest.raises(TokenReplyMalformed) as caught:
        AccessTokens(Scripted(reply), keys).token(REGISTRATION, SCOPES, NOW)
    assert caught.value.part == part


def test_an_enormous_lifetime_is_a_week_at_most(keys: ToolKeys) -> None:
    http = Scripted(granted(expires_in=10**30, token_type="bearer"), granted(access_token="second"))
    tokens = AccessTokens(http, keys)
    tokens.token(REGISTRATION, SCOPES, NOW)
    assert tokens.token(REGISTRATION, SCOPES, NOW + timedelta(days=7)) == "second"


def test_scopes_left_out_by_the_platform_are_named(keys: ToolKeys) -> None:
    with pytest.raises(ScopesNotGranted) as caught:
        AccessTokens(Scripted(granted()), keys).token(REGISTRATION, frozenset({SCORE, ROSTER}), NOW)
    assert caught.value.missing == {ROSTER}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": "invalid_scope"}', "invalid_scope"),
        (b'{"error": "Cannot handle token with iat prior to 2026-11-23T08:11:07+0900"}', "other"),
        (b'{\r\n  "error" : ""kid" invalid"\r\n}', "other"),
        (b'{"error": ["invalid_scope"]}', "other"),
        (b"[]", "other"),
        (b"", "other"),
    ],
)
def test_a_refusal_carries_a_code_and_never_the_platforms_text(keys: ToolKeys, body: bytes, code: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        AccessTokens(Scripted(HttpReply(400, {}, body)), keys).token(REGISTRATION, SCOPES, NOW)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert str(caught.value) == f"(400, '{code}')"


def test_a_call_carries_the_token_to_registered_origins_only(keys: ToolKeys) -> None:
    http = Scripted(granted(), HttpReply(200, {}, b"done"))
    assert call_service(http, AccessTokens(http, keys), REGISTRATION, CALL, NOW).body == b"done"
    assert http.calls[1] == {
        "method": "POST",
        "url": CALL.url,
        "headers": CALL.headers,
        "body": b"body",
        "origin_allowlist": REGISTRATION.origins,
        "bearer": "first",
    }
    real = PlatformHttp(OutgoingPolicy(), resolver=lambda host, port: ["93.184.216.34"])
    foreign = replace(CALL, url="https://evil.example/scores")
    with pytest.raises(OriginRefused):
        call_service(real, AccessTokens(Scripted(granted()), keys), REGISTRATION, foreign, NOW)


REFUSAL = HttpReply(401, {}, b"")


def test_a_token_that_is_refused_is_renewed_once(keys: ToolKeys) -> None:
    http = Scripted(granted(), REFUSAL, granted(access_token="second"), HttpReply(200, {}, b""))
    assert call_service(http, AccessTokens(http, keys), REGISTRATION, CALL, NOW).status == 200
    assert [call.get("bearer") for call in http.calls] == [None, "first", None, "second"]


def test_a_platform_that_refuses_every_token_is_not_asked_a_third_time(keys: ToolKeys) -> None:
    http = Scripted(granted(), REFUSAL, granted(access_token="second"), REFUSAL, granted(access_token="third"))
    tokens = AccessTokens(http, keys)
    assert call_service(http, tokens, REGISTRATION, CALL, NOW).status == 401
    assert len(http.calls) == 4
    assert tokens.token(REGISTRATION, SCOPES, NOW) == "third"


def test_forgetting_spares_a_token_that_another_call_has_renewed(keys: ToolKeys) -> None:
    tokens = AccessTokens(Scripted(granted()), keys)
    forget: Callable[[str], None] = lambda refused: tokens.forget(REGISTRATION, SCOPES, refused)  # noqa: E731
    forget("first")
    tokens.token(REGISTRATION, SCOPES, NOW)
    forget("older")
    assert tokens.token(REGISTRATION, SCOPES, NOW) == "first"


def test_neither_tokens_nor_bodies_show_in_what_could_be_logged(keys: ToolKeys) -> None:
    tokens = AccessTokens(Scripted(granted()), keys)
    tokens.token(REGISTRATION, SCOPES, NOW)
    assert "first" not in repr(vars(tokens))
    assert "body" not in repr(CALL)
