"""Deep linking and submission review as messages: what is read, what is refused, and the answer's claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylti1p3.message_validators.deep_link import DeepLinkMessageValidator

from lms.lti.deep_linking import Addressee, ContentItem, DeepLinkingSettings, answer_claims
from lms.lti.id_tokens import LaunchFault, LaunchRefused
from lms.lti.messages import Launch, MessageKind, read_launch
from lms.lti.roles import may_place_content
from tests.lti.test_messages import ABSENT, JSON, LTI, MEMBERSHIP, PLATFORM, REGISTRATION, TARGET, moodle_claims

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
SETTINGS = DL + "deep_linking_settings"
RETURN = f"{PLATFORM}/mod/lti/contentitem_return.php?course=2&id=1&sesskey=abc"
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def deep_linking_claims() -> dict[str, Any]:
    """A teacher's launch in the shape in which Moodle 4.5.6 sends it."""
    claims = moodle_claims()
    del claims[LTI + "resource_link"]
    claims[LTI + "message_type"] = "LtiDeepLinkingRequest"
    claims[LTI + "roles"] = [MEMBERSHIP + "Instructor"]
    claims[LTI + "launch_presentation"] = {"locale": "en"}
    claims[SETTINGS] = {
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["frame", "iframe", "window"],
        "accept_copy_advice": False,
        "accept_multiple": True,
        "accept_unsigned": False,
        "auto_create": False,
        "can_confirm": False,
        "deep_link_return_url": RETURN,
        "title": "ISMS Lab Tool ",
        "text": "",
    }
    return claims


def read(changes: Mapping[str, Any], top: Mapping[str, Any] | None = None) -> Launch:
    claims = deep_linking_claims() | dict(top or {})
    for name, value in changes.items():
        if value is ABSENT:
            claims[SETTINGS].pop(name)
        else:
            claims[SETTINGS][name] = value
    return read_launch(
        {name: value for name, value in claims.items() if value is not ABSENT}, REGISTRATION, TARGET, "1"
    )


def settings_of(changes: Mapping[str, Any]) -> DeepLinkingSettings:
    found = read(changes).settings
    assert found is not None
    return found


def test_what_moodle_sends_is_read() -> None:
    launch = read({})
    assert (launch.kind, launch.resource_link_id, launch.for_user) == (MessageKind.DEEP_LINKING, None, None)
    assert launch.settings == DeepLinkingSettings(RETURN, None, True, True, "ISMS Lab Tool")


def test_a_resource_link_that_stands_there_all_the_same_means_nothing() -> None:
    assert read({}, {LTI + "resource_link": {"id": "7", "title": "x"}}).resource_link_id is None


@pytest.mark.parametrize(
    ("changes", "several", "line_items"),
    [
        ({"accept_multiple": ABSENT}, False, True),
        ({"accept_multiple": None}, False, True),
        ({"accept_multiple": False, "accept_lineitem": False}, False, False),
        ({"accept_lineitem": True}, True, True),
        ({"accept_lineitem": None}, True, True),
    ],
)
def test_what_a_platform_does_not_say(changes: dict[str, Any], several: bool, line_items: bool) -> None:
    found = settings_of(changes)
    assert (found.takes_several, found.takes_line_items) == (several, line_items)


@pytest.mark.parametrize("data", [None, "", "x" * 16_000, "𠮷<b>\"' "])
def test_data_is_kept_as_it_came(data: str | None) -> None:
    assert settings_of({"data": data}).data == data


MALFORMED = LaunchFault.SETTINGS_MALFORMED
REFUSED: list[tuple[str, dict[str, Any], LaunchFault]] = [
    ("no return address", {"deep_link_return_url": ABSENT}, LaunchFault.RETURN_URL_MISSING),
    ("return address null", {"deep_link_return_url": None}, LaunchFault.RETURN_URL_MISSING),
    ("return address empty", {"deep_link_return_url": ""}, LaunchFault.RETURN_URL_MISSING),
    ("return address a list", {"deep_link_return_url": [RETURN]}, MALFORMED),
    ("return address no address", {"deep_link_return_url": "/return"}, MALFORMED),
    ("return address a script", {"deep_link_return_url": "javascript:alert(1)"}, MALFORMED),
    ("return address with a user", {"deep_link_return_url": "https://x@moodle.example/"}, MALFORMED),
    ("return address with a line break", {"deep_link_return_url": RETURN + "\r\nX: y"}, MALFORMED),
    ("foreign return address", {"deep_link_return_url": "https://evil.example/"}, LaunchFault.RETURN_URL_FOREIGN),
    ("nearly its own", {"deep_link_return_url": PLATFORM + ".evil.example/"}, LaunchFault.RETURN_URL_FOREIGN),
    ("another scheme", {"deep_link_return_url": "http://moodle.example/"}, LaunchFault.RETURN_URL_FOREIGN),
    ("another port", {"deep_link_return_url": PLATFORM + ":8443/"}, LaunchFault.RETURN_URL_FOREIGN),
    ("no types", {"accept_types": ABSENT}, MALFORMED),
    ("types a text", {"accept_types": "ltiResourceLink"}, MALFORMED),
    ("types numbers", {"accept_types": [1]}, MALFORMED),
    ("no links taken", {"accept_types": ["link", "file"]}, LaunchFault.LINKS_NOT_ACCEPTED),
    ("no types taken", {"accept_types": []}, LaunchFault.LINKS_NOT_ACCEPTED),
    ("no targets", {"accept_presentation_document_targets": ABSENT}, MALFORMED),
    ("no targets taken", {"accept_presentation_document_targets": []}, MALFORMED),
    ("targets a text", {"accept_presentation_document_targets": "iframe"}, MALFORMED),
    ("several a text", {"accept_multiple": "true"}, MALFORMED),
    ("several a number", {"accept_multiple": 1}, MALFORMED),
    ("line items a text", {"accept_lineitem": "no"}, MALFORMED),
    ("data a number", {"data": 5}, MALFORMED),
    ("data an object", {"data": {}}, MALFORMED),
    ("data too long", {"data": "x" * 16_001}, LaunchFault.DATA_TOO_LONG),
    ("title a list", {"title": []}, MALFORMED),
]


