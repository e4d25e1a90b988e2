"""What a voter does at a browser: by what is written on the page, or by the keyboard."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, expect

from compose.demo import ELECTION
from compose.settings import Stack

# A page of the sign-in makes several calls, and hashing a password takes its time on a loaded machine.
PAGE_MILLISECONDS = 30_000
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


@dataclass(frozen=True)
class Account:
    email: str = field(default_factory=lambda: f"voter-{secrets.token_hex(6)}@example.org")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


class Voter:
    """One voter at one page of a browser."""

    def __init__(self, page: Page, stack: Stack, account: Account) -> None:
        page.set_default_timeout(PAGE_MILLISECONDS)
        expect.set_options(timeout=PAGE_MILLISECONDS)
        self.page = page
        self.account = account
        self.web = stack.url("WEB_PORT")
        self.ballot = f"{self.web}/elections/{ELECTION}"

    def open(self, path: str = "/") -> None:
        self.page.goto(self.web + path)

    def choose(self, candidate: str) -> None:
        """Mark the ballot and go on, to the review or to the sign-in."""
        self.page.goto(self.ballot)
        self.page.get_by_label(candidate, exact=True).check()
        self.page.get_by_role("button", name="Continue").click()

    def register(self) -> None:
        """From the page where one signs in: make an account, and come back."""
        self.page.locator('a[href*="registration"]').first.click()
        self._send_password("traits.email")

    def sign_in(self) -> None:
        """On the page where one signs in: do so, and come back."""
        self._send_password("identifier")

    def _send_password(self, who: str) -> None:
        """In the page's form for passwords; there may be others for other ways to sign in."""
        form = self.page.locator('form:has(input[name="password"])')
        form.locator(f'[name="{who}"]').fill(self.account.email)
        form.locator('[name="password"]').fill(self.account.password)
        form.locator('button[name="method"][value="password"]').click()
        self.page.wait_for_url(f"{self.web}/**")

    def cast(self) -> None:
        self.page.get_by_role("button", name="Cast my vote").click()

    def expect_title(self, title: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)

    def receipt_number(self) -> str:
        number = self.page.locator("[data-receipt-number]").inner_text()
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", number)
        return number

    def wait_until_counted(self) -> None:
        """Ask as often as it takes whether the vote was counted."""
        self.page.goto(f"{self.ballot}/my-vote")
        counted = self.page.get_by_role("heading", name="Yes, your vote was counted")
        again = self.page.get_by_role("link", name="Check again")
        for _ in range(60):
            expect(counted.or_(again).first).to_be_visible()
            if counted.is_visible():
                return
            self.page.wait_for_timeout(500)
            again.click()
        raise AssertionError("the vote is not counted")

    def votes_shown(self, candidate_id: str) -> int:
        """On the page of the results."""
        shown = self.page.locator(f'[data-candidate="{candidate_id}"] [data-votes]').inner_text()
        return int(re.sub(r"\D", "", shown))


def picture(page: Page, folder: Path, name: str) -> None:
    """Leave a picture of the whole page at the size of a phone and of a desktop. No page may be wider than its window."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways on a {size}"
