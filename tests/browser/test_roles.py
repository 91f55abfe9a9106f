"""Roles in a browser: no violation that axe knows, no page wider than its window, and how much work appointing is."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import BrowserContext, ViewportSize

from tests.browser.accessibility import violations_of
from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site
from tests.browser.test_accessibility import Inspector
from tests.browser.walks import Walker, launch, session_path
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser

PAGES = {
    "chart": "roles",
    "chart, empty": "roles?as_of=2020-01-01",
    "register": "roles/appointments",
    "appoint": "roles/appoint",
    "renew": "roles/renew",
    "bodies": "roles/bodies",
    "mine": "roles/mine",
}


def test_pages_of_roles_have_no_violation(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, SECRETARIAT)
    inspector = Inspector(view)
    for name, path in PAGES.items():
        inspector.inspect(name, path)
    view.goto(f"{session_path(view)}roles/appointments")
    Walker(view).follow(view.locator("table.register tbody th a").first)
    inspector.inspect("one appointment")
    Walker(view).follow(view.locator("a[href$='/end']"))
    inspector.inspect("end")
    view.goto(view.url.replace("/end", "/correct"))
    inspector.inspect("correct")
    inspector.inspect("unknown appointment", "roles/appointments/999999")
    assert inspector.faults() == {}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_verdicts_have_no_violation_and_the_picture_loads(site: Site, new_context: NewContext, language: str) -> None:
    view = launch(new_context(), site, SECRETARIAT, language)
    view.goto(f"{session_path(view)}roles")
    assert view.locator(".chart img").evaluate("image => image.complete && image.naturalWidth") > 600
    view.goto(f"{session_path(view)}roles/appoint")
    view.locator("#person").fill("00109")
    view.locator("#place").select_option("seat:ciso")
    Walker(view).follow(view.locator("button[value=check]"))
    assert view.locator(".verdict-refused").count() >= 2
    assert violations_of(view) == []
    view.goto(f"{session_path(view)}roles/renew")
    Walker(view).follow(view.locator("button[value=check]"))
    assert view.locator(".verdict").count() > 20
    assert violations_of(view) == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_of_roles_is_wider_than_its_window(
    site: Site, new_context: NewContext, language: str, width: int
) -> None:
    screen: ViewportSize = {"width": width, "height": 800}
    view = launch(new_context(viewport=screen), site, SECRETARIAT, language)
    for path in PAGES.values():
        view.goto(session_path(view) + path)
        check_width(view)


def test_somebody_is_appointed_and_acknowledges(site: Site, new_context: NewContext, measure: Measure) -> None:
    person = site.somebody()
    view = launch(new_context(), site, SECRETARIAT)
    walker = Walker(view)
    began = time.perf_counter()
    walker.follow(view.locator(".bar a[href$='/roles']"))
    walker.follow(view.locator("a[href$='/roles/appoint']"))
    walker.choose(view.locator("#person"))
    view.locator("#person").fill(person)
    walker.clicks += 2  # a list is two clicks: open, choose
    view.locator("#place").select_option("role:risk_assessor")
    walker.follow(view.locator("button[value=check]"))
    walker.follow(view.locator("button[value=record]"))
    measure("clicks to appoint to a role", walker.clicks)
    measure("seconds to appoint to a role, without thinking and typing", time.perf_counter() - began)
    assert view.locator("a[href$='/appointment.pdf']").count() == 1
    theirs = launch(new_context(), site, person)
    appointee = Walker(theirs)
    began = time.perf_counter()
    appointee.follow(theirs.locator("a.brand"))
    appointee.follow(theirs.locator("a[href$='/roles/mine']").first)
    waiting = theirs.locator("form[action$='/acknowledge']").count()  # more, where other roles wait for them too
    appointee.follow(theirs.locator("form[action$='/acknowledge'] button").first)
    measure("clicks to acknowledge", appointee.clicks)
    measure("seconds to acknowledge, without reading", time.perf_counter() - began)
    assert theirs.locator("form[action$='/acknowledge']").count() == waiting - 1
    assert theirs.locator(".role-card .tick").count() >= 1
