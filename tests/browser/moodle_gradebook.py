"""The gradebook of a real Moodle 4.5, as a teacher sees it and works in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Frame, Locator, Page

from tests.browser.moodle_pages import Moodle


@dataclass(frozen=True)
class Gradebook:
    """The grader report of one course on a teacher's page."""

    moodle: Moodle
    page: Page
    course: str

    def _open(self, editing: bool) -> None:
        self.page.goto(f"{self.moodle.url}/grade/report/grader/index.php?id={self.course}&perpage=100")
        self.moodle.set_editing(self.page, editing)

    def column(self, module: str) -> str:
        """Return the id of the column that belongs to an activity.

        Raises:
            LookupError: there is none.
        """
        self._open(editing=False)
        for header in self.page.locator("table#user-grades th[data-itemid]").all():
            link = header.locator(f"a[href*='/mod/lti/'][href*='id={module}']")
            if link.count() and re.search(rf"[?&]id={module}(&|$)", str(link.first.get_attribute("href"))):
                return str(header.get_attribute("data-itemid"))
        raise LookupError(module)

    def columns(self) -> int:
        """Return how many columns stand in the gradebook, the course's total not counted."""
        self._open(editing=False)
        return self.page.locator("table#user-grades tr.heading th.item").count()

    def grades(self, column: str) -> dict[str, float | None]:
        """Return what stands in one column, by the ids of accounts; None: no grade."""
        self._open(editing=False)
        cells = self.page.locator(f"table#user-grades tr[data-uid] td[data-itemid='{column}']")
        return {
            re.sub(r"^u(\d+)i\d+$", r"\1", str(cell.get_attribute("id"))): _number(cell.locator(".gradevalue").first)
            for cell in cells.all()
        }

    def type_grade(self, user: str, column: str, grade: str) -> None:
        """Type a grade into a cell, which overrides what came from the activity; an empty one empties the cell."""
        self._open(editing=True)
        self.page.fill(f"input[name='grade[{user}][{column}]']", grade)
        self.page.locator(f"input[name='grade[{user}][{column}]']").press("Enter")
        self.page.wait_for_load_state()

    def lift_override(self, user: str, column: str) -> None:
        """Take an override back on the page of one grade."""
        self._open(editing=True)
        with self.page.expect_navigation():
            self._menu(user, column).locator("a[href*='/grade/edit/tree/grade.php']").click()
        self.page.locator("input[name=overridden][type=checkbox]").uncheck()
        with self.page.expect_navigation():
            self.page.click("#id_submitbutton")

    def analyse(self, user: str, column: str) -> Frame:
        """Follow *Grade analysis* of a cell, and return the tool's frame."""
        self._open(editing=False)
        self._menu(user, column).locator("a[href*='/mod/lti/grade.php']").click()
        return self.moodle.tool_view(lambda: [self.page])

    def _menu(self, user: str, column: str) -> Locator:
        cell = self.page.locator(f"#u{user}i{column}")
        cell.locator(".cellmenubtn").click()
        return cell.locator(".dropdown-menu")

    def enrol_anew(self, user: str) -> None:
        """Take somebody out of the course, which deletes their grades, and enrol them again as a student."""
        self.page.goto(f"{self.moodle.url}/enrol/instances.php?id={self.course}")
        with self.page.expect_navigation():
            self.page.locator("a[href*='/enrol/manual/manage.php']").first.click()
        for select, button in (("#removeselect", "#remove"), ("#addselect", "#add")):
            self.page.locator(select).select_option(user)
            with self.page.expect_navigation():
                self.page.click(button)


def _number(cell: Locator) -> float | None:
    text = cell.inner_text().strip()
    return None if text in {"", "-"} else float(text.replace(",", "."))
