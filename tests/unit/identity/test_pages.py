from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from .conftest import Ory

FLOW = "/self-service/login/flows"


def node(
    name: str,
    kind: str,
    label: str = "",
    messages: list[dict[str, Any]] | None = None,
    group: str = "default",
    **attributes: Any,
) -> dict[str, Any]:
    return {
        "type": "input",
        "group": group,
        "attributes": {"name": name, "type": kind, "node_type": "input", **attributes},
        "meta": {"label": says(label)} if label else {},
        "messages": messages or [],
    }


def says(text: str, kind: str = "info", number: int = 1) -> dict[str, Any]:
    """A message of Kratos that has no words of ours, unless it is given a number that has."""
    return {"id": number, "text": text, "type": kind}


def flow(*nodes: dict[str, Any], messages: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    ui = {"action": "http://localhost:4433/self-service/login?flow=f", "method": "POST", "nodes": list(nodes)}
    return {"id": "f", "ui": {**ui, "messages": messages or []}, **more}


SCRIPT = {
    "type": "script",
    "group": "webauthn",
    "attributes": {"src": "http://localhost:4433/.well-known/ory/webauthn.js", "integrity": "sha512-abc", "node_type": "script"},
    "meta": {},
    "messages": [],
}


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
    assert page.all("button") == [{"type": "submit", "class": "primary", "name": "method", "value": "password"}]
    (asked,) = ory.asked("GET", FLOW)
    assert (asked.url.params["id"], asked.headers["cookie"]) == ("f", "csrf_token_x=y")


async def test_every_field_has_a_label(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", FLOW, LOGIN)

    page = Elements((await browser.get("/login?flow=f")).text)

    labelled = {label["for"] for label in page.all("label")}
    assert {field["id"] for field in page.all("input") if field["type"] != "hidden"} == labelled
    assert page.all("html") == [{"lang": "en"}]


async def test_a_page_speaks_the_language_of_the_browser(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", FLOW, LOGIN)

    answer = await browser.get("/login?flow=f", headers={"Accept-Language": "de-CH,de;q=0.9"})

    assert Elements(answer.text).all("html") == [{"lang": "de"}]
    assert "<h1>Anmelden</h1>" in answer.text
    assert "E-Mail-Adresse" in answer.text
    assert answer.headers["content-language"] == "de"
    assert "accept-language" in answer.headers["vary"].lower()


async def test_a_wrong_password_is_shown_and_announced(browser: httpx.AsyncClient, ory: Ory) -> None:
    wrong = [says("The provided credentials are invalid.", "error", 4000006)]
    ory.answers("GET", FLOW, {**LOGIN, "ui": {**LOGIN["ui"], "messages": wrong}})

    answer = await browser.get("/login?flow=f")

    assert "The email address or the password is not right." in answer.text
    assert {"class": "summary error", "role": "alert"} in Elements(answer.text).all("div")


async def test_an_error_of_a_field_is_tied_to_the_field(browser: httpx.AsyncClient, ory: Ory) -> None:
    problem = [says("too short", "error")]
    ory.answers("GET", FLOW, flow(node("traits.email", "email", "Email address", problem)))

    page = Elements((await browser.get("/login?flow=f")).text)

    (field,) = page.all("input")
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "field-default-traits-email-messages")
    assert "field-default-traits-email-messages" in [found.get("id") for found in page.all("ul")]
    assert "#field-default-traits-email" in [link["href"] for link in page.all("a")], "the summary leads to the field"


async def test_what_kratos_and_visitors_say_is_escaped(browser: httpx.AsyncClient, ory: Ory) -> None:
    script = '"><script>alert(1)</script>'
    ory.answers(
        "GET",
        FLOW,
        flow(node("something", "text", script, value=script), messages=[says(script, "error")]),
    )

    answer = await browser.get("/login?flow=f")

    assert not Elements(answer.text).all("script")
    assert "&lt;script&gt;" in answer.text


async def test_the_only_scripts_are_ours_and_kratos_with_the_content_that_it_promised(
    browser: httpx.AsyncClient, ory: Ory
) -> None:
    ory.answers("GET", FLOW, flow(SCRIPT))

    page = Elements((await browser.get("/login?flow=f")).text)

    assert page.all("script") == [
        {"src": "/webauthn.js?v=sha512-abc", "integrity": "sha512-abc", "defer": None},
        {"src": "/static/passkeys.js", "defer": None},
    ]


async def test_a_passkey_button_starts_a_function_of_kratos_and_no_other(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers(
        "GET",
        FLOW,
        flow(
            node("passkey_login_trigger", "button", "a", group="passkey", onclickTrigger="oryPasskeyLogin", onclick="evil()"),
            node("another", "button", "b", group="passkey", onclickTrigger="alert", onclick="alert()"),
            node("passkey_login", "hidden", group="passkey", onloadTrigger="oryPasskeyLoginAutocompleteInit", onload="evil()"),
            node("method", "submit", "Sign in", value="password", group="password"),
        ),
    )

    page = Elements((await browser.get("/login?flow=f")).text)

    assert [(button["name"], button.get("data-trigger")) for button in page.all("button")] == [
        ("method", None),
        ("passkey_login_trigger", "oryPasskeyLogin"),
        ("another", ""),
    ], "the button that needs no script comes first: Enter presses it"
    (hidden,) = page.all("input")
    assert hidden["data-on-load"] == "oryPasskeyLoginAutocompleteInit"
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]


async def test_settings_have_a_form_for_each_method_and_one_for_whatever_is_taken_away(
    browser: httpx.AsyncClient, ory: Ory
) -> None:
    ory.answers(
        "GET",
        "/self-service/settings/flows",
        flow(
            node("csrf_token", "hidden", value="token"),
            node("traits.email", "email", group="profile", value="ada@example.org"),
            node("method", "submit", "Save", group="profile", value="profile"),
            node("webauthn_remove", "submit", "Remove", group="webauthn", value="6b6579"),
            node("webauthn_register_displayname", "text", group="webauthn"),
            node("totp_unlink", "submit", "Remove", group="totp", value="true"),
            state="show_form",
        ),
    )

    answer = await browser.get("/settings?flow=f")

    page = Elements(answer.text)
    assert len(page.all("form")) == 5, "three sections, and two removals on their own"
    assert [field["value"] for field in page.all("input") if field["name"] == "csrf_token"] == ["token"] * 5
    assert len({heading["id"] for heading in page.all("h2")}) == 3
    before_removal = answer.text[: answer.text.index('name="webauthn_remove"')]
    assert before_removal.rindex("<form") > before_removal.rindex("webauthn_register_displayname")


async def test_secrets_and_the_qr_code_are_shown(browser: httpx.AsyncClient, ory: Ory) -> None:
    image = {
        "type": "img",
        "group": "totp",
        "attributes": {"src": "data:image/png;base64,AA==", "width": 256, "height": 256, "id": "totp_qr"},
        "meta": {"label": says("Authenticator app QR code", number=1050005)},
        "messages": [],
    }
    codes = [says("aaaa1111"), says("bbbb2222")]
    text = {
        "type": "text",
        "group": "lookup_secret",
        "attributes": {"id": "codes", "text": {**says("aaaa1111, bbbb2222"), "context": {"secrets": codes}}},
        "meta": {"label": says("These are your back up recovery codes.", number=1050010)},
        "messages": [],
    }
    ory.answers("GET", "/self-service/settings/flows", flow(image, text))

    answer = await browser.get("/settings?flow=f")

    (picture,) = [img for img in Elements(answer.text).all("img") if img.get("class") == "qr"]
    assert picture["alt"] == "Picture to scan with an authenticator app"
    assert "<code>aaaa1111</code>" in answer.text
    assert "<code>bbbb2222</code>" in answer.text


async def test_a_picture_from_elsewhere_is_not_shown(browser: httpx.AsyncClient, ory: Ory) -> None:
    attributes = {"src": "https://evil.example/pixel.png", "width": 1, "height": 1, "id": "totp_qr"}
    image = {"type": "img", "group": "totp", "attributes": attributes, "meta": {}, "messages": []}
    ory.answers("GET", "/self-service/settings/flows", flow(image))

    assert (await browser.get("/settings?flow=f")).status_code == 502


async def test_a_settings_page_without_a_session_leads_to_kratos(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", "/self-service/settings/flows", {"error": {"code": 401}}, 401)

    answer = await browser.get("/settings?flow=f")

    assert (answer.status_code, answer.headers["location"]) == (303, "http://localhost:4433/self-service/settings/browser")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "http://localhost:4433/self-service/settings/browser"),
        (401, "http://localhost:4433/self-service/settings/browser"),
        (403, "http://localhost:4433/self-service/login/browser?return_to=http%3A%2F%2Flocalhost%3A4455%2Fsettings&aal=aal2"),
    ],
)
async def test_the_way_to_the_settings_leads_over_the_second_step_where_there_is_one(
    browser: httpx.AsyncClient, ory: Ory, status: int, expected: str
) -> None:
    ory.answers("GET", "/self-service/settings/browser", {}, status)

    answer = await browser.get("/settings", headers={"Cookie": "ory_kratos_session=s"})

    assert (answer.status_code, answer.headers["location"]) == (303, expected)


