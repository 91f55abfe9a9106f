"""What the drivers of a real Moodle share: settings from the environment, people at their browsers, commands.

- ``AKASHI_MOODLE_URL``, ``AKASHI_MOODLE_TOOL``: base addresses of Moodle and of the tool, without a closing slash
- ``AKASHI_MOODLE_ADMIN``, ``AKASHI_MOODLE_MANAGER``, ``AKASHI_MOODLE_TEACHER``: ``user:password``; the teacher teaches
  the course, belongs to the ISMS secretariat in the tool, and has the staff number as ID number
- ``AKASHI_MOODLE_STUDENTS``: ``user:password:staff number`` of twelve students of the course, with spaces between; their
  ID numbers are their staff numbers, and none of them has taken the test
- ``AKASHI_MOODLE_EMPTY_COURSE``: id of a course without activities of the tool, which is not registered yet
- ``AKASHI_MOODLE_AKASHI``: the tool's command with its settings, such as ``sh akashi.sh``
- ``AKASHI_MOODLE_STOP``, ``AKASHI_MOODLE_START``: commands that stop Moodle and start it again
- ``AKASHI_MOODLE_TASKS``: command that works off Moodle's ad hoc tasks
- ``AKASHI_MOODLE_ANY_CERTIFICATE=1``: take certificates that the browser does not know
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import LONGEST_WAIT, SCREEN
from tests.browser.moodle_pages import Account, Moodle, account

NAMES = ("URL", "TOOL", "ADMIN", "MANAGER", "TEACHER", "STUDENTS", "EMPTY_COURSE", "AKASHI", "STOP", "START", "TASKS")
LONGEST_COMMAND = 180
"""Seconds; a copy of a course takes some."""


def setting(name: str) -> str:
    """Return a setting; empty where there is none."""
    return os.environ.get(f"AKASHI_MOODLE_{name}", "")


MISSING = [f"AKASHI_MOODLE_{name}" for name in NAMES if not setting(name)]


def run(command: str, *more: str) -> str:
    """Run the command of a setting, with more arguments; return what it wrote."""
    ended = subprocess.run(
        [*shlex.split(setting(command)), *more], capture_output=True, text=True, timeout=LONGEST_COMMAND, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@dataclass
class Desk:
    """People who sit at browsers of their own, each logged in to Moodle once."""

    moodle: Moodle
    browser: Browser
    course: str
    _contexts: dict[Account, BrowserContext] = field(default_factory=dict)
    _pages: dict[Account, Page] = field(default_factory=dict)

    def page(self, who: Account) -> Page:
        """Return the page on which somebody is logged in."""
        if who not in self._pages:
            self._pages[who] = self.moodle.log_in(self._context(who), who)
        return self._pages[who]

    def leave(self, who: Account) -> None:
        """Close somebody's browser; asked for again, they log in anew."""
        self._pages.pop(who, None)
        self._contexts.pop(who).close()

    def _context(self, who: Account) -> BrowserContext:
        context = self.browser.new_context(
            viewport=SCREEN, locale="ja-JP", ignore_https_errors=setting("ANY_CERTIFICATE") == "1"
        )
        context.set_default_timeout(LONGEST_WAIT)
        self._contexts[who] = context
        return context

    @property
    def admin(self) -> Page:
        """The site administrator's page."""
        return self.page(account(setting("ADMIN")))

    @property
    def manager(self) -> Page:
        """The page of somebody who may copy courses."""
        return self.page(account(setting("MANAGER")))

    @property
    def teacher(self) -> Page:
        """The teacher's page."""
        return self.page(account(setting("TEACHER")))

    @property
    def students(self) -> list[Account]:
        """The students' accounts."""
        return [account(text) for text in setting("STUDENTS").split()]

    def close(self) -> None:
        """Close every browser."""
        for context in self._contexts.values():
            context.close()


def open_desk(browser: Browser) -> Desk:
    """Open the desk for the Moodle of the settings."""
    return Desk(Moodle(setting("URL"), setting("TOOL")), browser, setting("EMPTY_COURSE"))
