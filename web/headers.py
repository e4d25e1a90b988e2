"""Headers that every answer of the application has."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.settings import Settings

HSTS_SECONDS = 365 * 24 * 3600
STATIC_SECONDS = 365 * 24 * 3600


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def security_headers(settings: Settings) -> dict[str, str]:
    """The headers for one deployment.

    ``form-action`` names every origin on the way of a sign-in or a sign-out, because Chromium checks the redirects that follow a
    form too: a vote whose session has ended leads to Hydra, Kratos and the identity app, and back.
    """
    forms = dict.fromkeys(_origin(url) for url in (settings.hydra_public_url, settings.identity_url, settings.kratos_public_url))
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *forms]),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # A code stands in the address of /post-login. Not no-referrer: with it browsers send forms with the origin null.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if settings.secure:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}; includeSubDomains"
    return headers


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer, and forbids caches to keep any but the static files.

    A page that is not kept is also asked for anew when the voter goes back to it, and then shows how things are by now.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                is_asset = scope["path"].startswith("/static/") and message["status"] == 200 and scope["query_string"]
                headers["Cache-Control"] = f"public, max-age={STATIC_SECONDS}, immutable" if is_asset else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)
