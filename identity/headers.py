"""Headers that every answer of the app has."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from identity.settings import Settings

HSTS_SECONDS = 365 * 24 * 3600
SCRIPTS = ("/webauthn.js", "/static/passkeys.js")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def security_headers(settings: Settings) -> dict[str, str]:
    """The headers for one deployment.

    ``form-action`` names every origin on the way of a sign-in, because Chromium checks the redirects that follow a form too:
    the form goes to Kratos, which sends the browser here, to Hydra, and to the client.

    ``script-src`` names the two scripts of the passkey pages by their whole address and nothing else, no ``'self'`` and no inline
    script; Kratos's is run only with the content that Kratos says (its ``integrity``). A QR code is an inline picture.
    """
    forms = dict.fromkeys(
        _origin(url) for url in (settings.kratos_public_url, settings.hydra_public_url, settings.identity_url, settings.web_url)
    )
    policy = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "script-src": " ".join(f"{settings.identity_url}{path}" for path in SCRIPTS),
        "form-action": " ".join(["'self'", *forms]),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Challenges stand in URLs: no other site learns more than the origin.
        "Referrer-Policy": "strict-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)",
    }
    if settings.identity_url.startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}; includeSubDomains"
    return headers


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer, and forbids caches to keep any but the static files."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
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
                if not scope["path"].startswith("/static/") and scope["path"] not in SCRIPTS:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)
