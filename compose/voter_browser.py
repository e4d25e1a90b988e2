"""A voter's browser: it registers, signs in and takes part in the OAuth2 code flow over plain HTTP, as a browser would.

It knows the pages only by their HTML (links and forms) and keeps cookies, so it proves the way that a person goes.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

# A page of the sign-in makes several calls to Kratos and Hydra, and hashing a password takes its time on a loaded machine.
REQUEST_TIMEOUT_SECONDS = 30.0
MAX_REDIRECTS = 20


class WalkFailed(Exception):
    """A page was not what it has to be at this step. The message says which and how."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.title = ""
        self.errors: list[str] = []
        self._text: list[str] | None = None
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").upper()))
        elif tag in {"input", "button"} and self.forms and "name" in values:
            is_button = tag == "button" or values.get("type") == "submit"
            target = self.forms[-1].buttons if is_button else self.forms[-1].fields
            target[values["name"]] = values.get("value", "")
        elif tag == "a":
            self._link = values.get("href", "")
        if tag in {"a", "h1"} or (tag == "li" and values.get("class") == "error"):
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._text is None or tag not in {"a", "h1", "li"}:
            return
        text, self._text = " ".join("".join(self._text).split()), None
        if tag == "a":
            self.links[text] = self._link
        elif tag == "h1":
            self.title = text
        else:
            self.errors.append(text)


@dataclass(frozen=True)
class Page:
    """Where the browser ended up. ``left_for`` is a URL of the client, which the browser did not fetch."""

    url: str
    status: int
    html: str = ""
    left_for: str | None = None

    @property
    def _parsed(self) -> _PageParser:
        parser = _PageParser()
        parser.feed(self.html)
        return parser

    @property
    def title(self) -> str:
        return self._parsed.title

    @property
    def errors(self) -> list[str]:
        return self._parsed.errors

    def form(self, *names: str) -> Form:
        """The form of the page; the one with fields or buttons of these names, where there are several."""
        found = [form for form in self._parsed.forms if all(name in form.fields or name in form.buttons for name in names)]
        if len(found) != 1:
            raise WalkFailed(f"{_bare(self.url)} ({self.status}, {self.title!r}) has {len(found)} such forms, not one")
        return found[0]

    def link(self, text: str) -> str:
        try:
            return urljoin(self.url, self._parsed.links[text])
        except KeyError:
            raise WalkFailed(f"{_bare(self.url)} ({self.status}, {self.title!r}) has no link {text!r}") from None


@dataclass(frozen=True)
class Tokens:
    access_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in_seconds: int


@dataclass(frozen=True)
class Client:
    """The OAuth2 client on whose behalf the voter signs in."""

    issuer: str
    redirect_uri: str
    secret: str = field(repr=False)
    client_id: str = "voter-app"
    scope: str = "openid profile email vote:cast"


