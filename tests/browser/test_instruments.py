"""The instruments of these tests find the faults that they are for."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Frame

from tests.browser.accessibility import focus_fault, violations_of
from tests.browser.layout import check_frame

pytestmark = pytest.mark.browser

BUTTON = "<main><a class=button href=x>Go on</a></main>"


def _show(context: BrowserContext, body: str) -> Frame:
    page = context.new_page()
    page.set_viewport_size({"width": 860, "height": 670})
    page.set_content(f"<!doctype html><html lang=en><title>Page</title>{body}")
    return page.main_frame


def test_a_page_in_order_passes(context: BrowserContext) -> None:
    view = _show(context, BUTTON)
    check_frame(view)
    view.page.keyboard.press("Tab")
    assert focus_fault(view) == ""
    assert violations_of(view) == []


@pytest.mark.parametrize(
    "body",
    [
        f"<div style='height: 700px'></div>{BUTTON}",
        f"{BUTTON}<div style='width: 900px'>wide</div>",
        f"{BUTTON}<div style='height: 50px; overflow-y: auto'><p style='height: 90px'>inner</p></div>",
        f"{BUTTON}<div style='position: fixed; inset: 0; background: #fff'></div>",
    ],
    ids=["too far down", "too wide", "second scroll bar", "covered"],
)
def test_a_page_that_does_not_fit_the_frame_is_found(context: BrowserContext, body: str) -> None:
    view = _show(context, body)
    with pytest.raises(AssertionError):
        check_frame(view)


@pytest.mark.parametrize(
    "body",
    ["<img src=x>", "<input name=q>", "<p style='color: #aaa; background: #fff'>pale</p>", "<a href=x></a>"],
    ids=["picture", "field", "contrast", "link"],
)
def test_a_page_with_a_violation_is_found(context: BrowserContext, body: str) -> None:
    assert violations_of(_show(context, body)) != []


@pytest.mark.parametrize("style", ["a { outline: none }", "div { position: fixed; inset: 0; background: #fff }"])
def test_a_focus_that_is_not_seen_is_found(context: BrowserContext, style: str) -> None:
    view = _show(context, f"<style>{style}</style>{BUTTON}<div></div>")
    view.page.keyboard.press("Tab")
    assert focus_fault(view) != ""
