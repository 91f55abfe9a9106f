"""The roster is the captured one, page by page, and leaves out whom Moodle leaves out."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_lms.app import create_platform
from tests.practice_lms.faults import Fault, FaultKind
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import NRPS_SCOPE
from tests.practice_lms.tokens import issue_token
from tests.practice_lms_tests.conftest import captured, moodle_like_config
from tests.practice_lms_tests.service_calls import PROBE, ROSTER, read, same_as_probe


def normalised(member: dict[str, Any]) -> dict[str, Any]:
    for message in member.get("message", []):
        for name in message:
            if name.endswith("basicoutcome"):
                message[name] = set(message[name])
    return member


@pytest.mark.parametrize(
    ("capture", "query", "personal"),
    [("nrps_members", "", True), ("nrps_members_minimal_claims", "", False), ("nrps_members_rlid", "?rlid=1", True)],
)
def test_the_roster_is_the_captured_one(capture: str, query: str, personal: bool) -> None:
    # The captured rosters were read before the assistant and the manager came.
    people = tuple(person for person in moodle_like_config().people if person.key not in {"ta1", "mgr1"})
    app = create_platform(moodle_like_config(sends_names=personal, sends_email=personal, people=people))
    bearer = {"Authorization": f"Bearer {issue_token(platform_of(app), (NRPS_SCOPE,))}"}
    reply = read(app.test_client(), bearer, f"/CourseSection/2/bindings/1/memberships{query}", ROSTER)
    ours, theirs = json.loads(reply.data), captured(capture)
    count = len(theirs["members"])
    assert [normalised(member) for member in ours["members"][:count]] == [
        normalised(member) for member in theirs["members"]
    ]
    assert {name: ours[name] for name in ("id", "context")} == {name: theirs[name] for name in ("id", "context")}
    assert reply.content_type == f"{ROSTER}; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("NRPS limit=5", "limit=5"),
        ("NRPS limit=5&from=5", "limit=5&from=5"),
        ("NRPS limit=5&from=10", "limit=5&from=10"),
        (
            "NRPS role=http://purl.imsglobal.org/vocab/lis/v2/membership%23Learner&limit=5",
            "role=http://purl.imsglobal.org/vocab/lis/v2/membership%23Learner&limit=5",
        ),
        ("NRPS role=Instructor", "role=Instructor"),
    ],
)
def test_pages_of_the_roster_are_the_recorded_ones(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str], name: str, query: str
) -> None:
    lms.suspend("ta1")
    lms.suspend("mgr1")
    reply = read(client, bearer, f"/CourseSection/2/bindings/1/memberships?{query}", ROSTER)
    if "Learner" in name:
        # Recorded: the role is left out of the link to the next page; which learners come first is the database's matter.
        assert reply.headers["Link"] == PROBE[name]["link"]
        assert {tuple(member["roles"]) for member in json.loads(reply.data)["members"]} == {("Learner",)}
    else:
        same_as_probe(reply, name)


def test_an_assistant_is_a_learner_in_the_roster_and_the_administrator_is_absent(
    client: FlaskClient, bearer: dict[str, str]
) -> None:
    roster = json.loads(read(client, bearer, "/CourseSection/2/bindings/1/memberships", ROSTER).data)
    roles = {member["user_id"]: member["roles"] for member in roster["members"]}
    assert roles["16"] == ["Learner"]
    assert roles["17"] == ["Instructor"]
    assert "2" not in roles


def test_a_link_without_line_item_has_no_outcome_in_the_roster(client: FlaskClient, bearer: dict[str, str]) -> None:
    roster = json.loads(read(client, bearer, "/CourseSection/2/bindings/1/memberships?rlid=4", ROSTER).data)
    theirs = PROBE["NRPS rlid=4&limit=2"]["body"]["members"][0]["message"]
    assert roster["members"][0]["message"] == theirs


def next_page(reply: TestResponse) -> str:
    return reply.headers.get("Link", "").partition("<")[2].partition(">")[0]


def test_a_roster_breaks_off_on_the_page_that_the_fault_names(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    lms.faults.add(Fault("memberships", FaultKind.SERVER_ERROR, calls=1, after=1))
    first = read(client, bearer, "/CourseSection/2/bindings/1/memberships?limit=5", ROSTER)
    second = read(client, bearer, next_page(first).partition("services.php")[2], ROSTER)
    assert (first.status_code, second.status_code) == (200, 500)


def test_the_next_page_can_lie_at_a_foreign_origin(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    lms.faults.add(Fault("memberships", FaultKind.ELSEWHERE))
    reply = read(client, bearer, "/CourseSection/2/bindings/1/memberships", ROSTER)
    assert next_page(reply) == (
        "https://elsewhere.example.invalid/mod/lti/services.php/CourseSection/2/bindings/1/memberships?limit=7&from=7"
    )
    assert len(json.loads(reply.data)["members"]) == 7
    assert json.loads(reply.data)["id"].startswith(lms.config.issuer)


def test_pages_can_go_on_for_ever(lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]) -> None:
    lms.faults.add(Fault("memberships", FaultKind.ENDLESS))
    address = "/CourseSection/2/bindings/1/memberships"
    seen = set()
    for _ in range(50):
        reply = read(client, bearer, address, ROSTER)
        assert json.loads(reply.data)["members"]
        address = next_page(reply).partition("services.php")[2]
        seen.add(address)
    assert len(seen) == 50


def test_a_token_opens_the_roster_of_its_own_deployment_alone(
    lms: PracticeLms, client: FlaskClient, bearer: dict[str, str]
) -> None:
    assert read(client, bearer, "/CourseSection/2/bindings/9/memberships", ROSTER).status_code == 401
