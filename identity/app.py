"""The application: its routes, its error pages, its connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from identity import upstream
from identity.consent import Consent
from identity.errors import ErrorPages
from identity.failures import Failure
from identity.headers import SecurityHeaders, security_headers
from identity.health import Health
from identity.hydra_api import Hydra
from identity.kratos_api import Kratos
from identity.login import LoginPages
from identity.logout import Logout
from identity.pages import HERE
from identity.registration_hook import RegistrationHook
from identity.settings import Settings


def create_app(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> ASGIApp:
    """The identity app. Opens no connection before the first request; closes them when the server shuts down."""
    client = upstream.connect(transport)
    kratos = Kratos(settings, client)
    hydra = Hydra(settings, client)
    errors = ErrorPages(settings, kratos)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    app = Starlette(
        routes=[
            *LoginPages(settings, kratos, hydra).routes(),
            *Consent(kratos, hydra).routes(),
            *Logout(kratos, hydra).routes(),
            *RegistrationHook(settings).routes(),
            *errors.routes(),
            *Health(kratos, hydra).routes(),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={Failure: errors.failure, HTTPException: errors.refused, Exception: errors.crashed},
        lifespan=lifespan,
    )
    # Around the whole application, because Starlette answers a crash outside of its own middleware.
    return SecurityHeaders(app, security_headers(settings))
