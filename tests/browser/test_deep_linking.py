"""A teacher chooses content in the tool, inside the LMS's page, and staff open what came of it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site
from tests.browser.test_accessibility import Inspector
from tests.browser.walks import Walker, enter_lms, launch, session_path, tool_frame
from tests.practice_organisation.seed import MODULE, SECRETARIAT

pytestmark = pytest.mark.browser

MODAL = {"width": 770, "height": 577}
"""CSS pixels of the frame in Moodle 4.5's window for content on a screen of 1280, seen 2026-11."""
PHONE = {"width": 360, "height": 640}
_ADDED = re.compile(r"/courses/2\?added=")


def _begin(page: Page, site: Site) -> Frame:
    """Go to the course as its teacher, and on to the picker in its frame."""
    enter_lms(page, site, SECRETARIAT)
    page.locator("main a[href*='/choose/']").click()
    return tool_frame(page)


def _tick(walker: Walker, *keys: str) -> None:
    for key in keys:
        walker.choose(walker.view.locator(f"input[name=item][value='{key}']"))


def test_what_a_teacher_chooses_becomes_activities_that_staff_open(
    site: Site, new_context: NewContext, measure: Measure
) -> None:
    page = new_context().new_page()
    view = _begin(page, site)
    walker = Walker(view)
    _tick(walker, "pledges")
    view.locator("#q").fill("わたし")
    walker.follow(view.locator(".search-line button"))
    view.locator("#q").fill("")
    walker.follow(view.locator(".search-line button"))
    expect(view.locator("input[value=pledges]")).to_be_checked()
    walker.follow(view.locator(f"button[formaction$='/preview/{MODULE}']"))
    assert view.locator("article.prose").count() == 11
    walker.follow(view.locator(f"button[name=item][value='{MODULE}']"))
    expect(view.locator("input[name=item]:checked")).to_have_count(2)
    walker.follow(view.locator("button[formaction$='/items']"))
    view.locator(f"#title-{MODULE}").fill("𠮷の「役割」 <b>2027</b>")
    walker.choose(view.locator("button[value=place]"))
    page.wait_for_url(_ADDED)
    expect(page.get_by_text("𠮷の「役割」 <b>2027</b>")).to_be_visible()
    measure("clicks to place two activities", walker.clicks)
    module, pledges = site.lms.courses[0].activities[-2:]
    assert (module.title, module.maximum, pledges.maximum) == ("𠮷の「役割」 <b>2027</b>", 10, 1)
    person = site.somebody()
    assert launch(new_context(), site, person, link=module.link_id).url.endswith(f"/modules/{MODULE}/")
    assert launch(new_context(), site, person, link=pledges.link_id).url.endswith("/pledges")


def test_the_way_without_javascript(site: Site, new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    enter_lms(page, site, SECRETARIAT)
    page.locator("main a[href*='/choose/']").click()
    for form in ("ltiInitiateLoginForm", "response"):  # the LMS's own two forms send themselves with JavaScript alone
        page.frame_locator("iframe").locator(f"form[name={form}] button").click()
    walker = Walker(tool_frame(page))
    _tick(walker, "training")
    walker.follow(walker.view.locator("button[formaction$='/items']"))
    walker.follow(walker.view.locator("button[value=place]"))
    walker.follow(walker.view.locator("form[data-post] button"))
    assert walker.view.url.startswith(site.lms_url)
    assert site.lms.courses[0].activities[-1].custom["akashi"] == "training"


def test_cancelling_leads_back_with_nothing(site: Site, new_context: NewContext) -> None:
    page = new_context().new_page()
    before = len(site.lms.courses[0].activities)
    view = _begin(page, site)
    view.locator("button[value=cancel]").click()
    expect(page.frame_locator("iframe").locator(".notice")).to_be_visible()
    assert len(site.lms.courses[0].activities) == before


def test_the_pickers_pages_fit_their_frame_and_have_no_violation(site: Site, new_context: NewContext) -> None:
    context = new_context()
    view = _begin(context.new_page(), site)
    page = context.new_page()
    page.set_viewport_size(MODAL)  # type: ignore[arg-type]  # whole numbers
    page.goto(view.url)
    inspector = Inspector(page.main_frame)
    paths = {
        "picker": "choose",
        "picker, nothing found": "choose?q=zzz&item=pledges",
        "preview": f"choose/preview/{MODULE}",
        "preview of pledges": "choose/preview/pledges",
        "preview of roles": "choose/preview/roles",
        "titles and points": f"choose/items?item={MODULE}&item=pledges&item=training",
        "nothing ticked": "choose/items",
    }
    for name, path in paths.items():
        inspector.inspect(name, path)
        for size in (PHONE, MODAL):
            page.set_viewport_size(size)  # type: ignore[arg-type]  # whole numbers
            check_width(page.main_frame)
        expect(page.locator(".actions .button").last).to_be_in_viewport()
    page.goto(f"{session_path(page.main_frame)}choose/items?item={MODULE}")
    page.locator(f"#points-{MODULE}").evaluate("each => { each.form.noValidate = true; each.value = ''; }")
    page.locator("button[value=place]").click()
    expect(page.locator(".error")).to_be_visible()
    assert inspector.faults() == {}


def test_pages_of_activities_and_reviews_have_no_violation(site: Site, new_context: NewContext) -> None:
    link_of = {activity.key: activity.link_id for activity in site.lms.courses[0].activities}
    view = launch(new_context(), site, SECRETARIAT, link=link_of["handmade"])
    assert view.url.endswith("/activity")
    inspector = Inspector(view)
    inspector.inspect("activity without a key", "activity")
    check_width(view)
    learner = launch(new_context(), site, site.somebody(), link=link_of["handmade"])
    others = Inspector(learner)
    others.inspect("my training, activity without a key", "")
    view = launch(new_context(), site, SECRETARIAT)
    inspector = Inspector(view)
    inspector.inspect("activity with a key", "activity")
    page = view.page
    for whose, name in (("00104", "review"), ("unlinked", "review of nobody")):
        sub = site.lms.person(whose).sub
        page.goto(f"{site.lms_url}/mod/lti/launch.php?id=1&action=gradeReport&user={sub}")
        page.wait_for_url(re.compile("/review$"))
        shown = Inspector(page.main_frame)
        shown.inspect(name, "review")
        check_width(page.main_frame)
        assert shown.faults() == {}
    assert inspector.faults() == others.faults() == {}
