"""The planner's pages in a browser: without violations, in a narrow window too, and how long assigning a team takes."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Frame

from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site
from tests.browser.test_accessibility import Inspector
from tests.browser.walks import Walker, launch, session_path

pytestmark = pytest.mark.browser

CHIEF, AUDITOR = "00109", "00105"
TEAM = "audit/audits/IA-2026/areas/A-GA"
PAGES = {
    "pool": "audit/pool",
    "what-if": "audit/pool?what_look_back=24&add_unit=1&without_consultants=1",
    "pool without auditors": "audit/pool?as_of=2027-04-02",
    "audits": "audit/audits",
    "audit": "audit/audits/IA-2026?propose=1",
    "team": TEAM,
    "auditors": "audit/auditors",
    "areas": "audit/areas",
}


def page_of_an_auditor(view: Frame) -> str:
    view.goto(f"{session_path(view)}audit/auditors")
    address = str(view.locator("table.auditors tbody a").first.get_attribute("href"))
    return address.partition("/audit/")[2]


def test_pages_of_the_planner_have_no_violation(site: Site, new_context: NewContext) -> None:
    view = launch(new_context(), site, CHIEF)
    inspector = Inspector(view)
    for name, path in PAGES.items():
        inspector.inspect(name, path)
    inspector.inspect("one auditor", f"audit/{page_of_an_auditor(view)}")
    view.goto(session_path(view) + TEAM)
    for details in view.locator("main details").all():
        details.evaluate("each => each.open = true")
    inspector.inspect("team, everything open")
    view.goto(session_path(view) + TEAM)
    for part in view.locator("form[action$='/areas/A-GA'] select[name^='kind-']").all():
        part.select_option("")  # nobody: refused, whether another test has assigned a team or not
    Walker(view).follow(view.locator("form[action$='/areas/A-GA'] button.button"))
    assert view.locator("[role=alert]").count() == 1
    assert inspector.faults() == {}


def test_the_own_declaration_has_no_violation(site: Site, new_context: NewContext) -> None:
    view = launch(new_context(), site, AUDITOR)
    inspector = Inspector(view)
    inspector.inspect("declaration", "declaration")
    assert view.locator("input[name=interests]").count() == 2
    assert inspector.faults() == {}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_of_the_planner_scrolls_sideways_in_a_narrow_window(
    site: Site, new_context: NewContext, language: str
) -> None:
    view = launch(new_context(viewport={"width": 360, "height": 740}), site, CHIEF, language)
    for path in (*PAGES.values(), f"audit/{page_of_an_auditor(view)}", "declaration"):
        view.goto(session_path(view) + path)
        check_width(view)
        assert view.locator("h1").count() == 1
    view.goto(f"{session_path(view)}audit/pool")
    assert view.locator("table.matrix td .cell-area").first.is_visible(), "the matrix has become a list"


def test_the_head_of_the_matrix_stays_in_sight(site: Site, new_context: NewContext) -> None:
    view = launch(new_context(viewport={"width": 1280, "height": 500}), site, CHIEF)
    view.goto(f"{session_path(view)}audit/pool")
    view.locator("table.matrix tbody tr").nth(5).evaluate("each => each.scrollIntoView({block: 'start'})")
    assert abs(view.locator("table.matrix thead th").first.evaluate("each => each.getBoundingClientRect().top")) < 1
    assert view.locator(".picture img").evaluate("each => each.complete && each.naturalWidth") > 0


def test_the_matrix_is_short_in_a_narrow_window_and_tells_reasons_on_demand(
    site: Site, new_context: NewContext
) -> None:
    view = launch(new_context(viewport={"width": 360, "height": 740}), site, CHIEF)
    view.goto(f"{session_path(view)}audit/pool")
    matrix = view.locator("table.matrix")
    assert matrix.evaluate("each => each.offsetHeight") < 2500, "nine people, four areas"
    reason = view.locator(".cell-narrow .why").first
    assert not reason.is_visible()
    view.locator(".cell-narrow summary").first.click()
    assert reason.is_visible()


def test_audit_teams_are_assigned_in_five_clicks(site: Site, new_context: NewContext, measure: Measure) -> None:
    walker = Walker(launch(new_context(), site, CHIEF))
    view = walker.view
    view.goto(session_path(view))
    started = time.monotonic()
    walker.follow(view.locator("header nav a[href*='/audit/pool']"))
    walker.follow(view.locator("nav.tabs a[href$='/audit/audits']"))
    walker.follow(view.locator("main .cards a").first)
    walker.follow(view.locator("a[href$='propose=1']"))
    walker.follow(view.locator(".proposal form .button").first)
    assert view.locator("[role=alert]").count() == 0
    assert view.locator("a[href$='propose=1']").count() == 0, "every area has a team"
    measure("clicks from the first page to teams for two areas", walker.clicks)
    measure("seconds from the first page to teams for two areas", time.monotonic() - started)
    assert walker.clicks == 5
