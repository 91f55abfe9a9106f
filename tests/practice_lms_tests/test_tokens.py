"""The token endpoint answers as the captured Moodle did, and by its switches otherwise."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE
from tests.practice_lms.profiles import MOODLE_4_5
from tests.practice_lms.server import running_platform
from tests.practice_lms_tests.conftest import captured, moodle_like_config

PROBE = {entry["test"]: entry for entry in captured("service_probe")}
ALL = " ".join(
    f"https://purl.imsglobal.org/spec/{name}"
    for name in (
        "lti-ags/scope/score",
        "lti-ags/scope/result.readonly",
        "lti-ags/scope/lineitem.readonly",
        "lti-ags/scope/lineitem",
        "lti-nrps/scope/contextmembership.readonly",
    )
)
AGS_ONLY = ALL.rsplit(" ", 1)[0]
Request = Callable[..., dict[str, str]]


def ask(client: FlaskClient, form: dict[str, str]) -> TestResponse:
    return client.post("/mod/lti/token.php", data=form)


def same_as_probe(reply: TestResponse, name: str) -> None:
    entry = PROBE[name]
    assert (reply.status_code, reply.headers["Content-Type"]) == (entry["status"], entry["ct"])
    text = reply.get_data(as_text=True)
    if isinstance(entry["body"], str):
        assert text == entry["body"]
        return
    ours = json.loads(text)
    if "access_token" in ours:
        ours["access_token"] = "(removed)"
    if "iat prior" in ours.get("error", ""):
        moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0900"
        assert re.search(moment, ours["error"])
        ours["error"] = re.sub(moment, "…", ours["error"])
        entry = {**entry, "body": {"error": re.sub(moment, "…", entry["body"]["error"])}}
    assert ours == entry["body"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("token all scopes", {"scopes": ALL}),
        ("token aud=issuer", {"scopes": AGS_ONLY, "aud": "http://127.0.0.1:8081"}),
        ("token aud=garbage", {"scopes": AGS_ONLY, "aud": "garbage"}),
        ("token unknown scope only", {"scopes": "https://example.invalid/scope"}),
        ("token known+unknown scope", {"scopes": f"https://example.invalid/scope {NRPS_SCOPE}"}),
        ("token no kid", {"kid": None}),
        ("token wrong kid", {"kid": "other"}),
        ("token expired assertion", {"exp": 1_000_000_000}),
        ("token future iat +30s", {"iat": 4_000_000_000, "exp": 4_000_000_100}),
    ],
)
def test_a_token_request_is_answered_as_captured(
    client: FlaskClient, token_request: Request, name: str, changes: dict[str, Any]
) -> None:
    same_as_probe(ask(client, token_request(**changes)), name)


def test_moodle_takes_the_same_assertion_twice(client: FlaskClient, token_request: Request) -> None:
    form = token_request(scopes=NRPS_SCOPE)
    ask(client, form)
    same_as_probe(ask(client, form), "token replayed assertion")


def test_thirty_seconds_ahead_are_too_many_for_an_assertion(
    lms: PracticeLms, client: FlaskClient, token_request: Request
) -> None:
    reply = ask(client, token_request(iat=int(lms.clock.timestamp()) + 30))
    same_as_probe(reply, "token future iat +30s")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "other"}, "invalid_request"),
        ({"client_assertion": "not.a.jwt"}, "invalid_request"),
        ({"scope": ""}, "invalid_request"),
    ],
)
def test_a_malformed_token_request_is_refused(
    client: FlaskClient, token_request: Request, changes: dict[str, str], error: str
) -> None:
    reply = ask(client, token_request() | changes)
    assert (reply.status_code, json.loads(reply.data)) == (400, {"error": error})


def test_an_assertion_of_another_client_is_refused(client: FlaskClient, token_request: Request) -> None:
    assert json.loads(ask(client, token_request(iss="other")).data) == {"error": "invalid_client"}
    assert json.loads(ask(client, token_request(sub="other")).data) == {"error": "invalid_client"}


def test_a_tampered_assertion_is_refused(client: FlaskClient, token_request: Request) -> None:
    form = token_request()
    header, claims, signature = form["client_assertion"].split(".")
    form["client_assertion"] = f"{header}.{claims}.{signature[:-8]}AAAAAAAA"
    assert ask(client, form).status_code == 400


def test_a_key_set_that_cannot_be_read_refuses_and_is_read_again_later(
    lms: PracticeLms, client: FlaskClient, token_request: Request, tool_jwks: dict[str, Any]
) -> None:
    def broken(url: str) -> dict[str, Any]:
        raise requests.ConnectionError(url)

    lms.fetch_jwks = broken
    assert ask(client, token_request()).status_code == 400
    lms.fetch_jwks = lambda url: tool_jwks
    assert ask(client, token_request()).status_code == 200


def test_the_tools_key_set_is_read_once_and_again_for_an_unknown_kid(
    lms: PracticeLms, client: FlaskClient, token_request: Request, tool_jwks: dict[str, Any]
) -> None:
    read: list[str] = []

    def counted(url: str) -> dict[str, Any]:
        read.append(url)
        return tool_jwks

    lms.fetch_jwks = counted
    ask(client, token_request())
    ask(client, token_request())
    assert read == ["http://127.0.0.1:9001/jwks"]
    tool_jwks["keys"].append({**tool_jwks["keys"][0], "kid": "k2"})
    assert ask(client, token_request(kid="k2")).status_code == 200
    assert len(read) == 2


def test_the_tools_key_set_is_read_over_http(token_request: Request) -> None:
    # A second platform stands in for the tool: it publishes a key set, and that is all that is needed here.
    with running_platform(moodle_like_config()) as publisher:
        config = moodle_like_config()
        tool = replace(config.tool, jwks_url=f"{publisher.config.issuer}/mod/lti/certs.php")
        app = create_platform(replace(config, tool=tool))
        reply = ask(app.test_client(), token_request(kid=publisher.keys.current.kid))
        assert json.loads(reply.data) == {"error": "Signature verification failed"}
        assert publisher.keys.current.kid in platform_of(app).tool_keys[config.tool.client_id]
        assert len(publisher.events("jwks")) == 1


def test_a_token_ends_after_an_hour_by_the_platforms_clock(
    lms: PracticeLms, client: FlaskClient, token_request: Request
) -> None:
    token = json.loads(ask(client, token_request()).data)["access_token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.ims.lis.v2.lineitemcontainer+json",
    }
    lms.clock.advance(3590)
    assert client.get("/mod/lti/services.php/2/lineitems?type_id=1", headers=headers).status_code == 200
    lms.clock.advance(20)
    assert client.get("/mod/lti/services.php/2/lineitems?type_id=1", headers=headers).status_code == 401


def test_a_token_opens_only_the_services_of_its_scopes(client: FlaskClient, token_request: Request) -> None:
    token = json.loads(ask(client, token_request(scopes=AGS_SCOPES[2])).data)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.ims.lis.v2.lineitemcontainer+json"}
    assert client.get("/mod/lti/services.php/2/lineitems?type_id=1", headers=headers).status_code == 401


def strict_app(**switches: Any) -> Flask:
    return create_platform(moodle_like_config(profile=replace(MOODLE_4_5, **switches)))


@pytest.fixture
def strict_client(lms: PracticeLms, tool_jwks: dict[str, Any]) -> FlaskClient:
    app = strict_app(
        refuses_reused_assertion=True,
        checks_assertion_audience=True,
        kid_is_mandatory=False,
        token_replies_as_html=False,
    )
    platform_of(app).fetch_jwks = lambda url: tool_jwks
    return app.test_client()


def test_a_strict_platform_takes_an_assertion_once(strict_client: FlaskClient, token_request: Request) -> None:
    assert ask(strict_client, token_request()).status_code == 200
    reply = ask(strict_client, token_request())
    assert (reply.status_code, reply.get_json()) == (400, {"error": "invalid_client"})
    assert ask(strict_client, token_request(jti="j2")).status_code == 200


def test_a_strict_platform_looks_at_the_audience(strict_client: FlaskClient, token_request: Request) -> None:
    assert ask(strict_client, token_request(aud="garbage")).get_json() == {"error": "invalid_client"}
    assert ask(strict_client, token_request(aud=["x", "http://127.0.0.1:8081"])).status_code == 200


def test_a_platform_may_try_all_keys_where_no_kid_is_given(strict_client: FlaskClient, token_request: Request) -> None:
    assert ask(strict_client, token_request(kid=None)).status_code == 200
