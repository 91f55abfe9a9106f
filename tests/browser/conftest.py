"""Debian's Chromium, and a running tool beside a practice LMS; both for the whole run of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, ViewportSize, expect, sync_playwright

from tests.browser.servers import Site, running_site
from tests.conftest import is_required

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SCREEN: ViewportSize = {"width": 1280, "height": 900}
LONGEST_WAIT = 15_000
"""Milliseconds; pages take tens, but the machine of a test may be busy."""

NewContext = Callable[..., BrowserContext]
Measure = Callable[[str, float], None]
"""Notes a figure of a journey: what it counts, and how many."""


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is missing: apt-get install chromium"
        if is_required():
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=LONGEST_WAIT)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The practice organisation's tool, worker and LMS; asks for the browser first, so that nothing starts in vain."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[NewContext]:
    """Give browsers that know nothing of each other, as on several devices: cookies, windows, language."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"viewport": SCREEN, "locale": "ja-JP"} | options)
        context.set_default_timeout(LONGEST_WAIT)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    return new_context()


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Note figures for the report of the run; as `record_property` does, but for every family of report files."""

    def note(what: str, value: float) -> None:
        request.node.user_properties.append((what, round(value, 1)))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many clicks and seconds the journeys took."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "tests/browser/" in report.nodeid and report.user_properties:
            terminalreporter.section(report.nodeid.rpartition("::")[2], "-")
            for what, value in report.user_properties:
                terminalreporter.write_line(f"{value:>8} {what}")
