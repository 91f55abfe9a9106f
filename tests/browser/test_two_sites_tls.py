"""A frame that is really cross-site: two host names, TLS, and a browser that keeps third parties' cookies away.

On 127.0.0.1 cookies are shared by all ports, so that nothing on one host proves anything about a frame.

Source: lti.md, browser binding; https://github.com/privacycg/CHIPS (Partitioned cookies).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from lms.store.platforms import Platform
from tests.browser.certificates import TlsFiles, make_certificate
from tests.browser.conftest import ARGUMENTS, CHROMIUM, LONGEST_WAIT, SCREEN
from tests.browser.servers import Site, environment_of, free_port, running_tool, seeded_database
from tests.browser.test_pledges import sign_from_the_course
from tests.browser.walks import (
    EMBEDDED,
    Walker,
    enter_lms,
    launch_again,
    open_activity,
    session_path,
    tool_frame,
    wait_until_saved,
)
from tests.practice_lms.app import create_platform
from tests.practice_lms.deep_linking import RETURN_PATH
from tests.practice_lms.defaults import default_config
from tests.practice_lms.lms import platform_of
from tests.practice_lms.people_file import with_people_file
from tests.practice_organisation.seed import SECRETARIAT, write_cast

pytestmark = pytest.mark.browser

NewPage = Callable[[], Page]
LMS_HOST, TOOL_HOST = "lms.test", "tool.test"
TWO_SITES = (
    *ARGUMENTS,
    "--test-third-party-cookie-phaseout",
    f"--host-resolver-rules=MAP {LMS_HOST} 127.0.0.1, MAP {TOOL_HOST} 127.0.0.1",
)
_SET_AND_READ = """attributes => {
  document.cookie = `control=1; Secure; SameSite=None; Path=/; ${attributes}`;
  const found = document.cookie.includes('control=1');
  document.cookie = `control=; Max-Age=0; Secure; SameSite=None; Path=/; ${attributes}`;
  return found;
}"""


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


@contextmanager
def _serving(app: Flask, port: int, tls: TlsFiles) -> Iterator[None]:
    pair = (str(tls.certificate), str(tls.key))
    server = make_server("127.0.0.1", port, app, True, request_handler=_QuietHandler, ssl_context=pair)
    thread = threading.Thread(target=server.serve_forever, name="practice-lms-tls", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def two_sites(playwright_driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The tool and the LMS on two host names, which the browser alone can resolve."""
    folder = tmp_path_factory.mktemp("two-sites")
    tls = make_certificate(folder, [LMS_HOST, TOOL_HOST])
    write_cast(folder / "people.json")
    port, lms_port = free_port(), free_port()
    tool, issuer = f"https://{TOOL_HOST}:{port}", f"https://{LMS_HOST}:{lms_port}"
    app = create_platform(with_people_file(default_config(issuer, tool), folder / "people.json"))
    keys, trust = f"https://127.0.0.1:{port}/lti/jwks", str(tls.authority)
    platform_of(app).fetch_jwks = lambda _: requests.get(keys, verify=trust, timeout=10).json()
    environment = environment_of(folder, tool) | {
        "AKASHI_ALLOWED_NETWORKS": "127.0.0.0/8",
        "AKASHI_CA_BUNDLE": str(tls.authority),
    }
    with ExitStack() as stack:
        stack.enter_context(_serving(app, lms_port, tls))
        database = stack.enter_context(closing(seeded_database(folder, issuer)))
        with database.transaction() as session:  # what the tool itself fetches is at an address that it can resolve
            session.scalars(select(Platform)).one().keyset_url = f"https://127.0.0.1:{lms_port}/mod/lti/certs.php"
        stack.enter_context(running_tool(environment, folder, port, (tls.certificate, tls.key)))
        yield Site(tool, platform_of(app), database)


@pytest.fixture(scope="module")
def strict_chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=TWO_SITES)
    yield browser
    browser.close()


