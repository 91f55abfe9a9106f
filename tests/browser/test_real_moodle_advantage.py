"""LTI Advantage with a real Moodle 4.5: registered by its own form, content chosen, twelve students, an outage, a repair, a copy.

Skipped unless the settings of `tests.browser.moodle_desk` are given. What several tests need is done once, in fixtures.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Frame, Playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Measure
from tests.browser.moodle_desk import MISSING, Desk, open_desk, run
from tests.browser.moodle_gradebook import Gradebook
from tests.browser.moodle_sitting import DURING_OUTAGE, LONGEST_DELIVERY, Sitting, sit_the_test
from tests.browser.walks import session_path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"no Moodle is given: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def desk(playwright_driver: Playwright) -> Iterator[Desk]:
    """Open browsers that keep third parties' cookies away: so the tool's frames are put to the proof as well."""
    strict = (*ARGUMENTS, "--test-third-party-cookie-phaseout")
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=strict)
    opened = open_desk(browser)
    yield opened
    opened.close()
    browser.close()


@pytest.fixture(scope="module")
def registered(desk: Desk) -> str:
    """Register the tool by Moodle's own form and approve it; return Moodle's id of it."""
    invitation = _invite()
    tools = _register(desk, invitation)
    assert list(tools.values()) == ["Akashi"]
    number = next(iter(tools))
    assert desk.moodle.is_pending(desk.admin, number)
    _approve("--name", "Moodle", "--trust-staff-number")
    desk.moodle.activate(desk.admin, number)
    return number


def _approve(*options: str) -> str:
    """Approve the one request that waits; return the tool's number of the registration."""
    waiting = re.findall(r"^(\d+)  ", run("AKASHI", "platform", "requests"), re.MULTILINE)
    assert len(waiting) == 1
    approved = re.search(r"\d+", run("AKASHI", "platform", "approve", waiting[0], *options))
    assert approved
    return approved[0]


def _register(desk: Desk, invitation: str, update: str | None = None) -> dict[str, str]:
    """Go through the tool's pages in Moodle's frame, and have it closed; return the tools that are listed then."""
    view = desk.moodle.register_by_url(desk.admin, invitation, update)
    assert view.parent_frame is not None
    with view.expect_navigation():
        view.locator("main form button").click()
    # Pressed a moment later, since Playwright would wait for an answer of the frame, which is gone by then.
    view.locator("#close-registration").evaluate("button => { setTimeout(() => button.click(), 50) }")
    return desk.moodle.wait_until_closed(desk.admin)


def _invite() -> str:
    told = run("AKASHI", "platform", "invite")
    found = re.search(r"https?://\S+/lti/register/\S+", told)
    assert found, told
    return found[0]


@pytest.fixture(scope="module")
def placed(desk: Desk, registered: str) -> dict[str, str]:
    """Choose everything that the picker offers, in one go; return module ids by what they open."""
    view = desk.moodle.choose_content(desk.teacher, desk.course, registered)
    offered = [str(box.get_attribute("value")) for box in view.locator("input[name=item]").all()]
    titles = _place(view, offered)
    assert desk.moodle.save_content(desk.teacher) == titles
    made = desk.moodle.activities(desk.teacher, desk.course)
    assert list(made.values()) == titles
    return dict(zip(offered, made, strict=True))


def _place(view: Frame, keys: list[str]) -> list[str]:
    """Tick content in the picker and hand it over; return its titles."""
    for key in keys:
        view.locator(f"input[name=item][value='{key}']").check()
    with view.expect_navigation():
        view.locator("button[formaction$='/items']").click()
    titles = [view.locator(f"input[name='title-{key}']").input_value() for key in keys]
    view.locator("button[name=action][value=place]").click()
    return titles


@pytest.fixture(scope="module")
def sat(desk: Desk, placed: dict[str, str]) -> Sitting:
    """Let twelve students take the test; the last four submit while Moodle is stopped."""
    return sit_the_test(desk, placed["isms-and-my-role"])


def test_an_invitation_serves_once_and_an_update_keeps_the_registration(
    desk: Desk, registered: str, placed: dict[str, str]
) -> None:
    invitation = _invite()
    assert _register(desk, invitation, update=registered)[registered] == "Akashi"
    refused = desk.moodle.register_by_url(desk.admin, invitation, update=registered)
    expect(refused.locator("main")).to_contain_text("platform_invitation_used")
    view = _secretariat(desk, placed, "platforms")
    with view.expect_navigation():
        view.locator("main a[href*='/platforms/requests/']").first.click()
    with view.expect_navigation():
        view.locator("button[name=action][value=approve]").click()
    assert registered in desk.moodle.tool_names(desk.admin)
    assert not desk.moodle.is_pending(desk.admin, registered)
    desk.moodle.show_in_chooser(desk.admin, registered)  # Moodle takes an updated tool out of the chooser
    desk.moodle.open_activity(desk.teacher, placed["isms-and-my-role"])


