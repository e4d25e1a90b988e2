"""The rules of dedup on a crafted log: who is accepted, who is a duplicate, what is a dead letter."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyflink.common import Row
from pyflink.table import DataTypes

from jobs import dedup, statements
from jobs.partitioning import partitions_of
from jobs.settings import Settings
from schemas import avro, ids, topics
from tests.pipeline.registry import serving

ELECTION = "election-2025-01"
NOON = datetime(2025, 1, 14, 12, 0, 0, 500_000, tzinfo=UTC)
VOTES_IN = avro.latest("votes-in")
ENCODE = avro.encoder(VOTES_IN, 6)
PARTITIONS = topics.load("local")["votes-in"].partitions
RECORD = DataTypes.ROW(
    [
        DataTypes.FIELD("key", DataTypes.BYTES()),
        DataTypes.FIELD("value", DataTypes.BYTES()),
        DataTypes.FIELD("partition", DataTypes.INT()),
        DataTypes.FIELD("offset", DataTypes.BIGINT()),
        DataTypes.FIELD("appended_at_ms", DataTypes.BIGINT()),
    ]
)


@dataclass(frozen=True)
class Record:
    """A record of votes-in; its offset is its place in the log of the test."""

    key: bytes | None
    value: bytes | None
    partition: int
    vote_id: str


def a_record(
    voter: Any,
    candidate: Any = "alice",
    *,
    election: Any = ELECTION,
    key: Any = None,
    value: Any = None,
    no_key: Any = False,
    no_value: Any = False,
    elsewhere: Any = False,
) -> Any:
    vote_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{election} {voter} {candidate}"))
    own_key = ids.vote_key(election, voter).encode()
    own_value = ENCODE(
        {
            "vote_id": vote_id,
            "election_id": election,
            "voter_sub": voter,
            "candidate_id": candidate,
            "cast_at": NOON - timedelta(seconds=2),
            "catalogue_version": 3,
        }
    )
    key = None if no_key else key or own_key
    partition = int(partitions_of([key or b""], PARTITIONS)[0])
    return Record(key, None if no_value else value or own_value, (partition + elsewhere) % PARTITIONS, vote_id)


LOG = [
    a_record("anna", "alice"),
    a_record("ben", value=b"\0\0\0\0\6garbage"),
    a_record("ben", "bob"),
    a_record("anna", "bob"),
    a_record("anna", "alice", election="election-2026"),
    a_record("cleo", value=b"not avro at all"),
    a_record("cleo", key=ids.vote_key(ELECTION, "anna").encode()),
    a_record("cleo", elsewhere=True),
    a_record("cleo", value=b"\0\0\0\0\7" + b"an id that nobody has registered"),
    a_record("cleo", no_key=True),
    a_record("cleo", no_value=True),
    a_record("ben", "carol"),
    a_record("cleo", "carol"),
    a_record("anna", "carol"),
]
ACCEPTED = [0, 2, 4, 12]
DUPLICATES = {3: 0, 11: 2, 13: 0}
DEAD = [1, 5, 6, 7, 8, 9, 10]


def appended_at(offset: Any) -> Any:
    return NOON + timedelta(seconds=offset)


def as_bytes(value: Any) -> Any:
    """PyFlink takes binary elements as ``bytearray`` only."""
    return None if value is None else bytearray(value)


@pytest.fixture(scope="module")
def verdicts(table_env: Any) -> Iterator[Any]:
    rows = [
        Row(as_bytes(record.key), as_bytes(record.value), record.partition, offset, int(appended_at(offset).timestamp() * 1000))
        for offset, record in enumerate(LOG)
    ]
    with serving({6: VOTES_IN.text}) as registry_url:
        settings = Settings.from_environment({"SCHEMA_REGISTRY_URL": registry_url})
        table_env.create_temporary_view("log", table_env.from_elements(rows, RECORD))
        log = table_env.sql_query("SELECT *, TO_TIMESTAMP_LTZ(appended_at_ms, 3) AS appended_at FROM log")
        tables = dedup.build(table_env, settings, log)
        yield {name: collected(table) for name, table in vars(tables).items()} | {"tables": tables}


def collected(table: Any) -> Any:
    names = table.get_resolved_schema().get_column_names()
    with table.execute().collect() as results:
        return [dict(zip(names, row, strict=True)) for row in results]


def test_the_first_vote_of_every_key_is_accepted_as_it_was_cast(verdicts: Any) -> None:
    assert {row["source_offset"]: row for row in verdicts["accepted"]} == {
        offset: {
            "vote_key": LOG[offset].key.decode(),
            "vote_id": LOG[offset].vote_id,
            "election_id": LOG[offset].key.decode().partition(":")[0],
            "voter_sub": LOG[offset].key.decode().partition(":")[2],
            "candidate_id": candidate,
            "cast_at": datetime(2025, 1, 14, 11, 59, 58, 500_000),  # noqa: DTZ001
            "catalogue_version": 3,
            "accepted_at": appended_at(offset).replace(tzinfo=None),
            "source_partition": LOG[offset].partition,
            "source_offset": offset,
        }
        for offset, candidate in zip(ACCEPTED, ["alice", "bob", "alice", "carol"], strict=True)
    }


def test_what_is_told_of_a_unique_vote_is_not_whom_it_is_for(verdicts: Any) -> None:
    columns = ("vote_key", "vote_id", "cast_at", "accepted_at", "source_partition", "source_offset")
    expected = [{column: row[column] for column in columns} for row in verdicts["accepted"]]
    assert sorted(verdicts["unique"], key=str) == sorted(expected, key=str)


def test_every_later_vote_is_rejected_with_the_first_ones_id(verdicts: Any) -> None:
    assert {row["source_offset"]: (row["reason"], row["vote_id"], row["first_vote_id"]) for row in verdicts["rejected"]} == {
        offset: ("duplicate", LOG[offset].vote_id, LOG[first].vote_id) for offset, first in DUPLICATES.items()
    }


def test_what_can_never_be_counted_goes_to_the_dead_letters_as_it_came(verdicts: Any) -> None:
    letters = {int(row["headers"]["offset"]): row for row in verdicts["dead_letters"]}
    assert sorted(letters) == DEAD
    for offset, row in letters.items():
        assert (row["key"], row["value"]) == (LOG[offset].key, LOG[offset].value)
        assert row["headers"]["topic"] == b"votes-in"
        assert row["headers"]["partition"] == str(LOG[offset].partition).encode()
        assert row["headers"]["error"]


def test_every_record_has_exactly_one_verdict(verdicts: Any) -> None:
    offsets = [row["source_offset"] for row in (*verdicts["accepted"], *verdicts["rejected"])]
    offsets += [int(row["headers"]["offset"]) for row in verdicts["dead_letters"]]
    assert sorted(offsets) == list(range(len(LOG)))


def test_one_python_worker_call_one_window_and_one_exchange_serve_all_four_outputs(table_env: Any, verdicts: Any) -> None:
    """A second exchange could reorder the records of a key; a second window would be a second copy of the state."""
    tables = verdicts["tables"]
    for name in ("votes_unique", "votes_accepted", "votes_rejected"):
        statements.define(table_env, f"connectors/{name}", options={"connector": "blackhole"})
    table_env.execute_sql(
        "CREATE TEMPORARY TABLE votes_dlq (`key` BYTES, `value` BYTES, headers MAP<STRING, BYTES>)"
        " WITH ('connector' = 'blackhole')"
    )
    inserts = table_env.create_statement_set()
    inserts.add_insert("votes_unique", tables.unique)
    inserts.add_insert("votes_accepted", tables.accepted)
    inserts.add_insert("votes_rejected", tables.rejected)
    inserts.add_insert("votes_dlq", tables.dead_letters)
    plan = inserts.explain().partition("== Optimized Execution Plan ==")[2]
    assert plan.count("PythonCalc(") == 1
    assert plan.count("OverAggregate(") == 1
    assert plan.count("Exchange(") == 1
