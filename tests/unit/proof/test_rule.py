"""The proof's own rule of the election."""

import pytest

from proof import rule
from proof.records import Cast, ElectionVersion, Position, Vote

KEY = b"election-2025-01:voter-1"
VOTE = Vote("0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11", "election-2025-01", "voter-1", "alice", 5, 2)
CATALOGUE = {("election-2025-01", 2): ElectionVersion("open", 10, 20, frozenset({"alice"}))}


def record(vote: Vote | None = VOTE, key: bytes | None = KEY, partition: int | None = None) -> Cast:
    home = rule.home_partition(KEY, 4) if partition is None else partition
    return Cast(Position(home, 0), 15, key, b"", vote, None if vote else "the first byte is 1, not 0")


# From Kafka's UtilsTest.testMurmur2.
@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_lie_where_kafka_puts_them(key: bytes, murmur2: int) -> None:
    assert rule.home_partition(key, 512) == (murmur2 & 0x7FFFFFFF) % 512


def test_a_proper_record_is_readable() -> None:
    assert rule.unreadable_because(record(), 4) is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (record(vote=None), "first byte"),
        (record(key=None), "key"),
        (record(key=b"election-2025-01:voter-2"), "key"),
        (record(partition=(rule.home_partition(KEY, 4) + 1) % 4), "partition"),
        (record(vote=VOTE._replace(vote_id="")), "malformed"),
        (record(vote=VOTE._replace(voter_sub="a:b")), "malformed"),
        (record(vote=VOTE._replace(candidate_id="Alice")), "malformed"),
        (record(vote=VOTE._replace(election_id="")), "malformed"),
    ],
)
def test_what_cannot_be_counted_says_why(broken: Cast, why: str) -> None:
    assert why in str(rule.unreadable_because(broken, 4))


@pytest.mark.parametrize(
    ("vote", "appended_at_ms", "why"),
    [
        (VOTE, 10, None),
        (VOTE, 19, None),
        (VOTE, 9, "not open"),
        (VOTE, 20, "not open"),
        (VOTE._replace(candidate_id="bob"), 15, "no such candidate"),
        (VOTE._replace(catalogue_version=3), 15, "no such version"),
        (VOTE._replace(election_id="other"), 15, "no such version"),
    ],
)
def test_validity_is_a_matter_of_the_catalogue_and_the_append_time(vote: Vote, appended_at_ms: int, why: str | None) -> None:
    found = rule.invalid_because(vote, appended_at_ms, CATALOGUE)
    assert (found is None) if why is None else why in str(found)


def test_a_record_counts_under_its_election_or_under_unknown() -> None:
    elections = {"election-2025-01"}
    assert rule.election_of(record(), elections) == "election-2025-01"
    assert rule.election_of(record(vote=None), elections) == "election-2025-01"
    assert rule.election_of(record(vote=None, key=b"\xff\xfe"), elections) == "unknown"
    assert rule.election_of(record(vote=None, key=None), elections) == "unknown"
    assert rule.election_of(record(vote=VOTE._replace(election_id="other")), elections) == "unknown"
