"""Packs, trace and self-check in a browser: no violation that axe knows, no page too wide, and how much work a pack is."""

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
    "packs": "evidence",
    "clauses": "trace",
    "clause": "trace/clauses/7.2",
    "clause without records": "trace/clauses/A.6.7",
    "self-check": "self-check?rule=NC11",
    "self-check, past": "self-check?as_of=2026-05-01",
    "unknown record": "trace/records/E-0000000000000000",
}


def test_pages_of_evidence_have_no_violation(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, SECRETARIAT)
    inspector = Inspector(view)
    for name, path in PAGES.items():
        inspector.inspect(name, path)
    view.goto(f"{session_path(view)}trace/clauses/7.2")
    Walker(view).follow(view.locator("a[href*='/trace/records/']").last)
    inspector.inspect("record")
    assert inspector.faults() == {}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_of_evidence_is_wider_than_its_window(
    site: Site, new_context: NewContext, language: str, width: int
) -> None:
    screen: ViewportSize = {"width": width, "height": 800}
    view = launch(new_context(viewport=screen), site, SECRETARIAT, language)
    for path in PAGES.values():
        view.goto(session_path(view) + path)
        check_width(view)


def test_a_refused_form_is_shown_again_without_a_violation(site: Site, context: BrowserContext) -> None:
    view = launch(context, site, SECRETARIAT)
    view.goto(f"{session_path(view)}evidence")
    view.locator("#as_of").fill("2020-01-01")
    Walker(view).follow(view.locator("main form.filters button.button"))
    assert view.locator("[role=alert]").count() == 1
    assert violations_of(view) == []


def test_a_pack_is_exported(site: Site, context: BrowserContext, measure: Measure) -> None:
    view = launch(context, site, SECRETARIAT)
    walker, began = Walker(view), time.perf_counter()
    walker.follow(view.locator(".bar a[href$='/evidence']"))
    walker.follow(view.locator("main form.filters button.button"))
    link = view.locator("tr[data-state=done] a[href$='/pack.zip']").first
    link.wait_for(timeout=60_000)
    with view.page.expect_download() as download:
        walker.clicks += 1
        link.click()
    assert download.value.suggested_filename.startswith("evidence-kakuu-")
    measure("clicks to export a pack", walker.clicks)
    measure("seconds to export a pack", time.perf_counter() - began)
