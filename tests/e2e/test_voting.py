"""The way of a voter through the pages of the whole system, with a real browser."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from compose import electorate
from compose.demo import ELECTION
from compose.settings import Stack
from compose.voter_browser import Client, VoterBrowser
from tests.e2e.voter import Account, Voter

OTHER_VOTERS = 7


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def context(chromium: Browser, *, scripts: bool) -> Iterator[BrowserContext]:
    with chromium.new_context(java_script_enabled=scripts, locale="en-GB", accept_downloads=True) as context:
        yield context


def others_vote(stack: Stack, mint: electorate.Mint, candidate: str, number: int) -> None:
    """Votes of other voters, over the API."""
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as api:
        for sub in electorate.subjects(number):
            token = mint.token(sub, time.time())
            ballot = {"electionId": ELECTION, "candidateId": candidate}
            assert api.post("/vote", json=ballot, headers={"Authorization": f"Bearer {token}"}).status_code == 202


def test_a_voter_registers_votes_and_is_counted_and_cannot_vote_again(
    stack: Stack, chromium: Browser, context: BrowserContext, tmp_path: Path
) -> None:
    voter = Voter(context.new_page(), stack, Account())
    page = voter.page
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if urlsplit(request.url).hostname != "localhost" else None)

    voter.choose("Alice")
    voter.register()
    voter.expect_title("Check your vote")
    expect(page.locator(".chosen")).to_have_text("Alice")
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Alice")).to_be_checked()
    page.get_by_label("Bob").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".chosen")).to_have_text("Bob")
    voter.cast()

    voter.expect_title("Your vote is in")
    number = voter.receipt_number()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the receipt").click()
    saved = tmp_path / "receipt.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["voteId"] == number
    assert "bob" not in saved.read_text().lower()

    # The way back shows how things are by now, and sends nothing again.
    page.go_back()
    voter.expect_title("You have already voted")
    assert voter.receipt_number() == number
    page.reload()
    assert voter.receipt_number() == number
    voter.wait_until_counted()

    with chromium.new_context(locale="en-GB", java_script_enabled=False) as elsewhere:
        again = Voter(elsewhere.new_page(), stack, voter.account)
        again.choose("Carol")
        again.sign_in()
        again.expect_title("You have already voted")
        assert again.receipt_number() == number

    voter.open()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto(f"{voter.ballot}/receipt")
    expect(page.locator('[name="identifier"]')).to_be_visible()
    assert outside == [], "no page asks another site for anything"


def test_a_second_vote_in_a_tab_that_was_open_is_refused_with_the_receipt(stack: Stack, context: BrowserContext) -> None:
    voter = Voter(context.new_page(), stack, Account())
    voter.choose("Alice")
    voter.register()
    second = Voter(context.new_page(), stack, voter.account)
    second.choose("Carol")
    second.expect_title("Check your vote")
    voter.cast()
    voter.expect_title("Your vote is in")

    second.cast()

    second.expect_title("You have already voted")
    assert second.receipt_number() == voter.receipt_number()


def test_results_move_by_themselves_while_others_vote(stack: Stack, mint: electorate.Mint, chromium: Browser) -> None:
    with chromium.new_context(locale="en-GB") as context:
        voter = Voter(context.new_page(), stack, Account())
        page = voter.page
        page.goto(f"{voter.ballot}/results")
        expect(page.get_by_text("Live: the numbers move")).to_be_visible()
        before, width = voter.votes_shown("carol"), page.locator('[data-candidate="carol"] .value').get_attribute("width")
        line = page.locator("[data-timeline] .line")

        others_vote(stack, mint, "carol", OTHER_VOTERS)

        expect(page.locator('[data-candidate="carol"] [data-votes]')).to_have_text(f"{before + OTHER_VOTERS:,}")
        assert page.locator('[data-candidate="carol"] .value').get_attribute("width") != width
        expect(line).to_have_attribute("d", re.compile(r"M.* L"))
        assert page.locator("[data-history] tr").count() >= 2

        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Paused.")).to_be_visible()
        others_vote(stack, mint, "carol", 1)
        with chromium.new_context(java_script_enabled=False) as plain:
            reader = Voter(plain.new_page(), stack, Account())
            reader.page.goto(f"{voter.ballot}/results")
            for _ in range(60):
                if reader.votes_shown("carol") == before + OTHER_VOTERS + 1:
                    break
                reader.page.wait_for_timeout(500)
                reader.page.get_by_role("link", name="Show the newest numbers").click()
            assert reader.votes_shown("carol") == before + OTHER_VOTERS + 1
        assert voter.votes_shown("carol") == before + OTHER_VOTERS, "paused"
        page.get_by_role("button", name="Go on").click()
        expect(page.locator('[data-candidate="carol"] [data-votes]')).to_have_text(f"{before + OTHER_VOTERS + 1:,}")


def test_voting_takes_no_more_than_a_keyboard(stack: Stack, chromium: Browser) -> None:
    with chromium.new_context(locale="en-GB") as context:
        voter = Voter(context.new_page(), stack, Account())
        page, press = voter.page, voter.page.keyboard.press
        page.goto(voter.ballot)
        press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        press("Enter")
        press("Tab")
        expect(page.get_by_label("Alice")).to_be_focused()
        press("ArrowDown")
        expect(page.get_by_label("Bob")).to_be_checked()
        press("Enter")
        voter.register()
        voter.expect_title("Check your vote")
        button = page.get_by_role("button", name="Cast my vote")
        for _ in range(20):
            press("Tab")
            if button.evaluate("element => element === document.activeElement"):
                break
        press("Enter")
        voter.expect_title("Your vote is in")


def test_the_browser_holds_no_token(stack: Stack, chromium: Browser) -> None:
    with chromium.new_context(locale="en-GB") as context:
        voter = Voter(context.new_page(), stack, Account())
        voter.choose("Alice")
        voter.register()
        voter.expect_title("Check your vote")

        stored = voter.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        (cookie,) = (cookie for cookie in context.cookies(voter.web) if cookie.get("name") == "voting")
        assert stored == '[{},{},""]'
        assert (cookie.get("httpOnly"), cookie.get("sameSite"), len(cookie.get("value", ""))) == (True, "Lax", 43)
        assert "eyJ" not in voter.page.content()


def test_a_sign_in_that_was_begun_elsewhere_is_not_used_and_its_code_stays_good(stack: Stack, chromium: Browser) -> None:
    """The plain authorization URL: what comes back is shown, and redeemed by whoever began it."""
    redirect_uri = f"{stack.url('WEB_PORT')}/post-login"
    account = Account()
    with VoterBrowser(Client(stack.url("HYDRA_PUBLIC_PORT"), redirect_uri, stack.secrets["VOTER_APP_CLIENT_SECRET"])) as visitor:
        visitor.register(account.email, account.password)
        arrived = visitor.open(visitor.authorization_url("a-state-of-somebody-else"))
        assert arrived.left_for is not None
        with chromium.new_context(locale="en-GB") as context:
            page = context.new_page()
            answer = page.goto(arrived.left_for)
            assert answer is not None
            assert answer.status == 400
            expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in was not started here")
            assert parse_qs(urlsplit(arrived.left_for).query)["code"][0] not in page.content()

        assert visitor.redeem(arrived, "a-state-of-somebody-else").access_token
