"""What a voter reads when something does not go on: plain words, and a way on. Nothing that came from outside is repeated."""

import logging
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.failures import Failure, Misunderstood, OutOfDate, Refused, SignInFailed, SignInNeeded, TryLater, Unanswered, Unreadable
from web.pages import Pages
from web.sign_in import sign_in_path
from web.visit import Visit, own_page, own_page_of

RETRY_AFTER_SECONDS = 5
# What the voting API may refuse, and the status that says it here. Each has a title and a text in the catalogues.
REFUSALS = {
    "already-voted": 409,
    "blocked": 403,
    "challenge-required": 403,
    "election-not-open": 403,
    "not-eligible": 403,
    "not-found": 404,
    "results-hidden": 403,
    "second-factor-required": 403,
    "unknown-candidate": 409,
    "unknown-election": 404,
    "wrong-jurisdiction": 403,
}
SIGN_IN_FAILURES = {"denied": 403, "not-started-here": 400, "not-valid": 400}

log = logging.getLogger(__name__)


class ErrorPages:
    """Handlers for what the application's endpoints raise."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def failure(self, request: Request, failure: Exception) -> Response:
        """The page for a ``Failure``."""
        if not isinstance(failure, Failure):
            raise failure
        visit = await self._pages.visit(request, lenient=True)
        if isinstance(failure, SignInNeeded):
            return self._pages.go(visit, sign_in_path(own_page(request.url.path)))
        serious = isinstance(failure, Unanswered | Misunderstood)
        log.log(logging.WARNING if serious else logging.INFO, "%s %s: %s", request.method, _route(request), failure)
        return self._page(visit, request, failure)

    async def refused(self, request: Request, refusal: Exception) -> Response:
        """The page for what no route takes."""
        if not isinstance(refusal, HTTPException):
            raise refusal
        visit = await self._pages.visit(request, lenient=True)
        key = "not-found" if refusal.status_code in {404, 405} else "unreadable"
        page = self._notice(visit, f"failure.{key}", refusal.status_code)
        page.headers.update(refusal.headers or {})
        return page

    async def crashed(self, request: Request, _: Exception) -> Response:
        """The page for a fault of ours. The server logs it."""
        visit = await self._pages.visit(request, lenient=True)
        return self._notice(visit, "failure.misunderstood", 500)

    def _page(self, visit: Visit, request: Request, failure: Failure) -> Response:  # noqa: PLR0911 (one for each kind)
        link = failure.begin_again_at
        if isinstance(failure, Refused):
            return self._refusal(visit, request, failure)
        match failure:
            case SignInFailed(reason="not-started-here") if visit.session is not None:
                return self._notice(visit, "sign-in.done-already", 400)
            case SignInFailed(reason="not-accepted"):
                return self._notice(visit, "sign-in.not-accepted", 403)
            case SignInFailed(reason=reason):
                return self._notice(visit, f"sign-in.{reason}", SIGN_IN_FAILURES[reason], link or "/sign-in")
            case OutOfDate():
                back = own_page_of(request.headers.get("referer", ""), self._pages.settings.web_url)
                return self._notice(visit, "failure.out-of-date", 403, back)
            case Unreadable():
                return self._notice(visit, "failure.unreadable", 400)
            case TryLater() | Unanswered():
                page = self._notice(visit, "failure.unanswered", 503, link or own_page(request.url.path))
                wait = failure.retry_after_seconds if isinstance(failure, TryLater) else None
                page.headers["Retry-After"] = str(wait or RETRY_AFTER_SECONDS)
                return page
            case _:
                return self._notice(visit, "failure.misunderstood", 502, link or own_page(request.url.path))

    def _refusal(self, visit: Visit, request: Request, refused: Refused) -> Response:
        reason = refused.reason
        if reason not in REFUSALS:
            return self._notice(visit, "failure.misunderstood", 502, own_page(request.url.path))
        if reason == "election-not-open":
            opens_at = refused.members.get("opensAt")
            upcoming = isinstance(opens_at, str) and datetime.now(UTC) < datetime.fromisoformat(opens_at)
            return self._notice(visit, "refused.not-open-yet" if upcoming else "refused.closed", REFUSALS[reason])
        election = own_page(request.url.path.rsplit("/", 1)[0])
        ways_on = {
            "unknown-candidate": election,
            "second-factor-required": sign_in_path(own_page(f"{election}/review"), "/sign-in/second-factor"),
        }
        return self._notice(visit, f"refused.{reason}", REFUSALS[reason], ways_on.get(reason))

    def _notice(self, visit: Visit, key: str, status: int, link: str | None = None) -> Response:
        return self._pages.show(visit, "notice.html", status, key=key, link=link or "/")


def _route(request: Request) -> str:
    """The path as it is declared: which voter asked about which election is nobody's business."""
    route = request.scope.get("route")
    return getattr(route, "path", "(no route)")
