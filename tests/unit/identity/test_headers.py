import dataclasses

import httpx
import pytest

from identity.headers import security_headers
from identity.settings import Settings

from .conftest import Ory


def test_the_policy_allows_forms_on_the_way_of_a_sign_in_our_stylesheet_and_nothing_else() -> None:
    policy = security_headers(Settings())["Content-Security-Policy"]

    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "script-src http://localhost:4455/webauthn.js http://localhost:4455/static/passkeys.js; "
        "form-action 'self' http://localhost:4433 http://localhost:4444 http://localhost:4455 http://localhost:3000; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def test_transport_security_is_demanded_where_there_is_tls() -> None:
    settings = Settings()
    with_tls = dataclasses.replace(settings, identity_url="https://id.example")

    assert "Strict-Transport-Security" not in security_headers(settings)
    assert "max-age=" in security_headers(with_tls)["Strict-Transport-Security"]


@pytest.mark.parametrize(
    "path", ["/", "/login?login_challenge=c", "/consent", "/error", "/nothing", "/healthz", "/static/style.css"]
)
async def test_every_answer_has_the_headers(browser: httpx.AsyncClient, ory: Ory, path: str) -> None:
    ory.breaks("GET", "/sessions/whoami", RuntimeError("crash"))

    answer = await browser.get(path)

    for name, value in security_headers(Settings()).items():
        assert answer.headers[name] == value


def test_no_script_is_allowed_but_the_two_of_the_passkeys_by_their_whole_address() -> None:
    policy = security_headers(Settings())["Content-Security-Policy"]
    (scripts,) = [part for part in policy.split("; ") if part.startswith("script-src")]

    assert all(source.endswith(".js") for source in scripts.split()[1:])
    assert "unsafe" not in policy


async def test_only_static_files_may_be_cached(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/login")).headers["cache-control"] == "no-store"
    stylesheet = await browser.get("/static/style.css")
    assert (stylesheet.status_code, stylesheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "cache-control" not in stylesheet.headers


async def test_static_files_lead_nowhere_else(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/static/%2e%2e/settings.py")).status_code == 404