class VoterBrowser:
    """One browser with its cookies. Not for several threads."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._http = httpx.Client(timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def open(self, url: str) -> Page:
        """Go to a page and follow redirects, up to one that leads to the client's redirect URI. Raises ``WalkFailed``."""
        return self._follow(self._http.build_request("GET", url))

    def submit(self, page: Page, press: str = "", **values: str) -> Page:
        """Fill in the page's form with these fields and press its button (the first unless named). ``__`` stands for a dot."""
        typed = {name.replace("__", "."): value for name, value in values.items()}
        form = page.form(*([press] if press else []), *typed)
        pressed = {press: form.buttons[press]} if press else dict(list(form.buttons.items())[:1])
        body = {**form.fields, **typed, **pressed}
        return self._follow(self._http.build_request(form.method, urljoin(page.url, form.action), data=body))

    def post(self, url: str, values: dict[str, str]) -> Page:
        """Send a form as it stands, whatever the page that it came from would have sent. Raises ``WalkFailed``."""
        return self._follow(self._http.build_request("POST", url, data=values))

    def answer(self, url: str) -> httpx.Response:
        """Where the redirects from a page end, with its headers."""
        return self._http.get(url, follow_redirects=True)

    def next_address(self, url: str) -> str:
        """Where a page sends the browser, without going there. Raises ``WalkFailed`` if it sends it nowhere."""
        answer = self._http.get(url)
        if answer.next_request is None:
            raise WalkFailed(f"{_bare(url)} ({answer.status_code}) leads nowhere")
        return str(answer.next_request.url)

    def speak(self, languages: str) -> None:
        """Ask for pages in these languages (Accept-Language)."""
        self._http.headers["Accept-Language"] = languages

    def cookie(self, name: str) -> str:
        """A cookie of this browser. Raises ``KeyError``."""
        return next(cookie.value or "" for cookie in self._http.cookies.jar if cookie.name == name)

    def set_cookie(self, name: str, value: str) -> None:
        """Put a cookie there, as another site of the same host could."""
        for cookie in list(self._http.cookies.jar):
            if cookie.name == name:
                self._http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
        self._http.cookies.set(name, value, domain="localhost.local", path="/")

    def register(self, email: str, password: str, name: str = "") -> Tokens:
        """Begin at the client, create an account on the way, and return with tokens. Raises ``WalkFailed``."""
        state = secrets.token_urlsafe(16)
        page = self.open(self.open(self.authorization_url(state)).link("Create an account"))
        return self.redeem(self.submit(page, traits__email=email, traits__name=name, password=password), state)

    def sign_in(self, email: str, password: str) -> Tokens:
        """Begin at the client, sign in with an account that exists, and return with tokens. Raises ``WalkFailed``."""
        state = secrets.token_urlsafe(16)
        page = self.open(self.authorization_url(state))
        return self.redeem(self.submit(page, identifier=email, password=password), state)

    def authorize(self) -> Tokens:
        """Tokens for a voter who is signed in already: the browser passes through without a page. Raises ``WalkFailed``."""
        state = secrets.token_urlsafe(16)
        return self.redeem(self.open(self.authorization_url(state)), state)

    def authorization_url(self, state: str, **more: str) -> str:
        """Where the client sends the browser. Neither PKCE nor an audience unless ``more`` has them."""
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": self.client.scope,
            "state": state,
            **more,
        }
        return f"{self.client.issuer}/oauth2/auth?{urlencode(query)}"

    def redeem(self, page: Page, state: str) -> Tokens:
        """Exchange the code that the browser brought to the client. Raises ``WalkFailed``."""
        if page.left_for is None:
            raise WalkFailed(f"the sign-in ended at {_bare(page.url)} ({page.status}, {page.title!r}): {'; '.join(page.errors)}")
        query = parse_qs(urlsplit(page.left_for).query)
        if query.get("state") != [state]:
            raise WalkFailed("the client got a state that it did not send")
        if "code" not in query:
            raise WalkFailed(f"the client got no code: {query.get('error')} {query.get('error_description')}")
        return self._tokens(
            {"grant_type": "authorization_code", "code": query["code"][0], "redirect_uri": self.client.redirect_uri}
        )

    def refresh(self, tokens: Tokens) -> Tokens:
        """New tokens for a refresh token (scope ``offline_access``). Raises ``WalkFailed``."""
        if tokens.refresh_token is None:
            raise WalkFailed("there is no refresh token: it takes the scope offline_access")
        return self._tokens({"grant_type": "refresh_token", "refresh_token": tokens.refresh_token})

    def _tokens(self, body: dict[str, str]) -> Tokens:
        answer = httpx.post(
            f"{self.client.issuer}/oauth2/token",
            data=body,
            auth=(self.client.client_id, self.client.secret),
            timeout=REQUEST_TIMEOUT_SECONDS,
            trust_env=False,
        )
        content = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise WalkFailed(f"the token endpoint answered {answer.status_code}: {content.get('error')}")
        return Tokens(content["access_token"], content.get("id_token"), content.get("refresh_token"), content["expires_in"])

    def _follow(self, request: httpx.Request) -> Page:
        for _ in range(MAX_REDIRECTS):
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                raise WalkFailed(f"{_bare(str(request.url))}: {error}") from error
            if answer.next_request is None:
                return Page(str(answer.url), answer.status_code, answer.text)
            request = answer.next_request
            if _bare(str(request.url)) == self.client.redirect_uri:
                return Page(str(answer.url), answer.status_code, left_for=str(request.url))
        raise WalkFailed(f"more than {MAX_REDIRECTS} redirects, the last to {_bare(str(request.url))}")


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, without any check: for showing it, never for trusting it."""
    return _decoded(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """A JWT's header, without any check."""
    return _decoded(token, 0)


def _decoded(token: str, part: int) -> dict[str, Any]:
    text = token.split(".")[part]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return content


def _bare(url: str) -> str:
    """A URL without its query, which may hold a challenge or a code."""
    return url.split("?", 1)[0]
