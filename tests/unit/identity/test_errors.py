import logging

import httpx
import pytest

from identity.failures import EXPLANATIONS, Elsewhere, Failure, Restartable
from identity.wording import wording

from .conftest import Ory, session_of

LOGIN_REQUEST = "/admin/oauth2/auth/requests/login"


def test_every_failure_has_an_explanation() -> None:
    leaves = {Restartable, Elsewhere}
    kinds = {*Failure.__subclasses__(), *Restartable.__subclasses__()}
    assert set(EXPLANATIONS) == kinds - leaves
    for explanation in EXPLANATIONS.values():
        assert wording("de")(explanation.title) != wording("de")(explanation.advice)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")])
async def test_an_upstream_that_does_not_answer_gives_503_and_when_to_retry(
    browser: httpx.AsyncClient, ory: Ory, error: Exception
) -> None:
    ory.breaks("GET", LOGIN_REQUEST, error)

    answer = await browser.get("/login?login_challenge=c")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "try again" in answer.text


@pytest.mark.parametrize("content", [None, [], "text", {}, {"id": "s", "identity": None}, {**session_of(), "expires_at": "soon"}])
async def test_an_answer_that_cannot_be_read_gives_502(browser: httpx.AsyncClient, ory: Ory, content: object) -> None:
    ory.answers("GET", "/sessions/whoami", content)

    assert (await browser.get("/")).status_code == 502


async def test_a_crash_gives_a_page_without_its_traceback(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.breaks("GET", "/sessions/whoami", RuntimeError("secret detail"))

    answer = await browser.get("/")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(("code", "status"), [(403, 403), (401, 403), (404, 410), (410, 410), (500, 502)])
async def test_an_error_of_kratos_is_explained(browser: httpx.AsyncClient, ory: Ory, code: int, status: int) -> None:
    ory.answers("GET", "/self-service/errors", {"id": "e", "error": {"code": code, "reason": "reason of Kratos"}})

    answer = await browser.get("/error?id=e")

    assert answer.status_code == status
    assert "reason of Kratos" not in answer.text


async def test_an_unknown_error_id_gives_a_helpful_page(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/error?id=unknown")).status_code == 410


async def test_an_oauth2_error_is_named_but_foreign_text_is_not_shown(browser: httpx.AsyncClient) -> None:
    known = await browser.get("/error", params={"error": "invalid_client", "error_description": "Call 555-0100"})
    unknown = await browser.get("/error", params={"error": "Call 555-0100"})

    assert "invalid_client" in known.text
    assert known.status_code == unknown.status_code == 400
    assert "555" not in known.text + unknown.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/login", 405), ("GET", "/hooks/registration", 405)]
)
async def test_an_unknown_address_or_method_gives_a_page(browser: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await browser.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


async def test_no_challenge_and_no_email_reaches_the_log(
    browser: httpx.AsyncClient, ory: Ory, caplog: pytest.LogCaptureFixture
) -> None:
    ory.answers("GET", LOGIN_REQUEST, {"error": "ada@example.org"}, 410)
    ory.answers("GET", "/admin/oauth2/auth/requests/consent", {"error": "ada@example.org"}, 500)
    ory.breaks("GET", "/admin/oauth2/auth/requests/logout", httpx.ReadTimeout("challenge-value"))

    with caplog.at_level(logging.INFO, logger="identity"):
        for kind, path in (("login", "login"), ("consent", "consent"), ("logout", "logout")):
            await browser.get(f"/{path}?{kind}_challenge=challenge-value")

    ours = [record.getMessage() for record in caplog.records if record.name.startswith("identity")]
    assert len(ours) == 3
    assert not [line for line in ours if "challenge-value" in line or "@" in line]
