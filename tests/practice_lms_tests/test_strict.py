"""The strict profile: what a platform may check it checks, what it may refuse it refuses, and its pages can be followed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE
from tests.practice_lms.profiles import MOODLE_4_5, STRICT
from tests.practice_lms.tokens import issue_token
from tests.practice_lms_tests.conftest import launched, moodle_like_config
from tests.practice_lms_tests.service_calls import LINE_ITEMS, RESULTS, a_score, post_score, read, results_of

MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
SEPARATE = {"server_timezone", "same_site", "frame_width", "frame_height"}
"""Switches that the specification says nothing about."""


@pytest.fixture
def platform(tool_jwks: dict[str, Any]) -> PracticeLms:
    lms = platform_of(create_platform(moodle_like_config(profile=STRICT)))
    lms.fetch_jwks = lambda _url: tool_jwks
    return lms


@pytest.fixture
def tool(platform: PracticeLms) -> FlaskClient:
    app = create_platform(moodle_like_config(profile=STRICT))
    app.extensions["practice_lms"] = platform
    return app.test_client()


@pytest.fixture
def token(platform: PracticeLms) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_token(platform, (*AGS_SCOPES, NRPS_SCOPE))}"}


def followed(tool: FlaskClient, token: dict[str, str], path: str, accept: str) -> list[TestResponse]:
    """All pages, each found by the one before."""
    pages = [read(tool, token, path, accept)]
    while match := re.search(r'<([^>]+)>; *rel="next"', pages[-1].headers.get("Link", "")):
        assert len(pages) < 30
        pages.append(read(tool, token, match[1].partition("services.php")[2], accept))
    return pages


def test_a_launch_names_its_audience_in_a_list_and_who_it_is_for(platform: PracticeLms) -> None:
    claims = launched(platform, "user1", "m1")
    client_id = platform.config.tool.client_id
    assert (claims["aud"], claims["azp"]) == ([client_id], client_id)
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("missing", ["exp", "iat", "jti"])
def test_an_assertion_has_everything_and_serves_once(
    tool: FlaskClient, token_request: Callable[..., dict[str, str]], missing: str
) -> None:
    def ask(**claims: Any) -> int:
        return tool.post("/mod/lti/token.php", data=token_request(**claims)).status_code

    assert ask(**{missing: None}) == 400
    assert [ask(jti="once"), ask(jti="once"), ask(jti="twice")] == [200, 400, 200]
    assert ask(jti="elsewhere", aud="https://elsewhere.example.invalid/token") == 400


def test_lists_come_in_pages_that_lead_to_each_other(
    platform: PracticeLms, tool: FlaskClient, token: dict[str, str]
) -> None:
    for number in range(3):
        platform.add_line_item("2", f"Column {number}", 10)
    for sub in ("4", "5", "6"):
        assert post_score(tool, token, a_score(sub)).status_code == 200
    whole = [item.id for item in platform.state.line_items.values() if item.course_id == "2"]
    for path, accept, count in (
        ("/2/lineitems?type_id=1", LINE_ITEMS, len(whole)),
        ("/2/lineitems/2/lineitem/results?type_id=1", RESULTS, 3),
    ):
        pages = [json.loads(page.data) for page in followed(tool, token, path, accept)]
        found = [entry["id"] for page in pages for entry in page]
        assert (len(found), len(set(found))) == (count, count)
        assert all(len(page) == 2 for page in pages[:-1])
    rosters = followed(tool, token, "/CourseSection/2/bindings/1/memberships", MEMBERS)
    people = [member["user_id"] for page in rosters for member in json.loads(page.data)["members"]]
    assert sorted(people) == sorted(each.sub for each in platform.config.people if each.is_enrolled)


def test_the_last_page_is_named(platform: PracticeLms, tool: FlaskClient, token: dict[str, str]) -> None:
    while len([each for each in platform.state.line_items.values() if each.course_id == "2"]) < 5:
        platform.add_line_item("2", "Column", 10)
    [last] = re.findall(r'<([^>]+)>; *rel="last"', read(tool, token, "/2/lineitems", LINE_ITEMS).headers["Link"])
    assert last.endswith("from=4")


def test_a_score_that_is_not_final_takes_nothing_away(tool: FlaskClient, token: dict[str, str]) -> None:
    assert post_score(tool, token, a_score()).status_code == 200
    assert post_score(tool, token, a_score(at="2026-11-22T23:11:00Z", gradingProgress="Pending")).status_code == 200
    assert results_of(tool, token, "5")[0]["resultScore"] == 8


@pytest.mark.parametrize(
    "changes", [{"at": "2999-01-01T00:00:00Z"}, {"at": "2026-11-01T00:00:00"}, {"scoreGiven": -1}, {"sub": "9999"}]
)
def test_a_score_that_says_too_little_or_too_much_is_refused(
    tool: FlaskClient, token: dict[str, str], changes: dict[str, Any]
) -> None:
    reply = post_score(tool, token, a_score(**changes))
    assert reply.status == "400 Incorrect score received", "its body is not repeated"
    assert post_score(tool, token, a_score(), "application/json").status_code == 400


def test_every_switch_stands_in_the_other_position_or_is_no_matter_of_the_specification() -> None:
    alike = {name for name, value in vars(MOODLE_4_5).items() if vars(STRICT)[name] == value}
    assert alike >= SEPARATE
    assert {"checks_assertion_audience", "refuses_reused_assertion", "ungraded_scores_wipe"}.isdisjoint(alike)