@pytest.fixture
def page(strict_chromium: Browser) -> Iterator[Page]:
    """A page of a browser that blocks third parties' cookies, save Partitioned ones."""
    context = strict_chromium.new_context(viewport=SCREEN, locale="ja-JP", ignore_https_errors=True)
    context.set_default_timeout(LONGEST_WAIT)
    yield context.new_page()
    context.close()


@pytest.fixture
def new_page(strict_chromium: Browser) -> Iterator[NewPage]:
    """Opens other browsers of that kind, which know nothing of each other."""
    opened: list[BrowserContext] = []

    def open_one() -> Page:
        opened.append(strict_chromium.new_context(viewport=SCREEN, locale="ja-JP", ignore_https_errors=True))
        opened[-1].set_default_timeout(LONGEST_WAIT)
        return opened[-1].new_page()

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def cookieless(playwright_driver: Playwright, two_sites: Site, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose user keeps every cookie of the tool away while it is framed by the LMS."""
    exception = {f"{two_sites.tool},{two_sites.lms_url}": {"setting": 2}}
    preferences = {"profile": {"content_settings": {"exceptions": {"cookies": exception}}}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(preferences))
    context = playwright_driver.chromium.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=TWO_SITES, viewport=SCREEN, locale="ja-JP", ignore_https_errors=True
    )
    context.set_default_timeout(LONGEST_WAIT)
    yield context
    context.close()


def test_a_launch_in_a_cross_site_frame_works_where_only_partitioned_cookies_are_kept(
    two_sites: Site, page: Page
) -> None:
    person = two_sites.somebody()
    enter_lms(page, two_sites, person)
    walker = Walker(open_activity(page, two_sites))
    view = walker.view
    assert view.url.startswith(two_sites.tool)
    assert not view.evaluate(_SET_AND_READ, ""), "the browser keeps third parties' cookies: this test shows nothing"
    assert view.evaluate(_SET_AND_READ, "Partitioned")
    walker.follow(view.locator("a[href$='/test']"))
    walker.start_test()
    walker.answer()
    wait_until_saved(view)
    walker.go_on()
    expect(view.locator(".palette button.answered")).to_have_count(1)
    cookies = page.context.cookies()
    sessions = [cookie for cookie in cookies if str(cookie["name"]).startswith("__Host-s-")]
    assert len(sessions) == 1
    assert sessions[0]["secure"]
    assert sessions[0]["httpOnly"]
    assert sessions[0].get("partitionKey"), "the session's cookie is not partitioned"


def test_a_frame_without_any_cookies_offers_a_new_window_and_the_tool_works_there(
    two_sites: Site, cookieless: BrowserContext
) -> None:
    page = cookieless.new_page()
    enter_lms(page, two_sites, two_sites.somebody())
    page.locator(f"main a[href='/activities/{EMBEDDED}']").click()
    button = page.frame_locator("iframe").locator("form[target=_blank] button")
    button.wait_for()
    framed = next(frame for frame in page.frames if frame.url.startswith(two_sites.tool))
    assert "/lti/login/check" in framed.url
    assert not framed.evaluate(_SET_AND_READ, "Partitioned"), "the frame keeps a cookie: this test shows nothing"
    with cookieless.expect_page() as opened:
        button.click()
    window = opened.value
    window.wait_for_url(re.compile(re.escape(two_sites.tool) + "/s/"))
    walker = Walker(window.main_frame)
    walker.follow(walker.view.locator("a[href$='/test']"))
    walker.start_test()
    walker.answer()
    walker.go_on()
    expect(walker.view.locator(".palette button.answered")).to_have_count(1)


def test_a_pledge_is_signed_in_a_window_opened_from_a_frame_whose_cookies_are_partitioned(
    two_sites: Site, page: Page
) -> None:
    window = sign_from_the_course(page, two_sites, two_sites.somebody())
    handles = {str(each["name"]) for each in page.context.cookies() if str(each["name"]).startswith("__Host-s-")}
    assert len(handles) == 2, "frame and window have a session each"
    assert window.url.startswith(f"{two_sites.tool}/s/")
    framed = next(frame for frame in page.frames if frame.url.startswith(two_sites.tool))
    assert re.search(r"/s/([0-9a-f]{16})/", framed.url)[1] not in window.url  # type: ignore[index]


@pytest.mark.parametrize("is_platform", [True, False])
def test_a_page_of_the_tool_is_framed_by_its_own_platform_alone(two_sites: Site, page: Page, is_platform: bool) -> None:
    address = f"{two_sites.tool}/lti/login/check?{urlencode(two_sites.lms.initiate_login(SECRETARIAT, EMBEDDED))}"
    # The same server by another name is another origin, and one that the tool has never heard of.
    page.goto(two_sites.lms_url if is_platform else two_sites.lms_url.replace(LMS_HOST, "127.0.0.1"))
    with page.expect_event("framenavigated", lambda frame: frame.parent_frame is not None) as navigated:
        page.evaluate(
            "address => { const frame = document.createElement('iframe'); frame.src = address; document.body.append(frame) }",
            address,
        )
    frame = navigated.value
    frame.wait_for_load_state()
    assert (frame.url == address) is is_platform
    assert frame.locator("form[target=_blank]").count() == int(is_platform)


def test_content_is_chosen_in_a_cross_site_frame(two_sites: Site, page: Page) -> None:
    enter_lms(page, two_sites, SECRETARIAT)
    page.locator("main a[href*='/choose/']").click()
    walker = Walker(tool_frame(page))
    walker.choose(walker.view.locator("input[name=item][value=training]"))
    walker.follow(walker.view.locator("button[formaction$='/items']"))
    returns: list[str] = []
    page.on("request", lambda request: returns.append(request.url) if RETURN_PATH in request.url else None)
    walker.choose(walker.view.locator("button[value=place]"))
    page.wait_for_url(re.compile(r"/courses/2\?added="))
    # A post from another site comes without the LMS's own cookie, SameSite=Lax; the LMS has the browser post it again.
    assert len(returns) == 2
    assert two_sites.lms.courses[0].activities[-1].custom["akashi"] == "training"
    assert [event.status for event in two_sites.lms.events("content")] == [200]


def _handle_in(address: str) -> str:
    found = re.search(r"/s/([0-9a-f]{16})/", address)
    assert found is not None, address
    return found[1]


def _secrets(context: BrowserContext) -> list[str]:
    """What the tool's cookies hold."""
    return [str(each["value"]) for each in context.cookies() if str(each["name"]).startswith("__Host-")]


_POST_FROM_HERE = """([address, fields, target]) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = address;
  form.target = target;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement('input');
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}"""


def test_a_session_that_was_ended_says_so_within_the_frame(two_sites: Site, page: Page, new_page: NewPage) -> None:
    person = two_sites.somebody()
    enter_lms(page, two_sites, person)
    view = open_activity(page, two_sites)
    elsewhere = launch_again(_entered(new_page(), two_sites, person), two_sites, "2")
    elsewhere.goto(f"{session_path(elsewhere)}sessions")
    expect(elsewhere.locator("li.card")).to_have_count(2)
    with elsewhere.expect_navigation():
        elsewhere.locator("button[value=others]").click()
    with view.expect_navigation():
        view.locator("a.brand").click()
    expect(view.locator("main code")).to_have_text("401 session_ended")
    expect(elsewhere.locator("li.card")).to_have_count(1)


def test_a_form_of_another_site_is_refused_although_the_browser_sends_the_cookie_and_it_knows_the_token(
    two_sites: Site, page: Page
) -> None:
    enter_lms(page, two_sites, two_sites.somebody())
    view = launch_again(page, two_sites, "2")
    own, token = session_path(view), view.locator("input[name=form_token]").first.input_value()
    fields = {"form_token": token, "language": "en"}
    page.goto(two_sites.lms_url)
    with page.expect_navigation() as answered:
        page.evaluate(_POST_FROM_HERE, [f"{own}language", fields, "_self"])
    request = answered.value.request
    assert request.header_value("sec-fetch-site") == "cross-site"
    assert f"__Host-s-{_handle_in(own)}=" in (request.header_value("cookie") or ""), "without it this shows nothing"
    assert answered.value.status == 403
    page.goto(own)
    assert page.locator("html").get_attribute("lang") == "ja"
    with page.expect_navigation():
        page.locator("button[name=language]").click()
    assert page.locator("html").get_attribute("lang") == "en", "the control: the page's own form is taken"


def test_a_stolen_ticket_opens_nothing_from_another_site_and_serves_its_owner_once(two_sites: Site, page: Page) -> None:
    enter_lms(page, two_sites, two_sites.somebody())
    frame = open_activity(page, two_sites, "pledges")
    with frame.expect_navigation():
        frame.locator("form[action$='/confidentiality/window'] button").click()
    fields = {
        name: frame.locator(f"form[target=_blank] input[name={name}]").input_value()
        for name in ("ticket", "pledge_key")
    }
    address = f"{two_sites.tool}/lti/window"
    thief = page.context.new_page()
    thief.goto(two_sites.lms_url)
    with thief.expect_navigation() as stolen:
        thief.evaluate(_POST_FROM_HERE, [address, fields, "_self"])
    assert stolen.value.status == 401
    assert thief.goto(f"{address}?ticket={fields['ticket']}").status == 405  # type: ignore[union-attr]
    with page.context.expect_page() as opened:
        frame.locator("form[target=_blank] button").click()
    window = opened.value
    window.wait_for_url(re.compile(r"/s/[0-9a-f]{16}/pledges/confidentiality/sign"))
    thief.goto(f"{two_sites.tool}/verify")  # from the tool's own site
    with thief.expect_navigation() as replayed:
        thief.evaluate(_POST_FROM_HERE, [address, fields, "_self"])
    assert replayed.value.status == 409
    expect(window.locator("button[value=sign]")).to_be_visible()


def test_two_people_in_two_tabs_of_one_browser_each_stay_who_they_are(two_sites: Site, page: Page) -> None:
    first, second = two_sites.somebody(), two_sites.somebody()
    enter_lms(page, two_sites, first)
    framed = open_activity(page, two_sites)
    other = page.context.new_page()
    enter_lms(other, two_sites, second)
    window = launch_again(other, two_sites, "2")
    for _ in range(3):
        framed.goto(f"{session_path(framed)}sessions")
        expect(framed.locator("li.card")).to_have_count(1)
        window.goto(f"{session_path(window)}pledges/confidentiality/sign")
        assert two_sites.name_of(second) in window.locator("main").inner_text()
        assert two_sites.name_of(first) not in window.locator("main").inner_text()
    # The frame's cookie belongs to the frame: its address opens nothing in a tab, even of this browser.
    for view, status in ((framed, 401), (window, 200)):
        answer = page.context.new_page().goto(f"{two_sites.tool}/s/{_handle_in(view.url)}/")
        assert answer is not None
        assert answer.status == status


def test_no_address_that_the_browser_asks_for_holds_a_secret(two_sites: Site, page: Page) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer', '')}"))
    window = sign_from_the_course(page, two_sites, two_sites.somebody())
    window.goto(f"{session_path(window.main_frame)}sessions")
    kept = _secrets(page.context)
    assert len(kept) >= 3, "of the login, the frame and the window"
    assert len(asked) > 20
    assert [secret for secret in kept if any(secret in each for each in asked)] == []


def _entered(page: Page, site: Site, person: str) -> Page:
    enter_lms(page, site, person)
    return page
