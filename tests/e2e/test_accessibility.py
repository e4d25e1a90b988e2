"""No page has anything that axe-core knows as a barrier (WCAG 2.2 A and AA), at any size, in any language or colour scheme.

The pictures that are left in ``.run/screenshots`` are for people to look at: axe finds less than half of what may be wrong.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from compose.demo import ELECTION
from compose.settings import Stack
from tests.e2e.voter import SIZES, Account, Voter, picture

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LANGUAGES = {"en": "en-GB", "de": "de-DE"}


def barriers(page: Page) -> list[str]:
    """What axe-core finds on a page, at each size, in words."""
    page.evaluate(AXE)
    found = []
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        result: dict[str, Any] = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
        assert result["passes"], "axe did not look at anything"
        found += [
            f"{page.url.split('?')[0]} ({size}): {rule['id']}: {node['failureSummary']}"
            for rule in result["violations"]
            for node in rule["nodes"]
        ]
    return found


def test_axe_finds_a_barrier_where_there_is_one(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content('<html lang="en"><title>T</title><main><h1>T</h1><img src="x"><input></main></html>')
    assert {text.split(": ")[1] for text in barriers(page)} >= {"image-alt", "label"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_barrier(stack: Stack, chromium: Browser, screenshots: Path, language: str, scheme: str) -> None:
    context = chromium.new_context(locale=LANGUAGES[language], color_scheme=scheme, timezone_id="Europe/Berlin")  # type: ignore[arg-type]
    voter = Voter(context.new_page(), stack, Account())
    page = voter.page
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    found: list[str] = []

    def look(name: str) -> None:
        assert page.locator("html").get_attribute("lang") == language or not page.url.startswith(voter.web)
        found.extend(barriers(page))
        picture(page, screenshots, f"{language}-{scheme}-{name}")

    for name, path in {
        "elections": "/",
        "how-it-works": "/how-it-works",
        "results": f"/elections/{ELECTION}/results",
        "not-found": "/nothing",
        "sign-in-not-ours": "/post-login?code=c&state=s",
        "ballot": f"/elections/{ELECTION}",
        "ballot-nothing-chosen": f"/elections/{ELECTION}?chosen=nothing",
    }.items():
        voter.open(path)
        look(name)
    page.locator('[name="candidate"]').first.check()
    look("ballot-chosen")
    page.locator("form.paper button").click()
    page.wait_for_url(f"{stack.url('IDENTITY_PORT')}/**")
    look("identity-sign-in")
    page.locator('a[href*="registration"]').first.click()
    page.wait_for_url("**/registration?**")
    look("identity-registration")
    page.go_back()
    voter.register()
    look("review")
    page.locator("button.cast").click()
    page.wait_for_url("**/receipt")
    look("receipt")
    page.emulate_media(media="print")
    page.screenshot(path=screenshots / f"{language}-{scheme}-receipt-printed.png", full_page=True)
    page.emulate_media(media="screen")
    for name, path in {"my-vote": "my-vote", "voted": "", "voted-before": "receipt?voted=before"}.items():
        voter.open(f"/elections/{ELECTION}/{path}".rstrip("/"))
        look(name)
    voter.open("/")
    page.locator('form[action="/sign-out"] button').click()
    page.wait_for_url(f"{voter.web}/")
    look("signed-out")
    context.close()

    assert found == []
    assert complaints == []
