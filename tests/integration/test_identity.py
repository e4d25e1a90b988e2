"""Accounts on the real Kratos and Hydra: from registration to recovery, and what an attacker tries. No Kafka, no Flink."""

import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest

from compose.voter_browser import Page, VoterBrowser, WalkFailed, claims_of
from tests.integration.log_of_votes import eventually
from tests.one_time_code import one_time_code
from tests.stacks import running_stack
from tests.voters import Accounts, Voter


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with running_stack("identity", only=["identity"]) as stack:
        yield Accounts(stack)


@pytest.fixture
def voter() -> Voter:
    return Voter()


@pytest.fixture
def browser(accounts: Accounts) -> Iterator[VoterBrowser]:
    with accounts.browser("openid profile email vote:cast offline_access") as browser:
        yield browser


def secret_of(page: Page) -> str:
    """The secret that a settings page offers to an authenticator app."""
    return page.html.split('<ul class="keep"><li><code>', 1)[1].split("</code>", 1)[0]


def enrol(accounts: Accounts, browser: VoterBrowser) -> str:
    """Set an authenticator app up and return its secret."""
    page = browser.open(f"{accounts.identity}/settings")
    secret = secret_of(page)
    done = browser.submit(page, totp_code=one_time_code(secret, time.time()))
    assert "Your changes are saved." in done.html, done.errors
    return secret


def step_up_url(browser: VoterBrowser, state: str) -> str:
    return browser.authorization_url(state, acr_values="aal2")


# ── the way of an account ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_registration_gives_a_token_and_decides_in_metadata_alone(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    claims = claims_of(accounts.registered(voter, browser).access_token)

    assert claims["eligible"] is True
    assert claims["aal"] == "aal1"
    assert claims["aud"] == ["voting-api"]
    assert accounts.identity_of(claims["sub"])["metadata_public"] == {"eligible": True}


def test_a_program_without_a_browser_registers_the_same_way(accounts: Accounts, voter: Voter) -> None:
    flow = httpx.get(f"{accounts.kratos}/self-service/registration/api", timeout=30).raise_for_status().json()
    body = {"method": "password", "password": voter.password, "traits": {"email": voter.email}}

    answer = httpx.post(flow["ui"]["action"], json=body, timeout=30).raise_for_status().json()

    assert answer["session"]["active"] is True
    assert answer["identity"]["metadata_public"] == {"eligible": True}