def test_a_site_that_registers_anew_keeps_its_people_and_their_grades(
    desk: Desk, registered: str, placed: dict[str, str], sat: Sitting
) -> None:
    before = set(desk.moodle.tool_names(desk.admin))
    (anew,) = set(_register(desk, _invite())) - before
    former = re.findall(r"^(\d+)  Moodle ", run("AKASHI", "platform", "list"), re.MULTILINE)
    assert _approve("--name", "Moodle anew", "--succeeds", former[0]) != former[0]
    desk.moodle.activate(desk.admin, anew)
    there = set(desk.moodle.activities(desk.teacher, desk.course))
    titles = _place(desk.moodle.choose_content(desk.teacher, desk.course, anew), ["isms-and-my-role"])
    assert desk.moodle.save_content(desk.teacher) == []  # of one item Moodle fills in its form, and lists nothing
    made = desk.moodle.activities(desk.teacher, desk.course)
    (module,) = set(made) - there
    assert made[module] == titles[0]
    desk.moodle.open_activity(desk.page(desk.students[3]), module)
    gradebook = Gradebook(desk.moodle, desk.teacher, desk.course)
    _wait_for_grade(gradebook, gradebook.column(module), sat.users[3], sat.expected[sat.users[3]])


def test_several_activities_chosen_in_one_go_stand_in_the_course_with_a_column_for_each_that_is_graded(
    desk: Desk, placed: dict[str, str]
) -> None:
    assert len(placed) >= 3
    view = desk.moodle.open_activity(desk.teacher, placed["isms-and-my-role"])
    assert view.locator("main h1").count() == 1


def test_twelve_students_find_the_right_grades_in_moodle(sat: Sitting) -> None:
    assert len(sat.expected) == 12
    assert sat.found == sat.expected


def test_what_was_submitted_while_moodle_was_stopped_is_delivered_afterwards(sat: Sitting, measure: Measure) -> None:
    measure("seconds from Moodle's start until every score had arrived", sat.caught_up)
    assert len(sat.while_stopped) == DURING_OUTAGE
    assert set(sat.while_stopped.values()) == {"wanted"}
    assert {user: sat.found[user] for user in sat.while_stopped} == {
        user: sat.expected[user] for user in sat.while_stopped
    }


def _secretariat(desk: Desk, placed: dict[str, str], path: str) -> Frame:
    """Return a page of the secretariat, opened from the teacher's activity."""
    view = desk.moodle.open_activity(desk.teacher, placed["training"])
    view.goto(session_path(view) + path)
    return view


def _compare_gradebooks(desk: Desk, placed: dict[str, str]) -> Frame:
    """Have the tool compare Moodle's gradebook with what it sent, and wait until it has."""
    view = _secretariat(desk, placed, "deliveries")
    before = _comparison(view)
    with view.expect_navigation():
        view.locator("form[action$='/deliveries/compare'] button").click()
    ends = time.monotonic() + LONGEST_DELIVERY
    while _comparison(view) == before or view.locator(".comparison p.fine").count():
        assert time.monotonic() < ends, _comparison(view)
        time.sleep(1)
        view.goto(session_path(view) + "deliveries")
    return view


def _comparison(view: Frame) -> str:
    return view.locator(".comparison p").first.inner_text()


def _wait_for_grade(gradebook: Gradebook, column: str, user: str, grade: float) -> None:
    ends = time.monotonic() + LONGEST_DELIVERY
    while gradebook.grades(column).get(user) != grade:
        assert time.monotonic() < ends, gradebook.grades(column)
        time.sleep(1)


def test_a_grade_that_is_deleted_in_moodle_is_restored_by_the_comparison(
    desk: Desk, placed: dict[str, str], sat: Sitting
) -> None:
    gradebook, user = Gradebook(desk.moodle, desk.teacher, desk.course), sat.users[1]
    gradebook.enrol_anew(user)
    assert gradebook.grades(sat.column)[user] is None
    _compare_gradebooks(desk, placed)
    _wait_for_grade(gradebook, sat.column, user, sat.expected[user])


