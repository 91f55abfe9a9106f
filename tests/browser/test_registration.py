"""An administrator connects an LMS with one address, in Chromium: invite, register in the LMS's frame, approve, launch."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from sqlalchemy import select

from lms.store.identities import IdentityLink, LtiIdentity
from lms.store.platforms import Platform
from tests.browser.accessibility import violations_of
from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site, running_site
from tests.browser.test_accessibility import Inspector
from tests.browser.walks import Walker, enter_lms, launch, launch_again, session_path, tool_frame
from tests.practice_lms.model import ToolRegistration
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser

_TOOLS = re.compile(r"/tools$")
_REQUEST = "main a[href*='/platforms/requests/']"
STAFF = "00101"


@pytest.fixture(scope="module")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: a second tool in the LMS would stand in other tests' way."""
    with running_site(tmp_path_factory.mktemp("registration")) as running:
        yield running


def invite(walker: Walker) -> str:
    """Make an invitation on the page; return its address."""
    walker.view.goto(session_path(walker.view) + "platforms")
    walker.follow(walker.view.locator("form[action$='/platforms/invitations'] button"))
    return walker.view.locator("#address").input_value()


def begin(page: Page, site: Site, address: str, deployment_id: str | None = None) -> FrameLocator:
    """Paste an address into the LMS's page, and go on to the tool's page in its frame; as an update where one is named."""
    page.goto(f"{site.lms_url}/tools")
    page.locator("#url").fill(address)
    page.locator("main form button").first.click()
    wanted = "p.after a" if deployment_id is None else f"main .card a[href*='type={deployment_id}']"
    page.locator(wanted).click()
    return page.frame_locator("iframe.tool-frame")


def register(page: Page, site: Site, address: str, deployment_id: str | None = None) -> None:
    """Press the tool's button, and then the one that closes the LMS's frame."""
    frame = begin(page, site, address, deployment_id)
    frame.locator("main form button").click()
    frame.locator("#close-registration").click()
    page.wait_for_url(_TOOLS)


def place_pledges(page: Page, site: Site, tool: ToolRegistration) -> str:
    """Activate a tool as an administrator, place an activity of it as a teacher; return the activity's link."""
    page.locator(f"form[action$='/tools/{tool.deployment_id}'] button[value=activate]").click()
    page.locator(f"form[action$='/tools/{tool.deployment_id}'] button[value=show]").click()
    page.goto(f"{site.lms_url}/courses/{site.lms.courses[0].id}")
    page.locator(f"main a[href$='/choose/{tool.deployment_id}']").click()
    picker = Walker(tool_frame(page))
    picker.choose(picker.view.locator("input[name=item][value=pledges]"))
    picker.follow(picker.view.locator("button[formaction$='/items']"))
    picker.choose(picker.view.locator("button[value=place]"))
    page.wait_for_url(re.compile(r"added="))
    activity = site.lms.courses[0].activities[-1]
    assert activity.client_id == tool.client_id
    return activity.link_id


def registered(site: Site) -> list[Platform]:
    with site.database.reading() as session:
        return list(session.scalars(select(Platform).order_by(Platform.id)))


def test_one_address_connects_an_lms_whose_people_and_activities_follow(
    site: Site, new_context: NewContext, measure: Measure
) -> None:
    context = new_context()
    launch(new_context(), site, STAFF)
    secretary = Walker(launch(context, site, SECRETARIAT))
    address = invite(secretary)
    page = context.new_page()
    register(page, site, address)
    tool = site.lms.registrations()[-1]
    assert not tool.is_active

    secretary.view.goto(session_path(secretary.view) + "platforms")
    secretary.follow(secretary.view.locator(_REQUEST).last)
    secretary.view.locator("#name").fill("二つ目の登録")
    secretary.view.locator("#succeeds").select_option(index=1)
    secretary.follow(secretary.view.locator("button[value=approve]"))
    expect(secretary.view.locator(".platform-unused")).to_be_visible()
    measure("clicks in Akashi to invite and approve", secretary.clicks)

    link_id = place_pledges(page, site, tool)
    staff = new_context().new_page()
    enter_lms(staff, site, STAFF)
    launch_again(staff, site, link_id)
    expect(staff.locator("main h1")).to_be_visible()
    with site.database.reading() as session:
        link = session.scalars(
            select(IdentityLink)
            .join(LtiIdentity, LtiIdentity.id == IdentityLink.identity_id)
            .where(LtiIdentity.platform_id == registered(site)[-1].id, LtiIdentity.sub == site.lms.person(STAFF).sub)
        ).one()
    assert link.method == "registered_anew"
    assert link.person_id is not None


