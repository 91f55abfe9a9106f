"""Every page in both languages without a violation that axe knows, and the whole test by keyboard alone."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Frame

from tests.browser.accessibility import focus_fault, violations_of
from tests.browser.conftest import NewContext
from tests.browser.right_answers import right_answer_to
from tests.browser.servers import Site
from tests.browser.walks import Walker, launch, session_path
from tests.practice_organisation.seed import MODULE, SECRETARIAT

pytestmark = pytest.mark.browser


class Inspector:
    """Looks at pages in both languages and keeps what is wrong, by page and language."""

    def __init__(self, view: Frame) -> None:
        self.view = view
        self.found: dict[str, list[str]] = {}

    def inspect(self, page: str, path: str | None = None) -> None:
        """Look at the page shown, or at one of this launch's addresses, and come back to it in the first language."""
        if path is not None:
            self.view.goto(session_path(self.view) + path)
        address = self.view.url
        for _ in range(2):
            language = str(self.view.locator("html").get_attribute("lang"))
            key = f"{page} ({language})"
            assert key not in self.found, f"{key}: the language did not change"
            self.found[key] = violations_of(self.view)
            Walker(self.view).follow(self.view.locator("button[name=language]"))
            assert self.view.url.rstrip("?") == address.rstrip("?")

    def faults(self) -> dict[str, list[str]]:
        """Return the pages that are not in order."""
        assert len(self.found) % 2 == 0
        return {page: faults for page, faults in self.found.items() if faults}


def test_pages_of_reading_and_of_the_test_have_no_violation(site: Site, context: BrowserContext) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    inspector, module = Inspector(view), f"modules/{MODULE}/"
    inspector.inspect("overview")
    inspector.inspect("my training", "")
    inspector.inspect("desk, may start", f"{module}test")
    view.goto(session_path(view) + module)
    Walker(view).follow(Walker(view).main_action())
    inspector.inspect("section")
    attempt_id = site.start_paper_with_every_kind(person)
    inspector.inspect("desk, may go on", f"{module}test")
    kinds = set()
    for position in range(1, 11):
        view.goto(f"{session_path(view)}attempts/{attempt_id}/questions/{position}")
        kind = right_answer_to(view.locator("main h1").inner_text()).kind
        if kind not in kinds:
            kinds.add(kind)
            Walker(view).answer()
            inspector.inspect(f"question, {kind}")
    assert len(kinds) == 4
    inspector.inspect("summary", f"attempts/{attempt_id}/summary")
    Walker(view).submit()
    inspector.inspect("result, failed")
    inspector.inspect("desk, wait", f"{module}test")
    inspector.inspect("page not found", f"attempts/{attempt_id + 100_000}/result")
    assert inspector.faults() == {}


def test_pages_of_the_supplementary_lesson_have_no_violation(site: Site, context: BrowserContext) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    site.hand_in_empty_papers(person, hours_ago=(3, 2, 1))
    inspector, module = Inspector(view), f"modules/{MODULE}/"
    inspector.inspect("desk, needs supplement", f"{module}test")
    assert Walker(view).main_action().get_attribute("href", timeout=1000)
    inspector.inspect("supplement", f"{module}supplement")
    Walker(view).follow(view.locator("form.actions button.button"))
    inspector.inspect("desk, open again")
    assert inspector.faults() == {}


def test_pages_after_passing_have_no_violation(site: Site, context: BrowserContext) -> None:
    walker = Walker(launch(context, site, site.somebody()))
    walker.follow(walker.view.locator("a[href$='/test']"))
    walker.start_test()
    walker.answer_all()
    inspector = Inspector(walker.view)
    inspector.inspect("summary, all answered")
    walker.submit()
    inspector.inspect("result, passed")
    inspector.inspect("desk, passed", f"modules/{MODULE}/test")
    inspector.inspect("overview, passed", f"modules/{MODULE}/")
    inspector.inspect("my training, done", "")
    assert inspector.faults() == {}


def test_pages_of_the_secretariat_have_no_violation(site: Site, new_context: NewContext) -> None:
    launch(new_context(), site, "unlinked")
    view = launch(new_context(), site, SECRETARIAT)
    inspector = Inspector(view)
    inspector.inspect("attendance", "attendance")
    assert view.locator("table.register tbody tr").count() > 0
    inspector.inspect("attendance, empty", "attendance?unit=-")
    assert view.locator("table.register").count() == 0
    inspector.inspect("attendance, filter refused", "attendance?as_of=x")
    inspector.inspect("people", "people")
    inspector.inspect("a person, in the past", "people/7?as_of=2026-05-31")
    inspector.inspect("a fact's form", "people/7/training/new")
    for name, path in (
        ("linked", "identities?state=linked"),
        ("many at once", "identities/bulk"),
        ("an account's history", "identities/7"),
        ("grades to Moodle", "deliveries"),
        ("grades, refused", "deliveries?kind=dead"),
        ("open sessions", "sessions"),
        ("everybody's sessions", "sessions/all"),
    ):
        inspector.inspect(name, path)
    inspector.inspect("linking queue", "identities")
    assert view.locator("input[name=staff_number]").count() > 0
    assert inspector.faults() == {}


