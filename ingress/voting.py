"""What voters ask for: to cast their vote, and what has become of it."""

import logging
import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingress.ballot import RequestHeaders, check_idempotency_key, parse_ballot, read_body, require_json
from ingress.election import require_admission, require_candidate
from ingress.own_vote import own_vote
from ingress.parts import Parts
from ingress.problems import INTERNAL_ERROR, LOG_UNAVAILABLE, OUTCOME_UNDECIDED, UNAVAILABLE, Problem
from ingress.receipt import Receipt
from ingress.shared_timeout import SharedTimeout
from ingress.voter import VOTE_SCOPE, Voter

_PRIVATE = {"cache-control": "no-store"}
_ACCEPTED_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
ACCEPTED = "accepted"
# What the audit log calls an outcome. All others are refusals.
_AUDITED = {
    ACCEPTED: ("vote.acknowledged", "success"),
    OUTCOME_UNDECIDED.name: ("vote.undecided", "failure"),
    LOG_UNAVAILABLE.name: ("vote.not_taken", "failure"),
    INTERNAL_ERROR.name: ("vote.not_answered", "failure"),
}

logger = logging.getLogger(__name__)


class CastVote:
    """``POST /vote`` as a bare ASGI application.

    Starlette's way from the server to an endpoint and back costs more than all that is done here for a vote
    (docs/performance.md); only this one endpoint is asked often enough for that to matter.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._body_timeout = SharedTimeout(parts.settings.deadlines.body_seconds)
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.monotonic()
        attempt = _Attempt()
        outcome = INTERNAL_ERROR.name
        try:
            self._require_room()
            receipt = await self._cast(scope, receive, attempt)
            outcome = ACCEPTED
        except Problem as problem:
            outcome = problem.kind.name
            await problem.response()(scope, receive, send)
        except Exception:
            logger.exception("a vote could not be answered")
            await Problem(INTERNAL_ERROR).response()(scope, receive, send)
        else:
            body = msgspec.json.encode({"receipt": self._parts.receipts.members(receipt), "status": "accepted"})
            headers = [*_ACCEPTED_HEADERS, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 202, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        finally:
            self._parts.metrics.vote_answered(outcome, time.monotonic() - arrived)
            if attempt.voter is not None:
                action, result = _AUDITED.get(outcome, ("vote.refused", "refused"))
                self._parts.audit.record(action, result, attempt.voter.sub, attempt.election_id, {"answer": outcome})

    def _require_room(self) -> None:
        """Raises ``Problem`` (503) at once where taking one more would only slow all of them down.

        Only votes of believed voters are in hand: nobody without a token can take the place of those who have one.
        """
        if self._in_hand >= self._parts.settings.votes_in_hand:
            raise Problem(UNAVAILABLE, "Too many votes are being taken here at this moment.", retry_after_seconds=1)

    async def _cast(self, scope: Scope, receive: Receive, attempt: "_Attempt") -> Receipt:
        """The checks, in the order of the contract. The method (405) has been checked by who calls."""
        parts = self._parts
        headers = RequestHeaders(scope["headers"])
        body = await read_body(headers, receive, self._body_timeout)  # 413
        started = time.monotonic()
        require_json(headers.content_type)  # 415
        voter = attempt.voter = await parts.tokens.authenticate(headers.authorization)  # 401
        voter.require_scope(VOTE_SCOPE)  # 403
        ballot = parse_ballot(body)  # 400
        election = parts.catalogue.find(ballot.election_id)  # 404
        attempt.election_id = election.election_id
        require_candidate(election, ballot.candidate_id)  # 422
        check_idempotency_key(headers.idempotency_key, voter.sub, ballot.election_id)  # 422
        require_admission(election, voter, parts.now_ms())  # 403
        self._require_room()
        self._in_hand += 1
        try:
            return await parts.ballot_box.cast(election, voter, ballot.candidate_id, started)  # 409, 503
        finally:
            self._in_hand -= 1


class _Attempt:
    """What is known about a request so far, for the audit log: who, once that is believed, and in which election."""

    __slots__ = ("election_id", "voter")

    def __init__(self) -> None:
        self.voter: Voter | None = None
        self.election_id: str | None = None


async def cast_vote(request: Request) -> CastVote:
    """The route's endpoint answers by the application that ``ingress.app`` otherwise calls without going through routes."""
    application: CastVote = request.app.state.cast_vote
    return application


async def read_own_vote(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    voter = await parts.tokens.authenticate(request.headers.getlist("authorization"))
    voter.require_scope(VOTE_SCOPE)
    election = parts.catalogue.find(request.path_params["electionId"])
    answer = await own_vote(election, voter.sub, parts.record, parts.reservations, parts.receipts)
    return Response(msgspec.json.encode(answer), 200, _PRIVATE, "application/json")
