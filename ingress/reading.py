"""What everybody may read: elections, their results, and the keys of receipts."""

import hashlib

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ingress.election import Election
from ingress.parts import Parts
from ingress.problems import UNKNOWN_ELECTION, Problem

# As long as a CDN may keep an answer: about as old as the answer itself may be.
_SHORT = "public, max-age=1"


async def list_elections(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    elections = [election.summary() for election in parts.catalogue.elections() if election.public]
    return _json(request, {"elections": elections})


async def read_election(request: Request) -> Response:
    return _json(request, _public_election(request).summary())


async def read_results(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    snapshot = await parts.results.current(_public_election(request))
    return _cacheable(request, snapshot.body, snapshot.etag)


async def follow_results(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    election = _public_election(request)
    first = await parts.results.current(election)
    parts.stream.require_room()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(parts.stream.follow(election, first), 200, headers, "text/event-stream")


async def read_receipt_keys(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    return _cacheable(request, parts.receipt_keys, _etag(parts.receipt_keys), "public, max-age=60")


def _public_election(request: Request) -> Election:
    parts: Parts = request.app.state.parts
    election = parts.catalogue.find(request.path_params["electionId"])
    if not election.public:
        raise Problem(UNKNOWN_ELECTION)
    return election


def _json(request: Request, value: object) -> Response:
    body = msgspec.json.encode(value)
    return _cacheable(request, body, _etag(body))


def _etag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _cacheable(request: Request, body: bytes, etag: str, kept: str = _SHORT) -> Response:
    headers = {"etag": etag, "cache-control": kept}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")
