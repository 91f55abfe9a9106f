"""Launch messages: what is read out of them, what is refused, and the roles in them."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylti1p3.exception import LtiException
from pylti1p3.message_validators.resource_message import ResourceMessageValidator

from lms.lti.id_tokens import LaunchFault, LaunchRefused, Registration
from lms.lti.messages import Launch, read_launch
from lms.lti.roles import LtiRole, context_roles, is_instructor, is_learner

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
TARGET = "https://akashi.example/lti/launch"
PLATFORM = "https://moodle.example"
REGISTRATION = Registration(
    id=1,
    organisation_id=1,
    issuer=PLATFORM,
    client_id="uWABm2tolIlohLt",
    authorization_url=f"{PLATFORM}/mod/lti/auth.php",
    token_url=f"{PLATFORM}/mod/lti/token.php",
    keyset_url=f"{PLATFORM}/mod/lti/certs.php",
    deployments=frozenset({"1", "2"}),
)
ABSENT = object()


def moodle_claims() -> dict[str, Any]:
    """A student's launch in the shape in which Moodle 4.5.6 sends it."""
    return {
        "iss": PLATFORM,
        "aud": REGISTRATION.client_id,
        "sub": "4",
        "given_name": "太郎",
        "family_name": "佐藤",
        "name": "太郎 佐藤",
        "email": "user1@example.invalid",
        LTI + "deployment_id": "1",
        LTI + "target_link_uri": TARGET,
        LTI + "lis": {"person_sourcedid": "S00001", "course_section_sourcedid": "ISMS26"},
        LTI + "roles": [MEMBERSHIP + "Learner"],
        LTI + "context": {
            "id": "2",
            "label": "ISMS-2026",
            "title": "情報セキュリティ講習 2026",
            "type": ["CourseSection"],
        },
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "resource_link": {"title": "M1 個人情報と情報資産", "description": "", "id": "1"},
        LTI + "launch_presentation": {
            "locale": "ja",
            "document_target": "iframe",
            "return_url": f"{PLATFORM}/mod/lti/return.php?course=2",
        },
        LTI + "version": "1.3.0",
        LTI + "custom": {
            "module": "m1",
            "sub_end": "$ResourceLink.submission.endDateTime",
            "rl_id_history": "$ResourceLink.id.history",
            "ctx_id_history": "",
            "person_name_full": None,
            "count": 3,
        },
        AGS: {
            "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
            "lineitems": f"{PLATFORM}/mod/lti/services.php/2/lineitems?type_id=1",
            "lineitem": f"{PLATFORM}/mod/lti/services.php/2/lineitems/2/lineitem?type_id=1",
        },
        NRPS: {"context_memberships_url": f"{PLATFORM}/mod/lti/services.php/CourseSection/2/bindings/1/memberships"},
    }


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The claims with some replaced; `section/name` reaches into a claim that is an object."""
    claims = moodle_claims()
    for path, value in changes.items():
        section, _, name = path.rpartition(" > ")
        place = claims[section] if section else claims
        if value is ABSENT:
            place.pop(name, None)
        else:
            place[name] = value
    return claims


def read(changes: Mapping[str, Any], hint: str | None = "1") -> Launch:
    return read_launch(changed(changes), REGISTRATION, TARGET, hint)


def test_everything_that_moodle_sends_is_read() -> None:
    assert read({}) == Launch(
        sub="4",
        deployment_id="1",
        resource_link_id="1",
        resource_link_title="M1 個人情報と情報資産",
        context_id="2",
        context_title="情報セキュリティ講習 2026",
        roles=(MEMBERSHIP + "Learner",),
        given_name="太郎",
        family_name="佐藤",
        email="user1@example.invalid",
        staff_number="S00001",
        custom={"module": "m1", "ctx_id_history": ""},
        locale="ja",
        document_target="iframe",
        return_url=f"{PLATFORM}/mod/lti/return.php?course=2",
        line_item_url=f"{PLATFORM}/mod/lti/services.php/2/lineitems/2/lineitem?type_id=1",
        line_items_url=f"{PLATFORM}/mod/lti/services.php/2/lineitems?type_id=1",
        ags_scopes=("https://purl.imsglobal.org/spec/lti-ags/scope/score",),
        roster_url=f"{PLATFORM}/mod/lti/services.php/CourseSection/2/bindings/1/memberships",
    )


OPTIONAL = [
    "given_name", "family_name", "email", LTI + "lis", LTI + "context", LTI + "launch_presentation", LTI + "custom", AGS, NRPS,
]  # fmt: skip


@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
def test_a_launch_with_nothing_but_what_is_required_passes(value: Any) -> None:
    launch = read(dict.fromkeys(OPTIONAL, value))
    assert (launch.sub, launch.resource_link_id) == ("4", "1")
    assert (launch.given_name, launch.family_name, launch.email, launch.staff_number) == (None,) * 4
    assert (launch.context_id, launch.return_url, launch.line_item_url, launch.roster_url) == (None,) * 4
    assert (launch.custom, launch.ags_scopes) == ({}, ())


REFUSED: list[tuple[str, dict[str, Any], LaunchFault]] = [
    ("3 version 1.2.0", {LTI + "version": "1.2.0"}, LaunchFault.VERSION_WRONG),
    ("4 no version", {LTI + "version": ABSENT}, LaunchFault.VERSION_WRONG),
    ("4 version a number", {LTI + "version": 1.3}, LaunchFault.VERSION_WRONG),
    ("8 no message type", {LTI + "message_type": ABSENT}, LaunchFault.MESSAGE_TYPE_UNKNOWN),
    ("8 unknown message type", {LTI + "message_type": "LtiUnknown"}, LaunchFault.MESSAGE_TYPE_UNKNOWN),
    ("8 nearly a message type", {LTI + "message_type": "ltiResourceLinkRequest"}, LaunchFault.MESSAGE_TYPE_UNKNOWN),
    ("8 message type a list", {LTI + "message_type": ["LtiResourceLinkRequest"]}, LaunchFault.MESSAGE_TYPE_UNKNOWN),
    ("9 no roles", {LTI + "roles": ABSENT}, LaunchFault.ROLES_MISSING),
    ("9 roles null", {LTI + "roles": None}, LaunchFault.ROLES_MISSING),
    ("28 roles a text", {LTI + "roles": MEMBERSHIP + "Learner"}, LaunchFault.ROLES_MALFORMED),
    ("28 roles integers", {LTI + "roles": [1, 2]}, LaunchFault.ROLES_MALFORMED),
    ("28 roles too many", {LTI + "roles": ["x"] * 101}, LaunchFault.ROLES_MALFORMED),
    ("28 role too long", {LTI + "roles": ["x" * 2049]}, LaunchFault.ROLES_MALFORMED),
    ("10 no deployment", {LTI + "deployment_id": ABSENT}, LaunchFault.DEPLOYMENT_UNKNOWN),
    ("10 unknown deployment", {LTI + "deployment_id": "3"}, LaunchFault.DEPLOYMENT_UNKNOWN),
    ("10 deployment a number", {LTI + "deployment_id": 1}, LaunchFault.DEPLOYMENT_UNKNOWN),
    ("10 deployment a list", {LTI + "deployment_id": ["1"]}, LaunchFault.DEPLOYMENT_UNKNOWN),
    ("deployment not the login's", {LTI + "deployment_id": "2"}, LaunchFault.DEPLOYMENT_CHANGED),
    ("11 no resource link", {LTI + "resource_link": ABSENT}, LaunchFault.RESOURCE_LINK_MISSING),
    ("11 resource link null", {LTI + "resource_link": None}, LaunchFault.RESOURCE_LINK_MISSING),
    ("11 resource link without id", {LTI + "resource_link > id": ABSENT}, LaunchFault.RESOURCE_LINK_MISSING),
    ("11 empty link id", {LTI + "resource_link > id": ""}, LaunchFault.RESOURCE_LINK_MISSING),
    ("11 resource link a list", {LTI + "resource_link": [1]}, LaunchFault.RESOURCE_LINK_MALFORMED),
    ("28 link id too long", {LTI + "resource_link > id": "1" * 256}, LaunchFault.RESOURCE_LINK_MALFORMED),
    ("28 link id a number", {LTI + "resource_link > id": 1}, LaunchFault.RESOURCE_LINK_MALFORMED),
    ("link title a list", {LTI + "resource_link > title": []}, LaunchFault.RESOURCE_LINK_MALFORMED),
    ("no sub", {"sub": ABSENT}, LaunchFault.SUBJECT_MISSING),
    ("sub a number", {"sub": 4}, LaunchFault.SUBJECT_MALFORMED),
    ("27 no target", {LTI + "target_link_uri": ABSENT}, LaunchFault.TARGET_WRONG),
    ("27 foreign target", {LTI + "target_link_uri": "https://evil.example/"}, LaunchFault.TARGET_WRONG),
    ("27 nearly the target", {LTI + "target_link_uri": TARGET + "/"}, LaunchFault.TARGET_WRONG),
    ("context a text", {LTI + "context": "2"}, LaunchFault.CONTEXT_MALFORMED),
    ("context id a number", {LTI + "context > id": 2}, LaunchFault.CONTEXT_MALFORMED),
    ("context id too long", {LTI + "context > id": "2" * 256}, LaunchFault.CONTEXT_MALFORMED),
    ("name a list", {"given_name": ["太郎"]}, LaunchFault.PROFILE_MALFORMED),
    ("email a number", {"email": 1}, LaunchFault.PROFILE_MALFORMED),
    ("lis a list", {LTI + "lis": []}, LaunchFault.PROFILE_MALFORMED),
    ("staff number a number", {LTI + "lis > person_sourcedid": 1}, LaunchFault.PROFILE_MALFORMED),
    ("custom a list", {LTI + "custom": []}, LaunchFault.CUSTOM_MALFORMED),
    ("custom too large", {LTI + "custom": {str(n): "x" for n in range(101)}}, LaunchFault.CUSTOM_MALFORMED),
    ("presentation a text", {LTI + "launch_presentation": "x"}, LaunchFault.PRESENTATION_MALFORMED),
    ("return URL a list", {LTI + "launch_presentation > return_url": []}, LaunchFault.PRESENTATION_MALFORMED),
    ("services a list", {AGS: []}, LaunchFault.SERVICES_MALFORMED),
    ("scope a text", {AGS + " > scope": "score"}, LaunchFault.SERVICES_MALFORMED),
    ("line item a number", {AGS + " > lineitem": 1}, LaunchFault.SERVICES_MALFORMED),
    ("line item no address", {AGS + " > lineitem": "javascript:alert(1)"}, LaunchFault.SERVICES_MALFORMED),
    ("roster a text", {NRPS: "x"}, LaunchFault.SERVICES_MALFORMED),
    ("roster no address", {NRPS + " > context_memberships_url": "x"}, LaunchFault.SERVICES_MALFORMED),
]


@pytest.mark.parametrize(("changes", "fault"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_malformed_message_is_refused_with_its_code(changes: dict[str, Any], fault: LaunchFault) -> None:
    with pytest.raises(LaunchRefused) as caught:
        read(changes)
    assert caught.value.code == fault


def test_no_roles_at_all_is_an_answer_and_no_hint_binds_nothing() -> None:
    assert read({LTI + "roles": [], LTI + "deployment_id": "2"}, hint=None).roles == ()


@pytest.mark.parametrize("number", ["", "  ", "$Person.sourcedId", "1" * 256, None, ABSENT])
def test_a_staff_number_without_a_value_is_absent(number: Any) -> None:
    assert read({LTI + "lis > person_sourcedid": number}).staff_number is None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/return.php",
        "https://moodle.example.evil.example/",
        "http://moodle.example/",
        "javascript:alert(1)",
        "/mod/lti/return.php",
        "",
    ],
)
def test_a_return_address_elsewhere_is_not_taken(url: str) -> None:
    assert read({LTI + "launch_presentation > return_url": url}).return_url is None


def test_long_texts_are_cut_for_people_and_left_out_where_a_part_means_something_else() -> None:
    launch = read(
        {
            "given_name": " 太\r\n" + "太" * 300,
            "family_name": "  ",
            "email": "a" * 256,
            LTI + "launch_presentation > locale": "x" * 256,
            LTI + "launch_presentation > document_target": "popup",
            LTI + "custom": {"long": "x" * 2001, "n" * 256: "x", "kept": "x" * 2000},
        }
    )
    assert launch.given_name == "太 " + "太" * 253
    assert (launch.family_name, launch.email, launch.locale, launch.document_target) == (None,) * 4
    assert set(launch.custom) == {"kept"}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    *moodle_claims(),
    *(f"{name} > {inner}" for name, value in moodle_claims().items() if isinstance(value, dict) for inner in value),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | st.just(ABSENT)), min_size=1, max_size=1))
def test_any_mutation_is_read_or_refused_and_never_another_error(changes: list[tuple[str, Any]]) -> None:
    claims = changed(dict(changes))
    before = copy.deepcopy(claims)
    try:
        launch = read_launch(claims, REGISTRATION, TARGET, "1")
    except LaunchRefused:
        return
    assert (launch.deployment_id, claims[LTI + "target_link_uri"]) == ("1", TARGET)
    assert 0 < len(launch.sub) <= 255
    assert 0 < len(launch.resource_link_id or "") <= 255
    assert claims == before
    # Nothing passes here that the validators of pylti1p3 would have refused.
    assert ResourceMessageValidator().validate(claims)


def test_the_stock_validators_refuse_less_than_we_do() -> None:
    def stock_refuses(changes: Mapping[str, Any]) -> bool:
        try:
            ResourceMessageValidator().validate(changed(changes))
        except (LtiException, AttributeError):
            return True
        return False

    refused = {row[0] for row in REFUSED if stock_refuses(row[1])}
    assert {"3 version 1.2.0", "9 no roles", "11 resource link null"} <= refused
    assert {"10 unknown deployment", "28 roles integers", "27 foreign target"}.isdisjoint(refused)


@pytest.mark.parametrize(
    ("roles", "instructor", "learner"),
    [
        ([MEMBERSHIP + "Instructor"], True, False),
        ([MEMBERSHIP + "Learner"], False, True),
        (["Instructor"], True, False),
        (["Learner", MEMBERSHIP + "Instructor"], True, True),
        ([], False, False),
        (["instructor", "membership#Instructor", "#Instructor", " Instructor"], False, False),
        (["https://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"], False, False),
        (["http://evil.example/vocab/lis/v2/membership#Instructor", MEMBERSHIP + "Instructor#"], False, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], False, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], False, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"], False, False),
        (["urn:lti:role:ims/lis/Instructor"], False, False),
    ],
)
def test_only_context_roles_count_and_only_whole(roles: list[str], instructor: bool, learner: bool) -> None:
    assert (is_instructor(roles), is_learner(roles)) == (instructor, learner)


def test_a_site_administrators_launch_says_no_more_than_instructor() -> None:
    roles = [
        "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",
        MEMBERSHIP + "Instructor",
        "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
    ]
    assert context_roles(roles) == {LtiRole.INSTRUCTOR}
