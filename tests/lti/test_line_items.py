"""Reading line items as Moodle 4.5.6 was seen to list them, and from platforms that list them badly."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lms.lti.access_tokens import AccessTokens
from lms.lti.connection import PlatformServices
from lms.lti.http import HttpReply
from lms.lti.line_items import (
    CONTAINER_TYPE,
    LINE_ITEM_SCOPE,
    LINE_ITEM_TYPE,
    READ_SCOPE,
    TAG,
    LineItemFault,
    WantedLineItem,
    find_line_item,
    make_line_item,
)
from lms.lti.pages import MAX_PAGES, ListFault
from lms.lti.tool_keys import ToolKeys
from tests.lti.test_scores import NOW, PLATFORM, REGISTRATION, Scripted, answered, keys

__all__ = ["keys"]

CONTAINER = f"{PLATFORM}/mod/lti/services.php/2/lineitems?type_id=1"
WANTED = WantedLineItem("3", "m1", "M1 個人情報と情報資産", 10)
CURLY = "<https://moodle.example/mod/lti/services.php/2/lineitems?type_id=1&amp;limit=2&amp;from=2>; rel=“next”"


def item(number: int, **facts: Any) -> dict[str, Any]:
    return {"id": f"{PLATFORM}/items/{number}", "label": "M1", "scoreMaximum": 10, **facts}


def services(keys: ToolKeys, http: Scripted) -> PlatformServices:
    return PlatformServices(http, AccessTokens(http, keys))


def find(keys: ToolKeys, http: Scripted, scopes: tuple[str, ...] = (LINE_ITEM_SCOPE, READ_SCOPE)) -> str | None:
    return find_line_item(services(keys, http), REGISTRATION, CONTAINER, WANTED, scopes, NOW)


def page(*items: object, **headers: str) -> HttpReply:
    return answered(200, list(items), **headers)


def test_an_activitys_own_item_is_asked_for_first(keys: ToolKeys) -> None:
    http = Scripted(page(item(7, resourceLinkId="3", ltiLinkId="3", resourceId="", tag="")))
    assert find(keys, http) == f"{PLATFORM}/items/7"
    (call,) = http.calls
    assert call["headers"]["Accept"] == CONTAINER_TYPE
    assert parse_qs(urlsplit(call["url"]).query) == {"type_id": ["1"], "resource_link_id": ["3"]}


def test_then_ours_by_name_and_tag(keys: ToolKeys) -> None:
    http = Scripted(page(), page(item(8, resourceId="m1", tag=TAG)))
    assert find(keys, http) == f"{PLATFORM}/items/8"
    assert parse_qs(urlsplit(http.calls[1]["url"]).query) == {"type_id": ["1"], "resource_id": ["m1"], "tag": [TAG]}
    assert all("limit" not in call["url"] for call in http.calls)


def test_a_platform_that_leaves_filters_unheeded_is_looked_through(keys: ToolKeys) -> None:
    everything = [
        item(1, resourceLinkId="9", resourceId="m1", tag=TAG),
        item(2, resourceId="m1", tag="isms"),
        item(3, resourceId="m2", tag=TAG),
        item(4, resourceLinkId=["3"], resourceId="m1", tag="x"),
        "no object",
    ]
    assert find(keys, Scripted(page(*everything), page(*everything))) is None
    assert find(keys, Scripted(page(*everything, item(5, ltiLinkId=3)))) == f"{PLATFORM}/items/5"


def test_pages_are_followed_word_for_word(keys: ToolKeys) -> None:
    link = f'<{PLATFORM}/a?x=1%20&y=[2]>; rel="first", <{PLATFORM}/a?from=%3C2&z>; rel="next"'
    http = Scripted(page(item(1), link=link), page(item(2, resourceLinkId="3")))
    assert find(keys, http) == f"{PLATFORM}/items/2"
    assert http.calls[1]["url"] == f"{PLATFORM}/a?from=%3C2&z"


@pytest.mark.parametrize(
    ("link", "code"),
    [
        (CURLY, "link_malformed"),
        ('<https://evil.example/a>; rel="next"', "page_foreign"),
        ('</relative>; rel="next"', "page_foreign"),
        (f'<{CONTAINER}&resource_link_id=3>; rel="next"', "pages_repeat"),
    ],
)
def test_a_list_that_cannot_be_read_whole_is_no_list(keys: ToolKeys, link: str, code: str) -> None:
    with pytest.raises(ListFault) as fault:
        find(keys, Scripted(page(item(1), link=link)))
    assert fault.value.code == code


def test_pages_without_end_are_given_up(keys: ToolKeys) -> None:
    endless = [page(item(1), link=f'<{PLATFORM}/a?from={number}>; rel="next"') for number in range(MAX_PAGES + 9)]
    http = Scripted(*endless)
    with pytest.raises(ListFault, match="too_many_pages"):
        find(keys, http)
    assert len(http.calls) == MAX_PAGES


@pytest.mark.parametrize("body", [{}, "text", 5, None])
def test_what_is_no_list_is_refused(keys: ToolKeys, body: object) -> None:
    with pytest.raises(ListFault, match="not_a_list"):
        find(keys, Scripted(answered(200, body)))
    with pytest.raises(ListFault, match="not_json"):
        find(keys, Scripted(HttpReply(200, {}, b"<html>")))
    with pytest.raises(ListFault) as fault:
        find(keys, Scripted(answered(503, retry_after="7")))
    assert (fault.value.status, fault.value.after_seconds) == (503, 7)


@pytest.mark.parametrize("address", ["https://evil.example/items/1", "javascript:alert(1)", None, 7])
def test_an_item_elsewhere_is_refused(keys: ToolKeys, address: object) -> None:
    with pytest.raises(LineItemFault, match="address_foreign"):
        find(keys, Scripted(page(item(1, resourceLinkId="3") | {"id": address})))


def test_an_item_is_made_with_all_that_finds_it_again(keys: ToolKeys) -> None:
    http = Scripted(answered(201, item(9)))
    assert make_line_item(services(keys, http), REGISTRATION, CONTAINER, WANTED, NOW) == f"{PLATFORM}/items/9"
    (call,) = http.calls
    assert (call["method"], call["url"], call["headers"]) == ("POST", CONTAINER, {"Content-Type": LINE_ITEM_TYPE})
    assert json.loads(call["body"]) == {
        "label": "M1 個人情報と情報資産",
        "scoreMaximum": 10,
        "resourceId": "m1",
        "tag": TAG,
        "resourceLinkId": "3",
        "submissionReview": {"reviewableStatus": ["Completed"]},
    }


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (answered(403), "status"),
        (answered(500), "status"),
        (HttpReply(201, {}, b""), "not_json"),
        (answered(201, []), "not_an_object"),
        (answered(201, {"id": "https://evil.example/1"}), "address_foreign"),
    ],
)
def test_a_making_that_fails_says_why(keys: ToolKeys, reply: HttpReply, code: str) -> None:
    with pytest.raises(LineItemFault, match=code):
        make_line_item(services(keys, Scripted(reply)), REGISTRATION, CONTAINER, WANTED, NOW)