def test_an_address_is_confirmed_by_the_code_in_the_mail(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    assert claims_of(accounts.registered(voter, browser).id_token or "")["email_verified"] is False
    assert "not confirmed yet" in browser.open(f"{accounts.identity}/").html

    asked = browser.submit(browser.open(f"{accounts.identity}/verification"), email=voter.email)
    wrong = browser.submit(asked, press="method", code="000000")
    assert wrong.errors == ["This code is not right, or it was used already. Please check it, or ask for a new one."]
    done = browser.submit(wrong, press="method", code=accounts.code(voter.email, "confirm", asked.url))

    assert "Your email address is confirmed." in done.html
    assert claims_of(browser.authorize().id_token or "")["email_verified"] is True
    assert "not confirmed yet" not in browser.open(f"{accounts.identity}/").html


def test_signing_out_ends_the_session_and_the_password_begins_another(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    sub = claims_of(accounts.registered(voter, browser).access_token)["sub"]
    asked = browser.open(f"{accounts.identity}/logout")
    browser.open(asked.link("Sign out"))
    assert "You are not signed in." in browser.open(f"{accounts.identity}/").html

    with pytest.raises(WalkFailed, match="The email address or the password is not right"):
        browser.sign_in(voter.email, "not-" + voter.password)
    assert claims_of(browser.sign_in(voter.email, voter.password).access_token)["sub"] == sub


def test_an_election_can_demand_a_second_factor(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    state = secrets.token_urlsafe(8)
    page = browser.open(step_up_url(browser, state))
    assert page.title == "This needs a second factor"

    # On the page that it leads to the voter sets one up, and is back at the client with it.
    settings = browser.open(page.link("Add a second factor"))
    secret = secret_of(settings)
    back = browser.submit(settings, totp_code=one_time_code(secret, time.time()))
    assert claims_of(browser.redeem(back, state).access_token)["aal"] == "aal2"

    # In another browser the password alone does not do.
    with accounts.browser() as another:
        state = secrets.token_urlsafe(8)
        first = another.submit(another.open(step_up_url(another, state)), identifier=voter.email, password=voter.password)
        assert first.title == "Second step"
        refused = another.submit(first, totp_code="000000")
        assert refused.errors == ["This code is not right, or it has run out. Please enter the one that the app shows now."]
        wait_for_the_next_code()
        done = another.submit(refused, totp_code=one_time_code(secret, time.time()))
        assert claims_of(another.redeem(done, state).access_token)["aal"] == "aal2"
        # Without the demand nothing more is asked for, and the token says what was shown.
        assert claims_of(another.authorize().access_token)["aal"] == "aal2"


def wait_for_the_next_code() -> None:
    """An authenticator's code is good once."""
    time.sleep(30.5 - time.time() % 30)


def test_backup_codes_are_a_second_factor_each_once(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    made = browser.submit(browser.open(f"{accounts.identity}/settings"), press="lookup_secret_regenerate")
    codes = made.html.split('<ul class="keep">')[-1].split("</ul>")[0].replace("</code>", "<code>").split("<code>")[1::2]
    assert len(codes) == 12
    browser.submit(made, press="lookup_secret_confirm")

    with accounts.browser() as another:
        state = secrets.token_urlsafe(8)
        first = another.submit(another.open(step_up_url(another, state)), identifier=voter.email, password=voter.password)
        done = another.submit(first, lookup_secret=codes[0])
        assert claims_of(another.redeem(done, state).access_token)["aal"] == "aal2"
    with accounts.browser() as another:
        first = another.submit(another.open(step_up_url(another, "state-state")), identifier=voter.email, password=voter.password)
        again = another.submit(first, lookup_secret=codes[0])
        assert again.errors == ["This backup code has been used already. Please take another one."]


def test_whoever_has_a_second_factor_needs_it_to_change_anything(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    enrol(accounts, browser)

    with accounts.browser() as thief:
        thief.sign_in(voter.email, voter.password)
        assert thief.open(f"{accounts.identity}/settings").title == "Second step"


def test_an_account_is_recovered_by_a_code_and_everybody_else_is_out(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    accounts.registered(voter, browser)
    with accounts.browser() as another:
        asked = another.submit(another.open(f"{accounts.identity}/recovery"), email=voter.email)
        settings = another.submit(asked, press="method", code=accounts.code(voter.email, "get back"))
        assert settings.title == "Your account"
        assert "You are back in your account." in settings.html
        assert "You are not signed in." in browser.open(f"{accounts.identity}/").html

        voter.password = secrets.token_urlsafe(18)
        saved = another.submit(settings, press="method", password=voter.password)
        assert "Your changes are saved." in saved.html, saved.errors
    browser.sign_in(voter.email, voter.password)


@pytest.mark.parametrize("kind", ["recovery", "verification"])
def test_nobody_learns_which_addresses_have_an_account(
    accounts: Accounts, browser: VoterBrowser, voter: Voter, kind: str
) -> None:
    accounts.registered(voter, browser)
    with accounts.browser() as stranger:
        known = stranger.submit(stranger.open(f"{accounts.identity}/{kind}"), email=voter.email)
    with accounts.browser() as stranger:
        unknown = stranger.submit(stranger.open(f"{accounts.identity}/{kind}"), email=Voter().email)
    assert (known.status, known.title, known.errors) == (unknown.status, unknown.title, unknown.errors)
    assert known.form().fields.keys() == unknown.form().fields.keys()

    with accounts.browser() as stranger:
        wrong = stranger.submit(stranger.open(f"{accounts.identity}/login"), identifier=voter.email, password="not-this-one")
        none = stranger.submit(wrong, identifier=Voter().email, password="not-this-one")
    assert wrong.errors == none.errors != []


def test_pages_and_mails_speak_the_voters_language(accounts: Accounts, voter: Voter) -> None:
    with accounts.browser() as browser:
        browser.speak("de-CH,de;q=0.9")
        page = browser.open(f"{accounts.identity}/registration")
        assert page.title == "Konto anlegen"
        browser.submit(page, traits__email=voter.email, password=voter.password)
        claims = claims_of(browser.authorize().access_token)
    assert claims["locale"] == "de"
    accounts.code(voter.email, "um diese Adresse zu bestätigen")


def test_what_happens_to_an_account_is_told_without_a_word_about_the_person(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    sub = claims_of(accounts.registered(voter, browser).access_token)["sub"]
    enrol(accounts, browser)
    with accounts.browser() as another:
        another.sign_in(voter.email, voter.password)
    expected = {
        ("identity.registered", "password"),
        ("consent.given", "voter-app"),
        ("identity.changed", "totp"),
        ("identity.signed_in", "password"),
    }

    eventually(lambda: expected <= set(accounts.events_of(sub)), f"all of {expected} in {accounts.events_of(sub)}", 30)


# ── who is eligible ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_voter_cannot_become_eligible_by_editing_the_traits(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    sub = claims_of(accounts.registered(voter, browser).access_token)["sub"]
    accounts.change(sub, "/metadata_public", {"eligible": False})
    forged = {
        "traits.eligible": "true",
        "traits.jurisdiction": "north",
        "traits.roles.0": "admin",
        "metadata_public.eligible": "true",
        "traits": '{"eligible": true}',
    }

    for names in ([], ["traits.eligible"], ["metadata_public.eligible"], list(forged)):
        page = browser.open(f"{accounts.identity}/settings")
        form = page.form("traits.email")
        body = {**form.fields, **form.buttons, **{name: forged[name] for name in names}, "traits.name": "Ada Eligible"}
        browser.post(form.action, body)

    assert claims_of(browser.authorize().access_token)["eligible"] is False
    assert accounts.identity_of(sub)["metadata_public"] == {"eligible": False}


def test_a_registration_cannot_bring_its_own_metadata(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    page = browser.open(f"{accounts.identity}/registration")
    form = page.form()
    body = {
        **form.fields,
        "method": "password",
        "traits.email": voter.email,
        "password": voter.password,
        "metadata_public.roles": "admin",
        "metadata_admin.roles": "admin",
    }
    browser.post(form.action, body)

    claims = claims_of(browser.authorize().access_token)
    assert "roles" not in claims
    assert accounts.identity_of(claims["sub"])["metadata_public"] == {"eligible": True}


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_an_identity_that_is_gone_gets_no_further_token(
    accounts: Accounts, browser: VoterBrowser, voter: Voter, how: str
) -> None:
    tokens = accounts.registered(voter, browser)
    sub = claims_of(tokens.access_token)["sub"]
    if how == "deactivated":
        accounts.change(sub, "/state", "inactive")
    else:
        accounts.delete(sub)

    with pytest.raises(WalkFailed, match="the token endpoint answered 403"):
        browser.refresh(tokens)
    with pytest.raises(WalkFailed):
        browser.authorize()
    with accounts.browser() as another, pytest.raises(WalkFailed):
        another.sign_in(voter.email, voter.password)


def test_a_refreshed_token_says_what_is_true_now(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    tokens = accounts.registered(voter, browser)
    accounts.change(claims_of(tokens.access_token)["sub"], "/metadata_public", {"eligible": False, "jurisdiction": "north"})

    claims = claims_of(browser.refresh(tokens).access_token)

    assert (claims["eligible"], claims["jurisdiction"]) == (False, "north")


def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_family(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    first = accounts.registered(voter, browser)
    second = browser.refresh(first)

    with pytest.raises(WalkFailed, match="answered 4"):
        browser.refresh(first)
    with pytest.raises(WalkFailed, match="answered 4"):
        browser.refresh(second)


# ── attacks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pkce() -> tuple[str, dict[str, str]]:
    verifier = secrets.token_urlsafe(48)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, {"code_challenge": digest, "code_challenge_method": "S256"}


def code_of(page: Page) -> str:
    assert page.left_for is not None, page.title
    (code,) = parse_qs(urlsplit(page.left_for).query)["code"]
    return code


def redeemed(accounts: Accounts, code: str, **more: str) -> httpx.Response:
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": accounts.redirect_uri, **more}
    return httpx.post(f"{accounts.hydra}/oauth2/token", data=body, auth=("voter-app", accounts.secret), timeout=30)


def test_a_code_is_good_once_and_its_replay_ends_what_it_gave(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    code = code_of(browser.open(browser.authorization_url("state-state")))
    first = redeemed(accounts, code)
    assert first.status_code == 200

    assert redeemed(accounts, code).json()["error"] == "invalid_grant"
    body = {"grant_type": "refresh_token", "refresh_token": first.json()["refresh_token"]}
    refreshed = httpx.post(f"{accounts.hydra}/oauth2/token", data=body, auth=("voter-app", accounts.secret), timeout=30)
    assert refreshed.status_code >= 400


def test_an_id_token_says_which_request_it_answers(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    """So that a client can refuse the token of another sign-in."""
    accounts.registered(voter, browser)
    for nonce in ("the-nonce-of-one-sign-in", "the-nonce-of-another-sign-in"):
        page = browser.open(browser.authorization_url("state-state", nonce=nonce))
        assert claims_of(browser.redeem(page, "state-state").id_token or "")["nonce"] == nonce


def test_a_code_is_of_no_use_to_another_client(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    other = {
        "client_id": f"other-{uuid.uuid4()}",
        "client_secret": "the-secret-of-another-client",
        "redirect_uris": [accounts.redirect_uri],
        "grant_types": ["authorization_code"],
        "scope": "openid",
    }
    httpx.post(f"{accounts.hydra_admin}/admin/clients", json=other, timeout=30).raise_for_status()
    code = code_of(browser.open(browser.authorization_url("state-state")))

    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": accounts.redirect_uri}
    credentials = (str(other["client_id"]), str(other["client_secret"]))
    answer = httpx.post(f"{accounts.hydra}/oauth2/token", data=body, auth=credentials, timeout=30)

    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("verifier", [None, "", "of-somebody-else-of-somebody-else-of-somebody-else"])
def test_a_code_with_a_challenge_needs_its_verifier(
    accounts: Accounts, browser: VoterBrowser, voter: Voter, verifier: str | None
) -> None:
    accounts.registered(voter, browser)
    good, challenge = pkce()
    code = code_of(browser.open(browser.authorization_url("state-state", **challenge)))

    more = {} if verifier is None else {"code_verifier": verifier}
    assert redeemed(accounts, code, **more).status_code >= 400
    # The wrong one did not use it up for its owner, or it did: in neither case has anybody else got a token.
    assert redeemed(accounts, code, code_verifier=good).status_code in {200, 400}


def test_a_public_client_cannot_do_without_a_challenge(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    accounts.registered(voter, browser)
    public = {
        "client_id": f"public-{uuid.uuid4()}",
        "redirect_uris": [accounts.redirect_uri],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid",
        "token_endpoint_auth_method": "none",
        "skip_consent": True,
    }
    httpx.post(f"{accounts.hydra_admin}/admin/clients", json=public, timeout=30).raise_for_status()

    page = browser.open(browser.authorization_url("state-state", client_id=str(public["client_id"]), scope="openid"))

    assert page.left_for is not None
    assert parse_qs(urlsplit(page.left_for).query)["error"] == ["invalid_request"]


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/post-login",
        "{uri}/../evil",
        "{uri}?next=https://evil.example",
        "{uri}@evil.example",
        "{uri}%0d%0aX:y",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_redirect_that_was_tampered_with_goes_nowhere(
    accounts: Accounts, browser: VoterBrowser, voter: Voter, redirect_uri: str
) -> None:
    accounts.registered(voter, browser)

    page = browser.open(browser.authorization_url("state-state", redirect_uri=redirect_uri.format(uri=accounts.redirect_uri)))

    if redirect_uri == "":  # left out: the one that is registered
        assert page.left_for is None or page.left_for.startswith(accounts.redirect_uri)
        return
    assert page.left_for is None
    assert urlsplit(page.url).netloc == urlsplit(accounts.identity).netloc
    assert page.status == 400


@pytest.mark.parametrize("state", ["", "short"])
def test_a_state_that_can_be_guessed_is_refused(accounts: Accounts, browser: VoterBrowser, voter: Voter, state: str) -> None:
    accounts.registered(voter, browser)

    page = browser.open(browser.authorization_url(state))

    assert "code=" not in (page.left_for or "")


@pytest.mark.parametrize("kind", ["login", "consent", "logout"])
@pytest.mark.parametrize("challenge", ["", "unknown", "../../clients", "a" * 2000, "%00"])
def test_a_challenge_that_is_none_gives_a_helpful_page(
    accounts: Accounts, browser: VoterBrowser, kind: str, challenge: str
) -> None:
    page = browser.open(f"{accounts.identity}/{kind}?{urlencode({f'{kind}_challenge': challenge})}")

    assert page.status in ({200, 410} if challenge == "" else {410})
    assert "start again" in page.html.lower() or challenge == ""


class Steps:
    """A sign-in that stops at each redirect, so that an attacker can take one and give it to somebody else."""

    def __init__(self, browser: VoterBrowser) -> None:
        self.browser = browser

    def until(self, url: str, part: str) -> str:
        """Follow redirects and return the first address that has this part, without opening it."""
        for _ in range(15):
            if part in url:
                return url
            url = self.browser.next_address(url)
        raise AssertionError(f"no redirect to {part}")


def test_a_login_challenge_of_another_browser_signs_nobody_in_there(accounts: Accounts, browser: VoterBrowser) -> None:
    """Session fixation: the attacker begins, the victim's browser is led on, and the attacker waits for the victim's token."""
    victim, attacker = browser, accounts.browser()
    accounts.registered(Voter(), victim)
    with attacker:
        link = Steps(attacker).until(attacker.authorization_url("state-state"), "login_challenge=")
        verified = Steps(victim).until(link, "login_verifier=")

        followed = victim.open(verified)
        assert followed.left_for is None or "error=" in followed.left_for
        taken = attacker.open(verified)
        assert "code=" not in (taken.left_for or ""), "the attacker's browser got a code about the victim"


def test_a_login_verifier_is_good_once(accounts: Accounts, browser: VoterBrowser) -> None:
    accounts.registered(Voter(), browser)
    steps = Steps(browser)
    verified = steps.until(steps.until(browser.authorization_url("state-state"), "login_challenge="), "login_verifier=")
    assert browser.open(verified).left_for is not None

    again = browser.open(verified)
    assert "code=" not in (again.left_for or "")


def test_nobody_consents_for_another_subject(accounts: Accounts, browser: VoterBrowser) -> None:
    victim, attacker = browser, accounts.browser()
    accounts.registered(Voter(), victim)
    with attacker:
        accounts.registered(Voter(), attacker)
        challenge = Steps(victim).until(victim.authorization_url("state-state"), "consent_challenge=")

        page = attacker.open(challenge)
        assert page.status == 403
        assert page.left_for is None
    # For the victim it is as good as before.
    assert "code=" in (victim.open(challenge).left_for or "")


def test_a_consent_challenge_is_good_once(accounts: Accounts, browser: VoterBrowser) -> None:
    accounts.registered(Voter(), browser)
    challenge = Steps(browser).until(browser.authorization_url("state-state"), "consent_challenge=")
    assert "code=" in (browser.open(challenge).left_for or "")

    again = browser.open(challenge)

    assert "code=" not in (again.left_for or "")
    assert again.left_for is not None or again.status == 410


def test_a_session_that_an_attacker_has_planted_is_replaced(accounts: Accounts, browser: VoterBrowser, voter: Voter) -> None:
    with accounts.browser() as attacker:
        accounts.registered(Voter(), attacker)
        planted = attacker.cookie("ory_kratos_session")
    browser.set_cookie("ory_kratos_session", planted)

    browser.open(browser.open(f"{accounts.identity}/logout").link("Sign out"))
    browser.set_cookie("ory_kratos_session", planted)
    accounts.registered(voter, browser)

    assert browser.cookie("ory_kratos_session") != planted


FORMS = {
    "registration": {"traits.email": "forged@example.org", "password": "a-password-of-somebody", "method": "password"},
    "login": {"identifier": "forged@example.org", "password": "a-password-of-somebody", "method": "password"},
    "recovery": {"email": "forged@example.org", "method": "code"},
    "verification": {"email": "forged@example.org", "method": "code"},
    "settings": {"traits.email": "forged@example.org", "method": "profile"},
}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("token", ["left out", "of another browser"])
def test_the_form_of_another_site_is_refused(
    accounts: Accounts, browser: VoterBrowser, voter: Voter, kind: str, token: str
) -> None:
    """A page elsewhere sends the victim's browser a form of ours, with what its author could find out: a flow of the author's."""
    if kind == "settings":
        accounts.registered(voter, browser)
    form = browser.open(f"{accounts.identity}/{kind}").form(*([] if kind != "settings" else ["traits.email"]))
    body = dict(FORMS[kind])
    if token == "of another browser":
        with accounts.browser() as attacker:
            if kind == "settings":
                accounts.registered(Voter(), attacker)
            theirs = attacker.open(f"{accounts.identity}/{kind}").form(*([] if kind != "settings" else ["traits.email"]))
            body["csrf_token"] = theirs.fields["csrf_token"]

    page = browser.post(form.action, body)

    assert page.status == 403, page.title
    everybody = httpx.get(f"{accounts.kratos_admin}/admin/identities", params={"credentials_identifier": "forged@example.org"})
    assert everybody.json() == []


def test_a_flow_of_another_browser_is_not_shown(accounts: Accounts, browser: VoterBrowser) -> None:
    with accounts.browser() as attacker:
        flow = attacker.open(f"{accounts.identity}/login")

    assert browser.open(flow.url).status == 403


# ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_that_is_sent_twice_and_one_that_is_gone_back_to_do_no_harm(
    accounts: Accounts, browser: VoterBrowser, voter: Voter
) -> None:
    page = browser.open(f"{accounts.identity}/registration")
    first = browser.submit(page, traits__email=voter.email, password=voter.password)
    assert "You are signed in." in first.html

    again = browser.submit(page, traits__email=voter.email, password=voter.password)

    assert again.status in {200, 403, 410}
    assert "You are signed in." in browser.open(f"{accounts.identity}/").html


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification"])
def test_a_flow_that_never_was_offers_a_new_one(accounts: Accounts, browser: VoterBrowser, kind: str) -> None:
    page = browser.open(f"{accounts.identity}/{kind}?flow={uuid.uuid4()}")

    assert page.status == 410
    assert browser.open(page.link("Start again")).form()


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example/", "http://localhost:1/"])
def test_kratos_leads_nowhere_but_to_the_app(accounts: Accounts, browser: VoterBrowser, where: str) -> None:
    page = browser.open(f"{accounts.kratos}/self-service/login/browser?{urlencode({'return_to': where})}")

    assert urlsplit(page.url).netloc in {urlsplit(accounts.identity).netloc, urlsplit(accounts.kratos).netloc}
    assert page.status >= 400


def test_every_page_has_the_policy_that_allows_two_scripts(accounts: Accounts, browser: VoterBrowser) -> None:
    for kind in ("login", "registration", "recovery", "verification"):
        answer = browser.answer(f"{accounts.identity}/{kind}")
        policy = answer.headers["content-security-policy"]
        assert f"script-src {accounts.identity}/webauthn.js {accounts.identity}/static/passkeys.js;" in policy
        assert "unsafe" not in policy
    script = browser.answer(urljoin(accounts.identity, "/webauthn.js"))
    assert b"PublicKeyCredential" in script.content
