"""An administrator connects the LMS by one address, and forgets about it: registered, approved, switched on, used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.servers import Site, running_site
from tests.browser.walks import enter_lms, launch, session_path, tool_frame
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def fresh_site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: what is registered and copied here would stand in other tests' way."""
    with running_site(tmp_path_factory.mktemp("connecting")) as running:
        yield running


def _invitation(page: Page, platforms: str) -> str:
    """Make an invitation on the tool's page of platforms; return its address."""
    page.goto(platforms)
    page.locator("form[action$='/invitations'] button").click()
    return page.locator("#address").input_value()


def _register(page: Page, site: Site, address: str) -> None:
    """Register the tool anew from the LMS's page, until the frame closes itself."""
    page.goto(f"{site.lms_url}/tools")
    page.locator("#url").fill(address)
    page.locator("form[action='/tools/register'] button").click()
    page.locator("a[href$='type=0']").click()
    frame = page.frame_locator("iframe")
    frame.locator("form[action*='/lti/register/'] button").click()
    frame.locator("#close-registration").click()
    page.wait_for_url(f"{site.lms_url}/tools")


def test_one_address_connects_the_lms_and_two_decisions_switch_it_on(fresh_site: Site, new_context: NewContext) -> None:
    secretariat = new_context()
    platforms = f"{session_path(launch(secretariat, fresh_site, SECRETARIAT, link='3'))}platforms"
    page = secretariat.pages[0]
    address = _invitation(page, platforms)
    administrator = new_context().new_page()
    _register(administrator, fresh_site, address)
    tool = fresh_site.lms.registrations()[-1]
    assert (tool.is_active, tool.in_chooser, tool.sends_names, tool.sends_email) == (False, False, True, False)
    switches = administrator.locator(f"form[action='/tools/{tool.deployment_id}']")
    switches.locator("button[value=activate]").click()
    switches.locator("button[value=show]").click()
    expect(switches.locator("button[value=hide]")).to_be_visible()
    page.goto(platforms)
    page.locator("a[href*='/platforms/requests/']").last.click()
    page.locator("button[value=approve]").click()
    expect(page.locator("main code", has_text=tool.client_id).first).to_be_visible()
    teacher = new_context().new_page()
    enter_lms(teacher, fresh_site, SECRETARIAT)
    teacher.locator(f"main a[href$='/choose/{tool.deployment_id}']").click()
    # The registration is new, and so is the account that it shows: the tool waits for somebody to say who that is.
    assert tool_frame(teacher).url.startswith(f"{fresh_site.tool}/s/")
    assert fresh_site.lms.events("launch")[-1].what == "LtiDeepLinkingRequest: 2"


def test_a_used_address_registers_nothing(fresh_site: Site, new_context: NewContext) -> None:
    secretariat = new_context()
    platforms = f"{session_path(launch(secretariat, fresh_site, SECRETARIAT, link='3'))}platforms"
    address = _invitation(secretariat.pages[0], platforms)
    administrator = new_context().new_page()
    _register(administrator, fresh_site, address)
    before = fresh_site.lms.registrations()
    administrator.goto(f"{fresh_site.lms_url}/tools")
    administrator.locator("#url").fill(address)
    administrator.locator("form[action='/tools/register'] button").click()
    administrator.locator("a[href$='type=0']").click()
    frame = administrator.frame_locator("iframe")
    expect(frame.locator("h1")).to_be_visible()
    expect(frame.locator("form[action*='/lti/register/']")).to_have_count(0)
    assert fresh_site.lms.registrations() == before


def test_a_copied_course_opens_its_activities(fresh_site: Site, new_context: NewContext) -> None:
    teacher = new_context().new_page()
    enter_lms(teacher, fresh_site, SECRETARIAT)
    with teacher.expect_navigation():
        teacher.locator("form[action$='/copy'] button:not([value])").click()
    copied = fresh_site.lms.courses[-1]
    assert teacher.url == f"{fresh_site.lms_url}/courses/{copied.id}"
    person = fresh_site.somebody()
    original = launch(new_context(), fresh_site, person).url.partition("/s/")[2].partition("/")[2]
    copy = launch(new_context(), fresh_site, person, link=copied.activities[0].link_id).url
    assert copy.partition("/s/")[2].partition("/")[2] == original
