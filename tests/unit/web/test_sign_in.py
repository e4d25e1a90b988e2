"""Signing in, and everything that somebody may try with it."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from web.app import create_app
from web.settings import Settings

from .conftest import ELECTION, FOREIGN_KEY, SOMEBODY_ELSE, VOTER, WEB, Browser, Hydra, location_query
from .in_memory import MemoryStore

BALLOT = f"/elections/{ELECTION}"


async def test_signing_in_asks_hydra_with_pkce_state_and_nonce(browser: Browser) -> None:
    answer = await browser.get("/sign-in")

    assert answer.headers["location"].startswith("http://localhost:4444/oauth2/auth?")
    query = location_query(answer)
    assert query.pop("state") != query.pop("nonce")
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "response_type": "code",
        "client_id": "voter-app",
        "redirect_uri": f"{WEB}/post-login",
        "scope": "openid vote:cast",
        "code_challenge_method": "S256",
    }


async def test_creating_an_account_asks_hydra_for_its_registration_page(browser: Browser) -> None:
    assert location_query(await browser.get("/register"))["prompt"] == "registration"


async def test_a_second_factor_is_asked_for_by_its_level(browser: Browser) -> None:
    assert location_query(await browser.get("/sign-in/second-factor"))["acr_values"] == "aal2"


async def test_a_voter_comes_back_to_the_page_and_is_signed_in(browser: Browser) -> None:
    answer = await browser.sign_in(path=BALLOT)

    assert (answer.status_code, answer.headers["location"]) == (303, BALLOT)
    assert "You are signed in" in (await browser.get("/")).text


async def test_no_token_reaches_the_browser_or_lies_readable_in_the_store(browser: Browser, store: MemoryStore) -> None:
    await browser.sign_in()
    page = await browser.get("/")

    assert browser.cookie is not None
    for value in (*(sealed for sealed, _ in store.values.values()), page.content, str(page.headers).encode()):
        assert b"access." not in value
        assert VOTER.encode() not in value
    assert not any(browser.cookie in name for name in store.values), "the store alone must not be enough to be somebody"
    assert "httponly" in (await browser.sign_in()).headers["set-cookie"].lower()


async def test_the_session_cookie_is_new_after_signing_in(new_browser: Callable[[], Browser]) -> None:
    """Session fixation: an id that somebody planted stays signed out."""
    attacker, victim = new_browser(), new_browser()
    await attacker.get(BALLOT)
    planted = attacker.cookie
    assert planted is not None
    victim.client.cookies.set("voting", planted, domain="localhost.local", path="/")

    await victim.sign_in()

    assert victim.client.cookies.get("voting", domain="localhost.local") != planted
    assert "You are signed in" not in (await attacker.get("/")).text


@pytest.mark.parametrize("planted", ["x", "a" * 43 + "b", "../" + "a" * 40, "ä" * 10])
async def test_what_is_no_session_id_is_not_taken_for_one(browser: Browser, planted: str) -> None:
    answer = await browser.client.get("/sign-in", headers=[(b"Cookie", f"voting={planted}".encode())])

    assert answer.cookies["voting"] != planted
    assert len(answer.cookies["voting"]) == 43


async def test_a_code_with_a_state_that_was_not_issued_is_never_redeemed(browser: Browser, hydra: Hydra) -> None:
    """The plain authorization URL: somebody else's sign-in, whose code stays good for who began it."""
    await browser.get("/sign-in")
    answer = await browser.get("/post-login?code=somebodys-code&state=somebodys-state")

    assert answer.status_code == 400
    assert "was not started here" in answer.text
    assert "somebodys" not in answer.text
    assert hydra.token_requests == []


@pytest.mark.parametrize("query", ["", "?code=c", "?state=s", "?error=access_denied", "?state=&code=c"])
async def test_a_callback_without_a_sign_in_is_explained(browser: Browser, hydra: Hydra, query: str) -> None:
    answer = await browser.get(f"/post-login{query}")

    assert answer.status_code == 400
    assert hydra.token_requests == []


async def test_a_sign_in_of_another_browser_signs_nobody_in(new_browser: Callable[[], Browser], hydra: Hydra) -> None:
    """Login CSRF: the attacker's code and state in the victim's browser."""
    attacker, victim = new_browser(), new_browser()
    callback = hydra.authorize((await attacker.get("/sign-in")).headers["location"], SOMEBODY_ELSE)
    await victim.get("/sign-in")

    answer = await victim.get(callback)

    assert answer.status_code == 400
    assert hydra.token_requests == []
    assert "You are signed in" not in (await victim.get("/")).text


