"""The pages of an account in a real browser: passkeys, second factors, accessibility, and how it goes without JavaScript."""

import secrets
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from compose.voter_browser import claims_of
from tests.chromium import chromium, keep_picture, violations, with_authenticator
from tests.one_time_code import one_time_code
from tests.stacks import running_stack
from tests.voters import Accounts, Voter


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with running_stack("identity-pages", only=["identity"]) as stack:
        yield Accounts(stack)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser of its own, with a passkey provider. What the pages write to the console is a fault."""
    context = browser.new_context(locale="en-GB")
    page = with_authenticator(context)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert [line for line in said if "Content Security Policy" in line or "Error" in line] == []


def looked_at(page: Page, name: str) -> None:
    """A page that is fit to be shown: pictures of it are kept, and axe-core finds nothing."""
    keep_picture(page, f"identity-{name}")
    assert violations(page) == []


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def registered_with_password(accounts: Accounts, page: Page) -> Voter:
    voter = Voter()
    page.goto(f"{accounts.identity}/registration")
    page.get_by_label("Email address").fill(voter.email)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Password").fill(voter.password)
    page.get_by_role("button", name="Create account", exact=True).click()
    heading(page, "Your voting account")
    return voter


def registered_with_passkey(accounts: Accounts, page: Page) -> Voter:
    voter = Voter()
    page.goto(f"{accounts.identity}/registration")
    page.get_by_label("Email address").fill(voter.email)
    page.get_by_role("button", name="Create account with a passkey").click()
    heading(page, "Your voting account")
    return voter


def arrivals(accounts: Accounts, page: Page) -> list[str]:
    """The addresses with which the browser comes to the client, which is not there: its answer is made up here."""
    arrived: list[str] = []

    def arrive(route: Route) -> None:
        arrived.append(route.request.url)
        route.fulfill(body="arrived")

    page.route(f"{accounts.redirect_uri}*", arrive)
    return arrived


def sign_out(accounts: Accounts, page: Page) -> None:
    page.goto(f"{accounts.identity}/logout")
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_text("You are not signed in.")).to_be_visible()


def test_a_voter_registers_with_a_passkey_and_signs_in_with_it(accounts: Accounts, page: Page) -> None:
    voter = registered_with_passkey(accounts, page)
    expect(page.get_by_text("You are signed in.")).to_be_visible()
    sign_out(accounts, page)

    page.goto(f"{accounts.identity}/login")
    button = page.get_by_role("button", name="Sign in with a passkey")
    # A browser may offer the passkey by itself as soon as the page is open (conditional mediation).
    if page.get_by_role("heading", level=1).inner_text() == "Sign in" and button.is_visible():
        button.click(no_wait_after=True)
    heading(page, "Your voting account")

    session = page.request.get(f"{accounts.kratos}/sessions/whoami").json()
    assert [entry["method"] for entry in session["authentication_methods"]] == ["passkey"]
    assert session["identity"]["traits"]["email"] == voter.email
    assert session["identity"]["metadata_public"] == {"eligible": True, "locale": "en"}


def test_a_passkey_needs_an_address_first(accounts: Accounts, page: Page) -> None:
    page.goto(f"{accounts.identity}/registration")
    page.get_by_role("button", name="Create account with a passkey").click()

    heading(page, "Create an account")
    assert page.evaluate("document.activeElement.name") == "traits.email"


def test_a_passkey_is_added_and_taken_away_in_the_settings(accounts: Accounts, page: Page) -> None:
    voter = registered_with_password(accounts, page)
    page.goto(f"{accounts.identity}/settings")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    looked_at(page, "settings-passkey")
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Remove the passkey")).to_have_count(0)

    sign_out(accounts, page)
    page.goto(f"{accounts.identity}/login")
    page.get_by_label("Email address").fill(voter.email)
    page.get_by_label("Password").fill(voter.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    heading(page, "Your voting account")


def test_a_security_key_is_a_second_factor(accounts: Accounts, page: Page) -> None:
    voter = registered_with_password(accounts, page)
    page.goto(f"{accounts.identity}/settings")
    page.get_by_label("A name for the key").fill("blue key")
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_role("button", name="Remove the security key “blue key”")).to_be_visible()
    sign_out(accounts, page)

    page.goto(f"{accounts.identity}/login")
    page.get_by_label("Email address").fill(voter.email)
    page.get_by_label("Password").fill(voter.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    heading(page, "Your voting account")
    page.goto(f"{accounts.identity}/settings")
    heading(page, "Second step")
    looked_at(page, "second-step-security-key")
    page.get_by_role("button", name="Use your security key").click()
    heading(page, "Your account")


def test_a_second_step_on_the_way_to_the_client(accounts: Accounts, page: Page) -> None:
    arrived = arrivals(accounts, page)
    registered_with_password(accounts, page)
    state = secrets.token_urlsafe(8)
    with accounts.browser() as client:
        page.goto(client.authorization_url(state, acr_values="aal2"))
        heading(page, "This needs a second factor")
        looked_at(page, "second-factor-missing")
        page.get_by_role("link", name="Add a second factor").click()
        heading(page, "Your account")
        looked_at(page, "settings")
        secret = page.locator("#heading-totp ~ form .keep code").inner_text()
        page.get_by_label("Six-digit code").fill(one_time_code(secret, time.time()))
        page.locator("#heading-totp ~ form").get_by_role("button", name="Save").click()
        page.wait_for_url(f"{accounts.redirect_uri}*")
        code = arrived[-1].split("code=")[1].split("&")[0]
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": accounts.redirect_uri}
        answer = httpx.post(f"{accounts.hydra}/oauth2/token", data=body, auth=("voter-app", accounts.secret), timeout=30)
    assert claims_of(answer.json()["access_token"])["aal"] == "aal2"


def test_the_pages_are_fit_to_be_shown(accounts: Accounts, page: Page) -> None:
    for path, name in (("", "home"), ("/registration", "registration"), ("/login", "login"), ("/recovery", "recovery")):
        page.goto(accounts.identity + path)
        looked_at(page, name)
    page.get_by_label("Email address").fill("nobody@example.org")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Code from the email")).to_be_visible()
    looked_at(page, "recovery-code")
    page.goto(f"{accounts.identity}/login")
    page.get_by_label("Email address").fill("nobody@example.org")
    page.get_by_label("Password").fill("wrong-password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The email address or the password is not right.")
    looked_at(page, "login-wrong")
    page.goto(f"{accounts.identity}/registration")
    page.get_by_label("Email address").fill("short@example.org")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account", exact=True).click()
    expect(page.get_by_text("The password is too short.")).to_be_visible()
    looked_at(page, "registration-wrong")
    page.goto(f"{accounts.identity}/error")
    looked_at(page, "error")
    registered_with_password(accounts, page)
    looked_at(page, "home-signed-in")
    page.goto(f"{accounts.identity}/verification")
    looked_at(page, "verification")
    page.goto(f"{accounts.identity}/settings")
    page.get_by_role("button", name="Make backup codes").click()
    expect(page.get_by_role("button", name="I have kept the backup codes")).to_be_visible()
    looked_at(page, "settings-backup-codes")
    page.goto(f"{accounts.identity}/logout")
    looked_at(page, "logout")


def test_a_client_that_is_not_ours_is_shown_before_it_gets_anything(accounts: Accounts, page: Page) -> None:
    client = {
        "client_id": "town-library",
        "client_name": "Town library",
        "redirect_uris": [accounts.redirect_uri],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid email profile",
    }
    httpx.post(f"{accounts.hydra_admin}/admin/clients", json=client, timeout=30).raise_for_status()
    arrived = arrivals(accounts, page)
    registered_with_password(accounts, page)
    with accounts.browser() as ours:
        page.goto(ours.authorization_url("state-state", client_id="town-library", scope="openid email"))
    heading(page, "May Town library know who you are?")
    looked_at(page, "consent")
    page.get_by_role("button", name="Do not allow").click()
    page.wait_for_url(f"{accounts.redirect_uri}*")
    assert "error=access_denied" in arrived[-1]


def test_german_in_the_dark(accounts: Accounts, browser: Browser) -> None:
    context = browser.new_context(locale="de-CH", color_scheme="dark")
    page = context.new_page()
    for path, title in (("/login", "Anmelden"), ("/registration", "Konto anlegen"), ("/recovery", "Wieder in Ihr Konto kommen")):
        page.goto(accounts.identity + path)
        heading(page, title)
        looked_at(page, f"german{path.replace('/', '-')}")
    context.close()


def test_everything_but_passkeys_goes_without_javascript(accounts: Accounts, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{accounts.identity}/registration")
    expect(page.get_by_text("Passkeys and security keys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Create account with a passkey")).to_have_count(0)
    keep_picture(page, "identity-registration-without-javascript")
    voter = registered_with_password(accounts, page)

    page.get_by_role("link", name="Confirm your email address").click()
    page.get_by_label("Email address").fill(voter.email)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code from the email").fill(accounts.code(voter.email, "confirm", page.url))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Your email address is confirmed.")).to_be_visible()

    page.goto(f"{accounts.identity}/settings")
    secret = page.locator("#heading-totp ~ form .keep code").inner_text()
    page.get_by_label("Six-digit code").fill(one_time_code(secret, time.time()))
    page.locator("#heading-totp ~ form").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    context.close()
