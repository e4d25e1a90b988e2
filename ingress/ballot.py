"""What a voter sends: headers and body of ``POST /vote``, read from ASGI as they are."""

import hashlib
import re
from collections.abc import Iterable

import msgspec
from starlette.types import Receive

from ingress.problems import (
    BODY_TOO_LARGE,
    IDEMPOTENCY_KEY_MISMATCH,
    MALFORMED_REQUEST,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
)
from ingress.shared_timeout import SharedTimeout
from ingress.strict_json import MalformedJson, read_object
from schemas.ids import CANDIDATE_ID, ELECTION_ID

BODY_LIMIT_BYTES = 4096
_MEMBERS = {"electionId", "candidateId"}
_JSON = re.compile(r"application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*\"?utf-8\"?[ \t]*)?", re.IGNORECASE)
# The ballot as programs write it. What matches is an object with just these members, each once; the rest is read with care.
_SPACE = r"[ \t\r\n]*"
_ELECTION = rf'"electionId"{_SPACE}:{_SPACE}"({ELECTION_ID.pattern})"'
_CANDIDATE = rf'"candidateId"{_SPACE}:{_SPACE}"({CANDIDATE_ID.pattern})"'
_USUAL_BALLOT = re.compile(rf"{{{_SPACE}{_ELECTION}{_SPACE},{_SPACE}{_CANDIDATE}{_SPACE}}}".encode())


class Ballot(msgspec.Struct, frozen=True):
    election_id: str
    candidate_id: str


class RequestHeaders:
    """The headers that a vote depends on; every value of each, so that two of one kind can be refused."""

    __slots__ = ("authorization", "content_length", "content_type", "idempotency_key")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.authorization: list[str] = []
        self.content_length: list[str] = []
        self.content_type: list[str] = []
        self.idempotency_key: list[str] = []
        wanted = {
            b"authorization": self.authorization,
            b"content-length": self.content_length,
            b"content-type": self.content_type,
            b"idempotency-key": self.idempotency_key,
        }
        for name, value in headers:
            values = wanted.get(name)
            if values is not None:
                values.append(value.decode("latin-1"))


async def read_body(headers: RequestHeaders, receive: Receive, patience: SharedTimeout) -> bytes:
    """The whole body. Raises ``Problem``: 413 as soon as it is over the limit, 400 if it does not arrive in time."""
    for announced in headers.content_length:
        if announced.isdecimal() and int(announced) > BODY_LIMIT_BYTES:
            raise _too_large()
    body: bytes = b""
    try:
        with patience.started():
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(MALFORMED_REQUEST, "The body broke off.")
                body += message.get("body", b"")
                if len(body) > BODY_LIMIT_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise Problem(MALFORMED_REQUEST, f"The body did not arrive within {patience.seconds:g} seconds.") from None


def require_json(content_type: list[str]) -> None:
    """Raises ``Problem`` (415) unless the one ``Content-Type`` is application/json."""
    if content_type != ["application/json"] and (len(content_type) != 1 or not _JSON.fullmatch(content_type[0].strip())):
        raise Problem(UNSUPPORTED_MEDIA_TYPE, headers={"accept": "application/json"})


def parse_ballot(body: bytes) -> Ballot:
    """Raises ``Problem`` (400) unless the body is an object with just the two ids."""
    usual = _USUAL_BALLOT.fullmatch(body)
    if usual is not None:
        return Ballot(usual[1].decode(), usual[2].decode())
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


def check_idempotency_key(keys: list[str], voter_sub: str, election_id: str) -> None:
    """Raises ``Problem`` (422) if a key was sent that is not this voter's for this election."""
    if keys and keys != [hashlib.sha256((voter_sub + election_id).encode()).hexdigest()]:
        raise Problem(IDEMPOTENCY_KEY_MISMATCH)


def _too_large() -> Problem:
    return Problem(BODY_TOO_LARGE, f"At most {BODY_LIMIT_BYTES} bytes are taken.")
