"""What a page must look like in a platform's frame, which never grows with its content.

Source: lti.md §4, the frame; WCAG 2.2, 1.4.10 (reflow at 320 CSS pixels; ours is measured at 360).
"""

from __future__ import annotations

from playwright.sync_api import Frame

from tests.browser.walks import MAIN_ACTION

_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

_INNER_SCROLLERS = """() => [...document.querySelectorAll('body, body *')].filter(element => {
  const style = getComputedStyle(element);
  return /auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1
    && element.clientHeight > 0 && element.tagName !== 'SELECT';
}).map(element => element.tagName + '.' + element.className)"""

_IS_SEEN = """(element) => {
  const box = element.getBoundingClientRect();
  const inside = box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return inside && box.height > 0 && (element === top || element.contains(top));
}"""


def check_width(view: Frame) -> None:
    """The page needs no scrolling sideways."""
    assert view.evaluate(_OVERFLOW) <= 0, f"{view.url} is wider than its window"


def check_frame(view: Frame) -> None:
    """The page needs no scrolling sideways, has one vertical scroll bar at most, and shows its main action at once."""
    check_width(view)
    assert view.evaluate(_INNER_SCROLLERS) == [], f"{view.url} has a scroll bar inside another"
    assert view.locator(MAIN_ACTION).first.evaluate(_IS_SEEN), f"{view.url} hides its main action"
