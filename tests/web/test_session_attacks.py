"""Sessions under attack: planted, stolen, guessed and mixed up; each attack beside the honest request that works.

Source: lti.md rules 8 and 15, browser binding.
"""

from __future__ import annotations

import random
import re
import secrets
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse

from lms.services.handover import TicketRefused, make_ticket, use_ticket
from lms.services.sessions import end_session
from lms.store.base import Database
from lms.store.launches import LaunchSession
from tests.conftest import NOW
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched, RunningTool
from tests.web.papers import start
from tests.web.visits import (
    LAUNCH,
    LMS,
    LOGIN,
    OTHER_LMS,
    TOOL,
    Browser,
    StandingClock,
    Visit,
    answer_of,
    audit_events,
    contents,
    cookies_set,
    page_of,
    path_of,
    session_count,
    visit,
)

HOST = TOOL.removeprefix("https://")
KEY = "confidentiality"
NewBrowser = Callable[[], Browser]


def secret_of(visit: Visit) -> str:
    cookie = visit.browser.get_cookie(f"__Host-s-{visit.handle}", domain=HOST)
    assert cookie is not None
    return str(cookie.value)


def plant(browser: Browser, visit: Visit, handle: str | None = None) -> None:
    """Put a visit's secret into another browser, under its own name or another session's."""
    browser.set_cookie(f"__Host-s-{handle or visit.handle}", secret_of(visit), domain=HOST)


def ticket_of(visit: Visit) -> str:
    page = visit.post(f"/pledges/{KEY}/window").get_data(as_text=True)
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def all_at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        found[number] = act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


class TestCookies:
    def test_every_cookie_is_set_with_these_attributes_and_no_other(self, client: Browser, lms: PracticeLms) -> None:
        probed = client.post(LOGIN, data=lms.initiate_login(STAFF, "core"))
        checked = client.get(probed.headers["Location"])
        launched = visit(client, lms, STAFF)
        window = client.post("/lti/window", data={"ticket": ticket_of(launched), "pledge_key": KEY})
        for response, name, seconds in (
            (probed, "__Host-p-", 300),
            (checked, "__Host-l-", 300),
            (launched.response, "__Host-s-", 43_200),
            (window, "__Host-s-", 43_200),
        ):
            [cookie] = [each for each in cookies_set(response) if not each.split(";")[0].endswith("=")]
            form = (
                rf"{name}[0-9a-f]{{16}}=[\w-]{{43}}; Expires=[^;]+ GMT; Max-Age={seconds}; "
                r"Secure; HttpOnly; Path=/; SameSite=None; Partitioned"
            )
            assert re.fullmatch(form, cookie), cookie

    def test_no_page_sets_a_cookie_once_the_session_is_there(self, staff: Visit) -> None:
        for path in ("/", "/pledges", "/sessions", "/no-such-page"):
            assert cookies_set(staff.get(path)) == []
        assert cookies_set(staff.post("/language", {"language": "en"})) == []

    def test_the_cookie_of_one_session_opens_no_other(self, launched: Launched, new_browser: NewBrowser) -> None:
        mine, theirs, desk = launched(STAFF), launched(OTHER_STAFF), launched(SECRETARY)
        thief = new_browser()
        for victim in (theirs, desk):
            plant(thief, mine, victim.handle)
            assert thief.get(victim.path("/")).status_code == 401
        plant(thief, mine)
        assert thief.get(mine.path("/")).status_code == 200, "the control: under its own name it does"
        assert thief.get(mine.path("/attendance")).status_code == 403


