"""No answer is lost or goes to somebody else: several tabs, several people, an interrupted connection."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Frame, Request, Route, expect

from tests.browser.right_answers import right_answer_to
from tests.browser.servers import Site
from tests.browser.walks import Walker, launch, session_path, wait_until_saved

pytestmark = pytest.mark.browser

CHOSEN = "input[name=choice]:checked, .pair option:checked:not([value=''])"


def _choices(view: Frame) -> list[str]:
    return [str(each.get_attribute("value")) for each in view.locator(CHOSEN).all()]


def _open_question(view: Frame, attempt_id: int, position: int) -> None:
    view.goto(f"{session_path(view)}attempts/{attempt_id}/questions/{position}")


def _positions_by_kind(view: Frame, attempt_id: int) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position in range(1, 11):
        _open_question(view, attempt_id, position)
        positions.setdefault(right_answer_to(view.locator("main h1").inner_text()).kind, position)
    return positions


def _choose_otherwise(view: Frame) -> None:
    """Choose something other than what is chosen."""
    lists = view.locator(".pair select")
    if lists.count():
        chosen = lists.first.input_value()
        lists.first.select_option(value="1" if chosen == "0" else "0")
    else:
        view.locator("input[name=choice]:not(:checked)").first.click()


def test_two_people_in_two_tabs_of_one_browser_never_mix(site: Site, context: BrowserContext) -> None:
    first, second = Walker(launch(context, site, site.somebody())), Walker(launch(context, site, site.somebody()))
    assert session_path(first.view) != session_path(second.view)
    attempts = []
    for walker in (first, second):
        walker.view.page.bring_to_front()
        walker.follow(walker.view.locator("a[href$='/test']"))
        walker.start_test()
        attempts.append(int(walker.view.url.split("/attempts/")[1].split("/")[0]))
    first.view.page.bring_to_front()
    first.answer_all()
    first.submit()
    expect(first.view.locator(".outcome-good")).to_be_visible()

    second.view.page.bring_to_front()
    second.view.goto(second.view.url)
    assert _choices(second.view) == []
    foreign = second.view.goto(f"{session_path(second.view)}attempts/{attempts[0]}/result")
    assert foreign is not None
    assert foreign.status == 404
    second.view.goto(f"{session_path(second.view)}attempts/{attempts[1]}/summary")
    second.submit()
    expect(second.view.locator(".outcome-open")).to_be_visible()
    first.view.goto(first.view.url)
    expect(first.view.locator(".outcome-good")).to_be_visible()


def test_every_kind_of_answer_is_saved_by_itself_and_is_there_after_a_reload(
    site: Site, context: BrowserContext
) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    attempt_id = site.start_paper_with_every_kind(person)
    for position in _positions_by_kind(view, attempt_id).values():
        _open_question(view, attempt_id, position)
        assert _choices(view) == []
        Walker(view).answer()
        chosen = _choices(view)
        assert chosen
        wait_until_saved(view)
        _open_question(view, attempt_id, position)
        assert _choices(view) == chosen


def test_of_two_tabs_of_one_attempt_the_later_saving_wins(site: Site, context: BrowserContext) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    attempt_id = site.start_paper_with_every_kind(person)
    other = context.new_page().main_frame
    for kind, position in _positions_by_kind(view, attempt_id).items():
        _open_question(view, attempt_id, position)
        Walker(view).answer()
        wait_until_saved(view)
        earlier = _choices(view)
        other.page.bring_to_front()
        other.goto(view.url)
        _choose_otherwise(other)
        wait_until_saved(other)
        later = _choices(other)
        assert later != earlier
        view.page.bring_to_front()
        _open_question(view, attempt_id, position)
        assert _choices(view) == later, kind


def _kinds_lost_by_an_untouched_tab(site: Site, context: BrowserContext, kinds: set[str]) -> list[str]:
    """Answer in one tab, then press "next" in another one that still shows the question without an answer."""
    person = site.somebody()
    view = launch(context, site, person)
    attempt_id = site.start_paper_with_every_kind(person)
    positions = _positions_by_kind(view, attempt_id)
    other = context.new_page().main_frame
    lost = []
    for kind in sorted(kinds):
        _open_question(view, attempt_id, positions[kind])
        other.goto(view.url)
        view.page.bring_to_front()
        Walker(view).answer()
        wait_until_saved(view)
        newest = _choices(view)
        other.page.bring_to_front()
        Walker(other).go_on()
        _open_question(other, attempt_id, positions[kind])
        if _choices(other) != newest:
            lost.append(kind)
    return lost


def test_a_tab_in_which_nothing_was_chosen_takes_no_answer_away(site: Site, context: BrowserContext) -> None:
    assert _kinds_lost_by_an_untouched_tab(site, context, {"single", "multiple", "true_false"}) == []


def test_a_tab_in_which_nothing_was_matched_takes_no_matching_away(site: Site, context: BrowserContext) -> None:
    assert _kinds_lost_by_an_untouched_tab(site, context, {"matching"}) == []


def test_an_interrupted_connection_is_told_and_the_answer_is_saved_when_it_is_back(
    site: Site, context: BrowserContext
) -> None:
    walker = Walker(launch(context, site, site.somebody()))
    walker.follow(walker.view.locator("a[href$='/test']"))
    walker.start_test()
    view, failed = walker.view, str(walker.view.locator("#question").get_attribute("data-failed"))
    context.set_offline(True)
    _choose_otherwise(view)
    expect(view.locator("#saving")).to_have_text(failed)
    chosen = _choices(view)
    context.set_offline(False)
    wait_until_saved(view)
    view.goto(view.url)
    assert _choices(view) == chosen


def test_the_button_waits_for_the_connection_so_that_the_answer_is_not_lost(
    site: Site, context: BrowserContext
) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    attempt_id = site.start_paper_with_every_kind(person)
    _open_question(view, attempt_id, 1)
    address, failed = view.url, str(view.locator("#question").get_attribute("data-failed"))
    context.set_offline(True)
    _choose_otherwise(view)
    expect(view.locator("#saving")).to_have_text(failed)
    chosen = _choices(view)
    view.locator(".actions button[value=next]").click()
    expect(view.locator("#saving")).to_have_text(failed)
    assert view.url == address
    context.set_offline(False)
    view.wait_for_url(lambda url: url.endswith("/questions/2"))
    _open_question(view, attempt_id, 1)
    assert _choices(view) == chosen


def test_the_button_waits_for_what_is_being_saved_which_would_else_come_after_the_whole_answer(
    site: Site, context: BrowserContext
) -> None:
    person = site.somebody()
    view = launch(context, site, person)
    attempt_id = site.start_paper_with_every_kind(person)
    _open_question(view, attempt_id, _positions_by_kind(view, attempt_id)["multiple"])
    address, slow, sent = view.url, list[Route](), list[Request]()
    view.page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    view.page.route(
        address,
        lambda route: slow.append(route) if not slow and route.request.method == "POST" else route.continue_(),
    )
    for box in view.locator("input[name=choice]").all()[:2]:
        box.check()
    view.locator(".actions button[value=next]").click(no_wait_after=True)
    view.page.wait_for_timeout(500)
    assert view.url == address
    assert len(sent) == 1, "the first box alone is on its way, and nothing overtakes it"
    slow[0].continue_()
    view.wait_for_url(lambda url: url != address)
    view.goto(address)
    assert len(_choices(view)) == 2
