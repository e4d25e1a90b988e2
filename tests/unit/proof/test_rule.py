"""The proof's own rule of the election."""

import json
from datetime import datetime, timedelta

import pytest

from proof import rule
from proof.records import Cast, ElectionVersion, Position, Vote
from schemas import avro

KEY = b"election-2025-01:voter-1"
VOTE = Vote("0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11", "election-2025-01", "voter-1", "alice", 5, 2)
FIRST_MS, LAST_MS = (
    (datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(milliseconds=1)
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z")
)
REGIONAL = VOTE._replace(catalogue_version=3)
CATALOGUE = {
    ("election-2025-01", 1): ElectionVersion("draft", 10, 20, frozenset({"alice"})),
    ("election-2025-01", 2): ElectionVersion("open", 10, 20, frozenset({"alice"})),
    ("election-2025-01", 3): ElectionVersion("open", 10, 20, frozenset({"alice"}), frozenset({"north", "east"})),
    ("election-2025-01", 4): ElectionVersion("closed", 10, 20, frozenset({"alice"})),
}


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


@pytest.mark.parametrize("cast_at_ms", [VOTE.cast_at_ms, FIRST_MS, LAST_MS])
def test_a_proper_record_is_readable(cast_at_ms: int) -> None:
    assert rule.unreadable_because(record(VOTE._replace(cast_at_ms=cast_at_ms)), 4) is None


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
        (record(vote=VOTE._replace(cast_at_ms=FIRST_MS - 1)), "calendar"),
        (record(vote=VOTE._replace(cast_at_ms=LAST_MS + 1)), "calendar"),
    ],
)
def test_what_cannot_be_counted_says_why(broken: Cast, why: str) -> None:
    assert why in str(rule.unreadable_because(broken, 4))


@pytest.mark.parametrize(
    ("vote", "jurisdiction", "appended_at_ms", "reason"),
    [
        (VOTE, "north", 10, None),
        (VOTE, "north", 19, None),
        (VOTE, "south", 15, None),
        (VOTE, "", 15, None),
        (VOTE, None, 15, None),
        (VOTE, "north", 9, "election_not_open"),
        (VOTE, "north", 20, "election_not_open"),
        (VOTE._replace(catalogue_version=1), "north", 15, "election_not_open"),
        (VOTE._replace(catalogue_version=4), "north", 15, "election_not_open"),
        (VOTE._replace(candidate_id="bob"), "north", 15, "unknown_candidate"),
        (VOTE._replace(catalogue_version=9), "north", 15, "unknown_election"),
        (VOTE._replace(catalogue_version=0), "north", 15, "unknown_election"),
        (VOTE._replace(election_id="other"), "north", 15, "unknown_election"),
        (REGIONAL, "north", 15, None),
        (REGIONAL, "east", 15, None),
        (REGIONAL, None, 15, None),
        (REGIONAL, "south", 15, "wrong_jurisdiction"),
        (REGIONAL, "North", 15, "wrong_jurisdiction"),
        (REGIONAL, "", 15, "wrong_jurisdiction"),
    ],
)
def test_validity_is_a_matter_of_the_named_version_and_the_append_time(
    vote: Vote, jurisdiction: str | None, appended_at_ms: int, reason: str | None
) -> None:
    assert rule.invalid_because(vote, jurisdiction, appended_at_ms, CATALOGUE) == reason


def test_of_several_reasons_the_first_is_given_by_the_name_that_the_contract_has_for_it() -> None:
    known = VOTE._replace(catalogue_version=3)
    found = [
        rule.invalid_because(VOTE._replace(catalogue_version=9, candidate_id="bob"), "south", 99, CATALOGUE),
        rule.invalid_because(known._replace(candidate_id="bob"), "south", 99, CATALOGUE),
        rule.invalid_because(known, "south", 99, CATALOGUE),
        rule.invalid_because(known, "south", 15, CATALOGUE),
    ]
    assert found == ["unknown_election", "unknown_candidate", "election_not_open", "wrong_jurisdiction"]
    fields = {field["name"]: field["type"] for field in json.loads(avro.latest("votes-rejected").text)["fields"]}
    assert set(found) < set(fields["reason"]["symbols"])


def test_the_opening_times_are_exact_to_the_millisecond() -> None:
    opens, closes = 1_735_689_600_123, 1_735_689_600_124
    catalogue = {("election-2025-01", 2): ElectionVersion("open", opens, closes, frozenset({"alice"}))}
    found = [rule.invalid_because(VOTE, None, instant, catalogue) for instant in (opens - 1, opens, closes)]
    assert found == ["election_not_open", None, "election_not_open"]


def test_a_record_counts_under_its_election_or_under_unknown() -> None:
    elections = {"election-2025-01"}
    assert rule.election_of(record(), elections) == "election-2025-01"
    assert rule.election_of(record(vote=None), elections) == "election-2025-01"
    assert rule.election_of(record(vote=None, key=b"\xff\xfe"), elections) == "unknown"
    assert rule.election_of(record(vote=None, key=None), elections) == "unknown"
    assert rule.election_of(record(vote=VOTE._replace(election_id="other")), elections) == "unknown"
