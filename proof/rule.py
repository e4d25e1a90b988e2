"""The rule of the election, written down once more, independently of the job that applies it.

A record of votes-in is *readable* if it decodes, its ids are well formed, its time is one that a calendar has, its key is
``electionId:sub`` of its value and it lies in the partition of that key. A readable vote is *valid* if the version of its
election that it names is in the catalogue, has the candidate, was open at the broker's append time and takes votes from the
voter's jurisdiction. The first valid vote of a key in its partition counts, whatever invalid ones stand before it.
"""

from collections.abc import Container

from proof.records import UNKNOWN, Cast, Catalogue, Vote
from schemas import ids

_M = 0x5BD1E995
_SEED = 0x9747B28C
_MASK = 0xFFFFFFFF
# The years 1 to 9999: beyond them the outputs cannot be read.
_CALENDAR_MS = range(-62_135_596_800_000, 253_402_300_800_000)


def unreadable_because(record: Cast, partitions: int, home: int | None = None) -> str | None:
    """Why a record can never be counted, or ``None`` if it is readable. ``home``: its key's partition, if that is known."""
    vote = record.vote
    if vote is None:
        return record.error or "not decodable"
    if not (
        ids.VOTE_ID.fullmatch(vote.vote_id)
        and ids.ELECTION_ID.fullmatch(vote.election_id)
        and ids.CANDIDATE_ID.fullmatch(vote.candidate_id)
        and ids.VOTER_SUB.fullmatch(vote.voter_sub)
    ):
        return "an id in it is malformed"
    if vote.cast_at_ms not in _CALENDAR_MS:
        return "its time is beyond the calendar"
    if record.key is None or record.key != ids.vote_key(vote.election_id, vote.voter_sub).encode():
        return "its key is not that of its value"
    if (home_partition(record.key, partitions) if home is None else home) != record.position.partition:
        return "its partition is not that of its key"
    return None


def invalid_because(vote: Vote, jurisdiction: str | None, appended_at_ms: int, catalogue: Catalogue) -> str | None:
    """Why a readable vote cannot count, the first reason that applies, or ``None`` if it is valid.

    A reason is a name of ``RejectionReason`` in schemas/avro/votes-rejected. A ``jurisdiction`` of ``None``, of a record that
    does not say, is let pass: the ingress alone has seen it.
    """
    election = catalogue.get((vote.election_id, vote.catalogue_version))
    if election is None:
        return "unknown_election"
    if vote.candidate_id not in election.candidates:
        return "unknown_candidate"
    if election.status != "open" or not election.opens_at_ms <= appended_at_ms < election.closes_at_ms:
        return "election_not_open"
    if election.jurisdictions and jurisdiction is not None and jurisdiction not in election.jurisdictions:
        return "wrong_jurisdiction"
    return None


def election_of(record: Cast, elections: Container[str]) -> str:
    """The election under which a record is counted: one of ``elections`` by its value, else by its key, else ``unknown``."""
    if record.vote is not None and record.vote.election_id in elections:
        return record.vote.election_id
    prefix = (record.key or b"").partition(b":")[0].decode("ascii", errors="replace")
    return prefix if record.vote is None and prefix in elections else UNKNOWN


def home_partition(key: bytes, partitions: int) -> int:
    """The partition of a key: Kafka's default partitioning, ``toPositive(murmur2(key)) % partitions`` (Utils.murmur2)."""
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    for start in range(0, whole, 4):
        k = (int.from_bytes(key[start : start + 4], "little") * _M) & _MASK
        k ^= k >> 24
        h = ((h * _M) & _MASK) ^ ((k * _M) & _MASK)
    if whole < length:
        h = ((h ^ int.from_bytes(key[whole:], "little")) * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % partitions
