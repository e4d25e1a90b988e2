"""The recount's job on crafted records: what it comes to by itself, and where votes-accepted differs."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment

from proof import replay, rule
from proof.digests import differing
from proof.records import Position
from proof.recounting import VOTES_ACCEPTED, Result, compare_votes, votes_of
from schemas import avro
from schemas.ids import vote_key

ELECTION = "election-2025-01"
OPENS = datetime(2025, 1, 1, tzinfo=UTC)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
PARTITIONS = 4
VOTE, TAKEN = avro.latest("votes-in"), avro.latest("votes-accepted")
IN_ID, ACCEPTED_ID = 7, 9


def ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def a_vote(number: int, sub: str, candidate: str, **changed: Any) -> dict[str, Any]:
    return {
        "vote_id": f"vote-{number}",
        "election_id": ELECTION,
        "voter_sub": sub,
        "candidate_id": candidate,
        "cast_at": ms(NOON),
        "catalogue_version": 1,
        "jurisdiction": "north",
        **changed,
    }


class Topic:
    """votes-in, as its records come to lie."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self._encode = avro.encoder(VOTE, IN_ID)

    def add(self, vote: dict[str, Any], at: datetime = NOON, *, value: bytes | None = None, moved: int = 0) -> Position:
        key = vote_key(vote["election_id"], vote["voter_sub"]).encode()
        partition = (rule.home_partition(key, PARTITIONS) + moved) % PARTITIONS
        place = Position(partition, len(self.rows))
        self.rows.append((key, self._encode(vote) if value is None else value, *place, at.replace(tzinfo=None)))
        return place


@pytest.fixture(scope="module")
def crafted() -> dict[str, Any]:
    topic = Topic()
    places = {
        "invalid first": topic.add(a_vote(0, "anna", "nobody")),
        "anna": topic.add(a_vote(1, "anna", "alice")),
        "anna again": topic.add(a_vote(2, "anna", "bob")),
        "ben": topic.add(a_vote(3, "ben", "bob")),
        "late": topic.add(a_vote(4, "cleo", "bob"), at=OPENS + timedelta(days=1)),
        "south": topic.add(a_vote(5, "dora", "bob", jurisdiction="south")),
        "version": topic.add(a_vote(6, "emil", "bob", catalogue_version=9)),
        "bytes": topic.add(a_vote(7, "fred", "bob"), value=b"no vote"),
        "partition": topic.add(a_vote(8, "gina", "bob"), moved=1),
        "hugo": topic.add(a_vote(9, "hugo", "alice"), at=OPENS),
    }
    encode = avro.encoder(TAKEN, ACCEPTED_ID)

    def accepted(number: int, sub: str, candidate: str, place: Position, at: datetime = NOON) -> tuple[bytes]:
        vote = {key: value for key, value in a_vote(number, sub, candidate).items() if key != "jurisdiction"}
        return (encode({**vote, "accepted_at": at, "source_partition": place.partition, "source_offset": place.offset}),)

    return {
        "votes_in": topic.rows,
        "places": places,
        "right": [
            accepted(1, "anna", "alice", places["anna"]),
            accepted(3, "ben", "bob", places["ben"]),
            accepted(9, "hugo", "alice", places["hugo"], OPENS),
            accepted(99, "zoe", "alice", Position(0, 1_000)),  # beyond the end
        ],
        # Anna's choice changed, Ben's vote lost, Hugo's there twice, and one that nobody cast.
        "wrong": [
            accepted(1, "anna", "bob", places["anna"]),
            accepted(9, "hugo", "alice", places["hugo"], OPENS),
            accepted(9, "hugo", "alice", places["hugo"], OPENS),
            accepted(50, "ivan", "alice", Position(0, 3)),
            (b"unreadable",),
        ],
    }


def a_request(buckets: list[int]) -> replay.Request:
    offsets = dict.fromkeys(range(PARTITIONS), 0)
    return replay.Request(
        kafka_bootstrap_servers="unused:1",
        starts=offsets,
        ends=dict.fromkeys(range(PARTITIONS), 100),
        accepted_starts=offsets,
        accepted_ends=offsets,
        vote_schemas={IN_ID: VOTE.text},
        accepted_schemas={ACCEPTED_ID: TAKEN.text},
        catalogue=[(ELECTION, 1, "open", ms(OPENS), ms(OPENS + timedelta(days=1)), ["alice", "bob"], ["north"])],
        parallelism=1,
        buckets=buckets,
    )


@pytest.fixture
def recount(engine_process: None, code: Any, crafted: dict[str, Any]) -> Any:
    del engine_process, code

    def run(side: str, buckets: list[int] | None = None) -> list[list[Any]]:
        request = replay.Request.from_json(a_request(buckets or []).as_json())
        table_env = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
        for key, value in {"parallelism.default": "1", "python.executable": sys.executable}.items():
            table_env.get_config().set(key, value)
        columns = [
            ("key", DataTypes.BYTES()),
            ("value", DataTypes.BYTES()),
            ("partition", DataTypes.INT()),
            ("offset", DataTypes.BIGINT()),
            ("appended_at", DataTypes.TIMESTAMP(3)),
        ]
        for table, rows, fields in (
            ("votes_in", crafted["votes_in"], columns),
            ("votes_accepted", crafted[side], columns[1:2]),
        ):
            row = DataTypes.ROW([DataTypes.FIELD(*field) for field in fields])
            plain = [tuple(bytearray(each) if isinstance(each, bytes) else each for each in record) for record in rows]
            table_env.create_temporary_view(table, table_env.from_elements(plain, row))
        replay.define_rules(table_env, request)
        found = table_env.execute_sql(replay.query(request)).collect()
        return [[int(each) if type(each).__name__ == "Decimal" else each for each in row] for row in found]

    return run


def test_the_first_valid_vote_counts_and_every_record_has_its_verdict(recount: Any, crafted: dict[str, Any]) -> None:
    result = Result.of(recount("right"))
    assert result.counts(ELECTION) == {"alice": 2, "bob": 1}
    assert result.outcomes(ELECTION) == {
        "accepted": 3,
        "dead_letter": 2,
        "duplicate": 1,
        "election_not_open": 1,
        "unknown_candidate": 1,
        "unknown_election": 1,
        "wrong_jurisdiction": 1,
    }
    places = crafted["places"]
    assert result.dead_letters == {places["bytes"]: ELECTION, places["partition"]: ELECTION}
    assert result.winners == result.accepted


def test_a_lost_a_doubled_an_invented_and_a_changed_vote_are_found(recount: Any, crafted: dict[str, Any]) -> None:
    result = Result.of(recount("wrong"))
    assert result.counts(ELECTION) == {"alice": 2, "bob": 1}
    assert sum(total.votes for cell, total in result.accepted.items() if cell.election_id == "unknown") == 1
    rows = recount("wrong", sorted(differing(result.winners, result.accepted, ELECTION)))
    found = compare_votes(ELECTION, votes_of(rows, "recount"), votes_of(rows, "accepted"))
    places = crafted["places"]
    assert [vote.vote_id for vote in found.missing] == ["vote-3"]
    assert sorted(str(vote.vote_id) for vote in found.extra) == ["vote-50", "vote-9"]
    ((due, other),) = found.changed
    assert (due.source, due.candidate_id, other.candidate_id) == (places["anna"], "alice", "bob")
    assert VOTES_ACCEPTED.name == "votes-accepted"
    assert json.loads(a_request([]).as_json())["buckets"] == []
