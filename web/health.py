"""``/healthz``: this process answers. ``/readyz``: voters can sign in here.

The voting API is not asked: while it is away this application still says so in plain words and keeps what was chosen, which no
error page of a load balancer does.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from web.failures import Failure
from web.provider import Provider
from web.store import Store


class Health:
    def __init__(self, store: Store, provider: Provider) -> None:
        self._store = store
        self._provider = provider

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> JSONResponse:
        """200 if the session store and Hydra answer, else 503 and what is missing."""
        outcomes = await asyncio.gather(self._store.check(), self._provider.check(), return_exceptions=True)
        faults = []
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                faults.append(str(outcome))
            elif outcome is not None:
                raise outcome
        if faults:
            return JSONResponse({"status": "unavailable", "faults": faults}, status_code=503)
        return JSONResponse({"status": "ok"})
