"""The page that a platform opens to register the tool, and the pages that decide about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from lms.lti.http import HttpReply, OutgoingFault, PlatformTimedOut, RedirectRefused
from lms.services.organisations import find_organisation_or_only
from lms.services.registrations import invite_platform, revoke_platform_invitation
from lms.store.base import Database
from lms.store.platforms import Platform, PlatformInvitation, RegistrationRequest
from tests.accounts import make_account
from tests.conftest import NOW
from tests.practice_organisation.seed import KEY
from tests.registering import SITE, TOKEN, Site, json_reply
from tests.web.conftest import BOTH_DATABASES, RunningTool
from tests.web.visits import TOOL, Browser, StandingClock, Visit, audit_events, contents, page_of, path_of


@pytest.fixture
def site(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A Moodle that nobody has registered yet, where the tool finds it."""
    opened = Site()
    monkeypatch.setitem(app.extensions, "akashi", replace(app.extensions["akashi"], registrar=opened))
    return opened


def invited(secretary: Visit, **sent: str) -> str:
    """Make an invitation on the page; return the path of the address that is shown once."""
    page = page_of(secretary.post("/platforms/invitations", {"note": "学内Moodle", "days": "7", **sent}))
    found = re.search(rf'value="{TOOL}(/lti/register/[\w-]{{43}})"', page)
    assert found is not None, page
    assert found[1] not in page_of(secretary.get("/platforms"))
    return found[1]


def opened(address: str, site: Site, registration_token: str = TOKEN) -> str:
    """The address as Moodle opens it."""
    query = {"openid_configuration": site.configuration_url, "registration_token": registration_token}
    return f"{address}?{urlencode(query)}"


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def registered(browser: Browser, address: str, site: Site) -> str:
    """Go through the page as an administrator does; return the page at the end."""
    form = form_of(page_of(browser.get(opened(address, site))))
    response = browser.post(address, data=form)
    assert response.status_code == 200, page_of(response)
    return page_of(response)


