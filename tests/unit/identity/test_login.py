import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from identity.hydra_api import LoginRequest
from identity.kratos_api import Session
from identity.login import acceptance, recent_enough, sure_enough

from .conftest import VOTER, Ory, session_of

REQUEST = "/admin/oauth2/auth/requests/login"
BACK = "http://localhost:4444/oauth2/auth?login_verifier=v"
KRATOS = "http://localhost:4433"


def asks(ory: Ory, query: str = "") -> None:
    ory.answers("GET", REQUEST, {"request_url": f"http://localhost:4444/oauth2/auth?client_id=voter-app&{query}", "skip": False})
    ory.answers("PUT", f"{REQUEST}/accept", {"redirect_to": BACK})
    ory.answers("PUT", f"{REQUEST}/reject", {"redirect_to": BACK})


def nobody_is_signed_in(ory: Ory) -> None:
    ory.answers("GET", "/sessions/whoami", {"error": {"code": 401}}, 401)


@pytest.mark.parametrize(
    ("query", "age_seconds", "expected"),
    [
        ("", 40_000, True),
        ("prompt=login", 10, True),
        ("prompt=login", 61, False),
        ("prompt=consent+login", 61, False),
        ("prompt=consent", 61, True),
        ("max_age=300", 299, True),
        ("max_age=300", 301, False),
        ("max_age=0", 10, True),
        ("max_age=0", 61, False),
        ("max_age=nonsense", 301, True),
    ],
)
def test_a_client_can_demand_a_fresh_sign_in(query: str, age_seconds: int, *, expected: bool) -> None:
    asked = LoginRequest.from_json({"request_url": f"http://localhost:4444/oauth2/auth?{query}"})
    session = Session.from_json(session_of(age=timedelta(seconds=age_seconds)))

    assert recent_enough(asked, session, datetime.now(UTC)) is expected


def test_hydra_remembers_no_longer_than_kratos() -> None:
    session = Session.from_json(session_of(aal="aal2"))
    now = session.expires_at - timedelta(seconds=90)

    told = acceptance(session, now)

    assert told["remember_for"] == 90
    assert (told["subject"], told["context"], told["acr"]) == (VOTER, {"aal": "aal2"}, "aal2")
    assert acceptance(session, session.expires_at)["remember_for"] == 1, "0 would mean for ever"


async def test_a_signed_in_voter_goes_straight_back_to_hydra(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory)
    ory.answers("GET", "/sessions/whoami", session_of())

    answer = await browser.get("/login?login_challenge=c", headers={"Cookie": "ory_kratos_session=s"})

    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    (whoami,) = ory.asked("GET", "/sessions/whoami")
    assert whoami.headers["cookie"] == "ory_kratos_session=s"
    (accepted,) = ory.asked("PUT", f"{REQUEST}/accept")
    assert json.loads(accepted.content)["subject"] == VOTER


@pytest.mark.parametrize("kind", ["login", "registration"])
async def test_a_voter_without_a_session_goes_to_kratos_and_comes_back_with_the_challenge(
    browser: httpx.AsyncClient, ory: Ory, kind: str
) -> None:
    asks(ory)
    nobody_is_signed_in(ory)

    answer = await browser.get(f"/{kind}", params={"login_challenge": "a/b+c="})

    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{KRATOS}/self-service/{kind}/browser"
    (return_to,) = parse_qs(target.query)["return_to"]
    assert return_to.startswith("http://localhost:4455/login?")
    assert parse_qs(urlsplit(return_to).query) == {"login_challenge": ["a/b+c="]}


async def test_being_remembered_by_hydra_does_not_stand_in_for_a_session(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory)
    ory.answers("GET", REQUEST, {"request_url": "http://localhost:4444/oauth2/auth", "skip": True, "subject": VOTER})
    nobody_is_signed_in(ory)

    answer = await browser.get("/login?login_challenge=c")

    assert answer.headers["location"].startswith(f"{KRATOS}/self-service/login/browser")
    assert not ory.asked("PUT", f"{REQUEST}/accept")


