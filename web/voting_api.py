"""The voting API as this application sees it. It knows nothing of browsers; the access token is all that it is shown."""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx

from schemas.ids import ELECTION_ID
from web import upstream
from web.failures import Misunderstood, Refused, SignInNeeded, TryLater, Unanswered
from web.settings import Settings

SERVICE = "the voting API"
PROBLEM_PREFIX = "urn:problem-type:voting:"
# The stream says something at least every 15 s, if only that it is alive.
STREAM_SILENCE_SECONDS = 45.0
_NOT_NOW = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
_GATEWAY_TROUBLE = frozenset({httpx.codes.BAD_GATEWAY, httpx.codes.GATEWAY_TIMEOUT})


@dataclass(frozen=True)
class Candidate:
    candidate_id: str
    name: str


@dataclass(frozen=True)
class Election:
    election_id: str
    title: str
    status: str
    opens_at: datetime
    closes_at: datetime
    live_results: bool
    candidates: tuple[Candidate, ...]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            election_id=str(document["electionId"]),
            title=str(document["title"]),
            status=str(document["status"]),
            opens_at=datetime.fromisoformat(document["opensAt"]),
            closes_at=datetime.fromisoformat(document["closesAt"]),
            live_results=document["resultsVisibility"] == "live",
            candidates=tuple(Candidate(str(entry["candidateId"]), str(entry["name"])) for entry in document["candidates"]),
        )

    def phase(self, now: datetime) -> str:
        """``upcoming``, ``open`` or ``closed``. The voting API decides; this is for what a page says beforehand."""
        if self.status == "open":
            return "upcoming" if now < self.opens_at else "open" if now < self.closes_at else "closed"
        return "closed"

    @property
    def results_shown(self) -> bool:
        return self.live_results or self.status == "published"

    def candidate(self, candidate_id: str) -> Candidate | None:
        return next((candidate for candidate in self.candidates if candidate.candidate_id == candidate_id), None)


@dataclass(frozen=True)
class Results:
    """``counts`` has every candidate of the ballot."""

    counts: Mapping[str, int]
    total: int
    updated_at: datetime | None
    status: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        updated_at = document["updatedAt"]
        return cls(
            counts={str(candidate): int(count) for candidate, count in document["counts"].items()},
            total=int(document["total"]),
            updated_at=None if updated_at is None else datetime.fromisoformat(updated_at),
            status=str(document["status"]),
        )


@dataclass(frozen=True)
class OwnVote:
    """``status``: none, pending, accepted, counted or rejected. ``receipt`` is what the API gives, whatever it comes to hold."""

    status: str
    receipt: Mapping[str, Any] | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        receipt = document["receipt"]
        return cls(str(document["status"]), None if receipt is None else dict(receipt))


class VotingApi:
    """The public API over HTTP. Methods raise ``Refused``, ``TryLater``, ``Unanswered``, ``Misunderstood``; with a token also
    ``SignInNeeded``."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._url = settings.voting_api_url
        self._client = client

    async def elections(self) -> list[Election]:
        content = await self._read("/elections")
        with upstream.reading(SERVICE):
            return [Election.from_json(entry) for entry in content["elections"]]

    async def election(self, election_id: str) -> Election:
        content = await self._read(f"/elections/{_checked(election_id)}")
        with upstream.reading(SERVICE):
            return Election.from_json(content)

    async def results(self, election_id: str) -> Results:
        content = await self._read(f"/votes/{_checked(election_id)}")
        with upstream.reading(SERVICE):
            return Results.from_json(content)

    async def own_vote(self, election_id: str, token: str) -> OwnVote:
        content = await self._read(f"/vote/{_checked(election_id)}", _bearer(token))
        with upstream.reading(SERVICE):
            return OwnVote.from_json(content)

    async def cast(self, election_id: str, candidate_id: str, sub: str, token: str) -> Mapping[str, Any]:
        """Cast the vote and return the receipt. Raises ``Refused("already-voted")`` with the receipt of the vote that is in.

        After ``TryLater``, ``Unanswered`` or ``Misunderstood`` the vote may be in or not: the same again is safe.
        """
        headers = {**_bearer(token), "Idempotency-Key": hashlib.sha256(f"{sub}{election_id}".encode()).hexdigest()}
        ballot = {"electionId": election_id, "candidateId": candidate_id}
        answer = await upstream.send(self._client, SERVICE, "POST", f"{self._url}/vote", json=ballot, headers=headers)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise _failure(answer)
        with upstream.reading(SERVICE):
            return dict(upstream.document(answer, SERVICE)["receipt"])

    async def follow(self, election_id: str) -> AsyncGenerator[Results, None]:
        """The live results now and whenever they change, until the API ends the stream."""
        url = f"{self._url}/votes/{_checked(election_id)}/stream"
        timeout = httpx.Timeout(upstream.CALL_TIMEOUT_SECONDS, read=STREAM_SILENCE_SECONDS)
        try:
            async with self._client.stream("GET", url, headers={"Accept": "text/event-stream"}, timeout=timeout) as answer:
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    raise _failure(answer)
                # Each event of this stream has one line of data.
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        with upstream.reading(SERVICE):
                            yield Results.from_json(json.loads(line.removeprefix("data:")))
        except httpx.TransportError as error:
            raise Unanswered(f"{SERVICE} broke off a stream: {type(error).__name__}") from error

    async def _read(self, path: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = await upstream.send(self._client, SERVICE, "GET", self._url + path, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise _failure(answer)
        return upstream.document(answer, SERVICE)


def _checked(election_id: str) -> str:
    """An id comes from an address that anybody can type, and goes into another one. Raises ``Refused``."""
    if not ELECTION_ID.fullmatch(election_id):
        raise Refused("unknown-election")
    return election_id


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _failure(answer: httpx.Response) -> Exception:
    """What a refusal means. One that is no problem document comes from something in between."""
    try:
        problem = answer.json()
        reason = str(problem["type"]).removeprefix(PROBLEM_PREFIX)
    except (ValueError, KeyError, TypeError):
        problem, reason = {}, ""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return SignInNeeded("the voting API does not take the token")
    if answer.status_code in _NOT_NOW:
        wait = answer.headers.get("Retry-After", "")
        return TryLater(reason or str(answer.status_code), int(wait) if wait.isascii() and wait.isdigit() else None)
    if answer.status_code in _GATEWAY_TROUBLE:
        return Unanswered(f"{SERVICE}: {answer.status_code} from a gateway")
    if reason and answer.is_client_error:
        return Refused(reason, problem)
    return Misunderstood(f"{SERVICE} answered {answer.status_code} {reason or 'without a problem document'}")
