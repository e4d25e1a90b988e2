"""What operators ask: is it alive, can it get a vote into the log, how is it doing, what does it offer."""

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from ingress.parts import Parts

_NOT_STORED = {"cache-control": "no-store"}


async def is_alive(_request: Request) -> Response:
    return Response(b'{"status":"alive"}', 200, _NOT_STORED, "application/json")


async def is_ready(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    checks = {**parts.readiness(), "running": not request.app.state.stopping}
    ready = all(checks.values())
    return Response(
        msgspec.json.encode({"ready": ready, "checks": checks}), 200 if ready else 503, _NOT_STORED, "application/json"
    )


async def read_metrics(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    return Response(parts.metrics.exposition(), 200, _NOT_STORED, CONTENT_TYPE_LATEST)


async def read_openapi(request: Request) -> Response:
    return Response(request.app.state.openapi, 200, {"cache-control": "public, max-age=60"}, "application/json")
