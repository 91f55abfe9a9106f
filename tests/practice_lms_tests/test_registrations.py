"""Tools register themselves, and update their registration, as a Moodle 4.5.6 lets them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_lms.app import create_platform
from tests.practice_lms.defaults import default_config
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.keys import sign
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE, ToolRegistration
from tests.practice_lms.profiles import MOODLE_4_5
from tests.practice_lms.registration import TOOL_CONFIGURATION
from tests.practice_lms.tokens import issue_token
from tests.practice_lms_tests.conftest import authorization_query, captured, moodle_like_config, verified
from tests.practice_lms_tests.service_calls import LINE_ITEMS, ROSTER, read

REGISTER = "/mod/lti/openid-registration.php"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"


def a_request(host: str = "isms-tool.test:9443", **changes: Any) -> dict[str, Any]:
    """The captured request, from a tool at this host; a value of None leaves a field out."""
    text = json.dumps(captured("registration_request")).replace("http://127.0.0.1:9001", f"https://{host}")
    asked: dict[str, Any] = json.loads(text.replace("127.0.0.1:9001", host)) | changes
    return {name: value for name, value in asked.items() if value is not None}


def with_configuration(**changes: Any) -> dict[str, Any]:
    asked = a_request()
    asked[TOOL_CONFIGURATION] |= changes
    return asked


def register(client: FlaskClient, token: str, asked: object = None) -> TestResponse:
    document = a_request() if asked is None else asked
    return client.post(REGISTER, json=document, headers={"Authorization": f"Bearer {token}"})


def registered(lms: PracticeLms, client: FlaskClient, asked: object = None) -> ToolRegistration:
    reply = register(client, lms.begin_registration().token, asked)
    assert reply.status_code == 200, reply.data
    return lms.registration(reply.get_json()["client_id"])


def test_the_platform_describes_itself_as_captured(client: FlaskClient) -> None:
    theirs = json.loads(
        json.dumps(captured("openid_configuration")).replace("https://moodle-u.test:8443", "http://127.0.0.1:8081")
    )
    reply = client.get("/mod/lti/openid-configuration.php")
    assert reply.get_json() == theirs
    assert list(reply.get_json()) == list(theirs)


def test_a_registration_is_answered_as_captured(lms: PracticeLms, client: FlaskClient) -> None:
    reply = register(client, lms.begin_registration().token, a_request(client_name="ISMS Lab Tool TLS"))
    ours, theirs = reply.get_json(), captured("registration_response")
    assert len(ours.pop("client_id")) == len(theirs.pop("client_id"))
    assert ours == theirs
    assert list(ours) == list(theirs)
    assert reply.content_type == "application/json; charset=utf-8"


def test_the_tools_page_is_opened_with_the_two_parameters(lms: PracticeLms) -> None:
    start = lms.begin_registration()
    address = urlsplit(start.address("https://isms-tool.test:9443/register?invitation=abc"))
    assert address.path == "/register"
    assert parse_qs(address.query) == {
        "invitation": ["abc"],
        "openid_configuration": ["http://127.0.0.1:8081/mod/lti/openid-configuration.php"],
        "registration_token": [start.token],
    }


def test_a_registered_tool_waits_and_is_not_in_the_chooser_until_it_is_activated(
    lms: PracticeLms, client: FlaskClient
) -> None:
    tool = registered(lms, client)
    assert (tool.is_active, tool.in_chooser) == (False, False)
    lms.activate(tool.client_id, in_chooser=False)
    assert (lms.registration(tool.client_id).is_active, lms.registration(tool.client_id).in_chooser) == (True, False)
    lms.activate(tool.client_id)
    assert lms.registration(tool.client_id).in_chooser


def test_a_platform_may_activate_tools_at_once(tool_jwks: dict[str, Any]) -> None:
    app = create_platform(moodle_like_config(profile=replace(MOODLE_4_5, registered_tools_wait=False)))
    tool = registered(platform_of(app), app.test_client())
    assert (tool.is_active, tool.in_chooser) == (True, True)


def test_a_registration_token_serves_once(lms: PracticeLms, client: FlaskClient) -> None:
    token = lms.begin_registration().token
    assert register(client, token).status_code == 200
    reply = register(client, token)
    assert (reply.status_code, reply.get_data(as_text=True)) == (401, "token_already_used")
    assert len(lms.registrations()) == 2


def test_a_refused_registration_leaves_its_token_good(lms: PracticeLms, client: FlaskClient) -> None:
    token = lms.begin_registration().token
    assert register(client, token, a_request(jwks_uri=None)).status_code == 400
    assert register(client, token).status_code == 200


def test_a_registration_token_ends_after_an_hour(lms: PracticeLms, client: FlaskClient) -> None:
    token = lms.begin_registration().token
    lms.clock.advance(3601)
    reply = register(client, token)
    # Moodle lets the error of its library through to its error page.
    assert (reply.status_code, reply.mimetype) == (404, "text/html")
    assert lms.events("registration")[-1].reason == "Expired token"
    assert len(lms.registrations()) == 1


@pytest.mark.parametrize(
    ("authorization", "status"), [("", 401), ("Basic abc", 401), ("Bearer ", 404), ("Bearer x.y.z", 404)]
)
def test_nobody_registers_without_a_token(
    lms: PracticeLms, client: FlaskClient, authorization: str, status: int
) -> None:
    reply = client.post(REGISTER, json=a_request(), headers={"Authorization": authorization})
    assert reply.status_code == status
    assert lms.events("registration")[-1].status == status
    assert len(lms.registrations()) == 1


def test_nobody_registers_with_a_token_of_their_own_making(
    lms: PracticeLms, client: FlaskClient, tool_key: rsa.RSAPrivateKey
) -> None:
    claims = {"sub": "mine", "scope": "reg", "iat": 1, "exp": 4_000_000_000}
    header = {"alg": "RS256", "kid": lms.keys.current.kid}
    assert register(client, sign(header, claims, tool_key)).status_code == 404
    wrong = sign(header, claims | {"scope": "openid"}, lms.keys.current.private_key)
    assert register(client, wrong).status_code == 403


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (a_request(initiate_login_uri=None), "missing required attribute initiate_login_uri"),
        (a_request(jwks_uri=""), "missing required attribute jwks_uri"),
        (a_request(redirect_uris=[]), "missing required attribute redirect_uris"),
        (a_request(client_name=None), "missing required attribute client_name"),
        (a_request(response_types=["code"]), "invalid_response_types"),
        (a_request(redirect_uris="https://isms-tool.test:9443/launch"), "invalid_redirect_uris"),
        (a_request(token_endpoint_auth_method="none"), "invalid_token_endpoint_auth_method"),
        (a_request(application_type="native"), "invalid_application_type"),
        (a_request(**{TOOL_CONFIGURATION: None}), f"missing required attribute {TOOL_CONFIGURATION}"),
        (with_configuration(domain=""), "missing_domain"),
        (with_configuration(domain="isms-tool.test"), "domain_targetlinkuri_mismatch"),
        (with_configuration(target_link_uri="https://other.test/launch"), "domain_targetlinkuri_mismatch"),
        (["a"], "missing required attribute response_types"),
    ],
)  # fmt: skip
def test_a_registration_that_says_too_little_is_refused(
    lms: PracticeLms, client: FlaskClient, asked: object, reason: str
) -> None:
    reply = register(client, lms.begin_registration().token, asked)
    assert (reply.status_code, reply.get_data(as_text=True)) == (400, reason)
    assert lms.events("registration")[-1].reason == reason
    assert len(lms.registrations()) == 1


def test_the_domain_may_leave_out_www(lms: PracticeLms, client: FlaskClient) -> None:
    asked = with_configuration(target_link_uri="https://www.isms-tool.test:9443/launch")
    assert registered(lms, client, asked).domain == "isms-tool.test:9443"


@pytest.mark.parametrize(
    ("claims", "names", "email"),
    [([], False, False), (["iss", "sub", "family_name"], True, False), (["email"], False, True)],
)
def test_claims_decide_what_is_ever_sent(
    lms: PracticeLms, client: FlaskClient, claims: list[str], names: bool, email: bool
) -> None:
    tool = registered(lms, client, with_configuration(claims=claims))
    login = lms.launch("user1", "m1", "en", tool.client_id).fields
    query = authorization_query(lms, login, client_id=tool.client_id, redirect_uri=tool.redirect_uris[0])
    token = lms.authorize(query, "user1")["id_token"]
    launched = verified(lms, token, tool.client_id)
    assert ("given_name" in launched, "name" in launched, "email" in launched) == (names, names, email)
    bearer = {"Authorization": f"Bearer {issue_token(lms, (NRPS_SCOPE,), tool.client_id)}"}
    path = f"/CourseSection/2/bindings/{tool.deployment_id}/memberships"
    member = json.loads(read(client, bearer, path, ROSTER).data)["members"][0]
    assert ("family_name" in member, "email" in member) == (names, email)


@pytest.mark.parametrize(
    ("scope", "granted", "echoed"),
    [
        (None, (), ""),
        ([SCORE], (), ""),
        (NRPS_SCOPE, (NRPS_SCOPE,), NRPS_SCOPE),
        (SCORE, AGS_SCOPES[1:], " ".join((SCORE, AGS_SCOPES[2], AGS_SCOPES[1], AGS_SCOPES[0]))),
    ],
)
def test_scopes_are_one_string_and_the_grade_services_come_together(
    lms: PracticeLms, client: FlaskClient, scope: object, granted: tuple[str, ...], echoed: str
) -> None:
    reply = register(client, lms.begin_registration().token, a_request(scope=scope))
    assert reply.get_json()["scope"] == echoed
    assert lms.registration(reply.get_json()["client_id"]).scopes == granted


def test_a_platform_may_grant_what_is_asked_for_and_no_more() -> None:
    app = create_platform(moodle_like_config(profile=replace(MOODLE_4_5, grades_scopes_come_together=False)))
    reply = register(app.test_client(), platform_of(app).begin_registration().token, a_request(scope=SCORE))
    assert reply.get_json()["scope"] == SCORE


def test_an_update_keeps_client_id_deployment_and_state_and_leaves_the_chooser(
    lms: PracticeLms, client: FlaskClient
) -> None:
    tool = registered(lms, client)
    lms.activate(tool.client_id)
    start = lms.begin_registration(tool.client_id)
    shown = client.get(REGISTER, headers={"Authorization": f"Bearer {start.token}"}).get_json()
    assert shown["client_id"] == tool.client_id
    reply = register(client, start.token, a_request(client_name="改名", jwks_uri="https://isms-tool.test:9443/keys"))
    assert reply.get_json()["client_id"] == tool.client_id
    assert reply.get_json()[TOOL_CONFIGURATION]["deployment_id"] == tool.deployment_id
    updated = lms.registration(tool.client_id)
    assert (updated.name, updated.jwks_url) == ("改名", "https://isms-tool.test:9443/keys")
    assert (updated.is_active, updated.in_chooser) == (True, False)
    assert len(lms.registrations()) == 2


def test_the_first_tool_can_be_updated_too(lms: PracticeLms, client: FlaskClient) -> None:
    first = lms.config.tool
    register(client, lms.begin_registration(first.client_id).token)
    assert lms.registrations()[0].login_url == "https://isms-tool.test:9443/login"
    assert lms.launch("user1", "m1").url == "https://isms-tool.test:9443/login"
    assert lms.launch("user1", "m1").fields["client_id"] == first.client_id


def test_an_update_token_serves_again_in_moodle_and_once_elsewhere(lms: PracticeLms, client: FlaskClient) -> None:
    token = lms.begin_registration(registered(lms, client).client_id).token
    assert [register(client, token).status_code for _ in range(2)] == [200, 200]
    app = create_platform(moodle_like_config(profile=replace(MOODLE_4_5, update_tokens_serve_again=False)))
    other, other_client = platform_of(app), app.test_client()
    token = other.begin_registration(registered(other, other_client).client_id).token
    assert [register(other_client, token).status_code for _ in range(2)] == [200, 401]


def test_a_token_for_a_new_registration_shows_none(lms: PracticeLms, client: FlaskClient) -> None:
    authorization = {"Authorization": f"Bearer {lms.begin_registration().token}"}
    assert client.get(REGISTER, headers=authorization).status_code == 404


def test_tools_have_deployments_tokens_and_line_items_of_their_own(lms: PracticeLms, client: FlaskClient) -> None:
    tool = registered(lms, client)
    assert tool.deployment_id == "2"
    first = {"Authorization": f"Bearer {issue_token(lms, AGS_SCOPES)}"}
    second = {"Authorization": f"Bearer {issue_token(lms, AGS_SCOPES, tool.client_id)}"}
    lms.add_line_item("2", "ほかのツールの評定", 5, client_id=tool.client_id)
    labels = [item["label"] for item in json.loads(read(client, second, "/2/lineitems?type_id=2", LINE_ITEMS).data)]
    assert labels == ["ほかのツールの評定"]
    assert read(client, first, "/2/lineitems?type_id=2", LINE_ITEMS).status_code == 401
    assert read(client, second, "/2/lineitems?type_id=1", LINE_ITEMS).status_code == 401
    assert "type_id=2" in read(client, second, "/2/lineitems?type_id=2", LINE_ITEMS).get_data(as_text=True)


def test_a_launch_is_answered_to_its_own_tool_alone(lms: PracticeLms, client: FlaskClient) -> None:
    tool = registered(lms, client)
    login = lms.launch("user1", "m1", client_id=tool.client_id)
    assert login.url == tool.login_url
    assert login.fields["lti_deployment_id"] == "2"
    with pytest.raises(Exception, match="client_id is not that of the tool"):
        lms.authorize(authorization_query(lms, login.fields), "user1")


def test_a_second_run_knows_the_tools(tmp_path: Path) -> None:
    config = default_config(state_path=tmp_path / "lms.json")
    app = create_platform(config)
    tool = registered(platform_of(app), app.test_client())
    again = PracticeLms(config)
    assert again.registrations() == (config.tool, tool)
    again.remove_registration(tool.client_id)
    assert PracticeLms(config).registrations() == (config.tool,)


def test_the_configuration_can_name_private_addresses(lms: PracticeLms, client: FlaskClient) -> None:
    lms.faults.add(Fault("configuration", FaultKind.ELSEWHERE, location="http://10.0.0.1"))
    document = client.get("/mod/lti/openid-configuration.php").get_json()
    assert document["issuer"] == lms.config.issuer
    for name in ("token_endpoint", "jwks_uri", "authorization_endpoint", "registration_endpoint"):
        assert document[name].startswith("http://10.0.0.1/mod/lti/")


@pytest.mark.parametrize(
    ("endpoint", "path"), [("configuration", "/mod/lti/openid-configuration.php"), ("registration", REGISTER)]
)
def test_registration_can_fail_on_demand(lms: PracticeLms, client: FlaskClient, endpoint: str, path: str) -> None:
    lms.faults.add(Fault(endpoint, FaultKind.UNAVAILABLE, calls=1))
    assert client.get(path).status_code == 503
    assert client.get(path).status_code != 503