class TestFixation:
    def test_a_planted_session_is_not_the_one_that_a_launch_goes_on_with(
        self, launched: Launched, new_browser: NewBrowser, lms: PracticeLms
    ) -> None:
        attacker, victim = launched(OTHER_STAFF), new_browser()
        plant(victim, attacker)
        victim.set_cookie(f"__Host-s-{'0' * 16}", "A" * 43, domain=HOST)
        opened = visit(victim, lms, STAFF)
        assert opened.handle not in {attacker.handle, "0" * 16}
        assert secret_of(opened) not in {secret_of(attacker), "A" * 43}
        assert attacker.browser.get(opened.path("/")).status_code == 401
        assert opened.get("/").status_code == 200

    def test_a_planted_session_stays_its_owners_and_takes_nothing_over(
        self, launched: Launched, new_browser: NewBrowser, lms: PracticeLms, tool_database: Database
    ) -> None:
        attacker, victim = launched(OTHER_STAFF), new_browser()
        plant(victim, attacker)
        opened = visit(victim, lms, STAFF)
        sitting = start(opened, tool_database)
        assert attacker.get(f"{sitting.at}/questions/1").status_code == 404
        assert opened.get(f"{sitting.at}/questions/1").status_code == 200

    def test_an_attackers_login_is_not_finished_in_the_victims_browser(
        self, client: Browser, new_browser: NewBrowser, lms: PracticeLms, tool_database: Database
    ) -> None:
        answer = answer_of(client, lms, OTHER_STAFF, "core")
        victim = new_browser()
        refused = victim.post(LAUNCH, data=answer)
        assert refused.status_code == 401
        assert "browser_changed" in page_of(refused)
        visit(victim, lms, STAFF)
        assert victim.post(LAUNCH, data=answer).status_code == 401, "nor with a login of the victim's own beside it"
        assert session_count(tool_database) == 1
        assert client.post(LAUNCH, data=answer).status_code == 303, "the control: in its own browser it is"