async def test_a_callback_works_once(browser: Browser, hydra: Hydra) -> None:
    callback = hydra.authorize((await browser.get("/sign-in")).headers["location"])
    assert (await browser.get(callback)).status_code == 303

    again = await browser.get(callback)

    assert again.status_code == 400
    assert "You are signed in already" in again.text
    assert len(hydra.token_requests) == 1


async def test_a_stolen_callback_is_worth_nothing_elsewhere_even_before_its_owner_uses_it(
    new_browser: Callable[[], Browser], hydra: Hydra
) -> None:
    owner, thief = new_browser(), new_browser()
    callback = hydra.authorize((await owner.get("/sign-in")).headers["location"])
    await thief.get("/sign-in")

    assert (await thief.get(callback)).status_code == 400
    assert (await owner.get(callback)).status_code == 303


async def test_a_foreign_code_with_an_own_state_is_refused(new_browser: Callable[[], Browser], hydra: Hydra) -> None:
    """Code injection: PKCE ties a code to the browser that asked for it."""
    victim, attacker = new_browser(), new_browser()
    stolen = parse_qs(urlsplit(hydra.authorize((await victim.get("/sign-in")).headers["location"])).query)["code"][0]
    state = location_query(await attacker.get("/sign-in"))["state"]

    answer = await attacker.get(f"/post-login?code={stolen}&state={state}")

    assert answer.status_code == 400
    assert "Signing in did not work" in answer.text
    assert len(hydra.token_requests) == 1
    assert "You are signed in" not in (await attacker.get("/")).text


async def test_a_replayed_code_is_refused(browser: Browser, hydra: Hydra) -> None:
    callback = hydra.authorize((await browser.get("/sign-in")).headers["location"])
    code = parse_qs(urlsplit(callback).query)["code"][0]
    await browser.get(callback)
    state = location_query(await browser.get("/sign-in"))["state"]

    assert (await browser.get(f"/post-login?code={code}&state={state}")).status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"iss": "http://evil.example"},
        {"aud": ["another-client"]},
        {"aud": ["another-client", "voter-app"], "azp": "another-client"},
        {"exp": 1},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"sub": "no voter's:sub"},
        {"sub": ""},
    ],
    ids="-".join,
)
async def test_an_id_token_that_is_not_this_sign_ins_is_refused(browser: Browser, claims: dict[str, Any]) -> None:
    answer = await browser.sign_in(**claims)

    assert answer.status_code == 400
    assert "Signing in did not work" in answer.text
    assert "You are signed in" not in (await browser.get("/")).text


async def test_an_id_token_of_another_signer_is_refused(browser: Browser, hydra: Hydra) -> None:
    hydra.signs_with = FOREIGN_KEY

    assert (await browser.sign_in()).status_code == 400


async def test_an_unsigned_id_token_is_refused(browser: Browser, hydra: Hydra, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = hydra.id_token

    def unsigned(code: Any, access_token: str) -> str:
        _, payload, _ = signed(code, access_token).split(".")
        return f"eyJhbGciOiJub25lIn0.{payload}."

    monkeypatch.setattr(hydra, "id_token", unsigned)

    assert (await browser.sign_in()).status_code == 400


async def test_a_refusal_of_hydra_is_told_and_the_way_back_stays(browser: Browser) -> None:
    state = location_query(await browser.get(f"/sign-in?next={BALLOT}/review"))["state"]

    answer = await browser.get(f"/post-login?error=access_denied&error_description=<b>text</b>&state={state}")

    assert answer.status_code == 403
    assert "You were not signed in" in answer.text
    assert "text</b>" not in answer.text
    assert f'href="/sign-in?next=%2Felections%2F{ELECTION}%2Freview"' in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/elections/x/../../post-login",
        "/post-login",
        "/sign-in",
        "/elections/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/?next=//evil.example",
        "",
    ],
)
async def test_a_sign_in_leads_back_to_pages_of_this_site_only(browser: Browser, target: str) -> None:
    answer = await browser.sign_in(path=target)

    assert answer.headers["location"] == "/"


async def test_the_redirect_uri_is_the_registered_one_whatever_the_request_says(browser: Browser) -> None:
    answer = await browser.client.get("/sign-in?redirect_uri=https://evil.example/", headers={"Host": "evil.example"})

    assert location_query(answer)["redirect_uri"] == f"{WEB}/post-login"


async def test_two_tabs_can_sign_in_beside_each_other(browser: Browser, hydra: Hydra) -> None:
    first = (await browser.get("/sign-in")).headers["location"]
    second = (await browser.get("/sign-in")).headers["location"]

    assert (await browser.get(hydra.authorize(second))).status_code == 303
    late = await browser.get(hydra.authorize(first))

    assert "You are signed in already" in late.text


