"""Seeing one's open sessions and ending them; the secretariat sees and ends everybody's."""

from __future__ import annotations

import re

import pytest

from lms.store.base import Database
from lms.store.launches import LaunchSession
from lms.web.browsers import browser_words
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched
from tests.web.visits import Browser, StandingClock, Visit, audit_events, contents, page_of, path_of, visit

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
EDGE = f"{CHROME} Edg/140.0.0.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"


def marks(page: str) -> list[str]:
    """The marks of the sessions that a page can end, in the page's order."""
    return re.findall(r'name="which" value="([0-9a-f]{16})"', page)


def rows(page: str) -> list[str]:
    return re.findall(r'<li class="card">.*?</li>', page, re.DOTALL)


def is_ended(visit: Visit, status: int = 401) -> bool:
    response = visit.get("/", headers={"Accept-Language": "en"})
    assert response.status_code == status, page_of(response)
    assert "This session was ended." in page_of(response)
    return True


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox, Windows"),
        (CHROME, "Chrome, Linux"),
        (EDGE, "Edge, Linux"),
        (SAFARI, "Safari, iPhone"),
        ("curl/8.0", None),
        ("", None),
        ("<script>Firefox/1</script>" * 1000, "Firefox"),
    ],
)
def test_a_browser_is_told_in_two_words_without_its_version(user_agent: str, words: str | None) -> None:
    assert browser_words(user_agent) == words


def test_the_page_shows_ones_own_open_sessions_and_nobody_elses(launched: Launched, clock: StandingClock) -> None:
    first = launched(STAFF, "core", "en")
    clock.advance(60)
    second = launched(STAFF, "mine", "en")
    launched(OTHER_STAFF, "core", "en")
    page = page_of(second.get("/sessions"))
    mine, earlier = rows(page)
    assert "This one" in mine
    assert "わたしの受講状況" in mine
    assert "12:01 JST" in mine
    assert "This one" not in earlier
    assert "ISMSと私の役割" in earlier
    assert "12:00 JST" in earlier
    assert first.handle not in page, "a list holds no address of another session"
    assert len(marks(page)) == 2


def test_frame_or_window_and_browser_are_shown(client: Browser, lms: PracticeLms) -> None:
    client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    framed = visit(client, lms, STAFF, "core", "en")
    client.environ_base["HTTP_USER_AGENT"] = SAFARI
    visit(client, lms, STAFF, "core-window", "en")
    page = page_of(framed.get("/sessions"))
    assert "in Moodle's page · Firefox, Windows" in page
    assert "in a window of its own · Safari, iPhone" in page
    assert "140" not in page


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_one_session_is_ended_and_says_so(launched: Launched, tool_database: Database) -> None:
    lost, here = launched(STAFF), launched(STAFF, locale="en")
    mark = next(each for each in marks(page_of(lost.get("/sessions"))) if each not in _this(lost))
    assert mark in _this(here)
    response = here.post("/sessions/end", {"which": _this(lost)[0]})
    assert path_of(response) == here.path("/sessions")
    assert is_ended(lost)
    assert here.get("/").status_code == 200
    event = audit_events(tool_database, "session.ended")[-1]
    assert event.actor.startswith("person:")
    assert event.facts == {"of": event.actor, "count": 1}


def _this(visit: Visit) -> list[str]:
    """The mark of the session itself."""
    return [mark for row in rows(page_of(visit.get("/sessions"))) if "badge-new" in row for mark in marks(row)]


def test_all_others_are_ended_at_once(launched: Launched, tool_database: Database) -> None:
    lost, forgotten, here = launched(STAFF), launched(STAFF), launched(STAFF)
    somebody = launched(OTHER_STAFF)
    here.post("/sessions/end", {"which": "others"})
    assert is_ended(lost)
    assert is_ended(forgotten)
    assert here.get("/").status_code == somebody.get("/").status_code == 200
    before = audit_events(tool_database)
    assert path_of(here.post("/sessions/end", {"which": "others"})) == here.path("/sessions")
    assert len(audit_events(tool_database)) == len(before), "nothing was open any more"


def test_signing_out_ends_this_one_and_takes_the_cookie_back(launched: Launched) -> None:
    here = launched(STAFF, locale="en")
    response = here.post("/sessions/end", {"which": _this(here)[0]})
    assert response.status_code == 200
    assert "You have signed out" in page_of(response)
    assert here.path("/") not in page_of(response)
    cookie = re.sub(r"Expires=[^;]+; ", "", response.headers["Set-Cookie"])
    assert cookie == f"__Host-s-{here.handle}=; Max-Age=0; Secure; HttpOnly; Path=/; SameSite=None; Partitioned"
    assert here.get("/").status_code == 401


def test_whoever_kept_the_cookie_of_an_ended_session_does_nothing_with_it(launched: Launched) -> None:
    here = launched(STAFF)
    cookie = here.browser.get_cookie(f"__Host-s-{here.handle}", domain="akashi.example.invalid")
    token = here.form_token
    here.post("/sessions/end", {"which": _this(here)[0]})
    assert cookie is not None
    here.browser.set_cookie(cookie.key, cookie.value, domain="akashi.example.invalid", secure=True)
    assert is_ended(here)
    sent = {"form_token": token, "language": "en"}
    assert here.browser.post(here.path("/language"), data=sent).status_code == 401


