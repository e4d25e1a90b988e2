"""Protection of this app's own forms against requests from other sites (double-submitted cookie).

Kratos protects the forms of its flows itself. A form here carries the value of a cookie that no other site can read or, being
``SameSite=Strict``, have sent along.
"""

import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from identity.failures import Forbidden

FIELD = "csrf_token"
SHORTEST_VALUE, LARGEST_VALUE = 32, 64
LARGEST_FORM_BYTES = 4096


@dataclass(frozen=True)
class FormToken:
    """The hidden field of a form, and the cookie that goes with it."""

    name: str
    value: str
    secure: bool

    def set_on(self, answer: Response) -> None:
        answer.set_cookie(
            cookie_name(secure=self.secure), self.value, httponly=True, secure=self.secure, samesite="strict", path="/"
        )


def cookie_name(*, secure: bool) -> str:
    """The prefix keeps other hosts of the domain from setting it (RFC 6265bis, 4.1.3); browsers take it over TLS only."""
    return "__Host-identity_form" if secure else "identity_form"


def form_token(request: Request, *, secure: bool) -> FormToken:
    """The token of this browser, a new one if it has none, so that forms in two windows work both."""
    kept = request.cookies.get(cookie_name(secure=secure), "")
    return FormToken(FIELD, kept if SHORTEST_VALUE <= len(kept) <= LARGEST_VALUE else secrets.token_urlsafe(32), secure)


async def checked_form(request: Request, *, secure: bool) -> dict[str, str]:
    """What the form of a page of ours sent. Raises ``Forbidden`` unless it comes from such a page in this browser."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_FORM_BYTES:
            raise Forbidden("a form that is larger than any of ours")
    form = dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))
    kept = request.cookies.get(cookie_name(secure=secure), "")
    sent = form.get(FIELD, "")
    if len(kept) < SHORTEST_VALUE or not hmac.compare_digest(kept.encode(), sent.encode()):
        raise Forbidden("a form without the token of this browser")
    return form
