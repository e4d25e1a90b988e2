"""The application: its routes, its error pages, its connections."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from web import upstream
from web.choices import Choices
from web.error_pages import ErrorPages
from web.failures import Failure
from web.headers import SecurityHeaders, security_headers
from web.health import Health
from web.home import Home
from web.live_results import LiveResults
from web.pages import HERE, Pages
from web.provider import Provider
from web.results import ResultsPages
from web.settings import Settings
from web.sign_in import SignIn
from web.store import Store
from web.vault import Vault
from web.voting import Voting
from web.voting_api import VotingApi


def create_app(
    settings: Settings,
    store: Store,
    transport: httpx.AsyncBaseTransport | None = None,
    on_stop: Callable[[Callable[[], None]], None] | None = None,
) -> ASGIApp:
    """The web application. Opens no connection before the first request; closes them, and the store, when the server shuts down.

    ``on_stop`` is given what ends the streams of live results, to be called as soon as the server is to stop.
    """
    client = upstream.connect(transport)
    vault = Vault(store, settings.session_secret)
    provider = Provider(settings, client)
    api = VotingApi(settings, client)
    pages = Pages(settings, vault)
    choices = Choices(vault)
    live = LiveResults(api, settings.stream_listeners)
    errors = ErrorPages(pages)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if on_stop is not None:
            on_stop(live.stop)
        async with client:
            yield
            live.stop()
        await store.close()

    app = Starlette(
        routes=[
            *Home(pages, api).routes(),
            *Voting(pages, vault, api, choices).routes(),
            *ResultsPages(pages, api, live).routes(),
            *SignIn(pages, vault, provider, choices).routes(),
            *Health(store, provider).routes(),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={Failure: errors.failure, HTTPException: errors.refused, Exception: errors.crashed},
        lifespan=lifespan,
    )
    # Around the whole application, because Starlette answers a crash outside of its own middleware.
    return SecurityHeaders(app, security_headers(settings))
