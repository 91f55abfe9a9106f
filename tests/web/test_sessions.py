"""A session per launch: two of them never mix, and each ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lms.services.sessions import end_session
from lms.store.base import Database
from lms.store.launches import LaunchSession
from tests.conftest import NOW
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched
from tests.web.papers import start
from tests.web.visits import TOOL, Browser, StandingClock, Visit, audit_events, page_of, visit

HOST = TOOL.removeprefix("https://")


def row_of(database: Database, visit: Visit) -> LaunchSession:
    with database.reading() as session:
        return session.get_one(LaunchSession, visit.handle)


def is_over(response: object) -> bool:
    """Is it the page that says: open the activity again?"""
    assert response.status_code == 401, response  # type: ignore[attr-defined]
    assert "not_launched" in page_of(response)  # type: ignore[arg-type]
    return True


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_two_people_in_two_tabs_of_one_browser_never_mix(
    client: Browser, lms: PracticeLms, tool_database: Database
) -> None:
    secretary = visit(client, lms, SECRETARY, "mine", locale="en")
    staff = visit(client, lms, STAFF, "core", locale="ja")
    sitting = start(staff, tool_database)
    sitting.submit()
    assert secretary.get("/attendance").status_code == 200
    assert staff.get("/attendance").status_code == 403
    assert '<html lang="en">' in secretary.get("/").get_data(as_text=True)
    assert '<html lang="ja">' in staff.get("/").get_data(as_text=True)
    assert f"/attempts/{sitting.attempt_id}/" not in page_of(secretary.get("/"))
    assert secretary.get(f"{sitting.at}/result").status_code == 404
    assert staff.get(f"{sitting.at}/result").status_code == 200
    actors = [event.actor for event in audit_events(tool_database, "request.refused")]
    assert len(set(actors)) == 2


def test_a_form_of_one_tab_is_refused_in_another(client: Browser, lms: PracticeLms) -> None:
    mine, theirs = visit(client, lms, STAFF), visit(client, lms, OTHER_STAFF)
    for here, there in ((mine, theirs), (theirs, mine)):
        sent = {"form_token": there.form_token, "language": "en"}
        assert client.post(here.path("/language"), data=sent).status_code == 403
    assert mine.post("/language", {"language": "en"}).status_code == 303


def test_an_address_is_worth_nothing_without_its_cookie(staff: Visit, client: Browser) -> None:
    assert is_over(client.get(staff.path("/")))


def test_another_sessions_cookie_does_not_open_it(client: Browser, lms: PracticeLms, launched: Launched) -> None:
    mine, secretary = visit(client, lms, STAFF), launched(SECRETARY)
    cookie = client.get_cookie(f"__Host-s-{mine.handle}", domain=HOST)
    assert cookie is not None
    client.set_cookie(f"__Host-s-{secretary.handle}", cookie.value, domain=HOST)
    assert is_over(client.get(secretary.path("/attendance")))
    assert mine.get("/").status_code == 200


@pytest.mark.parametrize("secret", ["", "x", "é" * 40, "A" * 4000])
def test_an_invented_secret_opens_nothing(staff: Visit, client: Browser, secret: str) -> None:
    client.set_cookie(f"__Host-s-{staff.handle}", secret, domain=HOST)
    assert is_over(client.get(staff.path("/")))


@pytest.mark.parametrize("handle", ["0" * 16, "F" * 16, "x", "0" * 17, "..", "%00"])
def test_an_invented_handle_opens_nothing(client: Browser, handle: str) -> None:
    response = client.get(f"/s/{handle}/", headers={"Accept-Language": "en"})
    assert response.status_code in {401, 404}
    if response.status_code == 401:
        assert "Please open this activity again from Moodle." in page_of(response)


def test_a_revoked_session_is_over(staff: Visit, tool_database: Database) -> None:
    assert staff.get("/").status_code == 200
    with tool_database.transaction() as session:
        end_session(session, staff.handle, NOW)
    response = staff.get("/")
    assert response.status_code == 401
    assert "session_ended" in page_of(response)


def test_a_session_ends_an_hour_after_its_last_use(staff: Visit, clock: StandingClock) -> None:
    clock.advance(3599)
    assert staff.get("/").status_code == 200
    clock.advance(3600)
    assert is_over(staff.get("/"))
    clock.advance(-1)
    assert staff.get("/").status_code == 200


def test_use_moves_the_end_on_for_as_long_as_it_goes_on(staff: Visit, clock: StandingClock) -> None:
    for _ in range(6):
        clock.advance(50 * 60)
        assert staff.get("/").status_code == 200


def test_the_end_is_moved_at_most_every_five_minutes(
    staff: Visit, clock: StandingClock, tool_database: Database
) -> None:
    clock.advance(299)
    staff.get("/")
    assert row_of(tool_database, staff).touched_at == NOW
    clock.advance(1)
    staff.get("/")
    row = row_of(tool_database, staff)
    assert row.touched_at == NOW + timedelta(minutes=5)
    assert row.expires_at == NOW + timedelta(minutes=65)


def test_a_refused_request_does_not_move_the_end(staff: Visit, clock: StandingClock, tool_database: Database) -> None:
    clock.advance(600)
    assert staff.get("/attendance").status_code == 403
    assert row_of(tool_database, staff).touched_at == NOW


def test_the_page_of_an_ended_session_is_in_the_browsers_language(staff: Visit, clock: StandingClock) -> None:
    clock.advance(7200)
    page = staff.get("/", headers={"Accept-Language": "en"})
    assert "Please open this activity again from Moodle." in page_of(page)
    assert '<html lang="en">' in page.get_data(as_text=True)


def test_pages_of_a_session_are_kept_in_no_cache(staff: Visit) -> None:
    assert staff.get("/").headers["Cache-Control"] == "no-store"


def test_a_role_granted_meanwhile_holds_at_the_next_request(staff: Visit, tool_database: Database) -> None:
    from courses.calendar import jst_date
    from courses.roles import IsmsRole
    from lms.services.people import find_person
    from lms.services.permissions import grant_role
    from lms.store.organisations import find_organisation

    assert staff.get("/attendance").status_code == 403
    with tool_database.transaction() as session:
        organisation = find_organisation(session, "kakuu")
        assert organisation is not None
        person_id = find_person(session, organisation.id, STAFF, jst_date(NOW))
        assert person_id is not None
        grant_role(session, organisation, person_id, IsmsRole.SECRETARIAT, "operator:test", NOW)
    assert staff.get("/attendance").status_code == 200
