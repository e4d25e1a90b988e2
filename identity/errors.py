"""Pages for what goes wrong, here and at Kratos and Hydra. They use words of our own: text in a URL could be anybody's."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from identity import pages
from identity.failures import EXPLANATIONS, Elsewhere, Failure, Misunderstood, Restartable, Unanswered
from identity.kratos_api import Kratos
from identity.self_service import KINDS, flow_url
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
        words = pages.words_for(request)
        code = request.query_params.get("error", "")
        if code in OAUTH2_ERRORS:
            log.warning("Hydra sent a visitor to the error page: %s", code)
            text = words("error.client", code=code)
        else:
            text = words("error.again")
        return pages.notice(words, words("error.title"), text, status=400, link="/", label=words("start_again"))

    async def failure(self, request: Request, failure: Exception) -> Response:
        """The page for a ``Failure``."""
        if isinstance(failure, Elsewhere):
            return RedirectResponse(failure.url, status_code=303)
        if not isinstance(failure, Failure):
            raise failure
        explanation = EXPLANATIONS[type(failure)]
        # The path has no query, so no challenge and no flow id.
        level = logging.WARNING if isinstance(failure, Unanswered | Misunderstood) else logging.INFO
        log.log(level, "%s %s: %s", request.method, request.url.path, failure)
        link = "/"
        if isinstance(failure, Restartable) and failure.return_to:
            link = flow_url(self._settings, "login", failure.return_to)
        elif isinstance(failure, Restartable) and failure.kind in KINDS:
            link = f"/{failure.kind}"
        answer = self._page(request, explanation.title, explanation.advice, explanation.status, link)
        if isinstance(failure, Unanswered):
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer

    async def refused(self, request: Request, error: Exception) -> HTMLResponse:
        """The page for an address that does not exist or a method that it does not take."""
        if not isinstance(error, HTTPException):
            raise error
        title = "error.not_found.title" if error.status_code == 404 else "error.refused.title"
        answer = self._page(request, title, "error.address", error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def crashed(self, request: Request, error: Exception) -> HTMLResponse:
        """The page for a fault in this app. The server logs its traceback."""
        log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
        explanation = EXPLANATIONS[Misunderstood]
        return self._page(request, explanation.title, explanation.advice, 500)

    def _page(self, request: Request, title: str, text: str, status: int, link: str = "/") -> HTMLResponse:
        words = pages.words_for(request)
        return pages.notice(words, words(title), words(text), status=status, link=link, label=words("start_again"))
