"""Content is chosen in the tool and becomes activities, as in a Moodle 4.5.6."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.practice_lms.claims import CLAIM, DEEP_LINKING_SETTINGS
from tests.practice_lms.deep_linking import DEEP_LINKING_CLAIM, DeepLinkingRefusedError
from tests.practice_lms.keys import SigningKey, sign
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Window
from tests.practice_lms.profiles import MOODLE_4_5
from tests.practice_lms_tests.conftest import (
    authorization_query,
    captured,
    launched,
    moodle_like_config,
    verified,
)

ITEMS = DEEP_LINKING_CLAIM + "content_items"
Answer = Callable[..., dict[str, str]]


def begun(lms: PracticeLms, person_key: str = "teacher1", course_id: str = "2") -> dict[str, Any]:
    """The claims of a deep-linking launch."""
    login = lms.deep_link(person_key, course_id, "en").fields
    return verified(lms, lms.authorize(authorization_query(lms, login), person_key)["id_token"])


def return_url(lms: PracticeLms, course_id: str = "2") -> str:
    return str(begun(lms, course_id=course_id)[DEEP_LINKING_SETTINGS]["deep_link_return_url"])


@pytest.fixture
def answer(lms: PracticeLms, tool_key: rsa.RSAPrivateKey) -> Answer:
    """Makes the form that the tool posts: the captured return, claims replaced; a value of None leaves one out."""

    def make(key: rsa.RSAPrivateKey = tool_key, kid: str | None = "k1", **changes: Any) -> dict[str, str]:
        now = int(lms.clock.timestamp())
        claims = captured("deep_linking_response") | {"iat": now, "exp": now + 600} | changes
        header = {"typ": "JWT", "alg": "RS256"} | ({"kid": kid} if kid else {})
        return {"JWT": sign(header, {name: value for name, value in claims.items() if value is not None}, key)}

    return make


def an_item(**changes: Any) -> dict[str, Any]:
    item = {"type": "ltiResourceLink", "title": "誓約", "custom": {"akashi": "pledge"}} | changes
    return {name: value for name, value in item.items() if value is not None}


def test_a_choice_is_begun_as_captured(lms: PracticeLms) -> None:
    ours, theirs = begun(lms), captured("id_token_deep_linking")
    assert list(ours) == list(theirs)
    for claims in (ours, theirs):
        for name in ("nonce", "iat", "exp"):
            claims.pop(name)
        claims[CLAIM + "tool_platform"].pop("guid")
        settings = claims[DEEP_LINKING_SETTINGS]
        settings["deep_link_return_url"] = re.sub(r"sesskey=\w+", "sesskey=…", settings["deep_link_return_url"])
    assert ours == theirs


def test_the_login_names_no_activity_in_its_hint(lms: PracticeLms) -> None:
    login = lms.deep_link("teacher1", "2")
    assert login.url == "http://127.0.0.1:9001/login"
    assert re.fullmatch(r'{"launchid":"ltilaunch_ContentItemSelectionRequest\d+"}', login.fields["lti_message_hint"])
    assert login.fields["login_hint"] == "3"


@pytest.mark.parametrize("person", ["user1", "ta1"])
def test_only_those_who_edit_the_course_choose_content(lms: PracticeLms, person: str) -> None:
    with pytest.raises(DeepLinkingRefusedError):
        lms.deep_link(person, "2")
    assert lms.deep_link("mgr1", "2")
    assert lms.deep_link("admin", "2")


def test_a_tool_that_waits_is_not_offered(lms: PracticeLms) -> None:
    lms.keep_registration(replace(lms.config.tool, is_active=False))
    with pytest.raises(DeepLinkingRefusedError):
        lms.deep_link("teacher1", "2")
    lms.activate(lms.config.tool.client_id)
    assert lms.deep_link("teacher1", "2")


def test_the_captured_return_makes_the_activities_that_moodle_made(lms: PracticeLms, answer: Answer) -> None:
    choice = lms.receive_content(return_url(lms), answer(), "teacher1")
    module, pledge = choice.activities
    made = launched(lms, "user1", module.key)
    theirs = captured("id_token_student")
    assert made[CLAIM + "resource_link"] == {
        "title": "M2 パスワードと多要素認証", "description": "説明テキスト module 2", "id": module.link_id,
    }  # fmt: skip
    assert list(made[CLAIM + "custom"]) == list(theirs[CLAIM + "custom"])
    assert made[CLAIM + "custom"]["module"] == "m2"
    (item,) = lms.line_items_of(module.key)
    # Recorded line items of Moodle's: the label of the choice is dropped, the activity's title stands there.
    assert (item.label, item.maximum, item.resource_id, item.tag) == (
        "M2 パスワードと多要素認証",
        10,
        "m2",
        "isms-test",
    )
    assert lms.line_items_of(pledge.key) == ()
    assert module.window is Window.EMBED
    assert module.dates == {}
    assert [activity.title for activity in lms.courses[0].activities[-2:]] == [module.title, pledge.title]
    assert lms.events("content")[-1].what == "M2 パスワードと多要素認証, M3 セキュリティ誓約"


def test_an_item_without_address_opens_what_the_tool_opens(lms: PracticeLms, answer: Answer) -> None:
    plain, elsewhere = lms.receive_content(
        return_url(lms), answer(**{ITEMS: [an_item(), an_item(url="http://127.0.0.1:9001/launch?x=1")]}), "teacher1"
    ).activities
    assert launched(lms, "user1", plain.key)[CLAIM + "target_link_uri"] == "http://127.0.0.1:9001/launch"
    assert launched(lms, "user1", elsewhere.key)[CLAIM + "target_link_uri"] == "http://127.0.0.1:9001/launch?x=1"
    assert lms.initiate_login("user1", elsewhere.key)["target_link_uri"] == "http://127.0.0.1:9001/launch?x=1"


def test_an_item_that_says_little_gets_the_tools_name_and_a_hundred_points(lms: PracticeLms, answer: Answer) -> None:
    form = answer(**{ITEMS: [an_item(title=None, lineItem={})]})
    (activity,) = lms.receive_content(return_url(lms), form, "teacher1").activities
    assert (activity.title, activity.maximum) == ("ISMS Lab Tool ", 100)


def test_a_strict_platform_keeps_label_dates_and_window(tool_jwks: dict[str, Any], tool_key: rsa.RSAPrivateKey) -> None:
    habits = {"deep_linking_drops_label": False, "deep_linking_drops_dates_and_window": False}
    lms = PracticeLms(moodle_like_config(profile=replace(MOODLE_4_5, **habits)))
    lms.fetch_jwks = lambda url: tool_jwks
    now = int(lms.clock.timestamp())
    claims = captured("deep_linking_response") | {"iat": now, "exp": now + 60}
    token = sign({"alg": "RS256", "kid": "k1"}, claims, tool_key)
    module, _ = lms.receive_content(return_url(lms), {"JWT": token}, "teacher1").activities
    assert module.window is Window.NEW
    assert lms.line_items_of(module.key)[0].label == "M2 パスワードと多要素認証 テスト"
    assert launched(lms, "user1", module.key)[CLAIM + "custom"]["rl_sub_end"] == "2027-03-31T14:59:59Z"


def test_data_is_sent_and_expected_back_where_a_platform_does_so(
    tool_jwks: dict[str, Any], tool_key: rsa.RSAPrivateKey
) -> None:
    lms = PracticeLms(moodle_like_config(profile=replace(MOODLE_4_5, deep_linking_sends_data=True)))
    lms.fetch_jwks = lambda url: tool_jwks
    settings = begun(lms)[DEEP_LINKING_SETTINGS]
    now = int(lms.clock.timestamp())
    claims = captured("deep_linking_response") | {"iat": now, "exp": now + 60}
    for data, is_right in (("", False), ("other", False), (settings["data"], True)):
        sent = claims | {DEEP_LINKING_CLAIM + "data": data, "nonce": data or "n"}
        form = {"JWT": sign({"alg": "RS256", "kid": "k1"}, sent, tool_key)}
        if is_right:
            assert lms.receive_content(settings["deep_link_return_url"], form, "teacher1").activities
        else:
            with pytest.raises(DeepLinkingRefusedError, match="data"):
                lms.receive_content(settings["deep_link_return_url"], form, "teacher1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kid": None}, "kid is missing"),
        ({"kid": "k9"}, "kid is not in"),
        ({"iss": "other"}, "iss is not"),
        ({"iss": None}, "iss is not"),
        ({"aud": ["http://other.example.invalid"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": 1_000_000_000}, "exp is past"),
        ({"exp": None}, "exp is missing"),
        ({"iat": 4_000_000_000}, "iat is ahead"),
        ({"iat": None}, "iat is missing"),
        ({"nonce": None}, "nonce"),
        ({CLAIM + "deployment_id": "2"}, "deployment_id"),
        ({CLAIM + "message_type": "LtiResourceLinkRequest"}, "message_type"),
        ({CLAIM + "version": "1.2.0"}, "version"),
        ({DEEP_LINKING_CLAIM + "data": "something"}, "data"),
        ({ITEMS: {"type": "ltiResourceLink"}}, "content_items"),
        ({ITEMS: ["text"]}, "accepted type"),
        ({ITEMS: [an_item(), an_item(type="link", url="http://127.0.0.1:9001/")]}, "accepted type"),
        ({ITEMS: [an_item(url="https://other.example.invalid/launch")]}, "the url of an item"),
        ({ITEMS: [an_item(custom="akashi=pledge")]}, "custom"),
        ({ITEMS: [an_item(lineItem=[1])]}, "lineItem"),
        ({ITEMS: [an_item(lineItem={"scoreMaximum": "10"})]}, "scoreMaximum"),
        ({ITEMS: [an_item(lineItem={"scoreMaximum": 0})]}, "scoreMaximum"),
    ],
)
def test_a_return_that_is_not_sound_makes_nothing(
    lms: PracticeLms, answer: Answer, changes: dict[str, Any], reason: str
) -> None:
    before = lms.courses
    with pytest.raises(DeepLinkingRefusedError, match=reason):
        lms.receive_content(return_url(lms), answer(**changes), "teacher1")
    assert lms.courses == before
    assert reason in lms.events("content")[-1].reason


@pytest.mark.parametrize(
    "changes", [{"lineItem": {"scoreMaximum": 101}}, {"lineItem": {"scoreMaximum": 0.5}}, {"title": "長" * 256}]
)
def test_what_moodles_form_refuses_is_said_alone_and_left_out_in_silence_among_several(
    lms: PracticeLms, answer: Answer, changes: dict[str, Any]
) -> None:
    with pytest.raises(DeepLinkingRefusedError, match="from 1 to 100"):
        lms.receive_content(return_url(lms), answer(nonce="1", **{ITEMS: [an_item(**changes)]}), "teacher1")
    form = answer(nonce="2", **{ITEMS: [an_item(**changes), an_item(title="残る")]})
    assert [activity.title for activity in lms.receive_content(return_url(lms), form, "teacher1").activities] == [
        "残る"
    ]


def test_a_platform_may_take_any_points(tool_jwks: dict[str, Any], tool_key: rsa.RSAPrivateKey) -> None:
    profile = replace(MOODLE_4_5, deep_linking_points_whole_to_hundred=False, deep_linking_looks_at_everything=False)
    lms = PracticeLms(moodle_like_config(profile=profile))
    lms.fetch_jwks = lambda url: tool_jwks
    claims = {"iss": "uWABm2tolIlohLt", ITEMS: [an_item(lineItem={"scoreMaximum": 250.5})]}
    form = {"JWT": sign({"alg": "RS256", "kid": "k1"}, claims, tool_key)}
    assert lms.receive_content(return_url(lms), form, "teacher1").activities[0].maximum == 250.5


def test_a_return_signed_by_another_is_refused(lms: PracticeLms, answer: Answer) -> None:
    foreign = SigningKey.generate().private_key
    for form in (answer(foreign), {"JWT": "not.a.token"}, {"JWT": ""}, {}):
        with pytest.raises(DeepLinkingRefusedError, match="JWT"):
            lms.receive_content(return_url(lms), form, "teacher1")
    header, claims, signature = answer()["JWT"].split(".")
    assert jwt.decode(f"{header}.{claims}.{signature}", options={"verify_signature": False})["iss"]
    with pytest.raises(DeepLinkingRefusedError, match="InvalidSignatureError"):
        lms.receive_content(return_url(lms), {"JWT": f"{header}.{claims}.{signature[:-8]}AAAAAAAA"}, "teacher1")


def test_a_key_set_that_cannot_be_read_refuses_the_return(lms: PracticeLms, answer: Answer) -> None:
    def broken(url: str) -> dict[str, Any]:
        raise requests.ConnectionError(url)

    lms.fetch_jwks = broken
    with pytest.raises(DeepLinkingRefusedError, match="cannot be read"):
        lms.receive_content(return_url(lms), answer(), "teacher1")


def test_a_return_serves_once(lms: PracticeLms, answer: Answer) -> None:
    url, form = return_url(lms), answer()
    assert len(lms.receive_content(url, form, "teacher1").activities) == 2
    with pytest.raises(DeepLinkingRefusedError, match="nonce has been used"):
        lms.receive_content(url, form, "teacher1")
    with pytest.raises(DeepLinkingRefusedError, match="nonce has been used"):
        lms.receive_content(return_url(lms), form, "teacher1")


def test_moodle_itself_looks_at_keys_issuer_and_times_alone(
    tool_jwks: dict[str, Any], tool_key: rsa.RSAPrivateKey
) -> None:
    lms = PracticeLms(moodle_like_config(profile=replace(MOODLE_4_5, deep_linking_looks_at_everything=False)))
    lms.fetch_jwks = lambda url: tool_jwks
    claims = {"iss": "uWABm2tolIlohLt", "aud": "x", ITEMS: [an_item()]}
    form = {"JWT": sign({"alg": "RS256", "kid": "k1"}, claims, tool_key)}
    assert [len(lms.receive_content(return_url(lms), form, "teacher1").activities) for _ in range(2)] == [1, 1]


def test_a_return_belongs_to_the_choice_that_was_begun(lms: PracticeLms, answer: Answer) -> None:
    url = return_url(lms)
    other_course, other_tool = url.replace("course=2", "course=4"), url.replace("id=1&", "id=2&")
    other_key = re.sub(r"sesskey=\w+", "sesskey=0000000000", url)
    for wrong, person in (
        (other_course, "teacher1"),
        (other_tool, "teacher1"),
        (other_key, "teacher1"),
        (url, "admin"),
    ):
        with pytest.raises(DeepLinkingRefusedError):
            lms.receive_content(wrong, answer(), person)
    assert lms.receive_content(url, answer(), "teacher1").activities


def test_a_choice_of_nothing_and_a_tools_error_make_nothing(lms: PracticeLms, answer: Answer) -> None:
    before = lms.courses
    assert lms.receive_content(return_url(lms), answer(nonce="1", **{ITEMS: []}), "teacher1").activities == ()
    said = answer(nonce="2", **{DEEP_LINKING_CLAIM + "errormsg": "選べませんでした"})
    choice = lms.receive_content(return_url(lms), said, "teacher1")
    assert (choice.activities, choice.message) == ((), "選べませんでした")
    assert lms.courses == before


def test_a_submission_review_of_a_line_item_has_an_address_and_parameters(lms: PracticeLms, answer: Answer) -> None:
    review = {"url": "http://127.0.0.1:9001/review", "custom": {"view": "paper"}}
    form = answer(**{ITEMS: [an_item(lineItem={"scoreMaximum": 1, "submissionReview": review})]})
    (activity,) = lms.receive_content(return_url(lms), form, "teacher1").activities
    login = lms.review("teacher1", activity.key, "user1").fields
    assert login["target_link_uri"] == "http://127.0.0.1:9001/review"
    claims = verified(lms, lms.authorize(authorization_query(lms, login), "teacher1")["id_token"])
    assert claims[CLAIM + "target_link_uri"] == "http://127.0.0.1:9001/review"
    assert claims[CLAIM + "custom"]["view"] == "paper"
    assert "view" not in launched(lms, "user1", activity.key)[CLAIM + "custom"]


def test_a_second_run_knows_the_chosen_activities(
    tmp_path: Path, tool_jwks: dict[str, Any], tool_key: rsa.RSAPrivateKey
) -> None:
    config = moodle_like_config(state_path=tmp_path / "lms.json")
    lms = PracticeLms(config)
    lms.fetch_jwks = lambda url: tool_jwks
    now = int(lms.clock.timestamp())
    claims = captured("deep_linking_response") | {"iat": now, "exp": now + 60}
    made = lms.receive_content(
        return_url(lms), {"JWT": sign({"alg": "RS256", "kid": "k1"}, claims, tool_key)}, "teacher1"
    ).activities
    again = PracticeLms(config)
    assert again.courses == lms.courses
    assert again.line_items_of(made[0].key) == lms.line_items_of(made[0].key)
    assert launched(again, "user1", made[1].key)[CLAIM + "resource_link"]["id"] == made[1].link_id


def test_the_return_address_names_course_tool_and_a_key(lms: PracticeLms) -> None:
    address = urlsplit(return_url(lms, "4"))
    assert address.path == "/mod/lti/contentitem_return.php"
    query = parse_qs(address.query)
    assert (query["course"], query["id"], len(query["sesskey"][0])) == (["4"], ["1"], 10)
    assert json.dumps(captured("id_token_deep_linking")).count("contentitem_return.php?course=2&id=1&sesskey=") == 1