def test_a_grade_that_a_teacher_overrides_is_shown_as_such_and_left(
    desk: Desk, placed: dict[str, str], sat: Sitting
) -> None:
    gradebook, user, who = Gradebook(desk.moodle, desk.teacher, desk.course), sat.users[2], desk.students[2]
    gradebook.type_grade(user, sat.column, "3")
    assert gradebook.grades(sat.column)[user] == 3.0
    view = _compare_gradebooks(desk, placed)
    row = view.locator("table.deliveries tr", has_text=who.staff_number).first
    expect(row.locator(".delivery-differing")).to_be_visible()
    assert gradebook.grades(sat.column)[user] == 3.0
    gradebook.lift_override(user, sat.column)
    assert gradebook.grades(sat.column)[user] == sat.expected[user]


def test_a_grade_whose_cell_a_teacher_empties_stays_empty_and_is_shown(
    desk: Desk, placed: dict[str, str], sat: Sitting
) -> None:
    gradebook, user, who = Gradebook(desk.moodle, desk.teacher, desk.course), sat.users[4], desk.students[4]
    gradebook.type_grade(user, sat.column, "")
    _compare_gradebooks(desk, placed)  # takes it for lost, and sends it again
    time.sleep(5)
    view = _compare_gradebooks(desk, placed)  # finds it empty even so
    row = view.locator("table.deliveries tr", has_text=who.staff_number).first
    expect(row.locator(".delivery-differing")).to_be_visible()
    assert gradebook.grades(sat.column)[user] is None
    gradebook.lift_override(user, sat.column)
    assert gradebook.grades(sat.column)[user] == sat.expected[user]


def test_a_copied_course_opens_the_same_and_takes_grades_of_its_own(
    desk: Desk, placed: dict[str, str], sat: Sitting
) -> None:
    name = f"COPY-{int(time.time())}"
    copy = desk.moodle.copy_course(desk.manager, desk.course, name, lambda: run("TASKS"))
    assert copy != desk.course
    originals = desk.moodle.activities(desk.teacher, desk.course)
    copies = desk.moodle.activities(desk.teacher, copy)
    assert list(copies.values()) == list(originals.values())
    assert not set(copies) & set(originals)
    module = dict(zip(originals, copies, strict=True))[placed["isms-and-my-role"]]
    view = desk.moodle.open_activity(desk.page(desk.students[0]), module)
    assert view.url.endswith("/modules/isms-and-my-role/"), view.url
    gradebook = Gradebook(desk.moodle, desk.teacher, copy)
    _wait_for_grade(gradebook, gradebook.column(module), sat.users[0], sat.expected[sat.users[0]])
    assert gradebook.columns() == Gradebook(desk.moodle, desk.teacher, desk.course).columns() > 0


def test_the_courses_roster_is_pulled_by_a_button(desk: Desk, placed: dict[str, str], sat: Sitting) -> None:
    view = _secretariat(desk, placed, "rosters")
    with view.expect_navigation():
        view.locator("tbody tr th a").first.click()
    with view.expect_navigation():
        view.locator("form[action$='/pull'] button").click()
    course, ends = view.url.partition("?")[0], time.monotonic() + LONGEST_DELIVERY
    pulls = view.locator(".table-wrap").last.locator("tbody tr")  # the newest stands first
    while not pulls.first.locator("td").last.inner_text().strip().isdigit():
        assert time.monotonic() < ends, view.locator("main").inner_text()
        time.sleep(1)
        view.goto(course)
    assert int(pulls.first.locator("td").last.inner_text()) > len(desk.students)
    unlinked = view.locator("section[aria-labelledby=unlinked]").inner_text()
    for who in desk.students:
        assert who.staff_number not in unlinked


def test_a_teacher_reviews_a_submission_from_the_gradebook_and_a_student_only_their_own(
    desk: Desk, placed: dict[str, str], sat: Sitting
) -> None:
    gradebook, user = Gradebook(desk.moodle, desk.teacher, desk.course), sat.users[5]
    view = gradebook.analyse(user, sat.column)
    assert view.url.endswith("/review"), view.url
    assert f"{sat.expected[user]:g} / 10" in view.locator("tbody").inner_text()
    page, own = desk.page(desk.students[6]), sat.users[6]
    address = f"{desk.moodle.url}/mod/lti/launch.php?id={placed['isms-and-my-role']}&action=gradeReport&user="
    page.goto(address + own)
    page.wait_for_url(re.compile(r"/review$"))
    assert f"{sat.expected[own]:g} / 10" in page.locator("tbody").inner_text()
    page.goto(address + user)
    page.wait_for_url(f"{desk.moodle.tool}/lti/launch")
    assert page.locator("table").count() == 0
