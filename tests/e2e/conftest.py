"""A real browser, and a place for pictures of what it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from compose.settings import CHECKOUT

CHROMIUM = "/usr/bin/chromium"
# Nothing but the pages: no look-ups of its own.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = CHECKOUT / ".run" / "screenshots"


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """Started for each test: while Playwright runs, nothing else in this process may run an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures of the pages are left for people to look at. Nothing else is deleted there."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
