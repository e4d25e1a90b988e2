import httpx
import pytest

from .conftest import SOMEBODY_ELSE, VOTER, Ory, session_of

REQUEST = "/admin/oauth2/auth/requests/logout"
BACK = "http://localhost:4444/oauth2/sessions/logout?logout_verifier=v"
SESSION = f"/admin/sessions/{session_of()['id']}"


def asks(ory: Ory, *, by_client: bool, subject: str = VOTER) -> None:
    ory.answers("GET", REQUEST, {"subject": subject, "rp_initiated": by_client})
    ory.answers("PUT", f"{REQUEST}/accept", {"redirect_to": BACK})
    ory.answers("GET", "/sessions/whoami", session_of())
    ory.answers("DELETE", SESSION, {})


async def test_a_client_with_the_voters_id_token_signs_out_at_once_in_hydra_and_kratos(
    browser: httpx.AsyncClient, ory: Ory
) -> None:
    asks(ory, by_client=True)

    answer = await browser.get("/logout?logout_challenge=c")

    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    assert ory.asked("DELETE", SESSION)


async def test_a_link_alone_signs_nobody_out(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, by_client=False)

    answer = await browser.get("/logout?logout_challenge=c%22d")

    assert answer.status_code == 200
    assert 'action="/logout?logout_challenge=c%22d"' in answer.text
    assert not ory.asked("PUT", f"{REQUEST}/accept")
    assert not ory.asked("DELETE", SESSION)

    sent = await browser.post("/logout?logout_challenge=c", data={"csrf_token": browser.cookies["identity_form"]})
    assert sent.headers["location"] == BACK
    assert ory.asked("DELETE", SESSION)


@pytest.mark.parametrize("token", [None, "", "of-another-browser-of-another-browser"])
async def test_the_form_of_another_site_signs_nobody_out(browser: httpx.AsyncClient, ory: Ory, token: str | None) -> None:
    asks(ory, by_client=False)
    await browser.get("/logout?logout_challenge=c")

    answer = await browser.post("/logout?logout_challenge=c", data={} if token is None else {"csrf_token": token})

    assert answer.status_code == 403
    assert not ory.asked("PUT", f"{REQUEST}/accept")


async def test_a_form_without_the_cookie_is_refused_even_if_its_token_is_empty(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, by_client=False)

    assert (await browser.post("/logout?logout_challenge=c", data={"csrf_token": ""})).status_code == 403


async def test_a_challenge_about_somebody_else_leaves_this_browsers_session(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, by_client=True, subject=SOMEBODY_ELSE)

    await browser.get("/logout?logout_challenge=c")

    assert not ory.asked("DELETE", SESSION)


async def test_without_a_client_the_page_leads_to_kratos_with_the_sessions_own_token(
    browser: httpx.AsyncClient, ory: Ory
) -> None:
    url = "http://localhost:4433/self-service/logout?token=t"
    ory.answers("GET", "/self-service/logout/browser", {"logout_url": url, "logout_token": "t"})
    assert f'href="{url}"' in (await browser.get("/logout")).text

    ory.answers("GET", "/self-service/logout/browser", {"error": {"code": 401}}, 401)
    assert "You are signed out" in (await browser.get("/logout")).text


async def test_a_used_challenge_gives_a_helpful_page(browser: httpx.AsyncClient) -> None:
    token = "a-token-of-this-browser-that-is-long-enough"
    browser.cookies.set("identity_form", token)

    assert (await browser.get("/logout?logout_challenge=used")).status_code == 410
    assert (await browser.post("/logout?logout_challenge=used", data={"csrf_token": token})).status_code == 410
    assert (await browser.post("/logout", data={"csrf_token": token})).status_code == 410
