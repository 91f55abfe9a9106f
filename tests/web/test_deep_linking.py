"""Choosing content: the picker, its one signed answer, and the activities that the practice LMS makes of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from jwt import PyJWK
from sqlalchemy import select
from werkzeug.test import TestResponse

from lms.services.launches import purge
from lms.services.shipped import shipped_catalogue
from lms.store.base import Database
from lms.store.launches import DeepLinkingRequest, PlacedItem, ResourceLink
from tests.conftest import NOW
from tests.practice_lms.claims import CLAIM, DEEP_LINKING_SETTINGS
from tests.practice_lms.deep_linking import ContentChoice
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, SECRETARY, STAFF, Launched
from tests.web.visits import (
    LAUNCH,
    LMS,
    Browser,
    StandingClock,
    Visit,
    audit_events,
    log_in,
    page_of,
    path_of,
    session_count,
)

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
COURSE = "2"
HARD_TITLE = '𠮷野家の「<b>"誓約"</b>」& شبكة ＜１＞'
HARD_DATA = "<script>alert('𠮷')</script>\"&\u202e שלום "
DeepLinked = Callable[..., Visit]


@pytest.fixture
def deep_linked(lms: PracticeLms, new_browser: Callable[[], Browser]) -> DeepLinked:
    """Begins to choose content as the teacher; settings may be changed, None leaves one out."""

    def begin(locale: str = "ja", roles: list[str] | None = None, **settings: Any) -> Visit:
        browser = new_browser()
        response = browser.post(LAUNCH, data=answer_to(browser, lms, locale, roles, settings))
        landing = path_of(response)
        return Visit(browser, landing.split("/")[2], landing, response)

    lms.fetch_jwks = lambda _url: new_browser().get("/lti/jwks").get_json()
    return begin


def answer_to(
    browser: Browser, lms: PracticeLms, locale: str = "ja", roles: list[str] | None = None, settings: Any = None
) -> dict[str, str]:
    """Go from "Select content" to the form that the platform answers with."""

    def mutate(header: dict[str, Any], claims: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        changed = {**claims[DEEP_LINKING_SETTINGS], **(settings or {})}
        claims[DEEP_LINKING_SETTINGS] = {name: value for name, value in changed.items() if value is not None}
        return header, claims if roles is None else {**claims, CLAIM + "roles": roles}

    lms.mutate = mutate
    try:
        return lms.authorize(log_in(browser, lms.deep_link(SECRETARY, COURSE, locale).fields), SECRETARY)
    finally:
        lms.mutate = None


def form_of(response: TestResponse) -> tuple[str, dict[str, str]]:
    """Where the page's form is posted, and its fields."""
    page = response.get_data(as_text=True)
    action = re.search(r'<form id="hand-over"[^>]* action="([^"]*)"', page)
    token = re.search(r'name="JWT" value="([^"]*)"', page)
    assert response.status_code == 200, page_of(response)
    assert action is not None
    assert token is not None
    return html.unescape(action[1]), {"JWT": html.unescape(token[1])}


def claims_of(response: TestResponse, browser: Browser) -> dict[str, Any]:
    """The claims of the answer, verified with the tool's published key as a platform would."""
    token = form_of(response)[1]["JWT"]
    keys = {key["kid"]: key for key in browser.get("/lti/jwks").get_json()["keys"]}
    key = PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    found: dict[str, Any] = jwt.decode(token, key, ["RS256"], options=options)  # type: ignore[arg-type]
    return found


def place(chooser: Visit, *keys: str, **changes: str) -> TestResponse:
    """Answer with these items; titles and points as the page proposes them, unless changed."""
    page = chooser.get("/choose/items", query_string={"item": list(keys)}).get_data(as_text=True)
    proposed = {
        name: html.unescape(value)
        for name, value in re.findall(r'name="((?:title|points)-[^"]+)" value="([^"]*)"', page)
    }
    return chooser.post("/choose", {"item": list(keys), **proposed, **changes, "action": "place"})


def hand_over(lms: PracticeLms, response: TestResponse) -> ContentChoice:
    """Post the page's form to the platform, as the browser does."""
    action, form = form_of(response)
    return lms.receive_content(action, form, SECRETARY)


def placed(database: Database) -> list[PlacedItem]:
    with database.reading() as session:
        return list(session.scalars(select(PlacedItem).order_by(PlacedItem.title)))


