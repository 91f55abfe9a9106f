"""The pictures of docs/moodle.md, taken from the tool as it is: ``make pictures``.

What stands in them that differs from run to run - times, secrets, ports - is covered or fictional.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.servers import ROOT, Site, running_site
from tests.browser.test_registration import begin, invite
from tests.browser.walks import Walker, enter_lms, launch, session_path, tool_frame
from tests.practice_organisation.seed import MODULE, SECRETARIAT

FOLDER = ROOT / "docs" / "pictures"
CHROMIUM = "/usr/bin/chromium"
WIDTH = 1000
"""CSS pixels: wide enough for tables, narrow enough to be read beside the text."""


COVER = """
pairs => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) for (const [from, to] of pairs)
    texts.currentNode.nodeValue = texts.currentNode.nodeValue.replaceAll(from, to);
  for (const field of document.querySelectorAll('input[type=text], input:not([type])'))
    for (const [from, to] of pairs) field.value = field.value.replaceAll(from, to);
}
"""
"""Puts examples in the place of this machine's addresses."""


def take(page: Page, site: Site, name: str, tallest: int = 900) -> None:
    """Save what a page shows, from its top, under a name."""
    page.wait_for_timeout(300)
    lms, tool = site.lms_url, site.tool
    pairs = [(lms, "https://moodle.example.org"), (tool, "https://akashi.example.org")]
    pairs += [(lms.removeprefix("http://"), "moodle.example.org")]
    for frame in page.frames:
        frame.evaluate(COVER, pairs)
    height = min(tallest, int(page.evaluate("document.documentElement.scrollHeight")))
    page.screenshot(
        path=FOLDER / f"{name}.png", clip={"x": 0, "y": 0, "width": WIDTH, "height": height}, full_page=True
    )


def take_all(page: Page, other: Page, site: Site) -> None:
    """Walk as the administrator and the teacher do, and take each picture on the way."""
    walker = Walker(page.main_frame)
    address = invite(walker)
    page.locator("#address").evaluate("field => { field.value = field.value.slice(0, -40) + '…' }")
    take(page, site, "invitation", 640)
    enter_lms(other, site, SECRETARIAT, "en")
    frame = begin(other, site, address)
    frame.locator("main form button").wait_for()
    take(other, site, "registration", 720)
    frame.locator("main form button").click()
    frame.locator("#close-registration").click()
    other.wait_for_url("**/tools")
    walker.view.goto(session_path(walker.view) + "platforms")
    walker.follow(walker.view.locator("main a[href*='/platforms/requests/']"))
    take(page, site, "approval", 1300)
    enter_lms(other, site, SECRETARIAT, "en")
    other.goto(f"{site.lms_url}/courses/{site.lms.courses[0].id}")
    other.locator("main a[href*='/choose/']").first.click()
    picker = Walker(tool_frame(other))
    picker.choose(picker.view.locator(f"input[name=item][value='{MODULE}']"))
    picker.choose(picker.view.locator("input[name=item][value=pledges]"))
    take(other, site, "choosing")
    walker.view.goto(session_path(walker.view) + "deliveries")
    take(page, site, "grades")
    walker.view.goto(session_path(walker.view) + "rosters/1")
    take(page, site, "roster", 700)


def main() -> None:
    """Take all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_site(Path(folder)) as site, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": WIDTH, "height": 800}, locale="en-GB")
        page = launch(context, site, SECRETARIAT, "en").page
        take_all(page, context.new_page(), site)
        browser.close()


if __name__ == "__main__":
    main()