class TestAddresses:
    @pytest.mark.parametrize(
        "place", ["?secret={}", "?__Host-s-{handle}={}", "?session={}&form_token={}", "{}/", "../{}/"]
    )
    def test_a_secret_in_an_address_opens_nothing(self, staff: Visit, new_browser: NewBrowser, place: str) -> None:
        address = place.replace("{handle}", staff.handle).replace("{}", secret_of(staff))
        assert new_browser().get(staff.path("/" + address)).status_code in {401, 404}
        assert staff.get("/").status_code == 200

    @pytest.mark.parametrize(
        "handle",
        [
            *("0123456789abcdef%0d%0aSet-Cookie:%20x=1", "0123456789abcdef\r\nX-Injected: 1", "0123456789abcde%0a"),
            *("0123456789ABCDEF", "０１２３４５６７８９abcdef", "0123456789abcdef;x", "%2e%2e", "0123456789abcdeg"),
        ],
    )
    def test_a_crooked_handle_is_refused_and_reaches_no_header(self, staff: Visit, handle: str) -> None:
        for path in (f"/s/{handle}/", f"/s/{handle}/language"):
            for method in ("GET", "POST"):
                response = staff.browser.open(path, method=method)
                assert response.status_code in {308, 401, 404, 405}
                assert "X-Injected" not in response.headers
                assert cookies_set(response) == []
                assert not any("\n" in value or "\r" in value for value in response.headers.values())

    def test_no_secret_leaves_the_tool_but_in_its_cookie(
        self,
        app: Flask,
        client: Browser,
        lms: PracticeLms,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Every address asked for, header and page sent, and line logged, through launch, window, pages and refusals."""
        caplog.set_level("DEBUG")
        seen: list[str] = []
        opened: list[str] = []

        def look(response: Any) -> Any:
            seen.append(request.full_path)
            seen.extend(f"{name}: {value}" for name, value in response.headers if name != "Set-Cookie")
            opened.extend(each.partition("=")[2].partition(";")[0] for each in cookies_set(response))
            seen.append(response.get_data(as_text=True) if not response.direct_passthrough else "")
            return response

        monkeypatch.setitem(app.after_request_funcs, None, [look, *app.after_request_funcs.get(None, [])])
        desk = visit(client, lms, SECRETARY, "core", "en")
        ticket = ticket_of(desk)
        client.post("/lti/window", data={"ticket": ticket, "pledge_key": KEY})
        client.post("/lti/window", data={"ticket": ticket, "pledge_key": KEY})
        pages = ["/", "/sessions", "/sessions/all", "/identities", "/people", "/no-such-page", "/pledges/no-such/sign"]
        for path in (*pages, "/attendance?year=x", f"/?{secrets.token_hex(4)}"):
            desk.get(path)
        client.post(desk.path("/language"), data={"form_token": "wrong"})
        desk.post("/sessions/end", {"which": "nobody's"})
        written = capfd.readouterr()
        told = "\n".join([*seen, written.out, written.err, caplog.text])
        kept = {each for each in opened if each}
        assert len(kept) == 3, "of the login, the session and the window"
        assert secret_of(desk) in kept
        assert len(seen) > 100
        assert [each for each in kept if each in told] == []
        assert told.count(ticket) == 1, "in the form that posts it, and nowhere else"


class TestGuesses:
    def test_two_thousand_guesses_open_nothing_and_write_nothing(
        self, staff: Visit, new_browser: NewBrowser, tool_database: Database
    ) -> None:
        before, events, guesser = contents(tool_database), len(audit_events(tool_database)), new_browser()
        generator = random.Random(20261123)
        for number in range(2000):
            handle = staff.handle if number % 2 else f"{generator.getrandbits(64):016x}"
            secret = secret_of(staff)[: number % 43] + secrets.token_urlsafe(32)
            headers = {"Cookie": f"__Host-s-{handle}={secret[:43]}"}
            response = new_browser().get(f"/s/{handle}/", headers=headers) if number < 3 else None
            response = response or guesser.get(f"/s/{handle}/", headers=headers)
            assert response.status_code == 401
        assert contents(tool_database) == before
        assert len(audit_events(tool_database)) == events, "a flood of guesses fills no table"
        assert staff.get("/").status_code == 200


class TestForms:
    @pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
    def test_a_form_from_a_foreign_page_is_refused_even_with_the_right_token(
        self, staff: Visit, tool_database: Database, site: str
    ) -> None:
        headers = {"Sec-Fetch-Site": site, "Origin": "https://evil.example.invalid"}
        before = contents(tool_database)
        refused = staff.post("/language", {"language": "en"}, headers=headers)
        assert refused.status_code == 403
        assert contents(tool_database) == before
        assert audit_events(tool_database)[-1].facts["code"] == "form_token"
        for own in ({"Sec-Fetch-Site": "same-origin", "Origin": TOOL}, {"Sec-Fetch-Site": "none"}, {}):
            assert staff.post("/language", {"language": "en"}, headers=own).status_code == 303

    @pytest.mark.parametrize("token", ["", "0" * 64, "é", None])
    def test_a_form_without_its_token_is_refused_wherever_it_says_it_comes_from(
        self, staff: Visit, token: str | None
    ) -> None:
        sent = {"language": "en"} if token is None else {"language": "en", "form_token": token}
        for site in ("same-origin", "none", "cross-site"):
            response = staff.browser.post(staff.path("/language"), data=sent, headers={"Sec-Fetch-Site": site})
            assert response.status_code == 403

    def test_a_token_in_the_address_is_none(self, staff: Visit) -> None:
        address = f"{staff.path('/language')}?form_token={staff.form_token}&language=en"
        assert staff.browser.post(address).status_code == 403

    def test_a_token_is_worth_nothing_after_its_session(self, launched: Launched, tool_database: Database) -> None:
        old = launched(STAFF)
        token = old.form_token
        with tool_database.transaction() as session:
            end_session(session, old.handle, NOW)
        again = launched(STAFF, browser=old.browser)
        sent = {"form_token": token, "language": "en"}
        assert old.browser.post(again.path("/language"), data=sent).status_code == 403
        assert old.browser.post(old.path("/language"), data=sent).status_code == 401


def frame_ancestors(response: TestResponse) -> str:
    found = re.search(r"frame-ancestors ([^;]+)$", response.headers["Content-Security-Policy"])
    assert found is not None
    return found[1]


class TestFrames:
    def test_each_registrations_pages_are_framed_by_its_own_platform_alone(
        self, launched: Launched, other_lms: PracticeLms, new_browser: NewBrowser
    ) -> None:
        mine, theirs = launched(STAFF), visit(new_browser(), other_lms, STAFF)
        for path in ("/", "/pledges", "/sessions", "/no-such-page", "/attendance"):
            assert frame_ancestors(mine.get(path)) == LMS, path
            assert frame_ancestors(theirs.get(path)) == OTHER_LMS
        window = launched(STAFF, "core-window")
        for path in (f"/pledges/{KEY}/sign", "/pledges/no-such/sign"):
            assert frame_ancestors(window.get(path)) == "'none'", "what is signed is in no frame"

    @pytest.mark.parametrize("path", ["/", "/verify", "/pledge/unknown", "/healthz", "/lti/jwks", "/s/x/"])
    def test_pages_of_no_registration_are_framed_by_nobody(self, client: Browser, path: str) -> None:
        assert frame_ancestors(client.get(path)) == "'none'"

    def test_whoever_must_open_the_activity_again_reads_so_within_the_frame(
        self, launched: Launched, clock: StandingClock, new_browser: NewBrowser, tool_database: Database
    ) -> None:
        ended, late = launched(STAFF), launched(OTHER_STAFF)
        with tool_database.transaction() as session:
            end_session(session, ended.handle, NOW)
        assert frame_ancestors(ended.get("/")) == LMS
        clock.advance(3600)
        assert frame_ancestors(late.get("/")) == LMS
        assert frame_ancestors(new_browser().get(late.path("/"))) == LMS, "its cookie is gone after twelve hours"
        assert frame_ancestors(late.browser.get(f"/s/{'0' * 16}/")) == "'none'"

    def test_a_launch_refused_within_the_frame_is_read_there(
        self, client: Browser, new_browser: NewBrowser, lms: PracticeLms
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert frame_ancestors(new_browser().post(LAUNCH, data=answer)) == LMS
        client.post(LAUNCH, data=answer)
        used = client.post(LAUNCH, data=answer)
        assert "launch_used" not in page_of(used) or used.status_code == 401
        assert frame_ancestors(used) == LMS
        spoilt = answer_of(client, lms, STAFF, "core") | {"id_token": "x.y.z"}
        assert frame_ancestors(client.post(LAUNCH, data=spoilt)) == LMS
        assert frame_ancestors(client.post(LAUNCH, data={"state": "unknown", "id_token": "x"})) == "'none'"

    @pytest.mark.parametrize(
        ("issuer", "framed_by"),
        [
            ("https://new-lms.example.invalid", "https://new-lms.example.invalid"),
            ("https://new-lms.example.invalid/moodle", "https://new-lms.example.invalid"),
            *(
                (crooked, "'none'")
                for crooked in ("", "*", "https://*", "https:", "javascript:x", "https://a;script-src *")
            ),
            *(
                (crooked, "'none'")
                for crooked in ("https://a b", "https://a\r\nX-Injected: 1", "https://a'unsafe", "'self'")
            ),
        ],
    )
    def test_an_administrator_reads_in_the_frame_that_the_platform_is_not_registered(
        self, client: Browser, lms: PracticeLms, issuer: str, framed_by: str
    ) -> None:
        response = client.post(LOGIN, data=lms.initiate_login(STAFF, "core") | {"iss": issuer})
        assert response.status_code == 400
        assert frame_ancestors(response) == framed_by
        assert "X-Injected" not in response.headers


class TestTickets:
    """The ticket that takes a session from the frame to a window."""

    def test_it_is_posted_and_never_in_an_address(self, staff: Visit, new_browser: NewBrowser) -> None:
        ticket = ticket_of(staff)
        for path in (f"/lti/window?ticket={ticket}", f"/lti/window/{ticket}"):
            assert new_browser().get(path).status_code in {404, 405}
        assert new_browser().post(f"/lti/window?ticket={ticket}").status_code == 409
        sent = {"ticket": ticket, "pledge_key": KEY}
        opened = new_browser().post("/lti/window", data=sent)
        assert ticket not in path_of(opened)
        assert ticket not in str(opened.headers)

    def test_a_foreign_page_or_frame_uses_none_up(self, staff: Visit, new_browser: NewBrowser) -> None:
        sent = {"ticket": ticket_of(staff), "pledge_key": KEY}
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Dest": "iframe"},
        ):
            assert new_browser().post("/lti/window", data=sent, headers=headers).status_code == 401
        assert new_browser().post("/lti/window", data=sent).status_code == 303

    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_fifty_at_once_open_one_window(self, staff: Visit, tool_database: Database) -> None:
        ticket, before = ticket_of(staff), session_count(tool_database)

        def take(_number: int) -> str:
            try:
                with tool_database.transaction() as session:
                    return use_ticket(session, ticket, NOW).handle
            except TicketRefused as refused:
                return refused.code

        found = all_at_once(50, take)
        assert found.count("ticket_used") == 49
        assert session_count(tool_database) == before + 1

    def test_the_window_is_of_the_same_person_and_organisation_whoever_posts_it(
        self, staff: Visit, other_lms: PracticeLms, new_browser: NewBrowser, tool_database: Database
    ) -> None:
        stranger = visit(new_browser(), other_lms, STAFF)
        handle = path_of(
            stranger.browser.post("/lti/window", data={"ticket": ticket_of(staff), "pledge_key": KEY})
        ).split("/")[2]
        with tool_database.reading() as session:
            window, framed = session.get_one(LaunchSession, handle), session.get_one(LaunchSession, staff.handle)
        same = ("organisation_id", "identity_id", "platform_id", "deployment_id", "resource_link_pk", "created_at")
        assert [getattr(window, name) for name in same] == [getattr(framed, name) for name in same]
        assert stranger.browser.get(stranger.path("/pledges")).status_code == 200

    def test_after_its_session_was_ended_it_opens_nothing(
        self, staff: Visit, new_browser: NewBrowser, tool_database: Database
    ) -> None:
        ticket = ticket_of(staff)
        with tool_database.transaction() as session:
            end_session(session, staff.handle, NOW)
        refused = new_browser().post("/lti/window", data={"ticket": ticket, "pledge_key": KEY})
        assert refused.status_code == 409
        assert "ticket_session_ended" in page_of(refused)
        assert audit_events(tool_database)[-1].facts["code"] == "ticket_session_ended"

    def test_one_of_a_session_that_ran_out_opens_nothing(
        self, staff: Visit, new_browser: NewBrowser, clock: StandingClock
    ) -> None:
        clock.advance(3590)
        with_ten_seconds_left = make_ticket_for(staff, new_browser)
        clock.advance(10)
        sent = {"ticket": with_ten_seconds_left, "pledge_key": KEY}
        assert "ticket_session_ended" in page_of(new_browser().post("/lti/window", data=sent))

    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_a_window_opened_while_all_is_being_ended_is_ended_too(
        self, launched: Launched, tool_database: Database
    ) -> None:
        for _ in range(5):
            lost, here = launched(STAFF), launched(STAFF)
            ticket = ticket_of(lost)

            def act(number: int, ticket: str = ticket, here: Visit = here) -> str:
                if number == 0:
                    return str(here.post("/sessions/end", {"which": "others"}).status_code)
                try:
                    with tool_database.transaction() as session:
                        return use_ticket(session, ticket, NOW).handle
                except TicketRefused as refused:
                    return refused.code

            assert here.form_token
            opened = all_at_once(2, act)[1]
            with tool_database.reading() as session:
                row = session.get(LaunchSession, opened)
                framed = session.get_one(LaunchSession, lost.handle)
            assert framed.revoked_at is not None
            assert opened == "ticket_session_ended" or (row is not None and row.revoked_at is not None)


def make_ticket_for(visit: Visit, _new_browser: NewBrowser) -> str:
    """A ticket of a session that is no longer fresh enough for a pledge, from the service itself."""
    database: Database = visit.browser.application.extensions["akashi"].database
    clock: StandingClock = visit.browser.application.extensions["akashi_clock"]
    with database.transaction() as session:
        return make_ticket(session, visit.handle, clock())


class Tabs:
    """Two people, each in two tabs, in one browser with one jar of cookies; and what each must see."""

    def __init__(self, client: Browser, lms: PracticeLms, database: Database, seed: int) -> None:
        self.client = client
        self.generator = random.Random(seed)
        self.tabs = [visit(client, lms, who, "core", "ja") for who in (STAFF, OTHER_STAFF) for _ in range(2)]
        self.owner = {tab.handle: place // 2 for place, tab in enumerate(self.tabs)}
        self.language = {tab.handle: "ja" for tab in self.tabs}
        self.sittings = [start(self.tabs[0], database), start(self.tabs[2], database)]
        self.answers: list[dict[int, str]] = [{}, {}]

    def step(self) -> None:
        """Do something in one of the tabs."""
        tab = self.generator.choice(self.tabs)
        kinds = (self.look, self.change_language, self.answer, self.peep, self.forge, self.list_sessions)
        self.generator.choice(kinds)(tab)

    def look(self, tab: Visit) -> None:
        page = tab.get("/").get_data(as_text=True)
        assert f'<html lang="{self.language[tab.handle]}">' in page
        assert [each.handle for each in self.tabs if each.handle in page] == [tab.handle]

    def change_language(self, tab: Visit) -> None:
        self.language[tab.handle] = self.generator.choice(("ja", "en"))
        assert tab.post("/language", {"language": self.language[tab.handle]}).status_code == 303

    def answer(self, tab: Visit) -> None:
        """Answer a question on one's own paper, if it is one of choices."""
        whose, position = self.owner[tab.handle], self.generator.randrange(1, 11)
        path = f"{self.sittings[whose].at}/questions/{position}"
        options = re.findall(r'name="choice" value="([^"]+)"', tab.get(path).get_data(as_text=True))
        if options:
            chosen = self.generator.choice(options)
            assert tab.post(path, {"shown": "1", "choice": chosen, "go": "next"}).status_code == 303
            self.answers[whose][position] = chosen

    def peep(self, tab: Visit) -> None:
        """Try the other one's paper."""
        theirs = self.sittings[1 - self.owner[tab.handle]]
        assert tab.get(f"{theirs.at}/questions/1").status_code == 404
        assert tab.post(f"{theirs.at}/submit").status_code == 404

    def forge(self, tab: Visit) -> None:
        """Send a form with the token of another tab."""
        other = self.generator.choice([each for each in self.tabs if each is not tab])
        sent = {"form_token": other.form_token, "language": "en"}
        assert self.client.post(tab.path("/language"), data=sent).status_code == 403

    def list_sessions(self, tab: Visit) -> None:
        page = tab.get("/sessions").get_data(as_text=True)
        assert page.count('<li class="card">') == 2, "one's own two tabs"


class TestMixing:
    @pytest.mark.parametrize("seed", range(4))
    def test_two_hundred_random_steps_show_nobody_anything_of_another(
        self, client: Browser, lms: PracticeLms, tool_database: Database, seed: int
    ) -> None:
        tabs = Tabs(client, lms, tool_database, seed)
        for _ in range(200):
            tabs.step()
        assert all(tabs.answers), "the control: both have answered"
        for sitting, given in zip(tabs.sittings, tabs.answers, strict=True):
            saved = sitting.saved()
            assert set(saved) == set(given)
            for position, chosen in given.items():
                assert chosen in str(saved[position]).lower()

    def test_two_tabs_of_one_person_end_one_by_one(self, client: Browser, lms: PracticeLms) -> None:
        one, two = visit(client, lms, STAFF), visit(client, lms, STAFF)
        marks = re.findall(r'name="which" value="([0-9a-f]{16})"', page_of(one.get("/sessions")))
        assert len(marks) == 2
        other = next(mark for mark in marks if f'value="{mark}">終了する' in page_of(one.get("/sessions")))
        assert one.post("/sessions/end", {"which": other}).status_code == 303
        assert two.get("/").status_code == 401
        assert one.get("/").status_code == 200


def test_a_session_of_a_stopped_database_copy_is_worth_nothing_elsewhere(
    staff: Visit, tool: RunningTool, new_browser: NewBrowser
) -> None:
    """What is stored opens nothing: the table holds hashes, and the hash is no secret."""
    with tool.database.reading() as session:
        row = session.get_one(LaunchSession, staff.handle)
    for stolen in (row.secret_hash.hex(), row.secret_hash.decode("latin-1").replace("\n", "").replace("\r", "")):
        thief = new_browser()
        thief.set_cookie(f"__Host-s-{staff.handle}", stolen, domain=HOST)
        assert thief.get(staff.path("/")).status_code == 401
