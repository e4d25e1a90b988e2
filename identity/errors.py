"""Pages for what goes wrong, here and at Kratos and Hydra. They use words of our own: text in a URL could be anybody's."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from identity import pages
from identity.failures import EXPLANATIONS, Expired, Failure, Misunderstood, Unanswered
from identity.kratos_api import Kratos
from identity.login import flow_url
from identity.settings import Settings

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 5
# RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6: what Hydra may say when it cannot tell the client.
OAUTH2_ERRORS = frozenset(
    {
        "access_denied",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "request_forbidden",
        "request_unauthorized",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)


class ErrorPages:
    """``/error``, where Kratos and Hydra send the browser, and the handlers for what the app's own pages raise."""

    def __init__(self, settings: Settings, kratos: Kratos) -> None:
        self._settings = settings
        self._kratos = kratos

    def routes(self) -> list[Route]:
        return [Route("/error", self.error)]

    async def error(self, request: Request) -> HTMLResponse:
        """``?id=`` comes from Kratos, ``?error=`` from Hydra."""
        if error_id := request.query_params.get("id"):
            raise await self._kratos.error(error_id)
        code = request.query_params.get("error", "")
        if code in OAUTH2_ERRORS:
            log.warning("Hydra sent a visitor to the error page: %s", code)
            text = f"The application that sent you here asked in a way that is not allowed ({code}). Please start again there."
        else:
            text = "Please start again."
        return pages.notice("Signing in did not work", text, status=400)

    async def failure(self, request: Request, failure: Exception) -> HTMLResponse:
        """The page for a ``Failure``."""
        if not isinstance(failure, Failure):
            raise failure
        explanation = EXPLANATIONS[type(failure)]
        # The path has no query, so no challenge and no flow id.
        level = logging.WARNING if isinstance(failure, Unanswered | Misunderstood) else logging.INFO
        log.log(level, "%s %s: %s", request.method, request.url.path, failure)
        link = "/"
        if isinstance(failure, Expired) and failure.restart_from:
            link = flow_url(self._settings, "login", failure.restart_from)
        answer = pages.notice(explanation.title, explanation.advice, status=explanation.status, link=link)
        if isinstance(failure, Unanswered):
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer

    async def refused(self, _: Request, error: Exception) -> HTMLResponse:
        """The page for an address that does not exist or a method that it does not take."""
        if not isinstance(error, HTTPException):
            raise error
        title = "Page not found" if error.status_code == 404 else "This is not possible"
        answer = pages.notice(title, "Please check the address.", status=error.status_code, label="Continue")
        answer.headers.update(error.headers or {})
        return answer

    async def crashed(self, request: Request, error: Exception) -> HTMLResponse:
        """The page for a fault in this app. The server logs its traceback."""
        log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
        explanation = EXPLANATIONS[Misunderstood]
        return pages.notice(explanation.title, explanation.advice, status=500)
