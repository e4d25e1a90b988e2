"""Whole batches of records, judged as ``proof.rule`` says: what the recount's job calls for the bytes that it reads.

Nothing of dedup is used: decoder, rule and partitioning are the proof's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from proof import digests, rule
from proof.decoding import Readers, read, vote_of
from proof.records import UNKNOWN, Cast, Catalogue, Position, Vote
from schemas import avro, ids

_M = np.uint32(0x5BD1E995)
_SEED = 0x9747B28C


class Judge:
    """Judges records of votes-in by themselves: everything but which of a voter's valid votes is the first."""

    COLUMNS = ("election_id", "outcome", "candidate_id", "vote_key", "vote_id", "appended_at_ms", "bucket", "digest")

    def __init__(self, readers: Readers, catalogue: Catalogue, partitions: int) -> None:
        self._readers = readers
        self._catalogue = catalogue
        self._elections = frozenset(election_id for election_id, _ in catalogue)
        self._partitions = partitions

    def batch(
        self,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        partitions: Sequence[int],
        offsets: Sequence[int],
        appended_at_ms: Sequence[int],
    ) -> pd.DataFrame:
        """A row for each record, in their order. ``outcome`` is ``None`` for a valid vote."""
        homes = home_partitions([key or b"" for key in keys], self._partitions)
        rows = [self._row(*record) for record in zip(keys, values, partitions, offsets, appended_at_ms, homes, strict=True)]
        return _frame(rows, self.COLUMNS, numbers=("appended_at_ms", "bucket", "digest"))

    def _row(
        self, key: bytes | None, value: bytes | None, partition: int, offset: int, appended_at_ms: int, home: int
    ) -> tuple[Any, ...]:
        vote, jurisdiction, error = self._read(value)
        record = Cast(Position(partition, offset), appended_at_ms, key, value, vote, error, jurisdiction)
        election_id = rule.election_of(record, self._elections)
        if vote is None or rule.unreadable_because(record, self._partitions, home) is not None:
            return election_id, "dead_letter", None, None, None, appended_at_ms, 0, 0
        reason = rule.invalid_because(vote, jurisdiction, appended_at_ms, self._catalogue)
        if reason is not None:
            return election_id, reason, None, None, None, appended_at_ms, 0, 0
        vote_key = ids.vote_key(vote.election_id, vote.voter_sub)
        digest = digests.digest_of(vote_key, vote.vote_id, vote.candidate_id, appended_at_ms, partition, offset)
        bucket = digests.bucket_of(vote_key)
        return election_id, None, vote.candidate_id, vote_key, vote.vote_id, appended_at_ms, bucket, digest

    def _read(self, value: bytes | None) -> tuple[Vote | None, str | None, str | None]:
        try:
            datum = read(value, self._readers)
            vote = vote_of(datum)
        except (avro.UndecodableValue, KeyError) as error:
            return None, None, str(error)
        return vote, datum.get("jurisdiction"), None


class AcceptedReader:
    """Reads records of votes-accepted; of votes beyond the recount's ends it gives none."""

    COLUMNS = (
        "election_id",
        "candidate_id",
        "vote_key",
        "vote_id",
        "appended_at_ms",
        "source_partition",
        "source_offset",
        "bucket",
        "digest",
    )

    def __init__(self, readers: Readers, ends: Mapping[int, int]) -> None:
        self._readers = readers
        self._ends = ends

    def batch(self, values: Sequence[bytes | None]) -> pd.DataFrame:
        """A row for each record. Its election is ``unknown`` if it does not follow its contract, ``None`` beyond the ends."""
        numbers = ("appended_at_ms", "source_partition", "source_offset", "bucket", "digest")
        return _frame([self._row(value) for value in values], self.COLUMNS, numbers)

    def _row(self, value: bytes | None) -> tuple[Any, ...]:
        try:
            datum = read(value, self._readers)
            partition, offset, at = datum["source_partition"], datum["source_offset"], datum["accepted_at"]
        except (avro.UndecodableValue, KeyError):
            return UNKNOWN, "", "", "", 0, 0, 0, 0, 0
        if offset >= self._ends.get(partition, offset + 1):
            return None, None, None, None, 0, 0, 0, 0, 0
        key = ids.vote_key(datum["election_id"], datum["voter_sub"])
        digest = digests.digest_of(key, datum["vote_id"], datum["candidate_id"], at, partition, offset)
        bucket = digests.bucket_of(key)
        return datum["election_id"], datum["candidate_id"], key, datum["vote_id"], at, partition, offset, bucket, digest


def home_partitions(keys: Sequence[bytes], partitions: int) -> list[int]:
    """``rule.home_partition`` of many keys: those of a length are computed together, which costs a tenth."""
    by_length: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(place)
    homes = [0] * len(keys)
    for length, places in by_length.items():
        found = _murmur2(np.frombuffer(b"".join(keys[place] for place in places), np.uint8).reshape(len(places), length))
        for place, hash_ in zip(places, (found & np.uint32(0x7FFFFFFF)).tolist(), strict=True):
            homes[place] = hash_ % partitions
    return homes


def _murmur2(keys: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Kafka's hash (Utils.murmur2) of keys of one length, a row each; numbers of 32 bits wrap around as Java's do."""
    count, length = keys.shape
    whole = length & ~3
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4")
    h = np.full(count, (_SEED ^ length) & 0xFFFFFFFF, np.uint32)
    for place in range(whole // 4):
        k = words[:, place] * _M
        k ^= k >> np.uint32(24)
        h = h * _M ^ k * _M
    if whole < length:
        rest = np.zeros(count, np.uint32)
        for place in range(whole, length):
            rest |= keys[:, place].astype(np.uint32) << np.uint32(8 * (place - whole))
        h = (h ^ rest) * _M
    h ^= h >> np.uint32(13)
    h = h * _M
    h ^= h >> np.uint32(15)
    return h


def _frame(rows: list[tuple[Any, ...]], columns: Sequence[str], numbers: Iterable[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    return frame.astype(dict.fromkeys(numbers, "int64"))