def frame_ancestors(headers: dict[str, str]) -> str:
    found = re.search(r"frame-ancestors ([^;]+)", headers["Content-Security-Policy"])
    assert found is not None
    return found[1]


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_administrator_connects_a_moodle_with_one_address(
    secretary: Visit, client: Browser, site: Site, tool_database: Database, database_kind: str
) -> None:
    address = invited(secretary)
    shown = client.get(opened(address, site))
    page = page_of(shown)
    assert shown.status_code == 200
    assert SITE in page
    assert "moodle 4.5.6" in page
    assert "Set-Cookie" not in shown.headers
    assert (shown.headers["Referrer-Policy"], shown.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert frame_ancestors(shown.headers) == SITE
    assert len(site.asked("registration")) == 0, "opening it registers nothing"
    done = client.post(address, data=form_of(page))
    assert done.status_code == 200
    assert frame_ancestors(done.headers) == SITE
    assert f'data-origin="{SITE}"' in page_of(done)
    assert re.search(r'<script type="module" src="/static/registration.js[^"]*" nonce="[\w-]+">', page_of(done))
    assert len(site.asked("registration")) == 1
    assert site.asked("registration")[0].bearer == TOKEN
    overview = page_of(secretary.get("/platforms"))
    request = re.search(r'href="/s/\w+(/platforms/requests/\d+)"', overview)
    assert request is not None
    whole = page_of(secretary.get(request[1]))
    for value in (SITE, "VShW6m08zr1IDqm", f"{SITE}/mod/lti/certs.php", "moodle 4.5.6"):
        assert value in whole
    answer = secretary.post(request[1], {"action": "approve", "name": "学内Moodle", "trusts_staff_number": "no"})
    assert "学内Moodle" in page_of(secretary.browser.get(path_of(answer)))
    with tool_database.reading() as session:
        platform = session.scalars(select(Platform).where(Platform.issuer == SITE)).one()
    assert (platform.client_id, platform.trusts_staff_number) == ("VShW6m08zr1IDqm", False)


def test_the_invitations_address_survives_a_query_of_its_own_as_moodle_appends(
    secretary: Visit, client: Browser, site: Site
) -> None:
    address = invited(secretary)
    start = f"{address}?x=1&{urlsplit(opened(address, site)).query}"
    assert client.get(start).status_code == 200


# What must be refused


def test_without_an_invitation_nobody_registers(client: Browser, site: Site, tool_database: Database) -> None:
    before = contents(tool_database)
    for address in ("/lti/register/nobody", "/lti/register/" + "x" * 43):
        shown = client.get(opened(address, site))
        assert shown.status_code == 404
        assert audit_events(tool_database)[-1].facts["code"] == "platform_invitation_unknown"
        assert client.post(address, data={"openid_configuration": site.configuration_url}).status_code == 403
    assert site.calls == []
    assert contents(tool_database) == before


def test_a_used_an_expired_and_a_revoked_invitation_say_so(
    secretary: Visit, client: Browser, site: Site, tool_database: Database, clock: StandingClock
) -> None:
    used, expired, revoked = invited(secretary), invited(secretary, days="1"), invited(secretary)
    form = form_of(page_of(client.get(opened(used, site))))
    registered(client, used, site)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        newest = session.scalars(select(PlatformInvitation).order_by(PlatformInvitation.id.desc())).first()
        assert newest is not None
        revoke_platform_invitation(session, organisation, newest.id, ("operator:test", NOW))
    late = {opened(expired, site): form_of(page_of(client.get(opened(expired, site))))}
    clock.set(NOW + timedelta(days=1))
    site.calls.clear()
    for address, code in (
        (used, "platform_invitation_used"),
        (expired, "platform_invitation_expired"),
        (revoked, "platform_invitation_revoked"),
    ):
        answer = client.get(opened(address, site))
        assert (answer.status_code, code in page_of(answer)) == (410, True)
        assert frame_ancestors(answer.headers) == SITE, "the refusal can be read where it was asked for"
        event = audit_events(tool_database)[-1]
        assert (event.facts["code"], event.facts["status"]) == (code, 410)
        assert event.organisation_id is not None
    assert client.post(used, data=form).status_code == 410
    assert client.post(expired, data=late[opened(expired, site)]).status_code == 410
    assert site.calls == []


def test_the_address_alone_opened_in_a_browser_says_what_it_is_for(
    secretary: Visit, client: Browser, site: Site, tool_database: Database
) -> None:
    address = invited(secretary)
    for start in (address, f"{address}?registration_token={TOKEN}", f"{address}?openid_configuration="):
        answer = client.get(start)
        assert answer.status_code == 400
        assert "configuration_missing" in page_of(answer)
        assert frame_ancestors(answer.headers) == "'none'"
    assert audit_events(tool_database)[-1].facts["code"] == "configuration_missing"
    registered(client, address, site)


@pytest.mark.parametrize(
    "address",
    [
        "moodle",
        "javascript:alert(1)",
        "https://a.example.invalid;script-src *",
        "https://x y/",
        "//evil",
        "https://[::1",
    ],
)
def test_an_address_that_is_none_is_refused_and_stands_in_no_header(
    secretary: Visit, client: Browser, site: Site, address: str
) -> None:
    start = f"{invited(secretary)}?{urlencode({'openid_configuration': address})}"
    answer = client.get(start)
    assert answer.status_code == 400
    assert frame_ancestors(answer.headers) == "'none'"
    assert site.calls == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (RedirectRefused(SITE, "302"), "redirected"),
        (PlatformTimedOut(SITE, "total"), "timed_out"),
        (HttpReply(503, {}, b""), "status_unexpected"),
        (HttpReply(200, {}, b"<script>"), "answer_malformed"),
    ],
)
def test_a_platform_that_misbehaves_is_refused_with_its_reason(
    secretary: Visit,
    client: Browser,
    site: Site,
    tool_database: Database,
    fault: HttpReply | OutgoingFault,
    code: str,
) -> None:
    address = invited(secretary)
    form = form_of(page_of(client.get(opened(address, site))))
    site.instead["configuration"] = fault
    for answer in (client.get(opened(address, site)), client.post(address, data=form)):
        assert answer.status_code == 422
        assert code in page_of(answer)
        event = audit_events(tool_database)[-1]
        assert (event.kind, event.facts["code"], event.facts["step"]) == ("registration.refused", code, "configuration")
    site.instead.clear()
    registered(client, address, site)


def test_the_form_is_bound_to_its_own_invitation(
    secretary: Visit, client: Browser, site: Site, tool_database: Database
) -> None:
    address, other = invited(secretary), invited(secretary)
    form = form_of(page_of(client.get(opened(address, site))))
    before = contents(tool_database)
    for token in ("", "x", "é", form_of(page_of(client.get(opened(other, site))))["form_token"], secretary.form_token):
        assert client.post(address, data={**form, "form_token": token}).status_code == 403
    assert contents(tool_database) == before
    assert client.post(address, data=form).status_code == 200


def test_what_a_platform_says_is_shown_as_text(secretary: Visit, client: Browser, site: Site) -> None:
    site.configuration["https://purl.imsglobal.org/spec/lti-platform-configuration"]["product_family_code"] = (
        "<b>moodle"
    )
    answer = client.get(opened(invited(secretary), site))
    assert b"<b>moodle" not in answer.data
    assert b"&lt;b&gt;moodle" in answer.data


