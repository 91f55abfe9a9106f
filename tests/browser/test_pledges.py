"""Pledges in Chromium: from the frame in the course to a window of its own, the form, the receipt; and every page by axe."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import BrowserContext, Frame, Locator, Page, expect

from tests.browser.accessibility import violations_of
from tests.browser.conftest import Measure, NewContext
from tests.browser.servers import Site
from tests.browser.test_accessibility import Inspector
from tests.browser.walks import enter_lms, launch, open_activity, session_path
from tests.practice_organisation.pledges import VENDOR
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser

PLEDGES = "pledges"
"""Key of the practice course's activity that opens one's own pledges."""


class Clicks:
    """Clicks, and counts them."""

    def __init__(self, before: int = 0) -> None:
        self.count = before

    def click(self, target: Locator) -> None:
        """Click a button, link or box."""
        self.count += 1
        target.click()


def window_of(frame: Frame, button: Locator, clicks: Clicks) -> Page:
    """Press the two buttons that lead from the frame to a window of its own; return the window."""
    with frame.expect_navigation():
        clicks.click(button)
    opener = frame.locator("form[target=_blank] button")
    with frame.page.context.expect_page() as opened:
        clicks.click(opener)
    window = opened.value
    window.wait_for_url(re.compile(r"/s/[0-9a-f]{16}/pledges/[a-z-]+/sign"))
    return window


def sign(window: Page, name: str, clicks: Clicks) -> None:
    """Tick the box, type the name, sign."""
    clicks.click(window.locator("input[name=accepted]"))
    clicks.click(window.locator("input[name=typed_name]"))
    window.keyboard.type(name)
    with window.expect_navigation():
        clicks.click(window.locator("button[name=action][value=sign]"))


def sign_from_the_course(page: Page, site: Site, person: str) -> Page:
    """Go from the course to the receipt of a signed pledge."""
    enter_lms(page, site, person)
    frame = open_activity(page, site, PLEDGES)
    window = window_of(frame, frame.locator("form[action$='/confidentiality/window'] button"), Clicks())
    assert window.evaluate("window.top === window.self")
    assert window.evaluate("window.opener") is None
    sign(window, site.name_of(person), Clicks())
    expect(window.locator("dl.record")).to_be_visible()
    return window


def test_a_pledge_is_signed_from_the_course_in_a_window_of_its_own(
    site: Site, context: BrowserContext, measure: Measure
) -> None:
    page, person = context.new_page(), site.somebody()
    enter_lms(page, site, person)
    started = time.monotonic()
    frame, clicks = open_activity(page, site, PLEDGES), Clicks(1)
    window = window_of(frame, frame.locator("form[action$='/confidentiality/window'] button"), clicks)
    sign(window, site.name_of(person), clicks)
    expect(window.locator("dl.record")).to_be_visible()
    measure("clicks to sign a pledge, from the course's page (and one name typed)", clicks.count)
    measure("seconds that the pages took", time.monotonic() - started)
    with window.expect_download() as download:
        window.locator("a[href$='/record.pdf']").click()
    assert download.value.suggested_filename.startswith("pledge-")
    code = re.search(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", window.locator("dl.record").inner_text())
    assert code is not None
    window.goto(f"{site.tool}/verify?code={code[0]}")
    expect(window.locator("dl.record")).to_be_visible()
    assert site.name_of(person) not in window.locator("main").inner_text()


def test_the_signing_page_is_shown_in_no_frame(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, site.somebody(), link="2")
    address = f"{session_path(view)}pledges/confidentiality/sign"
    view.goto(address)
    assert view.locator("button[value=sign]").count() == 1, "the control: it is there in a window of its own"
    page = view.page
    page.goto(site.lms_url)
    page.evaluate(
        "address => { const frame = document.createElement('iframe'); frame.src = address; document.body.append(frame) }",
        address,
    )
    page.wait_for_timeout(500)
    assert all(frame.locator("button[value=sign]").count() == 0 for frame in page.frames[1:])


def test_a_vendors_employee_signs_by_invitation_in_a_browser_that_was_never_here(
    site: Site, new_context: NewContext
) -> None:
    view = launch(new_context(), site, SECRETARIAT, link="2")
    view.goto(f"{session_path(view)}vendors")
    with view.expect_navigation():
        view.locator("form[action$='/invitations'] button").nth(1).click()
    address = view.locator("#address").input_value()
    assert re.fullmatch(re.escape(site.tool) + r"/pledge/[\w-]{43}", address)
    page = new_context(java_script_enabled=False).new_page()
    page.goto(address)
    expect(page.locator("button[value=sign]")).to_be_visible()
    sign(page, "委託例 実花", Clicks())
    expect(page.locator("dl.record")).to_be_visible()
    assert page.context.cookies() == []
    assert page.goto(address).status == 410  # type: ignore[union-attr]
    assert VENDOR != "V0002", "the practice organisation's own invitation was another person's"


def test_pages_of_pledges_have_no_violation(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, site.somebody(), link="2")
    inspector = Inspector(view)
    inspector.inspect("my pledges", "pledges")
    inspector.inspect("sign", "pledges/confidentiality/sign")
    inspector.inspect("refused", "pledges/no-such/sign")
    for language in ("ja", "en"):
        view.goto(f"{session_path(view)}pledges/confidentiality/sign")
        if view.locator("html").get_attribute("lang") != language:
            with view.expect_navigation():
                view.locator("button[name=language]").click()
        with view.expect_navigation():
            view.locator("button[value=sign]").click()
        assert view.locator("[role=alert]").count() == 1
        assert violations_of(view) == []
        with view.expect_navigation():
            view.locator("button[name=language]").click()
    view.goto(f"{session_path(view)}pledges/leaving/sign")
    view.locator("input[name=accepted]").check()
    view.locator("input[name=typed_name]").fill("別人 太郎")
    for _ in range(2):
        with view.expect_navigation():
            view.locator("button[value=sign]").click()
        if view.locator("[role=alert]").count():
            assert violations_of(view) == []
    inspector.inspect("receipt")
    assert inspector.faults() == {}


def test_pages_of_the_register_of_pledges_have_no_violation(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, SECRETARIAT, link="2")
    inspector = Inspector(view)
    inspector.inspect("register", "pledge-register")
    assert view.locator("table.register tbody tr").count() > 30
    inspector.inspect("register, empty", "pledge-register?unit=-")
    inspector.inspect("register, past", "pledge-register?as_of=2026-05-01")
    view.goto(f"{session_path(view)}pledge-register")
    person = str(view.locator("table.register tbody th a").first.get_attribute("href"))
    inspector.inspect("person", person.split("/", 3)[3])
    view.goto(f"{session_path(view)}pledge-register")
    record = str(view.locator("table.register td a").first.get_attribute("href"))
    inspector.inspect("record", record.split("/", 3)[3])
    for name, path in (
        ("texts", "pledge-texts"),
        ("draft", "pledge-texts/draft?sample=confidentiality"),
        ("version", "pledge-texts/4"),
        ("paper", "pledge-register/paper"),
        ("vendors", "vendors"),
    ):
        inspector.inspect(name, path)
    assert inspector.faults() == {}


def test_the_pages_that_are_open_to_anyone_have_no_violation(site: Site, new_context: NewContext) -> None:
    view = launch(new_context(), site, SECRETARIAT, link="2")
    view.goto(f"{session_path(view)}vendors")
    with view.expect_navigation():
        view.locator("form[action$='/invitations'] button").first.click()
    assert violations_of(view) == []
    address = view.locator("#address").input_value()
    page = new_context().new_page()
    for language in ("ja", "en"):
        page.goto(f"{address}?text={language}")
        assert page.locator("html").get_attribute("lang") == language
        assert violations_of(page.main_frame) == []
    for path in ("/verify", "/verify?code=0000-0000-0000-0000", "/pledge/unknown"):
        page.goto(site.tool + path)
        assert violations_of(page.main_frame) == []


def test_the_step_from_frame_to_window_has_no_violation(site: Site, context: BrowserContext) -> None:
    page = context.new_page()
    enter_lms(page, site, site.somebody())
    frame = open_activity(page, site, PLEDGES)
    assert violations_of(frame) == []
    with frame.expect_navigation():
        frame.locator("form[action$='/confidentiality/window'] button").click()
    assert violations_of(frame) == []