class TestTheWholeWay:
    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_what_is_placed_becomes_activities_that_open_it(
        self, deep_linked: DeepLinked, lms: PracticeLms, launched: Launched, tool_database: Database
    ) -> None:
        chooser = deep_linked()
        choice = hand_over(lms, place(chooser, MODULE, "pledges", "training"))
        module, pledges, training = choice.activities
        assert [each.title for each in choice.activities] == ["ISMSと私の役割", "誓約書", "自分の受講状況"]
        assert (module.maximum, pledges.maximum, training.maximum) == (10, 1, None)
        assert module.tag == "akashi"
        for activity, ending in ((module, f"/modules/{MODULE}/"), (pledges, "/pledges"), (training, "/")):
            came = launched(STAFF, activity.key)
            assert came.landing == came.path(ending)
        keys = {each.opens: each.key for each in placed(tool_database)}
        with tool_database.reading() as session:
            links = session.scalars(select(ResourceLink).where(ResourceLink.item_key.is_not(None))).all()
        assert {each.opens: each.item_key for each in links} == keys
        assert keys[MODULE] == module.resource_id
        assert all(each.copied_from_pk is None for each in links), "originals, not copies"
        [event] = audit_events(tool_database, "content.placed")
        assert event.facts["opens"] == [MODULE, "pledges", "training"]

    def test_the_answer_is_given_once(self, deep_linked: DeepLinked, lms: PracticeLms, tool_database: Database) -> None:
        chooser = deep_linked()
        first = place(chooser, MODULE)
        again = chooser.post("/choose", {"item": MODULE, f"title-{MODULE}": "x", f"points-{MODULE}": "1"})
        assert again.status_code == 409
        assert "choice_answered" in page_of(again)
        assert chooser.get("/choose").status_code == 409
        assert chooser.get(f"/choose/preview/{MODULE}").status_code == 409
        assert len(placed(tool_database)) == 1
        assert len(hand_over(lms, first).activities) == 1

    def test_cancelling_hands_over_nothing_and_says_so(
        self, deep_linked: DeepLinked, lms: PracticeLms, tool_database: Database
    ) -> None:
        chooser = deep_linked("en")
        choice = hand_over(lms, chooser.post("/choose", {"action": "cancel"}))
        assert choice.activities == ()
        assert choice.message == "Nothing was chosen; the course is as it was."
        assert placed(tool_database) == []
        assert [each.kind for each in audit_events(tool_database)][-1] == "content.not_chosen"

    def test_title_and_points_are_the_instructors(self, deep_linked: DeepLinked, lms: PracticeLms) -> None:
        changes = {f"title-{MODULE}": f"  {HARD_TITLE} ", f"points-{MODULE}": "80"}
        [activity] = hand_over(lms, place(deep_linked(), MODULE, **changes)).activities
        assert (activity.title, activity.maximum) == (HARD_TITLE, 80)

    def test_the_answer_is_posted_to_the_platform_alone(self, deep_linked: DeepLinked) -> None:
        chooser = deep_linked()
        response = place(chooser, MODULE)
        policy = response.headers["Content-Security-Policy"]
        assert f"form-action {LMS};" in policy
        assert f"frame-ancestors {LMS}" in policy
        assert re.search(r"script-src 'nonce-[\w-]{20,}'", policy)
        assert urlsplit(form_of(response)[0]).netloc == urlsplit(LMS).netloc
        assert "<button" in response.get_data(as_text=True), "the way without a script"
        assert "form-action 'self'" in chooser.browser.get(chooser.path("/")).headers["Content-Security-Policy"]


