"""Comparing hundreds of millions of votes without carrying them around: sums of hashes, by candidate and bucket.

A voter's key decides the bucket, everything that is recorded of the vote decides its digest. The sum of a bucket's digests does
not depend on their order, and a vote that is missing, doubled or changed changes it (by chance it would stay the same once in
2^60). Buckets whose sums differ are looked at vote by vote. PostgreSQL computes the same, see sql/ledger_digests.sql.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

BUCKETS = 1024


class Cell(NamedTuple):
    """Where votes are summed up."""

    election_id: str
    candidate_id: str
    bucket: int


class Sum(NamedTuple):
    votes: int
    digest: int

    def __add__(self, other: object) -> "Sum":
        if not isinstance(other, Sum):
            return NotImplemented
        return Sum(self.votes + other.votes, self.digest + other.digest)


Sums = Mapping[Cell, Sum]


def bucket_of(vote_key: str) -> int:
    """The first ten bits of the key's SHA-256."""
    found = hashlib.sha256(vote_key.encode()).digest()
    return found[0] << 2 | found[1] >> 6


def digest_of(vote_key: str, vote_id: str, candidate_id: str, appended_at_ms: int, partition: int, offset: int) -> int:
    """The first sixty bits of the SHA-256 of all that is recorded of a vote. None of the texts can hold the separator."""
    text = f"{vote_key}|{vote_id}|{candidate_id}|{appended_at_ms}|{partition}|{offset}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 4


def differing(one: Sums, other: Sums, election_id: str) -> set[int]:
    """The buckets of an election whose sums are not the same."""
    cells = {cell for cell in (*one, *other) if cell.election_id == election_id}
    return {cell.bucket for cell in cells if one.get(cell) != other.get(cell)}


def fingerprint(sums: Sums, election_id: str) -> str:
    """One hash over all sums of an election: the same for the same votes."""
    lines = sorted(f"{cell.candidate_id}|{cell.bucket}|{sum_.votes}|{sum_.digest}" for cell, sum_ in _of(sums, election_id))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def votes_in(sums: Sums, election_id: str) -> int:
    return sum(sum_.votes for _, sum_ in _of(sums, election_id))


def _of(sums: Sums, election_id: str) -> Iterable[tuple[Cell, Sum]]:
    return ((cell, sum_) for cell, sum_ in sums.items() if cell.election_id == election_id)
