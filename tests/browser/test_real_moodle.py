"""The journey of a member of staff in a real Moodle, up to the student's own grade report.

Skipped unless these are set; staff must be students of the course who have not passed the test yet:

- ``AKASHI_MOODLE_URL``: base address, without a closing slash
- ``AKASHI_MOODLE_COURSE``: id of the course, as in ``/course/view.php?id=``
- ``AKASHI_MOODLE_EMBEDDED``, ``AKASHI_MOODLE_IN_WINDOW``: ids of two activities, as in ``/mod/lti/view.php?id=``; both
  open the module with 10 points, one embedded, one in a new window
- ``AKASHI_MOODLE_STAFF_EMBEDDED``, ``AKASHI_MOODLE_STAFF_IN_WINDOW``: ``user:password`` of who opens each
- ``AKASHI_MOODLE_TOOL``: base address of the tool that is registered there; its worker must be running
- ``AKASHI_MOODLE_ANY_CERTIFICATE=1``: take certificates that the browser does not know
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, expect

from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_frame
from tests.browser.moodle_pages import Moodle, account
from tests.browser.walks import Walker, look_at_nothing

NAMES = ("URL", "COURSE", "EMBEDDED", "IN_WINDOW", "STAFF_EMBEDDED", "STAFF_IN_WINDOW", "TOOL")
SETTINGS = {name: os.environ.get(f"AKASHI_MOODLE_{name}", "") for name in NAMES}
MOODLE = Moodle(SETTINGS["URL"], SETTINGS["TOOL"])
MISSING = [f"AKASHI_MOODLE_{name}" for name, value in SETTINGS.items() if not value]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"no Moodle is given: {', '.join(MISSING)}"),
]

LONGEST_DELIVERY = 60_000
"""Milliseconds until the score must be in Moodle."""


@pytest.fixture
def moodle_context(new_context: NewContext) -> BrowserContext:
    return new_context(ignore_https_errors=os.environ.get("AKASHI_MOODLE_ANY_CERTIFICATE") == "1")


def _pass(view: Frame, look: Callable[[Frame], None], measure: Measure) -> None:
    began = time.monotonic()
    walker = Walker(view, look)
    walker.read_everything()
    walker.start_test()
    walker.answer_all()
    walker.submit()
    measure("clicks from the overview to the result", walker.clicks)
    measure("seconds from the overview to the result", time.monotonic() - began)
    expect(view.locator(".outcome-good .score")).to_contain_text("10")
    expect(view.locator("#deliveries [data-state=delivered]").first).to_be_visible(timeout=LONGEST_DELIVERY)
    measure("seconds from the overview to the gradebook", time.monotonic() - began)


def _own_grade(page: Page, activity: str) -> str:
    page.goto(f"{SETTINGS['URL']}/grade/report/user/index.php?id={SETTINGS['COURSE']}")
    row = page.locator(f"tr:has(a[href*='/mod/lti/'][href*='id={activity}'])").first
    return row.locator("td.column-grade").inner_text().strip()


def test_staff_pass_in_moodles_frame_and_find_the_grade_in_their_own_report(
    moodle_context: BrowserContext, measure: Measure
) -> None:
    page = MOODLE.log_in(moodle_context, account(SETTINGS["STAFF_EMBEDDED"]))
    view = MOODLE.open_activity(page, SETTINGS["EMBEDDED"])
    assert view.parent_frame is not None
    _pass(view, check_frame, measure)
    assert _own_grade(page, SETTINGS["EMBEDDED"]).startswith("10")


def test_staff_pass_in_a_new_window_and_find_the_grade_in_their_own_report(
    moodle_context: BrowserContext, measure: Measure
) -> None:
    page = MOODLE.log_in(moodle_context, account(SETTINGS["STAFF_IN_WINDOW"]))
    page.goto(f"{SETTINGS['URL']}/course/view.php?id={SETTINGS['COURSE']}")
    page.locator(f"a[href$='/mod/lti/view.php?id={SETTINGS['IN_WINDOW']}']").first.click()
    view = MOODLE.tool_view(lambda: moodle_context.pages)
    assert view.parent_frame is None
    _pass(view, look_at_nothing, measure)
    assert _own_grade(page, SETTINGS["IN_WINDOW"]).startswith("10")
