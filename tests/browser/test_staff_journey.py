"""A member of staff passes the test inside the LMS's frame, and the result reaches everybody who needs it."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from tests.browser.conftest import Measure, NewContext
from tests.browser.layout import check_frame, check_width
from tests.browser.servers import Site
from tests.browser.walks import (
    EMBEDDED,
    MY_TRAINING,
    Walker,
    enter_lms,
    launch,
    open_activity,
)
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser

FRAME = (860, 670)
"""CSS pixels that a screen of 1280 leaves to an embedded activity in Moodle 4.5, seen 2026-11."""
PHONE = {"width": 360, "height": 640}


def _frame_size(page: Page) -> tuple[int, int]:
    box = page.locator("iframe").bounding_box()
    assert box
    return round(box["width"]), round(box["height"])


def _register_of_secretariat(page: Page, site: Site) -> Frame:
    enter_lms(page, site, SECRETARIAT)
    view = open_activity(page, site)
    Walker(view).follow(view.locator("nav a[href$='/attendance']"))
    return view


def _registered_row(register: Frame, staff_number: str) -> Locator:
    done = register.locator(
        f"table.register tbody tr:has(td:text-is('{staff_number}')):has(.state-complete, .state-late_complete)"
    )
    while done.count() == 0:  # in order of staff numbers: theirs may be on a later page
        with register.expect_navigation():
            register.locator(".pager a[href*='page=']").last.click()
    return done


def _exported_row(view: Frame, staff_number: str) -> list[str]:
    with view.page.expect_download() as download:
        view.locator("a[href*='export.csv']").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    rows = [row for row in csv.reader(text.splitlines()) if {staff_number, "isms-and-my-role"} <= {*row}]
    assert rows, text[:500]
    return rows[0]


def test_staff_pass_in_the_frame_and_the_result_reaches_certificate_gradebook_and_register(
    site: Site, new_context: NewContext, measure: Measure
) -> None:
    person = site.somebody()
    page = new_context().new_page()
    enter_lms(page, site, person)
    began = time.monotonic()
    walker = Walker(open_activity(page, site), look=check_frame, clicks=1)
    assert _frame_size(page) == FRAME
    walker.read_everything()
    walker.start_test()
    walker.answer_all()
    walker.submit()
    measure("clicks from the course's page to the result", walker.clicks)
    measure("seconds from the course's page to the result", time.monotonic() - began)

    view = walker.view
    expect(view.locator(".outcome-good .score")).to_contain_text("10")
    expect(view.locator("#deliveries li").first).to_be_visible()
    expect(view.locator("#deliveries [data-state=delivered]")).to_have_count(1)
    measure("seconds from the course's page to the gradebook", time.monotonic() - began)

    with page.expect_download() as download:
        walker.choose(view.locator("a[href$='/certificate.pdf']"))
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")

    grade = site.lms.grade(person, EMBEDDED)
    assert grade is not None
    assert grade.final == 10
    page.goto(f"{site.lms_url}/courses/2/grades")
    expect(page.locator(f"tr:has(th:has-text('{person}')) .grade").first).to_have_text("10")

    register = _register_of_secretariat(new_context().new_page(), site)
    check_frame(register)
    row = _registered_row(register, person)
    expect(row.first).to_contain_text("10 / 10")
    assert "10" in _exported_row(register, person)


def test_reading_place_and_half_done_test_go_on_at_another_device(site: Site, new_context: NewContext) -> None:
    person = site.somebody()
    at_work = Walker(launch(new_context(), site, person))
    at_work.follow(at_work.main_action())
    for _ in range(2):
        at_work.follow(at_work.view.locator("form.actions button.button"))
    third_section = at_work.view.url.rsplit("/", 1)[-1]
    at_work.follow(at_work.view.locator(".crumb a"))
    at_work.follow(at_work.view.locator("a[href$='/test']"))
    at_work.start_test()
    first_stem = at_work.view.locator("main h1").inner_text()
    for _ in range(3):
        at_work.answer()
        at_work.go_on()
    fourth_stem = at_work.view.locator("main h1").inner_text()

    at_home = Walker(launch(new_context(viewport=PHONE), site, person))
    expect(at_home.main_action()).to_have_attribute("href", re.compile(f"/sections/{third_section}$"))
    at_home.follow(at_home.view.locator("a[href$='/test']"))
    at_home.start_test()
    assert at_home.view.locator("main h1").inner_text() == fourth_stem
    at_home.follow(at_home.view.locator(".palette button[value='1']"))
    assert at_home.view.locator("main h1").inner_text() == first_stem
    answered = at_home.view.locator("input:checked, option:checked:not([value=''])")
    assert answered.count() > 0


def test_no_page_scrolls_sideways_on_a_telephone(site: Site, new_context: NewContext) -> None:
    walker = Walker(
        launch(new_context(viewport=PHONE, is_mobile=True, has_touch=True), site, site.somebody()), check_width
    )
    walker.read_everything()
    walker.start_test()
    walker.answer_all()
    walker.submit()
    walker.follow(walker.view.locator(".actions a.button-quiet"))

    secretariat = Walker(launch(new_context(viewport=PHONE, is_mobile=True), site, SECRETARIAT, link="3"), check_width)
    secretariat.look(secretariat.view)
    secretariat.follow(secretariat.view.locator("nav a[href$='/attendance']"))
    secretariat.follow(secretariat.view.locator("nav a[href$='/identities']"))


def test_my_training_and_the_linking_queue_fit_the_frame(site: Site, new_context: NewContext) -> None:
    page = new_context().new_page()
    enter_lms(page, site, "unlinked")
    open_activity(page, site)
    enter_lms(page, site, SECRETARIAT)
    view = open_activity(page, site, MY_TRAINING)
    check_width(view)
    Walker(view, look=check_frame).follow(view.locator("nav a[href$='/identities']"))
