"""The floor under everything: the server and the framework of the ingress, answering a POST with a receipt and nothing else."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

RECEIPT = (
    b'{"receipt":{"voteId":"00000000-0000-4000-8000-000000000000","electionId":"election-2025-01",'
    b'"castAt":"2025-06-01T12:00:00Z"},"status":"accepted"}'
)


async def answer(request: Request) -> Response:
    await request.body()
    return Response(RECEIPT, 202, {"cache-control": "no-store"}, "application/json")


async def ready(_request: Request) -> Response:
    return Response(b"{}", 200, media_type="application/json")


def application() -> Starlette:
    return Starlette(routes=[Route("/vote", answer, methods=["POST"]), Route("/readyz", ready)])
