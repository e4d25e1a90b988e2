"""What the proof reads: records of the topics and rows of the tables, with no trace of where they come from."""

from collections.abc import Mapping
from typing import NamedTuple

UNKNOWN = "unknown"


class Position(NamedTuple):
    """A place in votes-in."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"votes-in {self.partition}@{self.offset}"


class Vote(NamedTuple):
    """What a vote says, wherever it is repeated. Times are milliseconds since the epoch."""

    vote_id: str
    election_id: str
    voter_sub: str
    candidate_id: str
    cast_at_ms: int
    catalogue_version: int


class Cast(NamedTuple):
    """A record of votes-in; ``vote`` is ``None`` where the bytes cannot be decoded, ``error`` then says why.

    ``appended_at_ms`` is the broker's time.
    """

    position: Position
    appended_at_ms: int
    key: bytes | None
    value: bytes | None
    vote: Vote | None
    error: str | None = None
    jurisdiction: str | None = None
    """Of the voter, empty if the token had none; ``None`` if the record does not say."""


class Accepted(NamedTuple):
    """A record of votes-accepted."""

    key: bytes | None
    vote: Vote
    appended_at_ms: int
    source: Position


class Rejected(NamedTuple):
    """A record of votes-rejected."""

    key: bytes | None
    vote: Vote
    appended_at_ms: int
    source: Position
    reason: str
    first_vote_id: str | None


class DeadLetter(NamedTuple):
    """A record of votes-dlq."""

    key: bytes | None
    value: bytes | None
    source: Position


class Verdict(NamedTuple):
    """Of a record of an output topic, what conservation asks: whose it is, of which vote, and what was decided."""

    key: bytes | None
    source: Position
    outcome: str  # accepted, dead_letter, or the reason of a rejection


class Unreadable(NamedTuple):
    """A record of an output topic or of the catalogue that does not follow its contract."""

    topic: str
    partition: int
    offset: int
    error: str

    def __str__(self) -> str:
        return f"{self.topic} {self.partition}@{self.offset} does not follow its contract: {self.error}"


class LedgerRow(NamedTuple):
    """A row of votes_ledger."""

    election_id: str
    voter_sub: str
    candidate_id: str
    vote_id: str | None
    source: Position | None


class Conflict(NamedTuple):
    """A row of ledger_conflicts."""

    election_id: str
    kept_vote_id: str | None
    refused_vote_id: str | None


class ElectionVersion(NamedTuple):
    """What a version of the catalogue says about the validity of a vote. Without ``jurisdictions`` everybody may vote.

    The election takes votes that were appended from ``opens_at_ms`` on and before ``closes_at_ms``.
    """

    status: str
    opens_at_ms: int
    closes_at_ms: int
    candidates: frozenset[str]
    jurisdictions: frozenset[str] = frozenset()


class Published(NamedTuple):
    """A record of elections, a topic with one partition."""

    key: bytes | None
    offset: int
    election_id: str
    version: int
    terms: ElectionVersion


Catalogue = Mapping[tuple[str, int], ElectionVersion]
Totals = Mapping[tuple[str, str], int]  # (election, candidate): votes