def test_a_refused_staff_number_in_the_linking_queue_has_no_violation(site: Site, new_context: NewContext) -> None:
    launch(new_context(), site, "unlinked")
    for language in ("ja", "en"):
        view = launch(new_context(), site, SECRETARIAT, language)
        view.goto(f"{session_path(view)}identities")
        view.locator("input[name=staff_number]").first.fill("00000")
        Walker(view).follow(view.locator("input[name=staff_number] ~ button").first)
        assert view.locator("[role=alert]").count() == 1
        assert violations_of(view) == []


def test_an_account_that_nobody_has_linked_finds_no_violation(site: Site, context: BrowserContext) -> None:
    inspector = Inspector(launch(context, site, "unlinked"))
    inspector.inspect("my training, not linked", "")
    inspector.inspect("refusal, not permitted", "attendance")
    assert inspector.faults() == {}


@pytest.mark.parametrize("locale", ["ja-JP", "en-GB"])
def test_pages_before_a_launch_have_no_violation(site: Site, new_context: NewContext, locale: str) -> None:
    page = new_context(locale=locale).new_page()
    login = urlencode(site.lms.initiate_login(SECRETARIAT, "core"))
    addresses = {
        "front door": site.tool,
        "not launched": f"{site.tool}/s/0123456789abcdef/",
        "unknown registration": f"{site.tool}/lti/login?iss=https://nobody.invalid&login_hint=1",
        "cookies refused": f"{site.tool}/lti/login/check?{login}",
    }
    found = {}
    for name, address in addresses.items():
        page.goto(address)
        assert page.locator("html").get_attribute("lang") == locale[:2]
        found[name] = violations_of(page.main_frame)
    page.goto(site.lms_url)
    page.evaluate(
        "address => { const frame = document.createElement('iframe'); frame.src = address; document.body.append(frame) }",
        addresses["cookies refused"],
    )
    framed = page.frame_locator("iframe").locator("form[target=_blank]")
    framed.wait_for()
    found["new window"] = violations_of(page.frames[-1])
    assert {name: faults for name, faults in found.items() if faults} == {}


class Keyboard:
    """Somebody who has only a keyboard."""

    def __init__(self, view: Frame) -> None:
        self.view = view
        self.keys = view.page.keyboard

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element has the focus; what has it on the way must be seen to have it."""
        for _ in range(60):
            self.keys.press("Tab")
            assert focus_fault(self.view) == "", self.view.url
            if self.view.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab on {self.view.url}")

    def open(self, selector: str) -> None:
        """Press Enter on a link or button that leads to another page."""
        self.tab_to(selector)
        with self.view.expect_navigation():
            self.keys.press("Enter")

    def answer(self) -> None:
        """Choose the right answer: Space and arrows in a group of radio buttons and in lists, Space on boxes."""
        right = right_answer_to(self.view.locator("main h1").inner_text())
        if right.kind == "multiple":
            for box in self.view.locator("input[name=choice]").all():
                value = str(box.get_attribute("value"))
                self.tab_to(f"input[value='{value}']")
                if value in right.values:
                    self.keys.press("Space")
        elif right.kind == "matching":
            for name, text in right.pairs:
                self.tab_to(f"select[name='{name}']")
                texts = self.view.locator(f"select[name='{name}'] option").all_inner_texts()
                for _ in range(texts.index(text)):
                    self.keys.press("ArrowDown")
        else:
            values = [str(each.get_attribute("value")) for each in self.view.locator("input[name=choice]").all()]
            self.tab_to("input[name=choice]")
            self.keys.press("Space")
            for _ in range(values.index(right.values[0])):
                self.keys.press("ArrowDown")


def test_the_whole_test_is_taken_by_keyboard_alone_and_the_focus_is_always_seen(
    site: Site, context: BrowserContext
) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    view.page.set_viewport_size({"width": 860, "height": 670})
    site.start_paper_with_every_kind(person)
    keyboard = Keyboard(view)
    keyboard.tab_to("a.skip")
    keyboard.keys.press("Enter")
    keyboard.tab_to("a[href$='/test']")
    view.goto(view.url.partition("#")[0])
    keyboard.open("a[href$='/test']")
    keyboard.open("form.actions button.button")
    while "/questions/" in view.url:
        keyboard.answer()
        keyboard.open(".actions button[value=next]")
    keyboard.open("form[action$='/submit'] button")
    assert view.locator(".outcome-good").count() == 1
    keyboard.tab_to("a[href$='/certificate.pdf']")
