"""``/healthz``: this process answers. ``/readyz``: a voter can sign in."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from identity.failures import Failure
from identity.hydra_api import Hydra, PairwiseSubjects
from identity.kratos_api import Kratos


class Health:
    def __init__(self, kratos: Kratos, hydra: Hydra) -> None:
        self._kratos = kratos
        self._hydra = hydra

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> JSONResponse:
        """200 if Kratos and Hydra are ready and Hydra gives one person one subject, else 503 and what is missing."""
        checks = (self._kratos.check_ready(), self._hydra.check_ready(), self._hydra.check_subject_types())
        outcomes = await asyncio.gather(*checks, return_exceptions=True)
        faults = []
        for outcome in outcomes:
            if isinstance(outcome, Failure | PairwiseSubjects):
                faults.append(str(outcome))
            elif outcome is not None:
                raise outcome
        if faults:
            return JSONResponse({"status": "unavailable", "faults": faults}, status_code=503)
        return JSONResponse({"status": "ok"})