def test_a_registration_of_another_organisation_is_not_told_of(
    secretary: Visit, client: Browser, site: Site, tool_database: Database, other_lms: object
) -> None:
    with tool_database.reading() as session:
        foreign = session.scalars(select(Platform).where(Platform.name == "別組織のLMS")).one()
    there = Site(foreign.issuer, foreign.client_id)
    for name in ("configuration", "client_id", "configuration_url", "origin"):
        setattr(site, name, getattr(there, name))
    address = invited(secretary)
    answer = client.post(address, data=form_of(page_of(client.get(opened(address, site)))))
    assert answer.status_code == 409
    assert "別" not in page_of(answer)
    with tool_database.reading() as session:
        assert session.scalars(select(RegistrationRequest)).all() == []


# Deciding


def waiting(secretary: Visit, client: Browser, site: Site) -> str:
    """Let a platform register; return the path of the request's page."""
    registered(client, invited(secretary), site)
    found = re.search(r'href="/s/\w+(/platforms/requests/\d+)"', page_of(secretary.get("/platforms")))
    assert found is not None
    return found[1]


def test_a_launch_before_the_approval_says_that_it_waits(
    secretary: Visit, client: Browser, site: Site, tool_database: Database
) -> None:
    login = {"iss": SITE, "client_id": "VShW6m08zr1IDqm", "login_hint": "4", "target_link_uri": f"{TOOL}/lti/launch"}
    unknown = client.post("/lti/login", data=login)
    assert (unknown.status_code, "registration_unknown" in page_of(unknown)) == (400, True)
    request = waiting(secretary, client, site)
    answer = client.post("/lti/login", data=login)
    assert (answer.status_code, "registration_waiting" in page_of(answer)) == (400, True)
    event = audit_events(tool_database)[-1]
    assert (event.facts["code"], event.organisation_id is not None) == ("registration_waiting", True)
    secretary.post(request, {"action": "approve", "name": "学内"})
    assert client.post("/lti/login", data=login).status_code == 303


def test_what_is_missing_is_asked_for_again_and_nothing_is_lost(secretary: Visit, client: Browser, site: Site) -> None:
    site.deployment_id = None
    request = waiting(secretary, client, site)
    answer = secretary.post(request, {"action": "approve", "name": "学内の<b>", "trusts_staff_number": "yes"})
    assert answer.status_code == 422
    assert 'value="学内の<b>"' in page_of(answer)
    assert re.search(r'value="yes" checked', page_of(answer))
    path_of(secretary.post(request, {"action": "approve", "name": "学内", "deployment_id": "9"}))


def test_a_declined_request_leaves_the_list(secretary: Visit, client: Browser, site: Site) -> None:
    request = waiting(secretary, client, site)
    path_of(secretary.post(request, {"action": "decline"}))
    assert request not in page_of(secretary.get("/platforms"))
    again = secretary.post(request, {"action": "approve", "name": "x"})
    assert (again.status_code, "registration_decided" in page_of(again)) == (409, True)


def test_an_update_shows_old_and_new_and_asks(
    secretary: Visit, client: Browser, site: Site, tool_database: Database
) -> None:
    secretary.post(waiting(secretary, client, site), {"action": "approve", "name": "学内"})
    site.configuration["token_endpoint"] = f"{SITE}/moved/token.php"
    done = registered(client, invited(secretary), site)
    assert SITE in done
    overview = page_of(secretary.get("/platforms"))
    found = re.search(r'href="/s/\w+(/platforms/requests/\d+)"', overview)
    assert found is not None
    page = page_of(secretary.get(found[1]))
    assert f"<del>{SITE}/mod/lti/token.php</del>" in page
    assert f"<ins>{SITE}/moved/token.php</ins>" in page
    path_of(secretary.post(found[1], {"action": "approve"}))
    with tool_database.reading() as session:
        assert (
            session.scalars(select(Platform.token_url).where(Platform.issuer == SITE))
            .one()
            .endswith("/moved/token.php")
        )


