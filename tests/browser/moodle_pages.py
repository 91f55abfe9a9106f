"""The pages of a real Moodle 4.5, as those who work with them use them: administrator, teacher, student.

Elements are found by ids, names and addresses, not by sentences: a language pack changes those.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Frame, Page

LOG_IN_TRIES = 4
"""Moodle's page of log-in refuses a right password now and then, straight after it was loaded."""

_MODULE = re.compile(r"/mod/lti/view\.php\?id=(\d+)$")


@dataclass(frozen=True)
class Account:
    """Somebody's account in Moodle."""

    user: str
    password: str
    staff_number: str = ""
    """The ID number, where a test needs it."""


def account(text: str) -> Account:
    """Read ``user:password`` or ``user:password:staff number``."""
    return Account(*text.split(":", 2))


@dataclass(frozen=True)
class Moodle:
    """A Moodle and the tool that is, or will be, registered there."""

    url: str
    """Base address, without a closing slash."""
    tool: str
    """Base address of the tool."""

    def log_in(self, context: BrowserContext, who: Account) -> Page:
        """Log in, and return the page on which that person stands."""
        page = context.new_page()
        for _ in range(LOG_IN_TRIES):
            page.goto(f"{self.url}/login/index.php")
            page.fill("#username", who.user)
            page.fill("#password", who.password)
            with page.expect_navigation():
                page.click("#loginbtn")
            if "/login/" not in page.url:
                return page
        raise AssertionError(f"Moodle refuses the log-in of {who.user}")

    def user_id(self, page: Page) -> str:
        """Return the id of the account that is logged in: what the tool gets as ``sub``."""
        return str(page.evaluate("M.cfg.userId"))

    def tool_view(self, pages: Callable[[], list[Page]], path: str = "/s/") -> Frame:
        """Return the frame or window that shows a page of the tool, once there is one."""
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            for page in pages():
                for frame in page.frames:
                    if frame.url.startswith(f"{self.tool}{path}"):
                        frame.wait_for_load_state()
                        return frame
            pages()[0].wait_for_timeout(50)
        raise LookupError([frame.url for page in pages() for frame in page.frames])

    def open_activity(self, page: Page, module: str) -> Frame:
        """Open an activity that is embedded, and return the tool's frame."""
        page.goto(f"{self.url}/mod/lti/view.php?id={module}")
        return self.tool_view(lambda: [page])

    # What an administrator does

    def tool_names(self, page: Page) -> dict[str, str]:
        """Return the tools of the site by their ids, as the cards of *Manage tools* name them."""
        page.goto(f"{self.url}/mod/lti/toolconfigure.php")
        return self._cards(page)

    def register_by_url(self, page: Page, url: str, update: str | None = None) -> Frame:
        """Give a registration URL to the form of *Manage tools*, and return the frame in which the tool answers.

        Args:
            page: an administrator's.
            url: what to type.
            update: the tool to bring up to date, where Moodle asks because it knows the domain; None: a new one.
        """
        page.goto(f"{self.url}/mod/lti/toolconfigure.php")
        page.wait_for_selector("#tool-list-container:not(.loading)")  # by then the button knows what to do
        page.fill("#tool-url", url)
        page.click("#tool-create-button")
        frame = self._registration_frame(page)
        if frame.url.startswith(self.url):
            button = f"button[data-href$='&type={update or 0}']"
            frame.wait_for_function("button => document.querySelector(button)?.onclick", arg=button)
            frame.locator(button).click()
        return self.tool_view(lambda: [page], "/")

    def _registration_frame(self, page: Page) -> Frame:
        handle = page.wait_for_selector("#external-registration-template-container iframe")
        assert handle is not None
        frame = handle.content_frame()
        assert frame is not None
        frame.wait_for_url(re.compile(r"^https?:"))
        frame.wait_for_load_state()
        return frame

    def wait_until_closed(self, page: Page) -> dict[str, str]:
        """Wait until the tool has closed its frame; return the tools that are listed then."""
        page.wait_for_selector("#external-registration-template-container iframe", state="detached")
        return self._cards(page)

    def _cards(self, page: Page) -> dict[str, str]:
        cards = page.locator("#tool-card-container .tool-card[data-type-id]")
        page.wait_for_selector("#tool-list-container:not(.loading)")
        page.wait_for_timeout(500)  # the cards themselves come after the list has stopped loading
        return {str(card.get_attribute("data-type-id")): card.locator(".name").inner_text() for card in cards.all()}

    def is_pending(self, page: Page, tool: str) -> bool:
        """Tell whether the card of a tool offers to activate it; on *Manage tools*."""
        return page.locator(f".tool-card[data-type-id='{tool}'] a.activate").count() > 0

    def activate(self, page: Page, tool: str) -> None:
        """Activate a pending tool and show it in the activity chooser."""
        card = page.locator(f".tool-card[data-type-id='{tool}']")
        card.locator("a.activate").click()
        card.locator("a.activate").wait_for(state="detached")
        self.show_in_chooser(page, tool)

    def show_in_chooser(self, page: Page, tool: str) -> None:
        """Set *Tool configuration usage* so that teachers find the tool in the activity chooser."""
        with page.expect_navigation():
            page.locator(f".tool-card[data-type-id='{tool}'] a.edit").click()
        page.select_option("select[name=lti_coursevisible]", "2")
        with page.expect_navigation():
            page.click("#id_submitbutton")

    def copy_course(self, page: Page, course: str, short_name: str, run_tasks: Callable[[], None]) -> str:
        """Copy a course with its people, and return the id of the copy.

        Args:
            page: a manager's.
            course: the id of the course.
            short_name: name of the copy, which no other course may have.
            run_tasks: makes Moodle work off what it does in the background.
        """
        page.goto(f"{self.url}/backup/copy.php?id={course}")
        page.fill("#id_fullname", short_name)
        page.fill("#id_shortname", short_name)
        for box in page.locator("input[type=checkbox][name^=role_]").all():
            box.check()
        with page.expect_navigation():
            page.click("input[name=submitreturn]")
        run_tasks()
        page.goto(f"{self.url}/course/search.php?search={short_name}&perpage=all")
        link = page.locator("a[href*='/course/view.php?id=']", has_text=short_name).first
        return re.sub(r".*[?&]id=(\d+).*", r"\1", str(link.get_attribute("href")))

    # What a teacher does

    def set_editing(self, page: Page, on: bool = True) -> None:
        """Turn editing on or off on the page that is shown."""
        switch = page.locator("input[name=setmode]")
        if switch.is_checked() is not on:
            with page.expect_navigation():
                switch.click()

    def choose_content(self, page: Page, course: str, tool: str) -> Frame:
        """Begin a new activity in a course and press *Select content*; return the tool's frame."""
        page.goto(f"{self.url}/course/view.php?id={course}")
        self.set_editing(page)
        page.locator("button.section-modchooser:not([data-beforemod])").first.click()
        with page.expect_navigation():
            page.locator(f".modchooser .tab-pane.active a[href*='typeid={tool}&']").first.click()
        page.locator("[name=selectcontent]").click()
        return self.tool_view(lambda: [page])

    def save_content(self, page: Page) -> list[str]:
        """Save what the tool has returned, go back to the course, and return the names that Moodle listed."""
        page.wait_for_selector("#contentitem-page-iframe", state="detached")
        listed = page.locator("[data-attribute=dynamic-import] li strong").all_inner_texts()
        page.locator("#id_submitbutton2").click()
        page.wait_for_url(re.compile(r"/course/view\.php"), timeout=60_000)
        return listed

    def activities(self, page: Page, course: str) -> dict[str, str]:
        """Return the activities of the tool in a course: names by module ids."""
        page.goto(f"{self.url}/course/view.php?id={course}")
        found: dict[str, str] = {}
        for link in page.locator("a.aalink[href*='/mod/lti/view.php?id=']").all():
            match = _MODULE.search(str(link.get_attribute("href")))
            if match:
                found[match[1]] = link.locator(".instancename").evaluate("name => name.firstChild.textContent.trim()")
        return found
