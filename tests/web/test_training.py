"""My training, and the choice of language."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from lms.store.base import Database
from lms.store.launches import LaunchSession
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched
from tests.web.papers import start
from tests.web.visits import Browser, StandingClock, Visit, page_of, path_of, visit

PASSED = "00110"
"""Passed in October."""
NEWCOMER = "00136"
"""Joined on 1 November."""


def test_somebody_who_has_done_nothing_sees_what_is_due(launched: Launched) -> None:
    page = page_of(launched(STAFF, locale="en").get("/"))
    assert "To do" in page
    assert "31 Dec 2026" in page
    assert f"/modules/{MODULE}/" in page
    assert "My attempts" not in page


def test_somebody_who_has_passed_sees_it_with_the_certificate(launched: Launched) -> None:
    reader = launched(PASSED, locale="en")
    page = page_of(reader.get("/"))
    assert "All done for now." in page
    assert "Passed on" in page
    assert "certificate.pdf" in page
    assert "To do" not in page


def test_a_newcomer_is_asked_within_thirty_days_of_joining(launched: Launched) -> None:
    assert "Joining on 1 Nov 2026" in page_of(launched(NEWCOMER, locale="en").get("/"))


def test_an_account_that_is_not_linked_is_told_that_nothing_is_lost(launched: Launched) -> None:
    page = page_of(launched("unlinked", locale="en").get("/"))
    assert "Your account is not linked to the staff list yet." in page
    assert "To do" not in page


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_passing_the_test_moves_the_obligation_from_due_to_done(launched: Launched, tool_database: Database) -> None:
    reader = launched(STAFF, locale="en")
    sitting = start(reader, tool_database)
    sitting.answer_all()
    sitting.submit()
    page = page_of(reader.get("/"))
    assert f'/modules/{MODULE}/">Open the module' not in page
    assert "Open the pledge" in page, "the pledge is asked for apart"
    assert f"/attempts/{sitting.attempt_id}/result" in page


def test_everyone_sees_their_own_results_only(launched: Launched, tool_database: Database) -> None:
    sitting = start(launched(STAFF), tool_database)
    sitting.submit()
    for somebody in (OTHER_STAFF, SECRETARY, "unlinked"):
        assert f"/attempts/{sitting.attempt_id}/" not in page_of(launched(somebody).get("/"))


def test_the_same_sub_in_another_organisation_is_somebody_else(
    launched: Launched, other_lms: PracticeLms, client: Browser, tool_database: Database
) -> None:
    sitting = start(launched(STAFF), tool_database)
    sitting.submit()
    stranger = visit(client, other_lms, STAFF, locale="en")
    page = page_of(stranger.get("/"))
    assert "Your account is not linked to the staff list yet." in page
    assert "/attempts/" not in page
    assert stranger.get(f"{sitting.at}/result").status_code == 404
    assert stranger.post(f"{sitting.at}/submit").status_code == 404


def test_the_secretariats_pages_are_offered_to_the_secretariat_alone(launched: Launched) -> None:
    assert "/attendance" in page_of(launched(SECRETARY).get("/"))
    for somebody in (STAFF, "unlinked"):
        page = page_of(launched(somebody).get("/"))
        assert "/attendance" not in page
        assert "/identities" not in page


def test_the_way_back_to_the_course_is_offered_in_a_window_of_its_own(launched: Launched) -> None:
    back = "/mod/lti/return.php"
    assert back in page_of(launched(STAFF, "core-window").get("/"))
    assert back not in page_of(launched(STAFF, "core").get("/"))


class TestLanguage:
    def test_the_chosen_language_is_kept_for_the_session_alone(
        self, launched: Launched, tool_database: Database
    ) -> None:
        mine, other = launched(STAFF), launched(STAFF)
        where = mine.path(f"/modules/{MODULE}/")
        assert path_of(mine.post("/language", {"language": "en", "back": where})) == where
        assert '<html lang="en">' in mine.get("/").get_data(as_text=True)
        assert '<html lang="ja">' in other.get("/").get_data(as_text=True)
        mine.post("/language", {"language": "ja"})
        with tool_database.reading() as session:
            assert set(session.scalars(select(LaunchSession.language))) == {"ja"}

    @pytest.mark.parametrize("language", ["", "fr", "en\0", "EN", "javascript"])
    def test_another_language_changes_nothing(self, staff: Visit, language: str) -> None:
        assert path_of(staff.post("/language", {"language": language})) == staff.path("/")
        assert '<html lang="ja">' in staff.get("/").get_data(as_text=True)

    @pytest.mark.parametrize(
        "back",
        [
            "", "https://evil.example.invalid/", "//evil.example.invalid/", "/", "/lti/jwks", "/s/0123456789abcdef/",
            "javascript:alert(1)", "{own}\\..\\evil", "{own}/../../../evil", " {own}", "{own}\r\nX-Evil: 1", "{own}\0",
        ],
    )  # fmt: skip
    def test_the_way_back_stays_inside_the_session(self, staff: Visit, back: str) -> None:
        wanted = back.replace("{own}", staff.path("/"))
        response = staff.post("/language", {"language": "en", "back": wanted})
        assert response.status_code == 303
        assert path_of(response).startswith(staff.path("/"))
        assert "evil.example.invalid" not in response.headers["Location"]
        assert "X-Evil" not in response.headers


def test_an_obligation_of_last_year_stays_until_it_is_met(launched: Launched, clock: StandingClock) -> None:
    clock.advance(150 * 24 * 3600)
    page = page_of(launched(STAFF, locale="en").get("/"))
    assert "31 Dec 2026" in page
    assert "31 Dec 2027" in page