def test_invitations_are_made_listed_and_revoked_on_the_page(
    secretary: Visit, client: Browser, site: Site, tool_database: Database
) -> None:
    for days in ("0", "91", "x", "", "-1", "９"):
        assert secretary.post("/platforms/invitations", {"note": "", "days": days}).status_code == 422
    assert secretary.post("/platforms/invitations", {"note": "x" * 201, "days": "7"}).status_code == 422
    address = invited(secretary)
    assert "学内Moodle" in page_of(secretary.get("/platforms"))
    with tool_database.reading() as session:
        (invitation_id,) = session.scalars(select(PlatformInvitation.id))
    path_of(secretary.post(f"/platforms/invitations/{invitation_id}/revoke"))
    again = secretary.post(f"/platforms/invitations/{invitation_id}/revoke")
    assert again.status_code == 410
    assert client.get(opened(address, site)).status_code == 410


def test_no_organisation_sees_or_decides_anothers_requests(
    secretary: Visit, client: Browser, site: Site, tool_database: Database, other_lms: object, app: Flask
) -> None:
    with tool_database.transaction() as session:
        betsu = find_organisation_or_only(session, "betsu")
        _row, token = invite_platform(session, betsu, "よその", ("operator:test", NOW))
    registered(client, f"/lti/register/{token}", site)
    with tool_database.reading() as session:
        request_id = session.scalars(select(RegistrationRequest.id)).one()
        invitation_id = session.scalars(select(PlatformInvitation.id)).one()
        platform_id = session.scalars(select(Platform.id).where(Platform.name == "別組織のLMS")).one()
    before = contents(tool_database)
    assert "よその" not in page_of(secretary.get("/platforms"))
    for path in (f"/platforms/requests/{request_id}", f"/platforms/{platform_id}"):
        assert secretary.get(path).status_code == 404
        assert secretary.post(path, {"action": "approve", "name": "x"}).status_code == 404
    assert secretary.post(f"/platforms/{platform_id}/use", {"action": "stop", "understood": "yes"}).status_code == 404
    assert secretary.post(f"/platforms/{platform_id}/use", {"action": "start"}).status_code == 404
    assert secretary.post(f"/platforms/invitations/{invitation_id}/revoke").status_code == 404
    assert contents(tool_database) == before


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_pages_speak_the_browsers_language(
    secretary: Visit, new_browser: Callable[[], Browser], site: Site, language: str
) -> None:
    browser = new_browser()
    answer = browser.get(opened(invited(secretary), site), headers={"Accept-Language": language})
    assert f'<html lang="{language}">' in page_of(answer)


def test_a_malformed_answer_to_the_registration_is_named(secretary: Visit, client: Browser, site: Site) -> None:
    site.instead["registration"] = json_reply({"client_id": 7})
    address = invited(secretary)
    answer = client.post(address, data=form_of(page_of(client.get(opened(address, site)))))
    assert (answer.status_code, "answer_malformed registration client_id" in page_of(answer)) == (422, True)


def test_an_emergency_account_connects_a_moodle_and_stops_and_starts_it(
    tool: RunningTool, site: Site, client: Browser, new_browser: Callable[[], Browser]
) -> None:
    inside = make_account(tool.database, tool.app.extensions["akashi"].settings.keys, NOW).sign_in(new_browser(), NOW)
    request = waiting(inside, client, site)
    path = path_of(inside.post(request, {"action": "approve", "name": "学内"}))
    page = path.removeprefix(f"/s/{inside.handle}")
    assert "学内" in page_of(inside.get(page))
    path_of(inside.post(f"{page}/use", {"action": "stop", "understood": "yes"}))
    assert "platform-stopped" in page_of(inside.get(page))
    path_of(inside.post(f"{page}/use", {"action": "start"}))
    for kind in ("platform.invited", "registration.approved", "platform.stopped", "platform.started"):
        assert re.fullmatch(r"account:\d+", audit_events(tool.database, kind)[-1].actor), kind


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("openid_configuration", ["", "\0", "é", "https://\0/", "//", "https://a b/", "https://" + "a" * 3000, "<b>"]),
        ("registration_token", ["\0", "é", "two words", "x" * 5000, "a\r\nX-Y: z", "<b>"]),
        ("form_token", ["\0", "é", "x" * 5000]),
    ],
)
def test_hostile_values_are_refused_and_never_a_fault_of_ours(
    secretary: Visit, client: Browser, site: Site, tool_database: Database, name: str, values: list[str]
) -> None:
    address = invited(secretary)
    form = form_of(page_of(client.get(opened(address, site))))
    site.instead["registration"] = HttpReply(400, {}, b"")
    for value in values:
        for answer in (
            client.get(f"{address}?{urlencode({**form, name: value})}"),
            client.post(address, data={**form, name: value}),
            client.post(address, data={**form, name: [value, "x"]}),
        ):
            assert answer.status_code < 500, (name, value)
            assert b"<b>" not in answer.data
    with tool_database.reading() as session:
        assert session.scalars(select(RegistrationRequest)).all() == []
