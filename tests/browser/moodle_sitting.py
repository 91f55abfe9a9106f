"""Twelve students of a real Moodle take the test, four of them while Moodle is stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from playwright.sync_api import Frame

from tests.browser.moodle_desk import Desk, run
from tests.browser.moodle_gradebook import Gradebook
from tests.browser.walks import Walker

LONGEST_DELIVERY = 90
"""Seconds until a score must be in Moodle, a retry after an outage included."""
OUTAGE = 20
"""Seconds for which Moodle stays stopped after the last submission."""
DURING_OUTAGE = 4
"""How many of the twelve submit while Moodle is stopped."""
LEFT_OPEN = (0, 1, 2, 0)
"""How many questions the students leave unanswered, in turn: 10, 9, 8 and 10 of 10 points."""


@dataclass
class Sitting:
    """What came of the twelve tests."""

    column: str
    """The activity's column in Moodle's gradebook."""
    users: list[str]
    """Moodle's ids of the students, in their order."""
    expected: dict[str, float]
    """Points by user id."""
    while_stopped: dict[str, str] = field(default_factory=dict)
    """What the tool said of a score's delivery while Moodle was stopped, by user id."""
    caught_up: float = 0.0
    """Seconds from Moodle's start to the last score's arrival."""
    found: dict[str, float | None] = field(default_factory=dict)
    """What stood in the gradebook when all was delivered."""


def _walk_to_summary(view: Frame, left_open: int) -> Walker:
    walker = Walker(view)
    walker.read_everything()
    walker.start_test()
    for _ in range(left_open):
        walker.go_on()
    walker.answer_all()
    return walker


def _delivery(view: Frame) -> str:
    return str(view.locator("#deliveries [data-state]").first.get_attribute("data-state"))


def _wait_until_delivered(view: Frame) -> None:
    ends = time.monotonic() + LONGEST_DELIVERY
    while _delivery(view) != "delivered":
        assert time.monotonic() < ends, _delivery(view)
        time.sleep(1)
        view.goto(view.url)


def sit_the_test(desk: Desk, module: str) -> Sitting:
    """Let the students take the test of an activity; the last of them submit while Moodle is stopped."""
    gradebook = Gradebook(desk.moodle, desk.teacher, desk.course)
    sitting = Sitting(gradebook.column(module), [], {})
    waiting = {}
    for place, who in enumerate(desk.students):
        page = desk.page(who)
        user, left_open = desk.moodle.user_id(page), LEFT_OPEN[place % len(LEFT_OPEN)]
        sitting.users.append(user)
        sitting.expected[user] = 10.0 - left_open
        walker = _walk_to_summary(desk.moodle.open_activity(page, module), left_open)
        if place < len(desk.students) - DURING_OUTAGE:
            walker.submit()
            _wait_until_delivered(walker.view)
            desk.leave(who)
        else:
            waiting[user] = walker
    _sit_through_an_outage(sitting, waiting)
    sitting.found = gradebook.grades(sitting.column)
    return sitting


def _sit_through_an_outage(sitting: Sitting, waiting: dict[str, Walker]) -> None:
    """Submit what is answered while Moodle is stopped, and wait until all has arrived once it runs again."""
    run("STOP")
    for walker in waiting.values():
        walker.submit()
    time.sleep(OUTAGE)
    sitting.while_stopped = {user: _delivery(walker.view) for user, walker in waiting.items()}
    run("START")
    began = time.monotonic()
    for walker in waiting.values():
        _wait_until_delivered(walker.view)
    sitting.caught_up = time.monotonic() - began
