"""Whether a page keeps the Web Content Accessibility Guidelines, as far as a machine can tell.

Source: WCAG 2.2, levels A and AA, by the rules of axe-core; its script is part of the package axe-playwright-python.
"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame

_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
_AXE = Axe()


def violations_of(view: Frame) -> list[str]:
    """Return what is wrong with the page shown: rule, place, and what axe says of it."""
    results = _AXE.run(view, options=_OPTIONS)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


_FOCUS_FAULT = """() => {
  const element = document.activeElement;
  if (element === document.body) return '';
  const style = getComputedStyle(element);
  const name = element.outerHTML.slice(0, 120);
  if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) return 'no outline: ' + name;
  const box = element.getBoundingClientRect(), label = element.closest('label');
  const points = [[.5, .5], [.1, .1], [.9, .1], [.1, .9], [.9, .9]];
  const isSeen = points.some(([x, y]) => {
    const hit = document.elementFromPoint(box.x + box.width * x, box.y + box.height * y);
    return hit && (element === hit || element.contains(hit) || (label !== null && label.contains(hit)));
  });
  return isSeen ? '' : 'hidden: ' + name;
}"""


def focus_fault(view: Frame) -> str:
    """Return what is wrong with the look of the element that has the focus, or an empty text.

    Source: WCAG 2.2, 2.4.7 (focus visible) and 2.4.11 (focus not obscured, minimum).
    """
    fault: str = view.evaluate(_FOCUS_FAULT)
    return fault
