"""The authorization endpoint answers sound requests alone, and each hint once."""

import html
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.oidc import UntrustedAuthorizationError
from tests.practice_lms.profiles import MOODLE_4_5
from tests.practice_lms_tests.conftest import authorization_query, moodle_like_config


def enter(client: FlaskClient, person_key: str) -> None:
    page = client.get("/").get_data(as_text=True)
    sesskey = re.search(r'name="sesskey" value="(\w+)"', page)
    assert sesskey
    assert client.post("/enter", data={"person": person_key, "sesskey": sesskey[1]}).status_code == 302


def form_of(page: str) -> tuple[str, dict[str, str]]:
    action = re.search(r'<form action="([^"]+)"', page)
    assert action
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("scope", "openid email", "invalid_scope"),
        ("scope", "", "invalid_request"),
        ("response_type", "code", "unsupported_response_type"),
        ("response_mode", "query", "invalid_request"),
        ("response_mode", "", "invalid_request"),
        ("prompt", "login", "invalid_request"),
        ("prompt", "", "invalid_request"),
        ("nonce", "", "invalid_request"),
        ("login_hint", "5", "access_denied"),
    ],
)
def test_a_request_that_is_not_sound_is_refused_to_the_tool(
    lms: PracticeLms, name: str, value: str, error: str
) -> None:
    login = lms.initiate_login("user1", "m1")
    answer = lms.authorize(authorization_query(lms, login, **{name: value}), "user1")
    assert answer["error"] == error
    assert answer["state"] == "state-1"
    assert "id_token" not in answer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "somebody-else"),
        ("redirect_uri", "http://127.0.0.1:9001/launch/"),
        ("redirect_uri", "http://127.0.0.1:9001/LAUNCH"),
        ("redirect_uri", "http://evil.example.invalid/launch"),
        ("redirect_uri", ""),
        ("lti_message_hint", "12345"),
        ("lti_message_hint", '{"cmid":2,"launchid":"ltilaunch1_7"}'),
        ("lti_message_hint", ""),
    ],
)
def test_nothing_is_posted_to_a_place_that_is_not_known(lms: PracticeLms, name: str, value: str) -> None:
    login = lms.initiate_login("user1", "m1")
    with pytest.raises(UntrustedAuthorizationError):
        lms.authorize(authorization_query(lms, login, **{name: value}), "user1")


def test_a_hint_serves_once(lms: PracticeLms) -> None:
    query = authorization_query(lms, lms.initiate_login("user1", "m1"))
    assert "id_token" in lms.authorize(query, "user1")
    with pytest.raises(UntrustedAuthorizationError):
        lms.authorize(query, "user1")


def test_a_platform_may_let_a_hint_serve_again() -> None:
    lms = platform_of(create_platform(moodle_like_config(profile=replace(MOODLE_4_5, hint_serves_once=False))))
    query = authorization_query(lms, lms.initiate_login("user1", "m1"))
    assert "id_token" in lms.authorize(query, "user1")
    assert "id_token" in lms.authorize(query, "user1")


def test_a_login_of_one_person_does_not_launch_another(lms: PracticeLms) -> None:
    login = lms.initiate_login("user1", "m1")
    answer = lms.authorize(authorization_query(lms, login, login_hint="5"), "user2")
    assert answer["error"] == "access_denied"


def test_a_browser_goes_from_the_activity_to_a_signed_launch(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    url, login = form_of(client.get("/mod/lti/launch.php?id=1").get_data(as_text=True))
    assert url == "http://127.0.0.1:9001/login"
    page = client.get("/mod/lti/auth.php", query_string=authorization_query(lms, login)).get_data(as_text=True)
    url, fields = form_of(page)
    assert url == "http://127.0.0.1:9001/launch"
    assert set(fields) == {"id_token", "state"}
    assert ".submit()" in page
    assert "<noscript><button>" in page


def test_the_authorization_request_may_be_posted(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    login = lms.initiate_login("user1", "m1")
    page = client.post("/mod/lti/auth.php", data=authorization_query(lms, login)).get_data(as_text=True)
    assert "id_token" in form_of(page)[1]


def test_a_browser_without_a_person_gets_a_page_and_no_form(lms: PracticeLms, client: FlaskClient) -> None:
    login = lms.initiate_login("user1", "m1")
    reply = client.get("/mod/lti/auth.php", query_string=authorization_query(lms, login))
    assert reply.status_code == 401
    assert "id_token" not in reply.get_data(as_text=True)
    assert client.get("/mod/lti/launch.php?id=1").status_code == 401


def test_an_unregistered_redirect_gets_a_page_and_no_form(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    login = lms.initiate_login("user1", "m1")
    query = authorization_query(lms, login, redirect_uri="http://evil.example.invalid/")
    reply = client.get("/mod/lti/auth.php", query_string=query)
    assert reply.status_code == 400
    assert "evil.example.invalid" not in reply.get_data(as_text=True)


def test_the_state_comes_back_untouched_and_escaped(lms: PracticeLms, client: FlaskClient) -> None:
    enter(client, "user1")
    state = '"><script>alert(1)</script>'
    login = lms.initiate_login("user1", "m1")
    page = client.get("/mod/lti/auth.php", query_string=authorization_query(lms, login, state=state)).get_data(
        as_text=True
    )
    assert form_of(page)[1]["state"] == state
    assert "<script>alert" not in page


def test_launches_and_refusals_are_logged(lms: PracticeLms) -> None:
    lms.authorize(authorization_query(lms, lms.initiate_login("user1", "m1")), "user1")
    lms.authorize(authorization_query(lms, lms.initiate_login("user1", "m1"), scope="x"), "user1")
    assert [(event.person, event.status) for event in lms.events("launch")] == [("user1", 200)]
    assert [event.reason for event in lms.events("auth")] == ["invalid_scope Invalid scope"]