@pytest.mark.parametrize("kind", ["login", "registration"])
async def test_an_old_session_is_refreshed_when_the_client_asks_for_it(browser: httpx.AsyncClient, ory: Ory, kind: str) -> None:
    asks(ory, "prompt=login")
    ory.answers("GET", "/sessions/whoami", session_of(age=timedelta(hours=1)))

    answer = await browser.get(f"/{kind}?login_challenge=c")

    assert answer.headers["location"].startswith(f"{KRATOS}/self-service/login/browser?")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["refresh"] == ["true"]


async def test_prompt_none_shows_no_page(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, "prompt=none")
    nobody_is_signed_in(ory)

    answer = await browser.get("/login?login_challenge=c")

    assert answer.headers["location"] == BACK
    (rejected,) = ory.asked("PUT", f"{REQUEST}/reject")
    assert json.loads(rejected.content)["error"] == "login_required"


@pytest.mark.parametrize(
    ("query", "aal", "expected"),
    [
        ("", "aal1", True),
        ("acr_values=aal1", "aal1", True),
        ("acr_values=aal2", "aal1", False),
        ("acr_values=aal2", "aal2", True),
        ("acr_values=urn:other+aal2", "aal1", False),
        ("acr_values=aal22", "aal1", True),
    ],
)
def test_a_client_can_demand_a_second_factor(query: str, aal: str, *, expected: bool) -> None:
    asked = LoginRequest.from_json({"request_url": f"http://localhost:4444/oauth2/auth?{query}"})

    assert sure_enough(asked, Session.from_json(session_of(aal=aal))) is expected


async def test_a_voter_who_has_shown_one_factor_is_asked_for_the_second(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, "acr_values=aal2")
    ory.answers("GET", "/sessions/whoami", session_of())

    answer = await browser.get("/login?login_challenge=c")

    target = urlsplit(answer.headers["location"])
    assert target.path == "/self-service/login/browser"
    assert parse_qs(target.query) == {"aal": ["aal2"], "return_to": ["http://localhost:4455/login?login_challenge=c"]}
    assert not ory.asked("PUT", f"{REQUEST}/accept")


async def test_prompt_none_with_too_weak_a_session_shows_no_page(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, "prompt=none&acr_values=aal2")
    ory.answers("GET", "/sessions/whoami", session_of())

    await browser.get("/login?login_challenge=c")

    (rejected,) = ory.asked("PUT", f"{REQUEST}/reject")
    assert json.loads(rejected.content)["error"] == "interaction_required"


@pytest.mark.parametrize("path", ["/login", "/registration"])
@pytest.mark.parametrize(
    "query", ["", "?return_to=https://evil.example/", "?redirect_to=//evil.example", "?next=https:evil.example"]
)
async def test_a_visitor_cannot_choose_where_a_redirect_leads(browser: httpx.AsyncClient, path: str, query: str) -> None:
    answer = await browser.get(path + query)

    assert answer.headers["location"] == f"{KRATOS}/self-service{path}/browser"


@pytest.mark.parametrize("status", [401, 404, 409, 410])
async def test_a_challenge_that_went_bad_gives_a_helpful_page(browser: httpx.AsyncClient, ory: Ory, status: int) -> None:
    ory.answers("GET", REQUEST, {"redirect_to": "http://evil.example/"}, status)

    answer = await browser.get("/login?login_challenge=c")

    assert answer.status_code == 410
    assert "start again" in answer.text
    assert "location" not in answer.headers


async def test_no_session_cookie_of_one_visitor_is_sent_for_the_next(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", "/sessions/whoami", session_of(), headers={"Set-Cookie": "ory_kratos_session=renewed; Path=/"})

    await browser.get("/", headers={"Cookie": "ory_kratos_session=s"})
    await browser.get("/")

    assert "cookie" not in ory.requests[-1].headers


async def test_the_home_page_tells_whether_one_is_signed_in(browser: httpx.AsyncClient, ory: Ory) -> None:
    nobody_is_signed_in(ory)
    assert "not signed in" in (await browser.get("/")).text

    ory.answers("GET", "/sessions/whoami", session_of())
    assert "You are signed in" in (await browser.get("/")).text