async def test_a_sign_in_that_took_too_long_begins_anew(browser: Browser, hydra: Hydra, store: MemoryStore) -> None:
    url = (await browser.get("/sign-in")).headers["location"]
    store.passed_seconds = 1801

    assert (await browser.get(hydra.authorize(url))).status_code == 400
    assert hydra.token_requests == []


async def test_a_session_ends_when_nothing_is_done_for_an_hour(browser: Browser, store: MemoryStore) -> None:
    await browser.sign_in()
    store.passed_seconds = 3500
    assert "You are signed in" in (await browser.get("/")).text
    store.passed_seconds = 7000
    assert "You are signed in" in (await browser.get("/")).text
    store.passed_seconds = 10_700

    assert "You are signed in" not in (await browser.get("/")).text


async def test_a_session_ends_after_twelve_hours_whatever_is_done(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    await browser.sign_in()
    at_sign_in = time.time()
    monkeypatch.setattr("web.visit.time.time", lambda: at_sign_in + 12 * 3600 + 1)

    assert "You are signed in" not in (await browser.get("/")).text


async def test_a_sealed_value_is_worth_nothing_under_another_name_or_with_a_bit_changed(
    new_browser: Callable[[], Browser], store: MemoryStore
) -> None:
    mine, other = new_browser(), new_browser()
    await mine.sign_in()
    await other.sign_in(SOMEBODY_ELSE)
    first, second = (name for name in store.values if name.startswith("web:session:"))
    store.values[first], store.values[second] = store.values[second], store.values[first]
    assert "You are signed in" not in (await mine.get("/")).text
    store.values[first], store.values[second] = store.values[second], store.values[first]
    value, until = store.values[first]
    store.values[first] = value[:-1] + bytes([value[-1] ^ 1]), until

    assert "You are signed in" not in (await mine.get("/")).text
    assert "You are signed in" in (await other.get("/")).text


async def test_signing_out_ends_the_session_here_and_at_hydra(browser: Browser) -> None:
    await browser.sign_in()
    former = browser.cookie
    await browser.get("/")

    answer = await browser.submit("/sign-out")

    assert answer.headers["location"].startswith("http://localhost:4444/oauth2/sessions/logout?")
    query = location_query(answer)
    assert query["post_logout_redirect_uri"] == f"{WEB}/"
    assert query["id_token_hint"].count(".") == 2
    page = await browser.get("/")
    assert "You are signed out" in page.text
    assert former is not None
    assert "You are signed in" not in (await browser.client.get("/", headers={"Cookie": f"voting={former}"})).text
    assert "You are signed out" not in (await browser.get("/")).text, "it is said once"


async def test_signing_out_works_while_hydra_is_away_and_says_what_is_left(
    browser: Browser, hydra: Hydra, settings: Settings, store: MemoryStore
) -> None:
    await browser.sign_in()
    await browser.get("/")
    hydra.away = True
    # A process that has just started has not learnt yet where Hydra ends sessions.
    app = create_app(settings, store, httpx.MockTransport(hydra.handle))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=WEB, cookies=browser.client.cookies) as client:
        answer = await client.post("/sign-out", data=browser.fields("/sign-out"))

    assert (answer.headers["location"], answer.cookies["voting-note"]) == ("/", "signed-out-here")
    assert "You are signed in" not in (await browser.get("/")).text


async def test_hydra_being_away_is_told_in_plain_words(browser: Browser, hydra: Hydra) -> None:
    hydra.away = True

    answer = await browser.get("/sign-in")

    assert answer.status_code == 503
    assert "Please try again in a moment" in answer.text
    assert answer.headers["retry-after"] == "5"


async def test_a_discovery_document_of_another_issuer_is_not_believed(
    browser: Browser, hydra: Hydra, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = hydra.handle

    def evil(request: httpx.Request) -> httpx.Response:
        answer = handle(request)
        return httpx.Response(200, json={**answer.json(), "issuer": "http://evil.example"})

    monkeypatch.setattr(hydra, "handle", evil)

    assert (await browser.get("/sign-in")).status_code == 502


async def test_the_cookie_is_bound_to_this_host_where_there_is_tls(settings: Settings, store: MemoryStore, hydra: Hydra) -> None:
    secure = dataclasses.replace(settings, web_url="https://vote.example")
    app = create_app(secure, store, httpx.MockTransport(hydra.handle))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://vote.example") as client:
        cookie = (await client.get("/sign-in")).headers["set-cookie"]

    assert cookie.startswith("__Host-voting=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=lax", "secure"}