@pytest.mark.parametrize(
    ("elsewhere", "status"),
    [
        ("http://localhost:4433/self-service/login/browser?aal=aal2", 303),
        ("https://evil.example/", 403),
        ("http://localhost:4433.evil.example/", 403),
        (None, 403),
    ],
)
async def test_a_second_factor_for_the_settings_is_asked_for_at_kratos_and_nowhere_else(
    browser: httpx.AsyncClient, ory: Ory, elsewhere: str | None, status: int
) -> None:
    ory.answers("GET", "/self-service/settings/flows", {"error": {}, "redirect_browser_to": elsewhere}, 403)

    answer = await browser.get("/settings?flow=f")

    assert answer.status_code == status
    assert answer.headers.get("location") == (elsewhere if status == 303 else None)


async def test_the_second_step_shows_each_second_factor_and_no_way_around_it(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers(
        "GET",
        FLOW,
        flow(
            node("csrf_token", "hidden", value="token"),
            node("totp_code", "text", group="totp"),
            node("method", "submit", "Confirm", group="totp", value="totp"),
            node("lookup_secret", "text", group="lookup_secret"),
            node("method", "submit", "Confirm", group="lookup_secret", value="lookup_secret"),
            requested_aal="aal2",
        ),
    )

    answer = await browser.get("/login?flow=f")

    assert "<h1>Second step</h1>" in answer.text
    assert len(Elements(answer.text).all("form")) == 2
    assert "Create an account" not in answer.text


async def test_a_voter_without_a_second_factor_is_shown_where_to_get_one_and_comes_back(
    browser: httpx.AsyncClient, ory: Ory
) -> None:
    back = "http://localhost:4455/login?login_challenge=c"
    ory.answers("GET", FLOW, flow(node("csrf_token", "hidden", value="token"), requested_aal="aal2", return_to=back))

    answer = await browser.get("/login?flow=f")

    assert "<h1>This needs a second factor</h1>" in answer.text
    assert "/self-service/settings/browser?return_to=http%3A%2F%2Flocalhost%3A4455%2Flogin%3Flogin_challenge%3Dc" in answer.text


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_a_code_is_asked_for_and_a_new_one_can_be_sent_without_it(browser: httpx.AsyncClient, ory: Ory, kind: str) -> None:
    ory.answers(
        "GET",
        f"/self-service/{kind}/flows",
        flow(
            node("code", "text", "Code", group="code", required=True),
            node("method", "submit", "Continue", group="code", value="code"),
            node("email", "submit", group="code", value="ada@example.org"),
            state="sent_email",
        ),
    )

    page = Elements((await browser.get(f"/{kind}?flow=f&code=123456")).text)

    (field,) = page.all("input")
    assert (field["name"], field["value"], field["autocomplete"]) == ("code", "123456", "one-time-code")
    assert [(button["name"], "formnovalidate" in button) for button in page.all("button")] == [("method", False), ("email", True)]


async def test_what_is_no_code_is_not_filled_in(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", "/self-service/verification/flows", flow(node("code", "text", group="code"), state="sent_email"))

    answer = await browser.get("/verification", params={"flow": "f", "code": '"><b>'})

    assert Elements(answer.text).all("input")[0]["value"] == ""


async def test_a_confirmed_address_leads_on(browser: httpx.AsyncClient, ory: Ory) -> None:
    back = "http://localhost:4455/login?login_challenge=c"
    ory.answers("GET", "/self-service/verification/flows", flow(state="passed_challenge", return_to=back))

    answer = await browser.get("/verification?flow=f")

    assert "Your email address is confirmed." in answer.text
    assert f'href="{back}"' in answer.text


async def test_the_script_of_kratos_is_passed_on_as_it_is(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", "/.well-known/ory/webauthn.js", "script")

    answer = await browser.get("/webauthn.js")

    assert answer.content == b'"script"'
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "max-age" in answer.headers["cache-control"]


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
