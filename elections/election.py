"""An election as organisers describe it, and its versions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The life of an election, in this order."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    SEALED = "sealed"
    PUBLISHED = "published"


@dataclass(frozen=True)
class Candidate:
    candidate_id: str
    name: str


@dataclass(frozen=True)
class Election:
    """What an election is about. Times are aware and whole milliseconds; candidates stand in the order of the ballot."""

    election_id: str
    title: str
    opens_at: datetime
    closes_at: datetime
    candidates: tuple[Candidate, ...]
    jurisdictions: tuple[str, ...] = ()
    required_aal: str = "aal1"
    results_visibility: str = "after_publication"
    results_batch: int = 1


@dataclass(frozen=True)
class Version:
    """One immutable version in the catalogue: who wrote it when, and what it says.

    ``published_at`` is when the log was known to have it. Before that only organisers see it: no vote is checked against it.
    """

    election: Election
    version: int
    status: Status
    created_at: datetime
    created_by: str
    published_at: datetime | None = None

    def __str__(self) -> str:
        return f"version {self.version}, {self.status}"
