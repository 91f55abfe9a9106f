"""The door from a platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from lms.lti.http import HttpReply, OutgoingFault, PlatformTimedOut, PlatformUnreachable
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.launches import LaunchSession, PendingLogin
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, STAFF, Launched
from tests.web.visits import (
    LAUNCH,
    LMS,
    LOGIN,
    TOOL,
    Browser,
    KeyRoom,
    StandingClock,
    answer_of,
    audit_events,
    cookies_set,
    log_in,
    page_of,
    path_of,
    session_count,
    visit,
)

FRAMED = {"Sec-Fetch-Dest": "iframe"}
TOP_LEVEL = {"Sec-Fetch-Dest": "document"}


def pending(database: Database) -> list[PendingLogin]:
    with database.reading() as session:
        return list(session.scalars(select(PendingLogin)))


def is_refused(database: Database, before: int = 0) -> AuditEvent:
    """Exactly one audit event more, and no session."""
    events = [event for event in audit_events(database) if event.kind.endswith(".refused")]
    assert len(events) == before + 1
    assert session_count(database) == 0
    return events[-1]


class TestLogin:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_login_sets_a_cookie_and_looks_whether_it_comes_back(
        self, client: Browser, lms: PracticeLms, tool_database: Database, method: str
    ) -> None:
        fields = lms.initiate_login(STAFF, "core")
        where = {"query_string": fields} if method == "GET" else {"data": fields}
        response = client.open(LOGIN, method=method, **where)
        assert path_of(response) == "/lti/login/check"
        asked = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
        assert {name: asked[name] for name in fields} == fields
        assert len(cookies_set(response)) == 1
        assert pending(tool_database) == []

    def test_the_cookies_of_a_login_work_in_a_frame_and_nowhere_else(self, client: Browser, lms: PracticeLms) -> None:
        probed = client.post(LOGIN, data=lms.initiate_login(STAFF, "core"))
        checked = client.get(probed.headers["Location"])
        kept = [cookie for cookie in cookies_set(checked) if cookie.startswith("__Host-l-")]
        for cookie in (*cookies_set(probed), *kept):
            assert re.match(r"__Host-[pl]-[0-9a-f]{16}=[\w-]{43};", cookie)
            attributes = {part.strip() for part in cookie.split(";")[1:]}
            assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/", "Max-Age=300"} <= attributes
            assert not any(part.startswith("Domain") for part in attributes)
        assert len(kept) == 1

    def test_the_authorization_request_is_the_one_of_the_specification(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        fields = lms.initiate_login(STAFF, "core")
        checked = client.get(client.post(LOGIN, data=fields).headers["Location"])
        assert checked.headers["Location"].startswith(f"{LMS}/mod/lti/auth.php?")
        query = dict(parse_qsl(urlsplit(checked.headers["Location"]).query))
        state, nonce = query.pop("state"), query.pop("nonce")
        assert query == {
            "response_type": "id_token",
            "response_mode": "form_post",
            "scope": "openid",
            "prompt": "none",
            "client_id": fields["client_id"],
            "redirect_uri": f"{TOOL}/lti/launch",
            "login_hint": fields["login_hint"],
            "lti_message_hint": fields["lti_message_hint"],
        }
        assert len({state, nonce}) == 2
        assert min(len(state), len(nonce)) >= 43
        [login] = pending(tool_database)
        assert login.nonce == nonce
        assert state.encode() not in login.state_hash

    def test_a_login_without_the_optional_fields_is_taken(self, client: Browser, lms: PracticeLms) -> None:
        fields = lms.initiate_login(STAFF, "core")
        for name in ("client_id", "lti_message_hint", "lti_deployment_id"):
            del fields[name]
        query = log_in(client, fields)
        assert "lti_message_hint" not in query
        assert query["client_id"] == lms.config.tool.client_id

    def test_without_a_cookie_a_frame_offers_a_new_window_that_repeats_the_login(
        self, new_browser: Callable[[], Browser], lms: PracticeLms, tool_database: Database
    ) -> None:
        fields = lms.initiate_login(STAFF, "core")
        blocked, window = new_browser(), new_browser()
        address = blocked.post(LOGIN, data=fields, headers=FRAMED).headers["Location"]
        page = window.get(address, headers=FRAMED)
        assert page.status_code == 200
        html = page.get_data(as_text=True)
        form = re.search(r'<form method="post" action="/lti/login" target="_blank"[^>]*>(.*?)</form>', html, re.DOTALL)
        assert form is not None
        shown = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page_of(page).replace('{"', "{'").replace('"}', "'}")))
        assert set(re.findall(r'name="(\w+)"', form[1])) == set(fields)
        assert shown["login_hint"] == fields["login_hint"]
        assert pending(tool_database) == [], "the platform's hint serves once: it must not have been used up"
        assert "303" not in page.status
        assert log_in(window, fields, headers=TOP_LEVEL)["lti_message_hint"] == fields["lti_message_hint"]

    def test_without_a_cookie_a_window_says_so_and_offers_no_further_window(
        self, new_browser: Callable[[], Browser], lms: PracticeLms
    ) -> None:
        address = new_browser().post(LOGIN, data=lms.initiate_login(STAFF, "core")).headers["Location"]
        page = new_browser().get(address, headers={**TOP_LEVEL, "Accept-Language": "en"})
        assert page.status_code == 200
        assert "Please allow cookies for this address" in page_of(page)
        assert "<form" not in page.get_data(as_text=True)

    @pytest.mark.parametrize("probe", ["", "zz", "0123456789abcdef", "0123456789abcdef0", "../../etc", "é"])
    def test_an_invented_probe_is_no_cookie(self, client: Browser, lms: PracticeLms, probe: str) -> None:
        fields = lms.initiate_login(STAFF, "core")
        page = client.get("/lti/login/check", query_string={**fields, "probe": probe}, headers=FRAMED)
        assert page.status_code == 200
        assert cookies_set(page) == []

    @pytest.mark.parametrize("language", ["ja", "en"])
    def test_the_new_window_page_speaks_the_browsers_language_whoever_came_before(
        self, new_browser: Callable[[], Browser], launched: Launched, lms: PracticeLms, language: str
    ) -> None:
        launched(STAFF, locale="en" if language == "ja" else "ja").get("/")
        address = new_browser().post(LOGIN, data=lms.initiate_login(STAFF, "core")).headers["Location"]
        page = new_browser().get(address, headers={**FRAMED, "Accept-Language": language})
        assert f'<html lang="{language}">' in page.get_data(as_text=True)
        assert ("One more click" in page_of(page)) is (language == "en")

    @pytest.mark.parametrize(
        "refusal",
        [
            ({"iss": "https://unknown.example.invalid"}, "registration_unknown", False),
            ({"client_id": "someone"}, "registration_unknown", False),
            ({"iss": ""}, "registration_unknown", False),
            ({"login_hint": ""}, "login_hint_missing", True),
            ({"target_link_uri": "https://evil.example.invalid/lti/launch"}, "target_foreign", True),
            ({"target_link_uri": f"{TOOL}/lti/launch/"}, "target_foreign", True),
            ({"target_link_uri": f"{TOOL}.evil.example.invalid/lti/launch"}, "target_foreign", True),
            ({"target_link_uri": ""}, "target_foreign", True),
        ],
    )
    @pytest.mark.parametrize("step", [LOGIN, "/lti/login/check"])
    def test_a_login_that_is_not_to_be_trusted_is_400_without_redirect(
        self,
        client: Browser,
        lms: PracticeLms,
        tool_database: Database,
        refusal: tuple[dict[str, str], str, bool],
        step: str,
    ) -> None:
        changes, code, has_organisation = refusal
        fields = lms.initiate_login(STAFF, "core") | changes
        response = client.get(step, query_string=fields)
        assert response.status_code == 400
        assert "Location" not in response.headers
        assert cookies_set(response) == []
        event = is_refused(tool_database)
        assert event.facts["code"] == code
        assert (event.organisation_id is not None) is has_organisation
        assert "evil" not in response.get_data(as_text=True)

    def test_an_unknown_registration_tells_an_administrator_what_to_do(self, client: Browser) -> None:
        response = client.post(LOGIN, data={"iss": "https://x.example.invalid"}, headers={"Accept-Language": "en"})
        assert "akashi platform invite" in page_of(response)

    def test_strange_bytes_in_a_login_are_refused_and_not_a_fault(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        fields = lms.initiate_login(STAFF, "core")
        for changes in (
            {"iss": "\0"},
            {"client_id": "\ud800".encode("utf-8", "surrogatepass")},
            {"iss": "x" * 100_000},
        ):
            assert client.post(LOGIN, data={**fields, **changes}).status_code == 400
        assert session_count(tool_database) == 0


class TestLaunch:
    def test_a_launch_opens_a_session_with_a_cookie_of_its_own(
        self, launched: Launched, tool_database: Database
    ) -> None:
        came = launched(STAFF)
        [cookie] = [each for each in cookies_set(came.response) if each.startswith("__Host-s-")]
        name, _, rest = cookie.partition("=")
        secret, *attributes = rest.split("; ")
        assert name == f"__Host-s-{came.handle}"
        assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} <= set(attributes)
        assert not any(each.startswith("Domain") for each in attributes)
        assert secret not in came.response.headers["Location"]
        assert secret not in came.get("/").get_data(as_text=True)
        with tool_database.reading() as session:
            [row] = session.scalars(select(LaunchSession)).all()
        assert row.handle == came.handle
        assert secret.encode() not in row.secret_hash
        assert row.is_framed

    @pytest.mark.parametrize(
        ("activity", "ending"), [("core", f"/modules/{MODULE}/"), ("mine", "/"), ("lost", "/"), ("core-window", None)]
    )
    def test_a_launch_leads_to_what_the_activity_opens(
        self, launched: Launched, activity: str, ending: str | None
    ) -> None:
        came = launched(STAFF, activity)
        assert came.landing == came.path(ending or f"/modules/{MODULE}/")
        assert came.browser.get(came.landing).status_code == 200

    @pytest.mark.parametrize(
        ("locale", "language"), [("ja", "ja"), ("ja_kids", "ja"), ("en", "en"), ("en_us", "en"), ("de", "en")]
    )
    def test_the_session_speaks_the_platforms_language(self, launched: Launched, locale: str, language: str) -> None:
        page = launched(STAFF, "mine", locale).get("/", headers={"Accept-Language": "fr"})
        assert f'<html lang="{language}">' in page.get_data(as_text=True)

    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_a_launch_works_on_both_databases(self, launched: Launched) -> None:
        came = launched(STAFF)
        assert came.browser.get(came.landing).status_code == 200
        assert came.get("/").status_code == 200

    def test_the_page_may_be_framed_by_its_own_platform_alone(self, launched: Launched, client: Browser) -> None:
        policy = launched(STAFF).get("/").headers["Content-Security-Policy"]
        assert f"frame-ancestors {LMS}" in policy
        assert policy.count("https:") == 2, "only in frame-ancestors and form-action"
        assert "script-src 'nonce-" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in client.get("/").headers["Content-Security-Policy"]

    def test_a_replay_is_answered_as_used_and_opens_nothing(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        assert client.post(LAUNCH, data=answer).status_code == 303
        again = client.post(LAUNCH, data=answer, headers={"Accept-Language": "en"})
        assert again.status_code == 401
        assert "This launch was used already." in page_of(again)
        assert cookies_set(again) == []
        assert session_count(tool_database) == 1
        [event] = audit_events(tool_database, "request.refused")
        assert event.facts["code"] == "state_used"

    def test_another_browser_cannot_use_the_answer(
        self, new_browser: Callable[[], Browser], lms: PracticeLms, tool_database: Database
    ) -> None:
        mine, other = new_browser(), new_browser()
        answer = answer_of(mine, lms, STAFF, "core")
        answer_of(other, lms, STAFF, "core")
        refused = other.post(LAUNCH, data=answer)
        assert refused.status_code == 401
        assert is_refused(tool_database).facts["code"] == "browser_changed"
        assert mine.post(LAUNCH, data=answer).status_code == 303, "the theft must not have used it up"

    @pytest.mark.parametrize(("seconds", "status"), [(299, 303), (300, 303), (301, 401), (-59, 303), (-61, 401)])
    def test_a_login_serves_for_five_minutes(
        self,
        client: Browser,
        lms: PracticeLms,
        tool_database: Database,
        clock: StandingClock,
        seconds: int,
        status: int,
    ) -> None:
        query = log_in(client, lms.initiate_login(STAFF, "core"))
        clock.advance(seconds)
        response = client.post(LAUNCH, data=lms.authorize(query, STAFF))
        assert response.status_code == status
        if status == 401:
            assert is_refused(tool_database).facts["code"] == "state_expired"

    def test_an_error_of_the_platform_is_refused(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        query = log_in(client, lms.initiate_login(STAFF, "core"))
        answer = lms.authorize({**query, "scope": "profile"}, STAFF)
        assert answer["error"] == "invalid_scope"
        assert client.post(LAUNCH, data=answer).status_code == 401
        assert is_refused(tool_database).kind == "launch.refused"

    def test_a_refused_token_uses_its_login_up(
        self, client: Browser, lms: PracticeLms, tool_database: Database
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        broken = {**answer, "id_token": answer["id_token"][:-4] + "AAAA"}
        assert client.post(LAUNCH, data=broken).status_code == 401
        assert is_refused(tool_database).facts["code"] == "signature_wrong"
        assert client.post(LAUNCH, data=answer).status_code == 401
        assert session_count(tool_database) == 0

    def test_nothing_of_a_refused_token_reaches_page_log_or_events(
        self, client: Browser, lms: PracticeLms, tool_database: Database, capfd: pytest.CaptureFixture[str]
    ) -> None:
        lms.mutate = lambda header, claims: (header, {**claims, "aud": "someone"})
        answer = answer_of(client, lms, STAFF, "core")
        page = page_of(client.post(LAUNCH, data=answer))
        logged = "".join(capfd.readouterr())
        kept = repr([event.facts for event in audit_events(tool_database)])
        for secret in (*answer["id_token"].split("."), answer["state"], "見本", "架空 花子", STAFF):
            assert secret not in page + logged + kept
        assert "audience_wrong" in page

    def test_nothing_of_an_accepted_token_reaches_page_or_log(
        self, client: Browser, lms: PracticeLms, capfd: pytest.CaptureFixture[str]
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        response = client.post(LAUNCH, data=answer)
        page = page_of(response) + page_of(client.get(path_of(response)))
        logged = "".join(capfd.readouterr())
        for secret in (*answer["id_token"].split(".")[1:], answer["state"]):
            assert secret not in page + logged


class TestKeys:
    @pytest.mark.parametrize(
        "fault",
        [
            PlatformUnreachable(LMS, "refused"),
            PlatformTimedOut(LMS),
            HttpReply(500, {}, b"oops"),
            HttpReply(200, {"content-type": "text/html"}, b"<html>down for maintenance</html>"),
            HttpReply(200, {}, b'{"keys": []}'),
        ],
        ids=["unreachable", "timeout", "500", "html", "empty"],
    )
    def test_keys_out_of_reach_are_a_503_and_the_login_serves_again(
        self,
        client: Browser,
        lms: PracticeLms,
        key_room: KeyRoom,
        tool_database: Database,
        fault: HttpReply | OutgoingFault,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        if isinstance(fault, HttpReply):
            key_room.reply = fault
        else:
            key_room.fault = fault
        answer = answer_of(client, lms, STAFF, "core")
        response = client.post(LAUNCH, data=answer, headers={"Accept-Language": "en"})
        assert response.status_code == 503
        assert "public keys can't be reached" in page_of(response)
        assert is_refused(tool_database).facts["code"] == "keys_unavailable"
        assert '"unavailable"' in "".join(capfd.readouterr())
        key_room.reply = key_room.fault = None
        assert client.post(LAUNCH, data=answer).status_code == 303

    def test_good_keys_survive_an_outage(
        self, launched: Launched, key_room: KeyRoom, clock: StandingClock, tool_database: Database
    ) -> None:
        launched(STAFF)
        key_room.fault = PlatformUnreachable(LMS, "refused")
        clock.advance(3 * 24 * 3600)
        launched(STAFF)
        assert len(key_room.asked) == 2, "asked again after a day, and answered from what was kept"
        assert session_count(tool_database) == 2

    def test_a_rotated_key_is_fetched_once(self, launched: Launched, lms: PracticeLms, key_room: KeyRoom) -> None:
        launched(STAFF)
        lms.rotate_key()
        launched(STAFF)
        launched(STAFF)
        assert len(key_room.asked) == 2

    def test_the_tools_own_keys_are_published_without_their_private_half(self, client: Browser) -> None:
        response = client.get("/lti/jwks")
        [key] = response.get_json()["keys"]
        assert key["kty"] == "RSA"
        assert not {"d", "p", "q"} & set(key)
        assert "max-age" in response.headers["Cache-Control"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("language", "sentence"), [("ja", "この接続はすでに使われています。"), ("en", "This launch was used already.")]
    )
    def test_a_refusal_speaks_the_readers_language(
        self, client: Browser, lms: PracticeLms, language: str, sentence: str
    ) -> None:
        answer = answer_of(client, lms, STAFF, "core")
        client.post(LAUNCH, data=answer)
        page = client.post(LAUNCH, data=answer, headers={"Accept-Language": language})
        assert sentence in page_of(page)
        assert f'<html lang="{language}">' in page.get_data(as_text=True)

    def test_without_a_preference_a_refusal_is_in_the_settings_language(self, client: Browser) -> None:
        assert '<html lang="ja">' in client.post(LAUNCH, headers={"Accept-Language": "de"}).get_data(as_text=True)

    @pytest.mark.parametrize("path", ["/nowhere", "/s/", "/lti/", "/static/../wsgi.py", "/static/"])
    def test_an_unknown_page_is_404_with_a_sentence(self, client: Browser, path: str) -> None:
        response = client.get(path, headers={"Accept-Language": "en"})
        assert response.status_code == 404
        assert "This page does not exist." in page_of(response)

    @pytest.mark.parametrize(
        ("path", "method"), [(LAUNCH, "GET"), ("/lti/jwks", "POST"), ("/", "DELETE"), (LOGIN, "PUT")]
    )
    def test_a_wrong_method_is_405_with_a_sentence(self, client: Browser, path: str, method: str) -> None:
        response = client.open(path, method=method, headers={"Accept-Language": "en"})
        assert response.status_code == 405
        assert "This request could not be read." in page_of(response)

    def test_an_oversized_request_is_413(self, client: Browser, tool_database: Database) -> None:
        response = client.post(
            LAUNCH, data={"state": "x", "id_token": "y" * 1_100_000}, headers={"Accept-Language": "en"}
        )
        assert response.status_code == 413
        assert "This request is too large." in page_of(response)
        assert session_count(tool_database) == 0

    def test_a_program_is_answered_in_json(self, client: Browser) -> None:
        response = client.post(LAUNCH, headers={"Accept": "application/json", "Accept-Language": "en"})
        assert response.status_code == 401
        assert response.get_json()["code"] == "state_missing"
        assert response.get_json()["title"] == "This launch could not be accepted."

    def test_a_cookie_of_another_application_is_no_fault(self, client: Browser) -> None:
        client.set_cookie("remember_token", "1|abc", domain="akashi.example.invalid")
        client.set_cookie("session", "abc", domain="akashi.example.invalid")
        assert client.get("/").status_code == 200
        assert client.get("/s/0123456789abcdef/").status_code == 401


class TestOpenPages:
    def test_the_front_door_speaks_the_browsers_language(self, client: Browser) -> None:
        assert "Moodle" in page_of(client.get("/", headers={"Accept-Language": "en"}))
        assert '<html lang="ja">' in client.get("/").get_data(as_text=True)

    def test_the_health_page_reads_the_database(self, client: Browser) -> None:
        response = client.get("/healthz")
        assert (response.status_code, response.get_data(as_text=True)) == (200, "ok\n")

    def test_static_files_can_be_kept_and_the_old_icon_leads_to_the_new(self, client: Browser) -> None:
        icon = client.get("/favicon.ico")
        assert icon.status_code == 302
        with client.get(icon.headers["Location"]) as shown:
            assert shown.status_code == 200
            assert "max-age" in shown.headers["Cache-Control"]

    @pytest.mark.parametrize("path", ["/", "/lti/jwks", "/nowhere"])
    def test_every_answer_is_hardened(self, client: Browser, path: str) -> None:
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "max-age=31536000" in headers["Strict-Transport-Security"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]

    def test_a_launch_leaves_no_login_open(self, client: Browser, lms: PracticeLms, tool_database: Database) -> None:
        visit(client, lms, STAFF)
        assert all(login.consumed_at is not None for login in pending(tool_database))
