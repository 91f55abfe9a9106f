"""The whole way without JavaScript: the buttons save, so that nothing is lost where scripts are off or fail to load."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewContext
from tests.browser.servers import Site
from tests.browser.walks import EMBEDDED, Walker, enter_lms, tool_frame

pytestmark = pytest.mark.browser


def test_a_whole_test_is_taken_and_submitted_without_javascript(site: Site, new_context: NewContext) -> None:
    person = site.somebody()
    page = new_context(java_script_enabled=False).new_page()
    enter_lms(page, site, person)
    page.locator(f"main a[href='/activities/{EMBEDDED}']").click()
    for form in ("ltiInitiateLoginForm", "response"):  # the LMS's own two forms send themselves with JavaScript alone
        page.frame_locator("iframe").locator(f"form[name={form}] button").click()
    walker = Walker(tool_frame(page))
    walker.read_everything()
    walker.start_test()
    walker.answer()
    walker.follow(walker.view.locator(".palette button[value='2']"))
    walker.follow(walker.view.locator(".palette button[value='1']"))
    expect(walker.view.locator(".palette button.answered")).to_have_count(1)
    walker.answer_all()
    walker.submit()
    expect(walker.view.locator(".outcome-good .score")).to_contain_text("10")
    expect(walker.view.locator("#deliveries [data-state]")).to_have_count(1)
