"""Every way in which a request can be refused: one table, from which the answers and the OpenAPI document are made.

``Problem`` is raised where a request can go no further; what the caller does next follows from its status:
correct the request (4xx), sign in again (401), accept that the vote is in (409), or send the same again later (429, 503).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

TYPE_PREFIX = "urn:problem-type:voting:"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class ProblemType:
    """A row of the table. ``name`` makes the stable type URI; ``title`` never changes from one occurrence to the next."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        return TYPE_PREFIX + self.name


MALFORMED_REQUEST = ProblemType("malformed-request", 400, "The request is not what this resource takes")
INVALID_TOKEN = ProblemType("invalid-token", 401, "A valid access token is needed")
INSUFFICIENT_SCOPE = ProblemType("insufficient-scope", 403, "The access token lacks a scope")
NOT_ELIGIBLE = ProblemType("not-eligible", 403, "This voter is not eligible")
WRONG_JURISDICTION = ProblemType("wrong-jurisdiction", 403, "This election belongs to another jurisdiction")
ELECTION_NOT_OPEN = ProblemType("election-not-open", 403, "This election does not take votes now")
SECOND_FACTOR_REQUIRED = ProblemType("second-factor-required", 403, "This election needs a sign-in with a second factor")
CHALLENGE_REQUIRED = ProblemType("challenge-required", 403, "A challenge has to be solved first")
BLOCKED = ProblemType("blocked", 403, "Requests like this one are blocked")
RESULTS_HIDDEN = ProblemType("results-hidden", 403, "The results of this election are not shown yet")
UNKNOWN_ELECTION = ProblemType("unknown-election", 404, "There is no such election")
NOT_FOUND = ProblemType("not-found", 404, "There is no such resource")
METHOD_NOT_ALLOWED = ProblemType("method-not-allowed", 405, "This resource does not know the method")
ALREADY_VOTED = ProblemType("already-voted", 409, "This voter has voted in this election")
BODY_TOO_LARGE = ProblemType("body-too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE = ProblemType("unsupported-media-type", 415, "The body must be application/json")
UNKNOWN_CANDIDATE = ProblemType("unknown-candidate", 422, "This election has no such candidate")
IDEMPOTENCY_KEY_MISMATCH = ProblemType("idempotency-key-mismatch", 422, "The Idempotency-Key does not match voter and election")
RATE_LIMITED = ProblemType("rate-limited", 429, "Too many requests")
INTERNAL_ERROR = ProblemType("internal-error", 500, "The request could not be answered")
LOG_UNAVAILABLE = ProblemType("log-unavailable", 503, "The vote was not taken: the log cannot acknowledge now")
OUTCOME_UNDECIDED = ProblemType("outcome-undecided", 503, "The log has not acknowledged the vote in time; it may still count")
ATTEMPT_PENDING = ProblemType("attempt-pending", 503, "An earlier attempt of this voter is still undecided")
UNAVAILABLE = ProblemType("unavailable", 503, "Something that is needed for the answer is away")

TABLE: tuple[ProblemType, ...] = (
    MALFORMED_REQUEST,
    INVALID_TOKEN,
    INSUFFICIENT_SCOPE,
    NOT_ELIGIBLE,
    WRONG_JURISDICTION,
    ELECTION_NOT_OPEN,
    SECOND_FACTOR_REQUIRED,
    CHALLENGE_REQUIRED,
    BLOCKED,
    RESULTS_HIDDEN,
    UNKNOWN_ELECTION,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    ALREADY_VOTED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    UNKNOWN_CANDIDATE,
    IDEMPOTENCY_KEY_MISMATCH,
    RATE_LIMITED,
    INTERNAL_ERROR,
    LOG_UNAVAILABLE,
    OUTCOME_UNDECIDED,
    ATTEMPT_PENDING,
    UNAVAILABLE,
)


class Problem(Exception):
    """The request ends here. ``detail`` is for people and never names a voter with a choice."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
        **members: object,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail
        self.members = members
        self.headers = {"cache-control": "no-store", **(headers or {})}
        if retry_after_seconds is not None:
            self.headers["retry-after"] = str(max(1, math.ceil(retry_after_seconds)))

    def response(self) -> Response:
        body: dict[str, Any] = {"type": self.kind.uri, "title": self.kind.title, "status": self.kind.status}
        if self.detail is not None:
            body["detail"] = self.detail
        body.update(self.members)
        return Response(msgspec.json.encode(body), self.kind.status, self.headers, MEDIA_TYPE)
