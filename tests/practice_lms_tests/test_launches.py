"""Logins and launches have the shape that a Moodle 4.5.6 sent."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import Activity, Window
from tests.practice_lms_tests.conftest import (
    authorization_query,
    captured,
    launched,
    moodle_like_config,
    verified,
)

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
OUTCOME = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"


def still(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims without what differs from launch to launch or from site to site."""
    kept = json.loads(json.dumps(claims))
    for name in ("nonce", "iat", "exp"):
        assert kept.pop(name)
    outcome = kept[OUTCOME]
    outcome["lis_result_sourcedid"] = re.sub(
        r'"launchid":\d+|"hash":"[0-9a-f]{64}"', "…", outcome["lis_result_sourcedid"]
    )
    presentation = kept[CLAIM + "launch_presentation"]
    presentation["return_url"] = re.sub(r"sesskey=\w+", "sesskey=…", presentation["return_url"])
    assert re.fullmatch("[0-9a-f]{32}", kept[CLAIM + "tool_platform"].pop("guid"))
    return dict(kept)


def without_line_item_number(claims: dict[str, Any]) -> dict[str, Any]:
    claims[AGS]["lineitem"] = re.sub(r"lineitems/\d+/", "lineitems/…/", claims[AGS]["lineitem"])
    return claims


@pytest.mark.parametrize(
    ("capture", "person", "activity"),
    [
        ("id_token_student", "user1", "m1"),
        ("id_token_teacher", "teacher1", "m1"),
        ("id_token_nonediting_teacher", "ta1", "m1"),
        ("id_token_manager", "mgr1", "m1"),
        ("id_token_admin", "admin", "m1"),
        ("id_token_student_course_copy", "user1", "m1-copy"),
    ],
)
def test_a_launch_carries_the_captured_claims(lms: PracticeLms, capture: str, person: str, activity: str) -> None:
    theirs, ours = still(captured(capture)), still(launched(lms, person, activity))
    if activity == "m1-copy":
        theirs, ours = without_line_item_number(theirs), without_line_item_number(ours)
        # The copy was launched after the person had left the group of the first course.
        ours[CLAIM + "custom"]["groups"] = ""
    assert ours == theirs


def test_the_claims_stand_in_the_captured_order(lms: PracticeLms) -> None:
    assert list(launched(lms, "user1", "m1")) == list(captured("id_token_student"))


def test_a_platform_that_sends_no_personal_data_sends_the_captured_minimum() -> None:
    lms = platform_of(create_platform(moodle_like_config(sends_names=False, sends_email=False)))
    assert still(launched(lms, "user2", "m1")) == still(captured("id_token_student_minimal_claims"))


def test_names_can_be_sent_without_addresses() -> None:
    lms = platform_of(create_platform(moodle_like_config(sends_email=False)))
    claims = launched(lms, "user1", "m1")
    assert claims["family_name"] == "佐藤"
    assert "email" not in claims
    assert claims[CLAIM + "custom"]["person_email"] is None


def test_the_login_form_has_the_captured_fields(lms: PracticeLms) -> None:
    theirs, login = captured("oidc_login_request")["form"], lms.launch("user8", "m1")
    assert login.url == "http://127.0.0.1:9001/login"
    assert list(login.fields) == list(theirs)
    hint = login.fields.pop("lti_message_hint")
    their_hint = theirs.pop("lti_message_hint")
    assert login.fields == theirs
    assert re.sub(r"_\d+", "_…", hint) == re.sub(r"_\d+", "_…", their_hint)


def test_a_launch_is_good_for_sixty_seconds_by_the_platforms_clock(lms: PracticeLms) -> None:
    lms.clock.set(datetime.now(UTC) + timedelta(minutes=30))  # noqa: TID251 - a test of the clock against the real one
    lms.clock.advance(-1800)
    before = lms.clock.timestamp()
    claims = launched(lms, "user1", "m1")
    assert claims["exp"] - claims["iat"] == 60
    assert int(before) <= claims["iat"] <= before + 5


def test_a_clock_set_ahead_dates_launches_ahead(lms: PracticeLms) -> None:
    now = lms.clock.timestamp()
    lms.clock.advance(3600)
    login = lms.initiate_login("user1", "m1")
    token = lms.authorize(authorization_query(lms, login), "user1")["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iat"] >= int(now) + 3600


def test_the_line_item_is_named_only_when_the_link_has_exactly_one(lms: PracticeLms) -> None:
    assert "lineitem" in launched(lms, "user1", "m1")[AGS]
    assert "lineitem" not in launched(lms, "user1", "m3")[AGS]
    assert OUTCOME not in launched(lms, "user1", "m3")
    lms.add_line_item("2", "M1 第2評定", 100, link_id="1")
    assert "lineitem" not in launched(lms, "user1", "m1")[AGS]


def test_an_activity_in_a_new_window_says_so() -> None:
    config = moodle_like_config()
    course = replace(config.courses[0], activities=(Activity("w", "窓", "9", window=Window.NEW),))
    lms = platform_of(create_platform(replace(config, courses=(course,))))
    presentation = launched(lms, "user1", "w")[CLAIM + "launch_presentation"]
    assert presentation["document_target"] == "window"
    assert "launch_container=4" in presentation["return_url"]


def test_a_rotated_key_signs_and_the_old_one_stays_published_until_retired(lms: PracticeLms) -> None:
    login = lms.initiate_login("user1", "m1")
    old_token = lms.authorize(authorization_query(lms, login), "user1")["id_token"]
    old_kid = lms.keys.current.kid
    lms.rotate_key()
    assert lms.keys.current.kid != old_kid
    assert verified(lms, old_token)["sub"] == "4"
    assert launched(lms, "user1", "m1")["sub"] == "4"
    lms.retire_old_keys()
    with pytest.raises(KeyError):
        verified(lms, old_token)


def test_a_test_may_change_a_launch_before_it_is_signed(lms: PracticeLms) -> None:
    lms.mutate = lambda header, claims: (header, {**claims, "sub": "99"})
    assert launched(lms, "user1", "m1")["sub"] == "99"


def test_a_test_may_send_any_text_as_a_launch(lms: PracticeLms) -> None:
    lms.mutate = lambda header, claims: "not.a.token"
    login = lms.initiate_login("user1", "m1")
    assert lms.authorize(authorization_query(lms, login), "user1")["id_token"] == "not.a.token"


def test_a_test_may_sign_with_a_foreign_key(lms: PracticeLms, tool_key: rsa.RSAPrivateKey) -> None:
    lms.sign_with = tool_key
    with pytest.raises(jwt.InvalidSignatureError):
        launched(lms, "user1", "m1")


def test_a_test_may_sign_lists_and_shared_secrets(lms: PracticeLms) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    lms.sign_with = secret
    lms.mutate = lambda header, claims: ({**header, "alg": "HS256"}, claims)
    login = lms.initiate_login("user1", "m1")
    token = lms.authorize(authorization_query(lms, login), "user1")["id_token"]
    assert jwt.decode(token, secret, ["HS256"], audience="uWABm2tolIlohLt")["sub"] == "4"
    lms.mutate = lambda header, claims: (["a"], [1])
    login = lms.initiate_login("user1", "m1")
    assert lms.authorize(authorization_query(lms, login), "user1")["id_token"].startswith("WyJhIl0.WzFd.")