def test_a_used_address_says_so_within_the_lms_frame(site: Site, new_context: NewContext) -> None:
    context = new_context()
    address = invite(Walker(launch(context, site, SECRETARIAT)))
    page = context.new_page()
    register(page, site, address)
    frame = begin(page, site, address)
    expect(frame.locator("code", has_text="410 platform_invitation_used")).to_be_visible()


def test_no_other_page_can_frame_the_registration(site: Site, new_context: NewContext) -> None:
    context = new_context()
    address = invite(Walker(launch(context, site, SECRETARIAT)))
    page = context.new_page()
    enter_lms(page, site, SECRETARIAT)
    start = site.lms.begin_registration(None).address(address)
    foreign = site.lms_url.replace("127.0.0.1", "localhost")
    for home, is_shown in ((site.lms_url, True), (foreign, False)):
        page.goto(f"{home}/")
        page.evaluate(
            "address => { const frame = document.createElement('iframe'); frame.src = address; document.body.append(frame); }",
            start,
        )
        button = page.frame_locator(f"iframe[src='{start}']").locator("main form button")
        if is_shown:
            expect(button).to_be_visible()
        else:
            page.wait_for_timeout(1000)
            expect(button).to_have_count(0)


def test_an_update_is_shown_as_a_difference_and_changes_nothing_before(site: Site, new_context: NewContext) -> None:
    context = new_context()
    secretary = Walker(launch(context, site, SECRETARIAT))
    first = site.lms.registrations()[0]
    with site.database.transaction() as session:
        row = session.scalars(select(Platform).where(Platform.client_id == first.client_id)).one()
        platform_id, row.product = row.id, "moodle 4.4"
    register(context.new_page(), site, invite(secretary), first.deployment_id)
    secretary.view.goto(session_path(secretary.view) + "platforms")
    secretary.follow(secretary.view.locator(_REQUEST).last)
    expect(secretary.view.locator("table.differences del", has_text="moodle 4.4")).to_be_visible()
    assert next(each for each in registered(site) if each.id == platform_id).product == "moodle 4.4"
    secretary.follow(secretary.view.locator("button[value=approve]"))
    assert next(each for each in registered(site) if each.id == platform_id).product != "moodle 4.4"


def test_without_javascript_the_page_registers_and_says_how_to_go_back(site: Site, new_context: NewContext) -> None:
    address = invite(Walker(launch(new_context(), site, SECRETARIAT)))
    page = new_context(java_script_enabled=False).new_page()
    page.goto(site.lms.begin_registration(None).address(address))
    page.locator("main form button").click()
    expect(page.locator("noscript")).to_have_count(1)
    expect(page.locator(".notice-good h1")).to_be_visible()
    expect(page.locator("#close-registration")).to_be_hidden()


def test_the_pages_have_no_violation_and_fit_a_phone(site: Site, new_context: NewContext) -> None:
    context = new_context()
    view = launch(context, site, SECRETARIAT)
    walker = Walker(view)
    address = invite(walker)
    assert violations_of(view) == []
    page = context.new_page()
    for language in ("ja-JP", "en-GB"):
        other = new_context(locale=language).new_page()
        other.goto(site.lms.begin_registration(None).address(address))
        assert violations_of(other.main_frame) == []
    register(page, site, address)
    view.goto(session_path(view) + "platforms")
    request = view.locator(_REQUEST).last.get_attribute("href") or ""
    pages = {
        "platforms": "platforms",
        "request": request.partition(session_path(view).rpartition("/s/")[2])[2],
        "platform": f"platforms/{registered(site)[0].id}",
        "manual": "platforms/manual",
    }
    inspector = Inspector(view)
    for name, path in pages.items():
        inspector.inspect(name, path)
    assert inspector.faults() == {}
    phone = launch(new_context(viewport={"width": 360, "height": 640}), site, SECRETARIAT)
    for path in pages.values():
        phone.goto(session_path(phone) + path)
        check_width(phone)
