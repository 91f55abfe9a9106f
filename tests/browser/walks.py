"""How a visitor walks through the practice LMS and the tool's pages.

Elements are found by their role in the page - address, name, class - and never by a sentence: sentences are the
translators' business.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Frame, Locator, Page, expect

from tests.browser.right_answers import right_answer_to
from tests.browser.servers import Site

EMBEDDED, IN_WINDOW, MY_TRAINING = "core", "core-window", "mine"
"""Keys of the practice course's activities."""

MAIN_ACTION = "main .button:not(.button-quiet)"
"""What a page is for: its first button that is not a quiet one."""

_IN_TOOL = re.compile(r"/s/[0-9a-f]{16}/")

Check = Callable[[Frame], None]
"""Looks at a page on the way."""


def look_at_nothing(_view: Frame) -> None:
    """Check nothing on the way."""


def enter_lms(page: Page, site: Site, person: str, language: str = "ja") -> None:
    """Log in to the practice LMS as a person of its cast."""
    page.goto(f"{site.lms_url}/?lang={language}")
    with page.expect_navigation():
        page.locator(f"button[name=person][value='{person}']").click()


def open_activity(page: Page, site: Site, activity: str = EMBEDDED) -> Frame:
    """Follow the link of an embedded activity from the course's page, and return the tool's frame."""
    page.locator(f"main a[href='/activities/{activity}']").click()
    return tool_frame(page)


def tool_frame(page: Page) -> Frame:
    """Return the frame that shows a page of the tool, once it does."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        for frame in page.frames:
            if frame.parent_frame is not None and _IN_TOOL.search(frame.url):
                frame.wait_for_load_state()
                return frame
        page.wait_for_timeout(20)
    raise LookupError([frame.url for frame in page.frames])


def launch(context: BrowserContext, site: Site, person: str, language: str = "ja", link: str = "1") -> Frame:
    """Log in to the LMS and open the tool in a tab of its own, without a frame; return the tab's main frame."""
    page = context.new_page()
    enter_lms(page, site, person, language)
    return launch_again(page, site, link)


def launch_again(page: Page, site: Site, link: str = "1") -> Frame:
    """Open the tool as the person who is logged in to the LMS."""
    page.goto(f"{site.lms_url}/mod/lti/launch.php?id={link}")
    page.wait_for_url(_IN_TOOL)
    return page.main_frame


def session_path(view: Frame) -> str:
    """Return the address under which the pages of this launch live, with a closing slash."""
    match = re.match(r"^(.*?/s/[0-9a-f]{16}/)", view.url)
    assert match, view.url
    return match[1]


@dataclass
class Walker:
    """A visitor who reads and takes tests in one frame or tab, and counts their clicks."""

    view: Frame
    look: Check = look_at_nothing
    """Called on each new page."""
    clicks: int = 0

    def follow(self, target: Locator) -> None:
        """Click what leads to another page."""
        self.clicks += 1
        with self.view.expect_navigation():
            target.click()
        self.look(self.view)

    def choose(self, target: Locator) -> None:
        """Click what changes this page alone."""
        self.clicks += 1
        target.click()

    def main_action(self) -> Locator:
        """Return the page's main button or link."""
        return self.view.locator(MAIN_ACTION).first

    def read_everything(self) -> None:
        """Go from the overview through every section to the test's desk."""
        self.look(self.view)
        self.follow(self.main_action())
        while "/sections/" in self.view.url:
            self.follow(self.view.locator("form.actions button.button"))

    def start_test(self) -> None:
        """Press the button of the test's desk."""
        self.follow(self.view.locator("form.actions button.button"))

    def answer(self) -> None:
        """Choose the right answer on the page of a question."""
        right = right_answer_to(self.view.locator("main h1").inner_text())
        for value in right.values:
            self.choose(self.view.locator(f"input[name=choice][value='{value}']"))
        for name, text in right.pairs:
            self.clicks += 1  # a list is two clicks: open, choose
            self.clicks += 1
            self.view.locator(f"select[name='{name}']").select_option(label=text)

    def go_on(self) -> None:
        """Press the button that leads from a question to what follows it."""
        self.follow(self.view.locator(".actions button[name=go][value=next]"))

    def answer_all(self) -> None:
        """Answer what is left, from the question shown to the summary."""
        while "/questions/" in self.view.url:
            self.answer()
            self.go_on()

    def submit(self) -> None:
        """Submit on the summary's page."""
        self.follow(self.view.locator("form[action$='/submit'] button"))


def wait_until_saved(view: Frame) -> None:
    """Wait until the page of a question says that the answer is saved."""
    expect(view.locator("#saving")).to_have_text(view.locator("#question").get_attribute("data-saved") or "?")