@pytest.mark.parametrize(("changes", "fault"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_malformed_settings_are_refused_with_their_code(changes: dict[str, Any], fault: LaunchFault) -> None:
    with pytest.raises(LaunchRefused) as caught:
        read(changes)
    assert caught.value.code == fault


@pytest.mark.parametrize(
    ("value", "fault"),
    [(ABSENT, "missing"), (None, "missing"), ({}, "missing"), ([], "malformed"), ("x", "malformed"), (1, "malformed")],
)
def test_settings_must_be_an_object(value: Any, fault: str) -> None:
    with pytest.raises(LaunchRefused) as caught:
        read({}, {SETTINGS: value})
    assert caught.value.code == f"deep_linking_settings_{fault}"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*deep_linking_claims()[SETTINGS], "data", "accept_lineitem"]), JSON)
def test_any_mutation_of_the_settings_is_read_or_refused(name: str, value: Any) -> None:
    try:
        found = settings_of({name: value})
    except LaunchRefused:
        return
    assert found.return_url == RETURN
    claims = deep_linking_claims()
    claims[SETTINGS][name] = value
    # Nothing passes here that the validator of pylti1p3 would have refused.
    assert DeepLinkMessageValidator().validate(claims)


class TestReview:
    def read(self, for_user: Any) -> Launch:
        claims = moodle_claims() | {LTI + "message_type": "LtiSubmissionReviewRequest", LTI + "for_user": for_user}
        if for_user is ABSENT:
            del claims[LTI + "for_user"]
        return read_launch(claims, REGISTRATION, TARGET, "1")

    def test_of_whom_is_read(self) -> None:
        launch = self.read({"user_id": "5"})
        assert (launch.kind, launch.for_user, launch.resource_link_id) == (MessageKind.SUBMISSION_REVIEW, "5", "1")

    @pytest.mark.parametrize(
        ("for_user", "code"),
        [
            (ABSENT, "for_user_missing"), (None, "for_user_missing"), ({}, "for_user_missing"),
            ({"user_id": ""}, "for_user_missing"), ({"user_id": None}, "for_user_missing"),
            ({"user_id": 5}, "for_user_malformed"), ({"user_id": "5" * 256}, "for_user_malformed"),
            ("5", "for_user_malformed"), (["5"], "for_user_malformed"),
        ],
    )  # fmt: skip
    def test_without_of_whom_it_is_refused(self, for_user: Any, code: str) -> None:
        with pytest.raises(LaunchRefused) as caught:
            self.read(for_user)
        assert caught.value.code == code

    def test_it_needs_an_activity(self) -> None:
        claims = moodle_claims() | {
            LTI + "message_type": "LtiSubmissionReviewRequest",
            LTI + "for_user": {"user_id": "5"},
            LTI + "resource_link": None,
        }
        with pytest.raises(LaunchRefused) as caught:
            read_launch(claims, REGISTRATION, TARGET, "1")
        assert caught.value.code == LaunchFault.RESOURCE_LINK_MISSING


def test_other_messages_carry_neither_settings_nor_of_whom() -> None:
    claims = moodle_claims() | {SETTINGS: deep_linking_claims()[SETTINGS], LTI + "for_user": {"user_id": "5"}}
    launch = read_launch(claims, REGISTRATION, TARGET, "1")
    assert (launch.kind, launch.settings, launch.for_user) == (MessageKind.RESOURCE_LINK, None, None)


def test_an_answer_says_everything_and_no_address() -> None:
    to = Addressee(PLATFORM, "me", "1", "d")
    item = ContentItem("k1", "pledges", "T", "about", 1)
    bare = ContentItem("k2", "training", "U", "", None)
    claims = answer_claims(to, [item, bare], NOW, "done")
    assert (claims["iss"], claims["aud"], claims[DL + "data"], claims[DL + "msg"]) == ("me", PLATFORM, "d", "done")
    assert claims["iat"] == NOW.timestamp() - 5
    assert 0 < claims["exp"] - NOW.timestamp() <= 600
    first, second = claims[DL + "content_items"]
    assert first["lineItem"]["resourceId"] == first["custom"]["akashi_item"] == "k1"
    assert second == {
        "type": "ltiResourceLink", "title": "U", "text": "", "custom": {"akashi": "training", "akashi_item": "k2"},
    }  # fmt: skip
    again = answer_claims(to, [], NOW)
    assert again["nonce"] != claims["nonce"]
    assert again[DL + "content_items"] == []
    assert DL + "msg" not in again
    assert DL + "data" not in answer_claims(Addressee(PLATFORM, "me", "1", None), [], NOW)


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        ([MEMBERSHIP + "Instructor"], True),
        ([MEMBERSHIP + "Administrator"], True),
        ([MEMBERSHIP + "ContentDeveloper"], True),
        (["Instructor"], True),
        ([MEMBERSHIP + "Learner", MEMBERSHIP + "Instructor"], True),
        ([MEMBERSHIP + "Learner"], False),
        ([MEMBERSHIP + "Mentor"], False),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], False),
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], False),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"], False),
        ([], False),
    ],
)
def test_who_decides_what_stands_in_a_course(roles: list[str], may: bool) -> None:
    assert may_place_content(roles) is may