class TestCertification:
    """The deep linking cases of the certification suite."""

    @pytest.fixture
    def answered(self, deep_linked: DeepLinked) -> tuple[Visit, TestResponse]:
        chooser = deep_linked(data=HARD_DATA)
        return chooser, place(chooser, MODULE, "pledges")

    def test_1_a_deep_linking_request_opens_the_picker(self, deep_linked: DeepLinked) -> None:
        chooser = deep_linked()
        assert chooser.landing == chooser.path("/choose")
        assert chooser.browser.get(chooser.landing).status_code == 200

    def test_2_the_answer_reaches_the_return_address(
        self, answered: tuple[Visit, TestResponse], tool_database: Database
    ) -> None:
        with tool_database.reading() as session:
            [asked] = session.scalars(select(DeepLinkingRequest)).all()
        action, form = form_of(answered[1])
        assert action == asked.return_url
        assert list(form) == ["JWT"]

    def test_3_it_is_a_deep_linking_response(self, answered: tuple[Visit, TestResponse]) -> None:
        claims = claims_of(answered[1], answered[0].browser)
        assert claims[CLAIM + "message_type"] == "LtiDeepLinkingResponse"
        assert claims[CLAIM + "version"] == "1.3.0"

    def test_4_its_times_are_valid_and_not_of_the_future(self, answered: tuple[Visit, TestResponse]) -> None:
        claims = claims_of(answered[1], answered[0].browser)
        assert claims["iat"] < NOW.timestamp() < claims["exp"] <= claims["iat"] + 3600

    def test_5_it_is_signed_by_the_published_key(self, answered: tuple[Visit, TestResponse]) -> None:
        header = jwt.get_unverified_header(form_of(answered[1])[1]["JWT"])
        assert header["alg"] == "RS256"
        assert claims_of(answered[1], answered[0].browser)

    def test_6_it_has_every_required_claim(self, answered: tuple[Visit, TestResponse], lms: PracticeLms) -> None:
        claims = claims_of(answered[1], answered[0].browser)
        tool = lms.config.tool
        assert (claims["iss"], claims["aud"]) == (tool.client_id, LMS)
        assert claims[CLAIM + "deployment_id"] == tool.deployment_id
        assert claims[DL + "data"] == HARD_DATA
        assert len(claims["nonce"]) >= 32

    def test_7_its_values_are_those_that_were_chosen(self, answered: tuple[Visit, TestResponse]) -> None:
        module, pledges = claims_of(answered[1], answered[0].browser)[DL + "content_items"]
        assert module == {
            "type": "ltiResourceLink",
            "title": "ISMSと私の役割",
            "text": module["text"],
            "custom": {"akashi": MODULE, "akashi_item": module["lineItem"]["resourceId"]},
            "lineItem": {
                "scoreMaximum": 10,
                "label": "ISMSと私の役割",
                "resourceId": module["custom"]["akashi_item"],
                "tag": "akashi",
                "submissionReview": {"reviewableStatus": ["InProgress", "Submitted", "Completed"]},
            },
        }
        assert module["text"]
        assert (pledges["lineItem"]["scoreMaximum"], pledges["lineItem"]["label"]) == (1, "誓約書")
        assert pledges["custom"]["akashi_item"] != module["custom"]["akashi_item"]


