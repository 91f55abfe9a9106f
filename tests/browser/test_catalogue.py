"""The catalogue in a browser: nothing runs over a phone's edge, axe finds nothing, and the focus is always seen."""

from __future__ import annotations

import pytest

from lms.services.shipped import shipped_catalogue
from tests.browser.accessibility import focus_fault, violations_of
from tests.browser.conftest import NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site
from tests.browser.walks import launch, session_path
from tests.practice_organisation.seed import SECRETARIAT

pytestmark = pytest.mark.browser

EXERCISE = next(each.module.key for each in shipped_catalogue() if each.module.exercise)


@pytest.mark.parametrize("locale", ["ja-JP", "en-GB"])
def test_every_text_and_question_fits_a_phone(site: Site, new_context: NewContext, locale: str) -> None:
    view = launch(new_context(locale=locale, viewport={"width": 360, "height": 700}), site, SECRETARIAT)
    base = session_path(view)
    for each in shipped_catalogue():
        view.goto(f"{base}catalogue/modules/{each.module.key}")
        view.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        check_width(view)


@pytest.mark.parametrize(("locale", "width"), [("ja-JP", 360), ("en-GB", 1280)])
def test_the_pages_of_the_catalogue_have_no_violation(
    site: Site, new_context: NewContext, locale: str, width: int
) -> None:
    view = launch(new_context(locale=locale, viewport={"width": width, "height": 700}), site, SECRETARIAT)
    base = session_path(view)
    for path in (
        "",
        "catalogue",
        "catalogue/values",
        "catalogue/values?sample=education",
        f"catalogue/modules/{EXERCISE}",
        "glossary",
        f"modules/{EXERCISE}/",
        f"modules/{EXERCISE}/exercise",
    ):
        view.goto(base + path)
        check_width(view)
        assert violations_of(view) == [], path


@pytest.mark.parametrize("width", [360, 1280])
def test_the_focus_is_never_under_the_button_that_sets_the_values(
    site: Site, new_context: NewContext, width: int
) -> None:
    view = launch(new_context(viewport={"width": width, "height": 640}), site, SECRETARIAT)
    view.goto(session_path(view) + "catalogue/values")
    view.locator("#organisation_name-ja").focus()
    for _ in range(60):
        view.page.keyboard.press("Tab")
        assert focus_fault(view) == ""


def test_a_worked_case_tells_only_when_it_is_opened(site: Site, new_context: NewContext) -> None:
    module = shipped_catalogue()[1].module
    case = next(each for each in module.body["ja"].sections if each.section_id.startswith("case-"))
    view = launch(new_context(java_script_enabled=True), site, SECRETARIAT)
    view.goto(f"{session_path(view)}modules/{module.key}/sections/{case.section_id}")
    told = view.locator(".prose details > p").first
    assert not told.is_visible()
    view.locator(".prose summary").first.click()
    assert told.is_visible()
