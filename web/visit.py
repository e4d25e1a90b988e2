"""One request of one browser: which browser, who is signed in, in which language it is answered."""

import re
import secrets
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from web.failures import OutOfDate, SignInNeeded, Unanswered, Unreadable
from web.messages import DEFAULT, Translator, best_of, known
from web.provider import Tokens
from web.settings import Settings
from web.vault import Content, Vault

SESSION = "session"
# As long as Kratos's own session, so that signing out stays possible for as long as there is something to end.
SESSION_SECONDS = 12 * 3600
IDLE_SECONDS = 3600
# What has less left might run out on its way to the voting API.
TOKEN_MARGIN_SECONDS = 20
LANGUAGE_COOKIE_SECONDS = 365 * 24 * 3600
FORM_LIMIT_BYTES = 8 * 1024
_BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Session:
    """A signed-in voter. Times are seconds since the epoch."""

    sub: str
    locale: str | None
    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    token_until: float
    signed_in_at: float

    @classmethod
    def of(cls, tokens: Tokens, now: float) -> Self:
        return cls(tokens.sub, tokens.locale, tokens.access_token, tokens.id_token, now + tokens.life_seconds, now)

    @classmethod
    def from_content(cls, content: Content) -> Self | None:
        """``None`` for what another version of the application kept."""
        if content.keys() != {entry.name for entry in fields(cls)}:
            return None
        return cls(**content)

    def content(self) -> Content:
        return asdict(self)


def new_browser() -> str:
    """An id that nobody can guess: 32 random bytes."""
    return secrets.token_urlsafe(32)


@dataclass
class Visit:
    """``browser`` is the id of the cookie; a new one is given to the browser only when a page needs it."""

    request: Request
    settings: Settings
    vault: Vault = field(repr=False)
    browser: str = field(repr=False)
    known: bool
    session: Session | None
    translator: Translator
    _to_give: bool = False

    @property
    def form_token(self) -> str:
        """For a form of this page. It works only together with the cookie, so the browser gets that as well."""
        self.needs_cookie()
        return self.vault.form_token(self.browser)

    def needs_cookie(self) -> None:
        """What is answered is of use only to a browser that keeps its id."""
        self._to_give = not self.known

    def become_new(self) -> str:
        """Give the browser another id than it has or was given by anybody. Returns the former one."""
        former, self.browser, self._to_give = self.browser, new_browser(), True
        return former

    @property
    def sub(self) -> str | None:
        """Who is signed in, whether the token is still good or not."""
        return None if self.session is None else self.session.sub

    def voter(self, now: float | None = None) -> Session:
        """Raises ``SignInNeeded`` unless somebody is signed in whose token is good for a call."""
        if self.session is None or self.session.token_until - TOKEN_MARGIN_SECONDS <= (now or time.time()):
            raise SignInNeeded("nobody is signed in, or the token has run out")
        return self.session

    async def form(self) -> dict[str, str]:
        """The fields of a form that one of our pages sent. Raises ``OutOfDate`` or ``Unreadable``.

        The page must be of this very browser (its token), and of this site (``Origin``, where the browser says it: all current
        ones do with every form).
        """
        request = self.request
        origin = request.headers.get("origin")
        if origin is not None and origin != self.settings.web_url:
            raise OutOfDate("a form of another origin")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise Unreadable("not a form")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_LIMIT_BYTES:
                raise Unreadable("a form of more than 8 KiB")
        try:
            fields_sent = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        except ValueError as error:
            raise Unreadable("a form that cannot be read") from error
        token = fields_sent.pop("form_token", "")
        if not self.known or not secrets.compare_digest(token.encode(), self.vault.form_token(self.browser).encode()):
            raise OutOfDate("a form without this browser's token")
        return fields_sent

    def give_cookie(self, response: Response) -> None:
        """Have the browser keep an id that is new. One that it has is not sent again: it might have another one by then."""
        if self._to_give:
            set_cookie(self.settings, response, "voting", self.browser)


async def visit_of(request: Request, settings: Settings, vault: Vault, *, lenient: bool = False) -> Visit:
    """``lenient``: while the session store is away the browser counts as signed out. Otherwise that raises ``Unanswered``."""
    sent = request.cookies.get(cookie_name(settings, "voting"), "")
    is_known = _BROWSER_ID.fullmatch(sent) is not None
    browser = sent if is_known else new_browser()
    session = None
    if is_known:
        try:
            session = await _session(vault, browser)
        except Unanswered:
            if not lenient:
                raise
    return Visit(request, settings, vault, browser, is_known, session, Translator(language_of(request, settings, session)))


async def _session(vault: Vault, browser: str) -> Session | None:
    content = await vault.get(browser, SESSION, life_seconds=IDLE_SECONDS)
    session = None if content is None else Session.from_content(content)
    if session is not None and session.signed_in_at + SESSION_SECONDS <= time.time():
        return None
    return session


def language_of(request: Request, settings: Settings, session: Session | None) -> str:
    """What was switched to in this browser, else what the voter's account says, else what the browser asks for."""
    return (
        known(request.cookies.get(cookie_name(settings, "voting-language")))
        or known(session.locale if session else None)
        or best_of(request.headers.get("accept-language", ""))
        or DEFAULT
    )


def cookie_name(settings: Settings, name: str) -> str:
    """With TLS a browser takes ``__Host-`` from this host over TLS only, never from a neighbour (RFC 6265bis 4.1.3.2)."""
    return f"__Host-{name}" if settings.secure else name


def set_cookie(settings: Settings, response: Response, name: str, value: str, max_age_seconds: int | None = None) -> None:
    """Without ``max_age_seconds`` the cookie ends with the browser."""
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=max_age_seconds,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(settings: Settings, response: Response, name: str) -> None:
    response.delete_cookie(cookie_name(settings, name), path="/", secure=settings.secure, httponly=True, samesite="lax")


# Every page that a sign-in or a change of language may lead back to. What does not look like one of them leads to the first page.
_OWN_PAGE = re.compile(r"/(?:how-it-works|elections/[a-z0-9][a-z0-9._-]{0,63}(?:/(?:review|answer|receipt|my-vote|results))?)?")


def own_page(path: str | None) -> str:
    """The path if it is one of a page of ours, else that of the first page. Never leads to another site."""
    return path if path is not None and _OWN_PAGE.fullmatch(path) else "/"


def own_page_of(url: str, web_url: str) -> str:
    """The page of ours that a ``Referer`` names, or the first page."""
    parts = urlsplit(url)
    return own_page(parts.path) if f"{parts.scheme}://{parts.netloc}" == web_url else "/"