class TestThePicker:
    def test_modules_and_the_tools_own_pages_are_offered(self, deep_linked: DeepLinked) -> None:
        page = page_of(deep_linked("en").get("/choose"))
        for title in ("ISMS and my role", "Pledges", "My roles", "My training"):
            assert f"<strong>{title}</strong>" in page
        assert "Choose activities" in page
        assert 'type="checkbox"' in page

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("role", {MODULE, "roles"}),
            ("ＲＯＬＥ isms", {MODULE, "roles"}),
            ("sign", {"pledges"}),
            ("zzz", set()),
            ("  ", {*(each.module.key for each in shipped_catalogue()), "pledges", "roles", "training"}),
            ("<b>", set()),
        ],
    )
    def test_a_search_finds_every_word_whatever_its_width(
        self, deep_linked: DeepLinked, wanted: str, found: set[str]
    ) -> None:
        page = deep_linked("en").get("/choose", query_string={"q": wanted}).get_data(as_text=True)
        assert set(re.findall(r'type="checkbox" name="item" value="([^"]+)"', page)) == found
        assert "<b>" not in page

    def test_what_is_ticked_stays_ticked_over_a_search_and_a_preview(self, deep_linked: DeepLinked) -> None:
        chooser = deep_linked("en")
        page = chooser.get("/choose", query_string={"q": "sign", "item": [MODULE]}).get_data(as_text=True)
        assert f'<input type="hidden" name="item" value="{MODULE}">' in page
        page = chooser.get("/choose/preview/pledges", query_string={"q": "sign", "item": [MODULE]}).get_data(
            as_text=True
        )
        assert f'<input type="hidden" name="item" value="{MODULE}">' in page
        assert 'name="q" value="sign"' in page
        page = chooser.get("/choose", query_string={"item": [MODULE, "pledges"]}).get_data(as_text=True)
        assert len(re.findall(r" checked", page)) == 2

    def test_a_preview_shows_what_staff_read_and_no_question(self, deep_linked: DeepLinked, launched: Launched) -> None:
        chooser = deep_linked("en")
        page = page_of(chooser.get(f"/choose/preview/{MODULE}"))
        section = page_of(launched(STAFF, locale="en").get(f"/modules/{MODULE}/sections/what-we-protect"))
        paragraph = re.findall(r"<p>([^<]{60,})</p>", section)[0]
        assert paragraph in page
        shipped = next(each.module for each in shipped_catalogue() if each.module.key == MODULE)
        assert page.count('<article class="prose">') == len(shipped.section_ids())
        assert "questions are drawn for each person" in page
        for key in ("pledges", "roles", "training"):
            assert chooser.get(f"/choose/preview/{key}").status_code == 200
        assert "Information security pledge" in page_of(chooser.get("/choose/preview/pledges"))

    def test_what_no_grade_is_sent_of_has_points_only_where_the_teacher_gives_some(
        self, deep_linked: DeepLinked, lms: PracticeLms
    ) -> None:
        chooser = deep_linked("en")
        assert "Akashi sends no grade for it." in page_of(
            chooser.get("/choose/items", query_string={"item": "training"})
        )
        refused = place(chooser, "training", **{"points-training": "0"})
        assert "whole number from 1 to 100" in page_of(refused)
        [activity] = hand_over(lms, place(chooser, "training", **{"points-training": "1"})).activities
        assert (activity.maximum, activity.tag) == (1, "akashi")

    def test_where_the_platform_takes_one_there_is_one(self, deep_linked: DeepLinked, lms: PracticeLms) -> None:
        chooser = deep_linked("en", accept_multiple=False)
        page = chooser.get("/choose").get_data(as_text=True)
        assert 'type="radio"' in page
        assert 'type="checkbox"' not in page
        choice = hand_over(lms, place(chooser, "pledges", MODULE))
        assert [each.title for each in choice.activities] == ["ISMS and my role"]

    def test_where_the_platform_ignores_line_items_there_is_none(
        self, deep_linked: DeepLinked, lms: PracticeLms
    ) -> None:
        chooser = deep_linked("en", accept_lineitem=False)
        assert "takes no grade" in page_of(chooser.get("/choose/items", query_string={"item": MODULE}))
        [activity] = hand_over(lms, place(chooser, MODULE)).activities
        assert activity.maximum is None

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({f"title-{MODULE}": " "}, "Please give the activity a title."),
            ({f"title-{MODULE}": "x" * 256}, "255 characters at most; this one has 256"),
            ({f"title-{MODULE}": "a\x07b"}, "control characters"),
            ({f"points-{MODULE}": ""}, "whole number from 1 to 100"),
            ({f"points-{MODULE}": "0"}, "whole number from 1 to 100"),
            ({f"points-{MODULE}": "101"}, "whole number from 1 to 100"),
            ({f"points-{MODULE}": "1.5"}, "whole number from 1 to 100"),
            ({f"points-{MODULE}": "１０"}, "whole number from 1 to 100"),
            ({f"points-{MODULE}": "9" * 5000}, "whole number from 1 to 100"),
        ],
    )
    def test_a_mistake_in_the_form_is_said_beside_its_field_and_nothing_is_handed_over(
        self, deep_linked: DeepLinked, tool_database: Database, changes: dict[str, str], sentence: str
    ) -> None:
        chooser = deep_linked("en")
        response = place(chooser, MODULE, **changes)
        assert response.status_code == 422
        page = page_of(response)
        assert sentence in page
        assert "<title>Error: " in page
        assert placed(tool_database) == []
        assert chooser.get("/choose").status_code == 200, "the request is still open"

    def test_without_a_tick_nothing_goes_on(self, deep_linked: DeepLinked) -> None:
        chooser = deep_linked("en")
        for response in (chooser.get("/choose/items"), chooser.post("/choose", {"item": "no-such-module"})):
            assert "Please tick at least one." in page_of(response)

    def test_the_longest_title_passes(self, deep_linked: DeepLinked, lms: PracticeLms) -> None:
        longest = "𠮷" * 255
        [activity] = hand_over(lms, place(deep_linked(), MODULE, **{f"title-{MODULE}": longest})).activities
        assert activity.title == longest

    def test_hostile_text_is_shown_as_text(self, deep_linked: DeepLinked) -> None:
        chooser = deep_linked("en")
        response = place(chooser, MODULE, **{f"title-{MODULE}": HARD_TITLE, f"points-{MODULE}": "x"})
        raw = response.get_data(as_text=True)
        assert "<b>" not in raw
        assert html.escape(HARD_TITLE, quote=False).replace('"', "&#34;") in raw


