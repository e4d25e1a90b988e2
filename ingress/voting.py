"""What voters ask for: to cast their vote, and what has become of it."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ingress.ballot import check_idempotency_key, parse_ballot, read_body, require_json
from ingress.election import require_admission, require_candidate
from ingress.own_vote import own_vote
from ingress.parts import Parts
from ingress.problems import INTERNAL_ERROR, UNAVAILABLE, Problem
from ingress.receipt import Receipt
from ingress.tokens import VOTE_SCOPE, Voter

_PRIVATE = {"cache-control": "no-store"}


async def cast_vote(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcome = INTERNAL_ERROR.name
    try:
        receipt = await _cast(request, parts)
        outcome = "accepted"
    except Problem as problem:
        outcome = problem.kind.name
        raise
    finally:
        parts.metrics.vote_answered(outcome, loop.time() - started)
    return Response(msgspec.json.encode({"receipt": receipt.members(), "status": "accepted"}), 202, _PRIVATE, "application/json")


async def _cast(request: Request, parts: Parts) -> Receipt:
    """The checks, in the order of the contract. The method (405) has been checked by the router."""
    deadlines = parts.settings.deadlines
    body = await read_body(request, deadlines.body_seconds)  # 413
    started = asyncio.get_running_loop().time()
    require_json(request)  # 415
    voter = await _authenticate(request, parts)  # 401
    voter.require_scope(VOTE_SCOPE)  # 403
    ballot = parse_ballot(body)  # 400
    election = parts.catalogue.find(ballot.election_id)  # 404
    require_candidate(election, ballot.candidate_id)  # 422
    check_idempotency_key(request, voter.sub, ballot.election_id)  # 422
    require_admission(election, voter, parts.now_ms())  # 403
    return await parts.ballot_box.cast(election, voter.sub, ballot.candidate_id, started)  # 409, 503


async def read_own_vote(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    voter = await _authenticate(request, parts)
    voter.require_scope(VOTE_SCOPE)
    election = parts.catalogue.find(request.path_params["electionId"])
    answer = await own_vote(election, voter.sub, parts.record, parts.reservations)
    return Response(msgspec.json.encode(answer), 200, _PRIVATE, "application/json")


async def _authenticate(request: Request, parts: Parts) -> Voter:
    """Raises ``Problem``: 401, or 503 if a key that is not known yet does not come in time to go on."""
    try:
        async with asyncio.timeout(parts.settings.deadlines.wait_seconds):
            return await parts.tokens.authenticate(request.headers.getlist("authorization"))
    except TimeoutError:
        raise Problem(UNAVAILABLE, "The signing keys cannot be fetched now.", retry_after_seconds=1) from None
