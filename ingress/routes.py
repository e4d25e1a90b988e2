"""The table of what the API offers: for each endpoint its handler and all its answers. The OpenAPI document is made from it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ingress import operations, problems, reading, voting
from ingress.problems import ProblemType

JSON = "application/json"
STREAM = "text/event-stream"


@dataclass(frozen=True)
class Answer:
    """A successful answer. ``schema`` names one of ``openapi.SCHEMAS``; without one there is no body."""

    description: str
    schema: str | None = None
    media_type: str = JSON
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response | ASGIApp]]
    operation_id: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    problems: tuple[ProblemType, ...] = ()
    secured: bool = False
    body: str | None = None
    request_headers: tuple[str, ...] = field(default=())


_CACHED = ("ETag", "Cache-Control")
_TOKEN_PROBLEMS = (problems.INVALID_TOKEN, problems.INSUFFICIENT_SCOPE)
_RESULTS_PROBLEMS = (problems.RESULTS_HIDDEN, problems.UNKNOWN_ELECTION, problems.UNAVAILABLE)
_NOT_MODIFIED = Answer("Not changed since the answer with this ETag.", headers=_CACHED)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "POST",
        "/vote",
        voting.cast_vote,
        "castVote",
        "Cast the voter's one vote in an election. 202 means that the log has acknowledged it. Retrying is always safe.",
        "voters",
        {202: Answer("The vote is in the log.", "Accepted")},
        (
            problems.MALFORMED_REQUEST,
            *_TOKEN_PROBLEMS,
            problems.NOT_ELIGIBLE,
            problems.WRONG_JURISDICTION,
            problems.ELECTION_NOT_OPEN,
            problems.SECOND_FACTOR_REQUIRED,
            problems.UNKNOWN_ELECTION,
            problems.ALREADY_VOTED,
            problems.BODY_TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.UNKNOWN_CANDIDATE,
            problems.IDEMPOTENCY_KEY_MISMATCH,
            problems.LOG_UNAVAILABLE,
            problems.OUTCOME_UNDECIDED,
            problems.ATTEMPT_PENDING,
            problems.UNAVAILABLE,
        ),
        secured=True,
        body="Ballot",
        request_headers=("Idempotency-Key",),
    ),
    Endpoint(
        "GET",
        "/vote/{electionId}",
        voting.read_own_vote,
        "readOwnVote",
        "What has become of the voter's own vote. Never shows the choice.",
        "voters",
        {200: Answer("The status and, once acknowledged, the receipt.", "OwnVote")},
        (*_TOKEN_PROBLEMS, problems.UNKNOWN_ELECTION, problems.UNAVAILABLE),
        secured=True,
    ),
    Endpoint(
        "GET",
        "/votes/{electionId}",
        reading.read_results,
        "readResults",
        "The live results of an election.",
        "results",
        {200: Answer("Every candidate's count.", "Results", headers=_CACHED), 304: _NOT_MODIFIED},
        _RESULTS_PROBLEMS,
        request_headers=("If-None-Match",),
    ),
    Endpoint(
        "GET",
        "/votes/{electionId}/stream",
        reading.follow_results,
        "followResults",
        "The live results as server-sent events named results, whose data is that of readResults; comments as heartbeats.",
        "results",
        {200: Answer("A stream without an end.", "EventStream", STREAM)},
        _RESULTS_PROBLEMS,
    ),
    Endpoint(
        "GET",
        "/elections",
        reading.list_elections,
        "listElections",
        "All elections but drafts.",
        "elections",
        {200: Answer("Ordered by id.", "Elections", headers=_CACHED), 304: _NOT_MODIFIED},
        (problems.UNAVAILABLE,),
        request_headers=("If-None-Match",),
    ),
    Endpoint(
        "GET",
        "/elections/{electionId}",
        reading.read_election,
        "readElection",
        "One election with its candidates.",
        "elections",
        {200: Answer("Its newest version.", "Election", headers=_CACHED), 304: _NOT_MODIFIED},
        (problems.UNKNOWN_ELECTION, problems.UNAVAILABLE),
        request_headers=("If-None-Match",),
    ),
    Endpoint(
        "GET",
        "/receipt-keys",
        reading.read_receipt_keys,
        "readReceiptKeys",
        "The public keys that receipts are verified with, former ones too: a JWK set (RFC 7517, RFC 8037).",
        "voters",
        {200: Answer("All keys.", "ReceiptKeys", headers=_CACHED), 304: _NOT_MODIFIED},
        request_headers=("If-None-Match",),
    ),
    Endpoint(
        "GET",
        "/healthz",
        operations.is_alive,
        "isAlive",
        "Whether the process answers.",
        "operations",
        {200: Answer("It does.", "Health")},
    ),
    Endpoint(
        "GET",
        "/readyz",
        operations.is_ready,
        "isReady",
        "Whether this instance can get a vote into the log.",
        "operations",
        {200: Answer("It can.", "Readiness"), 503: Answer("It cannot; the checks tell why.", "Readiness")},
    ),
    Endpoint(
        "GET",
        "/metrics",
        operations.read_metrics,
        "readMetrics",
        "Metrics for Prometheus.",
        "operations",
        {200: Answer("Prometheus's text format.", "Text", "text/plain")},
    ),
    Endpoint(
        "GET",
        "/openapi.json",
        operations.read_openapi,
        "readOpenapi",
        "This document.",
        "operations",
        {200: Answer("OpenAPI 3.1.", "Document")},
    ),
)


class ExactRoute(Route):
    """A route that knows its method, and HEAD beside GET (RFC 9110, 9.1) but for streams, which it would open for nothing."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.path, endpoint.handler, methods=[endpoint.method])
        if any(answer.media_type == STREAM for answer in endpoint.answers.values()):
            self.methods = {endpoint.method}


def routes() -> list[Route]:
    return [ExactRoute(endpoint) for endpoint in ENDPOINTS]
