from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from .conftest import Ory

FLOW = "/self-service/login/flows"


def node(
    name: str, kind: str, label: str = "", messages: list[dict[str, str]] | None = None, **attributes: Any
) -> dict[str, Any]:
    return {
        "type": "input",
        "attributes": {"name": name, "type": kind, "node_type": "input", **attributes},
        "meta": {"label": {"text": label}} if label else {},
        "messages": messages or [],
    }


def flow(*nodes: dict[str, Any], messages: list[dict[str, str]] | None = None, return_to: str = "") -> dict[str, Any]:
    ui = {"action": "http://localhost:4433/self-service/login?flow=f", "method": "POST", "nodes": list(nodes)}
    return {"id": "f", "ui": {**ui, "messages": messages or []}, "return_to": return_to}


class Elements(HTMLParser):
    """All elements of a page, by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


LOGIN = flow(
    node("csrf_token", "hidden", value="token"),
    node("identifier", "text", "Email address", required=True, value="ada@example.org"),
    node("password", "password", "Password", required=True, autocomplete="current-password"),
    node("method", "submit", "Sign in", value="password"),
)


async def test_a_flow_becomes_a_form_that_the_browser_posts_to_kratos(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", FLOW, LOGIN)

    answer = await browser.get("/login?flow=f", headers={"Cookie": "csrf_token_x=y"})

    page = Elements(answer.text)
    assert page.all("form") == [{"action": "http://localhost:4433/self-service/login?flow=f", "method": "POST"}]
    assert [(field["name"], field["type"], field.get("autocomplete")) for field in page.all("input")] == [
        ("csrf_token", "hidden", None),
        ("identifier", "text", "username"),
        ("password", "password", "current-password"),
    ]
    assert page.all("button") == [{"type": "submit", "name": "method", "value": "password"}]
    (asked,) = ory.asked("GET", FLOW)
    assert (asked.url.params["id"], asked.headers["cookie"]) == ("f", "csrf_token_x=y")


async def test_every_field_has_a_label(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", FLOW, LOGIN)

    page = Elements((await browser.get("/login?flow=f")).text)

    labelled = {label["for"] for label in page.all("label")}
    assert {field["id"] for field in page.all("input") if field["type"] != "hidden"} == labelled
    assert page.all("html") == [{"lang": "en"}]


async def test_a_wrong_password_is_shown_and_announced(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers(
        "GET", FLOW, {**LOGIN, "ui": {**LOGIN["ui"], "messages": [{"type": "error", "text": "The credentials are wrong."}]}}
    )

    answer = await browser.get("/login?flow=f")

    assert "The credentials are wrong." in answer.text
    assert Elements(answer.text).all("ul") == [{"class": "messages", "role": "alert"}]


async def test_an_error_of_a_field_is_tied_to_the_field(browser: httpx.AsyncClient, ory: Ory) -> None:
    problem = [{"type": "error", "text": "too short"}]
    ory.answers("GET", FLOW, flow(node("traits.email", "email", "Email address", problem)))

    page = Elements((await browser.get("/login?flow=f")).text)

    (field,) = page.all("input")
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "field-traits-email-messages")
    assert page.all("ul")[0]["id"] == "field-traits-email-messages"


async def test_what_kratos_and_visitors_say_is_escaped_and_no_page_has_a_script(browser: httpx.AsyncClient, ory: Ory) -> None:
    script = '"><script>alert(1)</script>'
    script_node = {"type": "script", "attributes": {"src": "http://localhost:4433/x.js", "node_type": "script"}, "messages": []}
    ory.answers(
        "GET",
        FLOW,
        flow(node("identifier", "text", script, value=script), script_node, messages=[{"type": "error", "text": script}]),
    )

    answer = await browser.get("/login?flow=f")

    assert not Elements(answer.text).all("script")
    assert "&lt;script&gt;" in answer.text


async def test_the_way_to_the_other_form_keeps_where_the_flow_leads(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", FLOW, flow(return_to="http://localhost:4455/login?login_challenge=c"))

    page = Elements((await browser.get("/login?flow=f")).text)

    link = "http://localhost:4433/self-service/registration/browser?return_to=http%3A%2F%2Flocalhost%3A4455%2Flogin%3Flogin_challenge%3Dc"
    assert link in [anchor["href"] for anchor in page.all("a")]


async def test_an_expired_flow_offers_a_new_one_that_leads_to_the_same_place(browser: httpx.AsyncClient, ory: Ory) -> None:
    details = {"return_to": "http://localhost:4455/login?login_challenge=c", "redirect_to": "http://localhost:4433/"}
    ory.answers("GET", FLOW, {"error": {"code": 410, "details": details}}, 410)

    answer = await browser.get("/login?flow=f")

    assert answer.status_code == 410
    assert "/self-service/login/browser?return_to=http%3A%2F%2Flocalhost%3A4455%2Flogin%3Flogin_challenge%3Dc" in answer.text


@pytest.mark.parametrize(("status", "expected"), [(404, 410), (400, 410), (403, 403), (500, 502)])
async def test_a_flow_that_cannot_be_shown_gives_a_helpful_page(
    browser: httpx.AsyncClient, ory: Ory, status: int, expected: int
) -> None:
    ory.answers("GET", FLOW, {"error": {"code": status}}, status)

    answer = await browser.get("/login?flow=f")

    assert answer.status_code == expected
    assert len(Elements(answer.text).all("h1")) == 1
