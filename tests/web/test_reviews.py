"""Submission review: everybody sees their own, instructors of the course see their learners', nobody sees more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from lms.store.attempts import AttemptResult
from lms.store.base import Database
from lms.store.launches import LaunchSession
from lms.store.outbox import ScoreDelivery
from tests.conftest import NOW
from tests.practice_lms.claims import CLAIM
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched
from tests.web.papers import start
from tests.web.visits import LAUNCH, Browser, Visit, audit_events, log_in, page_of, path_of, session_count

FAILED = "00104"
"""Failed once, on 10 November with 5 of 10 points."""
Reviewed = Callable[..., Visit]


def answer_to(browser: Browser, lms: PracticeLms, who: str, whose: str, activity: str = "core") -> dict[str, str]:
    return lms.authorize(log_in(browser, lms.review(who, activity, whose, "en").fields), who)


@pytest.fixture
def reviewed(lms: PracticeLms, new_browser: Callable[[], Browser]) -> Reviewed:
    """Opens somebody's submission as somebody."""

    def open_one(who: str, whose: str, activity: str = "core") -> Visit:
        browser = new_browser()
        response = browser.post(LAUNCH, data=answer_to(browser, lms, who, whose, activity))
        landing = path_of(response)
        return Visit(browser, landing.split("/")[2], landing, response)

    return open_one


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_instructor_sees_marks_and_times_and_no_answers(reviewed: Reviewed, tool_database: Database) -> None:
    came = reviewed(SECRETARY, FAILED)
    assert came.landing == came.path("/review")
    page = page_of(came.get("/review"))
    for word in ("例示 さくら", "ISMS and my role", "5 / 10", "10 Nov 2026, 11:15 JST", "Not passed"):
        assert word in page
    assert "Answers are not shown" in page
    with tool_database.reading() as session:
        attempt_id = session.scalars(
            select(AttemptResult.attempt_id).where(AttemptResult.mark == 5, AttemptResult.module_key == MODULE)
        ).one()
    assert f"/attempts/{attempt_id}" not in page
    assert came.get(f"/attempts/{attempt_id}/result").status_code == 404
    [event] = audit_events(tool_database, "submission.reviewed")
    assert set(event.facts) == {"identity", "platform"}


def test_everybody_sees_their_own_with_the_way_to_the_answers(
    reviewed: Reviewed, launched: Launched, tool_database: Database
) -> None:
    sitting = start(launched(STAFF), tool_database)
    sitting.submit()
    came = reviewed(STAFF, STAFF)
    page = page_of(came.get("/review"))
    assert f"/attempts/{sitting.attempt_id}/result" in page
    assert came.get(f"/attempts/{sitting.attempt_id}/result").status_code == 200
    assert audit_events(tool_database, "submission.reviewed") == []


@pytest.mark.parametrize("whose", [FAILED, OTHER_STAFF], ids=["known", "unknown"])
def test_a_learner_is_shown_nothing_of_another(
    client: Browser, lms: PracticeLms, tool_database: Database, whose: str
) -> None:
    response = client.post(LAUNCH, data=answer_to(client, lms, STAFF, whose), headers={"Accept-Language": "en"})
    assert response.status_code == 403
    page = page_of(response)
    assert "This is somebody else's submission." in page
    assert "例示" not in page
    assert session_count(tool_database) == 0
    [event] = audit_events(tool_database, "launch.refused")
    assert event.facts["code"] == "submission_foreign"
    assert client.post(LAUNCH, data=answer_to(client, lms, STAFF, STAFF)).status_code == 303, "the control"


def test_a_system_administrator_who_teaches_nothing_here_is_shown_nothing(client: Browser, lms: PracticeLms) -> None:
    role = "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"
    lms.mutate = lambda header, claims: (header, {**claims, CLAIM + "roles": [role]})
    assert client.post(LAUNCH, data=answer_to(client, lms, SECRETARY, FAILED)).status_code == 403


def test_of_somebody_who_never_came_there_is_nothing_to_say(reviewed: Reviewed) -> None:
    page = page_of(reviewed(SECRETARY, "unlinked").get("/review"))
    assert "This person has not opened the activity yet." in page
    assert "<table" not in page


def test_of_somebody_without_attempts_that_is_said(reviewed: Reviewed, launched: Launched) -> None:
    launched(OTHER_STAFF)
    page = page_of(reviewed(SECRETARY, OTHER_STAFF).get("/review"))
    assert "No attempt has been submitted yet." in page


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"state": "wanted"}, "On its way to Moodle"),
        ({"state": "dead"}, "Recorded here, not in Moodle"),
        ({"state": "delivered", "delivered_at": NOW}, "10 of 10 points"),
        (
            {"held_score": 7.5, "held_maximum": 10.0, "standing": "overridden"},
            "7.5 of 10 points · a teacher's own grade",
        ),
        ({"standing": "emptied"}, "no grade · a teacher has emptied or hidden it"),
        ({"standing": "lost"}, "no grade · it was lost there and is sent again"),
        ({"held_score": 10.0, "held_maximum": 10.0, "standing": "same"}, "10 of 10 points"),
    ],
)
def test_an_instructor_sees_what_stands_in_the_gradebook(
    reviewed: Reviewed, launched: Launched, tool_database: Database, facts: dict[str, Any], sentence: str
) -> None:
    launched("00111")
    with tool_database.transaction() as session:
        row = session.scalars(select(ScoreDelivery)).one()
        row.compared_at = NOW if "standing" in facts else None
        for name, value in facts.items():
            setattr(row, name, value)
    page = page_of(reviewed(SECRETARY, "00111").get("/review"))
    assert sentence in re.sub(r"\s+", " ", page)


def test_an_activity_without_a_test_says_so(reviewed: Reviewed) -> None:
    page = page_of(reviewed(SECRETARY, FAILED, "pledges").get("/review"))
    assert "This activity has no test." in page
    assert "5 / 10" not in page


def test_the_page_asks_anew_who_may_see_it(reviewed: Reviewed, tool_database: Database) -> None:
    came = reviewed(SECRETARY, FAILED)
    with tool_database.transaction() as session:
        session.get_one(LaunchSession, came.handle).lti_roles = []
    response = came.get("/review")
    assert response.status_code == 404
    assert "例示" not in page_of(response)


def test_other_sessions_review_nothing(launched: Launched) -> None:
    for who in (STAFF, SECRETARY):
        assert launched(who).get("/review").status_code == 404
