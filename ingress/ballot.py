"""What a voter sends: the body of ``POST /vote`` and its optional ``Idempotency-Key``."""

import asyncio
import hashlib
import re
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from ingress.problems import (
    BODY_TOO_LARGE,
    IDEMPOTENCY_KEY_MISMATCH,
    MALFORMED_REQUEST,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
)
from ingress.strict_json import MalformedJson, read_object
from schemas.ids import CANDIDATE_ID, ELECTION_ID

BODY_LIMIT_BYTES = 4096
_MEMBERS = {"electionId", "candidateId"}
_JSON = re.compile(r"application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*\"?utf-8\"?[ \t]*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Ballot:
    election_id: str
    candidate_id: str


async def read_body(request: Request, seconds: float) -> bytes:
    """The whole body. Raises ``Problem``: 413 as soon as it is over the limit, 400 if it does not arrive in time."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_LIMIT_BYTES:
        raise _too_large()
    body = b""
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise Problem(MALFORMED_REQUEST, f"The body did not arrive within {seconds:g} seconds.") from None
    except ClientDisconnect:
        raise Problem(MALFORMED_REQUEST, "The body broke off.") from None
    return body


def require_json(request: Request) -> None:
    """Raises ``Problem`` (415) unless the one ``Content-Type`` is application/json."""
    types = request.headers.getlist("content-type")
    if len(types) != 1 or not _JSON.fullmatch(types[0].strip()):
        raise Problem(UNSUPPORTED_MEDIA_TYPE, headers={"accept": "application/json"})


def parse_ballot(body: bytes) -> Ballot:
    """Raises ``Problem`` (400) unless the body is an object with just the two ids."""
    try:
        members = read_object(body)
    except MalformedJson:
        raise Problem(MALFORMED_REQUEST, "The body is not a JSON object without duplicate members.") from None
    if members.keys() != _MEMBERS:
        raise Problem(MALFORMED_REQUEST, "The body has exactly the members electionId and candidateId.")
    election_id, candidate_id = members["electionId"], members["candidateId"]
    if not isinstance(election_id, str) or not ELECTION_ID.fullmatch(election_id):
        raise Problem(MALFORMED_REQUEST, "electionId is not an id.")
    if not isinstance(candidate_id, str) or not CANDIDATE_ID.fullmatch(candidate_id):
        raise Problem(MALFORMED_REQUEST, "candidateId is not an id.")
    return Ballot(election_id, candidate_id)


def check_idempotency_key(request: Request, voter_sub: str, election_id: str) -> None:
    """Raises ``Problem`` (422) if a key was sent that is not this voter's for this election."""
    keys = request.headers.getlist("idempotency-key")
    if keys and keys != [hashlib.sha256((voter_sub + election_id).encode()).hexdigest()]:
        raise Problem(IDEMPOTENCY_KEY_MISMATCH)


def _too_large() -> Problem:
    return Problem(BODY_TOO_LARGE, f"At most {BODY_LIMIT_BYTES} bytes are taken.")
