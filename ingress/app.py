"""The application: parts, routes, and what becomes of errors. Nothing is opened before its lifespan begins."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingress.openapi import document
from ingress.parts import OpenParts, open_parts
from ingress.problems import INTERNAL_ERROR, MALFORMED_REQUEST, METHOD_NOT_ALLOWED, NOT_FOUND, Problem
from ingress.routes import ENDPOINTS, routes
from ingress.settings import Settings
from ingress.voting import CastVote

# Asks to be called, on the event loop, as soon as the process is told to stop. The lifespan ends too late for that: a server
# waits for the open connections first, and a stream would hold its connection for ever.
OnStop = Callable[[Callable[[], None]], None]


class VotingApi(Starlette):
    """Starlette, with a short cut to the one endpoint that is asked a thousand times as often as all others."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        # No coroutine of its own for each request.
        if scope.get("method") == "POST" and scope.get("path") == "/vote":
            answered: Awaitable[None] = self.state.cast_vote(scope, receive, send)
            return answered
        return super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    open_parts: OpenParts = open_parts,
    on_stop: OnStop | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> VotingApi:
    """``on_failure`` is called when only a new process helps; the application is not ready any more from then on."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_parts(settings, on_failure) as parts:
            app.state.parts = parts
            app.state.cast_vote = CastVote(parts)

            def stop() -> None:
                app.state.stopping = True
                parts.stream.stop()

            if on_stop is not None:
                on_stop(stop)
            yield
            stop()

    app = VotingApi(
        routes=routes(),
        lifespan=lifespan,
        exception_handlers={Problem: _problem, HTTPException: _router_problem, Exception: _internal_error},
    )
    # A path with a slash at the end is another path.
    app.router.redirect_slashes = False
    app.state.stopping = False
    app.state.openapi = msgspec.json.encode(document(ENDPOINTS))
    return app


def _problem(_request: Request, error: Exception) -> Response:
    return cast("Problem", error).response()


def _router_problem(_request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    kind = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(refused.status_code, MALFORMED_REQUEST)
    return Problem(kind, headers=refused.headers).response()


def _internal_error(_request: Request, _error: Exception) -> Response:
    return Problem(INTERNAL_ERROR).response()
