"""What every answer has, what the probes say, and what the process is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from web.pages import HERE, asset
from web.settings import Settings, SettingsError

from .conftest import ELECTION, Browser, Hydra
from .in_memory import MemoryStore

GOOD = {"WEB_SESSION_SECRET": "0123456789abcdef" * 2, "VOTER_APP_CLIENT_SECRET": "my-client-secret"}


@pytest.mark.parametrize("path", ["/", f"/elections/{ELECTION}", "/nothing", "/post-login", "/healthz", "/static/nothing"])
async def test_every_answer_is_guarded_and_kept_by_no_cache(browser: Browser, path: str) -> None:
    headers = (await browser.get(path)).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["style.css", "page.js", "results.js", "mark.svg"])
async def test_static_files_are_kept_under_an_address_of_their_content(browser: Browser, name: str) -> None:
    answer = await browser.get(asset(name))

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_nothing_comes_from_another_site() -> None:
    for path in [*HERE.glob("templates/*"), *HERE.glob("static/*")]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text, path
        assert "//" not in text.replace("// ", "").replace("*/", ""), path


def test_templates_have_neither_inline_scripts_nor_inline_styles() -> None:
    for path in HERE.glob("templates/*.html"):
        text = path.read_text(encoding="utf-8")
        assert "style=" not in text, path
        assert " on" not in "".join(part.partition(">")[0] for part in text.split("<")).replace(" on the ", ""), path
        assert "<script>" not in text, path


async def test_the_first_page_needs_no_cookie(browser: Browser) -> None:
    assert "set-cookie" not in (await browser.get("/")).headers


async def test_a_cookie_that_the_browser_has_is_not_sent_again(browser: Browser) -> None:
    """A late answer to one tab would otherwise put back the id of before a sign-in in another."""
    assert "set-cookie" in (await browser.get(f"/elections/{ELECTION}")).headers
    assert "set-cookie" not in (await browser.get(f"/elections/{ELECTION}")).headers


async def test_alive_and_ready(browser: Browser, store: MemoryStore, hydra: Hydra) -> None:
    assert (await browser.get("/healthz")).status_code == 200
    hydra.away = True
    assert (await browser.get("/readyz")).status_code == 503
    hydra.away = False
    assert (await browser.get("/readyz")).status_code == 200
    store.away = True
    assert (await browser.get("/readyz")).json()["faults"] == ["the store is away"]
    assert (await browser.get("/healthz")).status_code == 200


async def test_a_fault_of_ours_is_a_page_without_its_cause(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("a secret cause")

    monkeypatch.setattr("web.home._rank", crash)
    answer = await browser.get("/")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "secret cause" not in answer.text


def test_the_defaults_are_those_of_the_local_stack() -> None:
    settings = Settings.from_environment(GOOD)

    assert (settings.port, settings.redirect_uri) == (3000, "http://localhost:3000/post-login")
    assert "my-client-secret" not in repr(settings)
    assert "session_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_SESSION_SECRET", ""),
        ("WEB_SESSION_SECRET", "abc"),
        ("WEB_SESSION_SECRET", "g" * 32),
        ("VOTER_APP_CLIENT_SECRET", "short"),
        ("WEB_PORT", "0"),
        ("WEB_PORT", "eighty"),
        ("WEB_URL", "localhost:3000"),
        ("WEB_URL", "http://localhost:3000/"),
        ("VOTING_API_URL", "http://localhost:4000/api"),
        ("HYDRA_PUBLIC_URL", "http://user@localhost:4444"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis://:pass@"),
        ("WEB_HOST", ""),
        ("WEB_STREAM_LISTENERS", "-1"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_the_start_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as error:
        Settings.from_environment({**GOOD, name: value})
    if "SECRET" in name or name == "REDIS_URL":
        assert not value or value not in str(error.value)


@pytest.mark.parametrize("name", GOOD)
def test_secrets_have_no_default(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({key: value for key, value in GOOD.items() if key != name})


def test_it_does_not_start_without_its_secret_and_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "web"],
        cwd=Path(__file__).parents[3],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "WEB_SESSION_SECRET" in done.stderr
