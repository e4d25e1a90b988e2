"""The application: its routes, its error pages, its connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from identity import upstream
from identity.audit import AuditTrail, PostgresAuditTrail
from identity.consent import Consent
from identity.eligibility import Eligibility, Roll
from identity.errors import ErrorPages
from identity.failures import Failure
from identity.headers import SecurityHeaders, security_headers
from identity.health import Health
from identity.hooks import Hooks
from identity.hydra_api import Hydra
from identity.kratos_api import Kratos
from identity.login import LoginPages
from identity.logout import Logout
from identity.pages import HERE
from identity.roll import entry_hash
from identity.roll_store import PostgresRoll
from identity.self_service import SelfServicePages
from identity.settings import Settings

# Connections of one process to the roll and the events. Both are short, and a sign-in needs one at a time.
POOL_CONNECTIONS = 8


def create_app(
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None = None,
    roll: Roll | None = None,
    audit: AuditTrail | None = None,
) -> ASGIApp:
    """The identity app. Opens no connection before the server starts; closes them when it shuts down.

    ``transport`` takes the place of the network, ``roll`` and ``audit`` that of PostgreSQL, for tests.
    """
    client = upstream.connect(transport)
    pool = AsyncConnectionPool(settings.database_url, open=False, min_size=1, max_size=POOL_CONNECTIONS, timeout=2.0)
    kratos = Kratos(settings, client)
    hydra = Hydra(settings, client)
    trail = audit or PostgresAuditTrail(pool)
    on_roll = roll or PostgresRoll(pool, lambda email: entry_hash(settings.roll_secret, email))
    eligibility = Eligibility(settings.eligibility_policy, on_roll, kratos, trail)
    flows = SelfServicePages(settings, kratos)
    errors = ErrorPages(settings, kratos)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Does not wait for PostgreSQL: whoever needs it is told when it is away.
        await pool.open()
        try:
            async with client:
                yield
        finally:
            await pool.close()

    app = Starlette(
        routes=[
            *flows.routes(),
            *LoginPages(settings, kratos, hydra, flows).routes(),
            *Consent(kratos, hydra, eligibility, trail, secure_cookies=settings.secure_cookies).routes(),
            *Logout(settings, kratos, hydra, trail).routes(),
            *Hooks(settings, kratos, eligibility, trail).routes(),
            *errors.routes(),
            *Health(kratos, hydra).routes(),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={Failure: errors.failure, HTTPException: errors.refused, Exception: errors.crashed},
        lifespan=lifespan,
    )
    # Around the whole application, because Starlette answers a crash outside of its own middleware.
    return SecurityHeaders(app, security_headers(settings))