def test_only_its_own_browser_is_told_that_a_session_was_ended(launched: Launched, client: Browser) -> None:
    here = launched(STAFF)
    here.post("/sessions/end", {"which": _this(here)[0]})
    for cookie in (None, "A" * 43):
        if cookie is not None:
            client.set_cookie(f"__Host-s-{here.handle}", cookie, domain="akashi.example.invalid")
        page = page_of(client.get(here.path("/"), headers={"Accept-Language": "en"}))
        assert "This session was ended." not in page
        assert "Please open this activity again" in page


def test_a_session_of_somebody_else_is_not_ones_own_to_end(launched: Launched, tool_database: Database) -> None:
    theirs, here = launched(OTHER_STAFF), launched(STAFF)
    before = contents(tool_database)
    for which in (_this(theirs)[0], theirs.handle, "", "x" * 1000, "\0"):
        assert here.post("/sessions/end", {"which": which}).status_code == 404
    assert contents(tool_database) == before
    assert theirs.get("/").status_code == 200


def test_ended_and_expired_sessions_are_on_no_list(launched: Launched, clock: StandingClock) -> None:
    old = launched(STAFF)
    ended = launched(STAFF)
    ended.post("/sessions/end", {"which": _this(ended)[0]})
    assert len(marks(page_of(old.get("/sessions")))) == 1
    clock.advance(3600)
    assert len(marks(page_of(launched(STAFF).get("/sessions")))) == 1


def test_the_sessions_of_all_identities_of_a_person_are_theirs(launched: Launched, tool_database: Database) -> None:
    guest, desk, here = launched("unlinked", locale="en"), launched(SECRETARY), launched(STAFF, locale="en")
    assert len(marks(page_of(here.get("/sessions")))) == 1
    with tool_database.reading() as session:
        identity_id = session.get_one(LaunchSession, guest.handle).identity_id
    desk.post(f"/identities/{identity_id}", {"staff_number": STAFF})
    assert len(marks(page_of(here.get("/sessions")))) == 2
    here.post("/sessions/end", {"which": "others"})
    assert is_ended(guest)


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_the_secretariat_ends_everything_that_somebody_has_open(launched: Launched, tool_database: Database) -> None:
    one, two, other, guest = launched(STAFF), launched(STAFF), launched(OTHER_STAFF), launched("unlinked")
    desk = launched(SECRETARY, locale="en")
    page = page_of(desk.get("/sessions/all"))
    assert "5 open sessions" in page
    assert "4 people" in page
    assert all(each.handle not in page for each in (one, two, other, guest))
    assert "名簿 なし" in page
    assert "4 people" in page_of(desk.get("/sessions/all?q="))
    found = page_of(desk.get("/sessions/all?q=架空花子"))
    assert "1 person" in found
    assert "1 person" in page_of(desk.get(f"/sessions/all?q={STAFF}"))
    assert "Nobody who matches" in page_of(desk.get("/sessions/all?q=%00"))
    owner = re.search(r'name="owner" value="(person:\d+)"', found)
    assert owner is not None
    response = desk.post("/sessions/all/end", {"owner": owner[1], "q": "架空"})
    assert path_of(response) == desk.path("/sessions/all")
    assert is_ended(one)
    assert is_ended(two)
    assert other.get("/").status_code == guest.get("/").status_code == 200
    event = audit_events(tool_database, "session.ended")[-1]
    assert event.facts == {"of": owner[1], "count": 2}
    assert event.actor != owner[1]
    assert desk.post("/sessions/all/end", {"owner": owner[1]}).status_code == 404


def test_the_secretariat_ends_one_session_of_somebody_not_linked(launched: Launched, tool_database: Database) -> None:
    guest, again = launched("unlinked"), launched("unlinked")
    desk = launched(SECRETARY)
    [mark] = _this(guest)
    assert mark in marks(page_of(desk.get("/sessions/all")))
    desk.post("/sessions/all/end", {"which": mark})
    assert is_ended(guest)
    assert again.get("/").status_code == 200
    assert audit_events(tool_database, "session.ended")[-1].facts["of"].startswith("identity:")


@pytest.mark.parametrize("owner", ["", "person:", "person:999999", "identity:x", "account:1", "person:1;--", "\0"])
def test_an_owner_who_has_nothing_open_is_404(launched: Launched, tool_database: Database, owner: str) -> None:
    desk = launched(SECRETARY)
    before = contents(tool_database)
    assert desk.post("/sessions/all/end", {"owner": owner}).status_code == 404
    assert contents(tool_database) == before


def test_another_organisations_sessions_are_neither_seen_nor_ended(
    launched: Launched, other_lms: PracticeLms, client: Browser, tool_database: Database
) -> None:
    stranger = visit(client, other_lms, STAFF, "core", "en")
    desk = launched(SECRETARY, locale="en")
    assert "1 open session" in page_of(desk.get("/sessions/all"))
    with tool_database.reading() as session:
        identity_id = session.get_one(LaunchSession, stranger.handle).identity_id
    before = contents(tool_database)
    assert desk.post("/sessions/all/end", {"which": _this(stranger)[0]}).status_code == 404
    assert desk.post("/sessions/all/end", {"owner": f"identity:{identity_id}"}).status_code == 404
    assert contents(tool_database) == before
    assert stranger.get("/").status_code == 200


def test_no_session_outlives_twelve_hours_however_often_it_is_used(launched: Launched, clock: StandingClock) -> None:
    here = launched(STAFF)
    for _ in range(15):
        clock.advance(47 * 60)
        assert here.get("/").status_code == 200
    clock.advance(12 * 3600 - 15 * 47 * 60 - 1)
    assert here.get("/").status_code == 200
    clock.advance(1)
    assert here.get("/").status_code == 401
