"""An administrator signs in with an emergency account in a real browser, looks the tool over, and signs out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from lms.clock import read_clock
from lms.config import KeyFolder
from tests.accounts import DOOR, Account, make_account
from tests.browser.accessibility import violations_of
from tests.browser.conftest import NewContext
from tests.browser.layout import check_width
from tests.browser.servers import Site

pytestmark = pytest.mark.browser

PAGES = ("account", "doctor", "account-uses", "sessions/all", "platforms", "deliveries")


@pytest.fixture
def account(site: Site, width: int) -> Account:
    """An account of the test's own: another's codes of the same half minute are spent."""
    folder = Path(site.database.engine.url.database or "").parent / "keys"
    return make_account(site.database, KeyFolder(folder), read_clock(), f"rescue-at-{width}")


def look(page: Page) -> list[str]:
    check_width(page.main_frame)
    return violations_of(page.main_frame)


def fill(page: Page, account: Account, **changes: str) -> None:
    for name, value in account.fields(read_clock(), **changes).items():
        page.fill(f"#{name}", value)
    page.click("main button")


@pytest.mark.parametrize(("locale", "width"), [("ja-JP", 360), ("en-GB", 1280)])
def test_signing_in_looking_over_and_signing_out(
    site: Site, account: Account, new_context: NewContext, locale: str, width: int
) -> None:
    page = new_context(locale=locale, viewport={"width": width, "height": 700}).new_page()
    page.goto(site.tool + DOOR)
    assert look(page) == []
    fill(page, account, password="wrong-by-one-letter")
    assert page.locator("[role=alert]").count() == 1
    assert look(page) == []
    fill(page, account)
    page.wait_for_url("**/account")
    base = page.url.removesuffix("account")
    for path in PAGES:
        page.goto(base + path)
        assert page.locator(".emergency").count() == 1, path
        assert look(page) == [], path
    page.goto(base + "attendance")
    assert page.locator("[role=alert]").count() == 1
    page.click(".emergency button")
    page.wait_for_url("**" + DOOR)
    page.goto(base + "account")
    assert page.locator("[role=alert]").count() == 1
    assert page.locator(".emergency").count() == 0
