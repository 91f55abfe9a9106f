"""Review launches have the shape that a Moodle 4.5.6 sent, and go to whoever asks."""

import re
from typing import Any

import pytest

from tests.practice_lms.claims import BASIC_OUTCOME, CLAIM
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms_tests.conftest import authorization_query, captured, launched, verified


def reviewed(lms: PracticeLms, person_key: str, for_person: str, activity_key: str = "m1") -> dict[str, Any]:
    login = lms.review(person_key, activity_key, for_person, "en").fields
    return verified(lms, lms.authorize(authorization_query(lms, login), person_key)["id_token"])


def still(claims: dict[str, Any]) -> dict[str, Any]:
    for name in ("nonce", "iat", "exp"):
        claims.pop(name)
    outcome = claims[BASIC_OUTCOME]
    outcome["lis_result_sourcedid"] = re.sub(
        r'"launchid":\d+|"hash":"[0-9a-f]{64}"', "…", outcome["lis_result_sourcedid"]
    )
    presentation = claims[CLAIM + "launch_presentation"]
    presentation["return_url"] = re.sub(r"sesskey=\w+", "sesskey=…", presentation["return_url"])
    claims[CLAIM + "tool_platform"].pop("guid")
    return claims


@pytest.mark.parametrize(
    ("capture", "person"),
    [("id_token_submission_review_teacher", "teacher1"), ("id_token_submission_review_student", "user1")],
)
def test_a_review_launch_carries_the_captured_claims(lms: PracticeLms, capture: str, person: str) -> None:
    ours, theirs = reviewed(lms, person, "user1"), captured(capture)
    assert list(ours) == list(theirs)
    assert still(ours) == still(theirs)


def test_a_student_gets_a_review_launch_for_another_student(lms: PracticeLms) -> None:
    claims = reviewed(lms, "user1", "user2")
    assert claims["sub"] == "4"
    assert claims[CLAIM + "for_user"] == {"user_id": "5"}
    assert claims[CLAIM + "roles"] == ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]


def test_a_plain_launch_is_for_nobody_else(lms: PracticeLms) -> None:
    assert CLAIM + "for_user" not in launched(lms, "user1", "m1")


def test_a_review_is_logged_with_whose_work_it_is(lms: PracticeLms) -> None:
    reviewed(lms, "teacher1", "user2")
    assert lms.events("launch")[-1].what == "LtiSubmissionReviewRequest: M1 個人情報と情報資産, 5"