class TestWhoMayChoose:
    @pytest.mark.parametrize(
        ("roles", "status"),
        [
            (["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"], 303),
            (["http://purl.imsglobal.org/vocab/lis/v2/membership#Administrator"], 303),
            (["http://purl.imsglobal.org/vocab/lis/v2/membership#ContentDeveloper"], 303),
            (["Instructor"], 303),
            (["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"], 403),
            (["http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor"], 403),
            (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], 403),
            (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], 403),
            ([], 403),
        ],
    )
    def test_only_who_makes_the_course(
        self, client: Browser, lms: PracticeLms, tool_database: Database, roles: list[str], status: int
    ) -> None:
        answer = answer_to(client, lms, roles=roles)
        response = client.post(LAUNCH, data=answer, headers={"Accept-Language": "en"})
        assert response.status_code == status
        assert session_count(tool_database) == (status == 303)
        if status == 403:
            assert "Only those who make the course choose its activities." in page_of(response)
            [event] = audit_events(tool_database, "launch.refused")
            assert event.facts["code"] == "may_not_choose"
            assert client.post(LAUNCH, data=answer).status_code == 401, "the login was used up"

    def test_a_session_of_an_activity_chooses_nothing(self, launched: Launched) -> None:
        for who in (STAFF, SECRETARY):
            came = launched(who)
            for path in ("/choose", f"/choose/preview/{MODULE}", "/choose/items"):
                assert came.get(path).status_code == 404
            assert came.post("/choose", {"action": "cancel"}).status_code == 404

    def test_another_browser_does_not_see_the_picker(self, deep_linked: DeepLinked, staff: Visit) -> None:
        assert staff.browser.get(deep_linked().landing).status_code == 401

    @pytest.mark.parametrize(
        ("settings", "code"),
        [
            ({"deep_link_return_url": None}, "deep_linking_return_url_missing"),
            ({"deep_link_return_url": "https://evil.example.invalid/return"}, "deep_linking_return_url_foreign"),
            ({"deep_link_return_url": f"{LMS}.evil.example.invalid/"}, "deep_linking_return_url_foreign"),
            ({"deep_link_return_url": "javascript:alert(1)"}, "deep_linking_settings_malformed"),
            ({"accept_types": ["link", "file"]}, "deep_linking_links_not_accepted"),
            ({"data": "x" * 16_001}, "deep_linking_data_too_long"),
        ],
    )
    def test_a_request_that_cannot_be_answered_is_refused_at_once(
        self, client: Browser, lms: PracticeLms, tool_database: Database, settings: dict[str, Any], code: str
    ) -> None:
        response = client.post(LAUNCH, data=answer_to(client, lms, settings=settings))
        assert response.status_code == 401
        assert session_count(tool_database) == 0
        assert audit_events(tool_database)[-1].facts["code"] == code
        assert client.post(LAUNCH, data=answer_to(client, lms)).status_code == 303, "the control"

    def test_data_goes_back_as_it_came(self, deep_linked: DeepLinked) -> None:
        for data in (HARD_DATA, "", "x" * 16_000):
            chooser = deep_linked(data=data)
            assert claims_of(place(chooser, MODULE), chooser.browser)[DL + "data"] == data
        chooser = deep_linked(data=None)
        assert DL + "data" not in claims_of(place(chooser, MODULE), chooser.browser)

    def test_an_answered_request_goes_with_its_session(
        self, deep_linked: DeepLinked, tool_database: Database, clock: StandingClock
    ) -> None:
        place(deep_linked(), MODULE)
        with tool_database.transaction() as session:
            purge(session, NOW + timedelta(days=9))
        with tool_database.reading() as session:
            assert session.scalars(select(DeepLinkingRequest)).all() == []
        assert len(placed(tool_database)) == 1
