"""The rules of dedup on a crafted log: who is accepted, who is a duplicate, who is invalid and why, what is a dead letter.

The catalogue is read from the topic elections of a broker, schemas from a registry; the log itself is a table.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from pyflink.common import Row
from pyflink.table import DataTypes

from compose.settings import Stack
from compose.toolchain import parts
from jobs import dedup, engine, plans, registered_schemas, statements
from jobs.settings import Settings
from proof.rule import home_partition
from schemas import avro, ids, topics
from schemas.registry import Registry
from tests.stacks import running_stack

NOON = datetime(2025, 1, 14, 12, 0, 0, 500_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARTITIONS = topics.load("local")["votes-in"].partitions
FIRST_VERSION, NEWEST = (schema for schema in avro.all_versions() if schema.topic == "votes-in")
RECORD = DataTypes.ROW(
    [
        DataTypes.FIELD("key", DataTypes.BYTES()),
        DataTypes.FIELD("value", DataTypes.BYTES()),
        DataTypes.FIELD("partition", DataTypes.INT(nullable=False)),
        DataTypes.FIELD("offset", DataTypes.BIGINT(nullable=False)),
        DataTypes.FIELD("appended_at_ms", DataTypes.BIGINT()),
    ]
)
MARS = "mars-2025"  # for everybody
NORTH = "north-2025"  # for voters of one jurisdiction


def an_election(election_id: Any, version: Any, status: Any, jurisdictions: Any = (), candidates: Any = "abc") -> Any:
    return {
        "election_id": election_id,
        "version": version,
        "title": "An election",
        "status": status,
        "opens_at": NOON - HOUR,
        "closes_at": NOON + HOUR,
        "results_visibility": "live",
        "jurisdictions": list(jurisdictions),
        "candidates": [{"candidate_id": name, "name": name.upper()} for name in candidates],
    }


CATALOGUE = [
    an_election(MARS, 1, "draft", candidates="ab"),
    an_election(MARS, 2, "open"),
    an_election(MARS, 3, "closed"),
    # Whatever is said of a version later does not count.
    an_election(MARS, 2, "closed", candidates="x"),
    an_election(NORTH, 1, "open", ["north"]),
]


@dataclass(frozen=True)
class Record:
    """A record of votes-in; its offset is its place in the log of the test. ``verdict`` is what dedup must say."""

    key: bytes | None
    value: bytes | None
    partition: int
    appended_at: datetime
    vote_id: str
    verdict: str


def a_record(verdict: Any, voter: Any, candidate: Any = "a", **but: Any) -> Any:
    """A valid vote, but for what ``but`` says."""
    election = but.get("election", MARS)
    vote_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{election} {voter} {candidate} {sorted(but.items(), key=str)}"))
    schema, schema_id = but.get("schema", (NEWEST, 7))
    vote = {
        "vote_id": vote_id,
        "election_id": election,
        "voter_sub": voter,
        "candidate_id": candidate,
        "cast_at": NOON - timedelta(seconds=2),
        "catalogue_version": but.get("version", 1 if election == NORTH else 2),
        "jurisdiction": but.get("jurisdiction"),
    } | but.get("fields", {})
    value = avro.encoder(schema, schema_id)(vote)
    key = but.get("key", ids.vote_key(election, voter).encode())
    partition = (home_partition(key or b"", PARTITIONS) + but.get("partitions_off", 0)) % PARTITIONS
    appended_at = NOON + but.get("after_noon", timedelta())
    return Record(key, but.get("value", value), partition, appended_at, vote_id, verdict)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack("pipeline", only=("topics", "schemas")) as running:
        yield running


@pytest.fixture(scope="module")
def schema_ids(stack: Stack) -> Any:
    with Registry(stack.environment()["SCHEMA_REGISTRY_URL"]) as registry:
        return {schema: registry.id_of(schema) for schema in avro.all_versions()}


@pytest.fixture(scope="module")
def log(schema_ids: Any) -> list[Record]:
    first, newest = (FIRST_VERSION, schema_ids[FIRST_VERSION]), (NEWEST, schema_ids[NEWEST])
    foreign = (NEWEST, schema_ids[avro.latest("votes-unique")])
    whole = a_record("", "cleo", schema=newest).value
    ms = timedelta(milliseconds=1)

    def vote(verdict: Any, voter: Any, candidate: Any = "a", **but: Any) -> Any:
        return a_record(verdict, voter, candidate, **{"schema": newest} | but)

    return [
        vote("accepted", "anna", "a"),
        vote("dead", "ben", value=b"\0" + schema_ids[NEWEST].to_bytes(4) + b"garbage"),
        vote("accepted", "ben", "b"),
        vote("duplicate of 0", "anna", "b"),
        vote("accepted", "anna", "a", election=NORTH, jurisdiction="north"),
        vote("dead", "cleo", value=b"not avro at all"),
        vote("dead", "cleo", key=ids.vote_key(MARS, "anna").encode()),
        vote("dead", "cleo", partitions_off=1),
        vote("dead", "cleo", value=b"\0\0\0\xff\xff" + whole[5:]),
        vote("dead", "cleo", schema=foreign),
        vote("dead", "cleo", value=b""),
        vote("dead", "cleo", value=b"\0"),
        vote("dead", "cleo", value=whole[:-1]),
        vote("dead", "cleo", value=whole + b"x"),
        # A string that says that it is two gigabytes long.
        vote("dead", "cleo", value=whole[:5] + b"\xfe\xff\xff\xff\x0f"),
        vote("dead", "cleo", key=None),
        vote("dead", "cleo", value=None),
        vote("dead", "cleo", fields={"vote_id": "no id"}),
        vote("dead", "cleo", fields={"candidate_id": "Ä"}),
        # Invalid votes take nobody's place.
        vote("unknown_election", "cleo", election="venus-2025"),
        vote("unknown_election", "cleo", version=99),
        vote("unknown_candidate", "cleo", "x"),
        vote("unknown_candidate", "cleo", "c", version=1),
        vote("election_not_open", "cleo", version=1),
        vote("election_not_open", "cleo", version=3),
        vote("election_not_open", "cleo", after_noon=-HOUR - ms),
        vote("election_not_open", "cleo", after_noon=HOUR),
        vote("accepted", "cleo", "c", after_noon=HOUR - ms),
        vote("duplicate of 27", "cleo", "a", after_noon=-HOUR),
        vote("wrong_jurisdiction", "ben", election=NORTH, jurisdiction="south"),
        vote("wrong_jurisdiction", "ben", election=NORTH, jurisdiction=""),
        # The first version of the schema did not say.
        vote("accepted", "ben", "b", election=NORTH, schema=first),
        vote("accepted", "dora", "b", schema=first, after_noon=-HOUR),
        vote("duplicate of 0", "anna", "c"),
        vote("duplicate of 2", "ben", "c"),
    ]


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Settings:
    jar = {"JOBS_FUNCTIONS_JAR": str(parts.FUNCTIONS.ensure() / "vote-functions.jar")}
    settings = Settings.from_environment({**stack.environment(), **jar, "DEDUP_COVERED_OFFSETS": ""})
    return registered_schemas.look_up(settings, dedup.TOPICS)


@pytest.fixture(scope="module")
def verdicts(table_env: Any, stack: Stack, schema_ids: Any, settings: Settings, log: list[Record]) -> Any:
    publish_catalogue(stack, schema_ids)
    rows = [
        Row(as_bytes(record.key), as_bytes(record.value), record.partition, offset, milliseconds(record.appended_at))
        for offset, record in enumerate(log)
    ]
    engine.set_options(table_env, "test", dedup.OPTIONS, dedup.parameters(settings))
    table_env.create_temporary_view("log", table_env.from_elements(rows, RECORD))
    votes_in = table_env.sql_query("SELECT *, TO_TIMESTAMP_LTZ(appended_at_ms, 3) AS appended_at FROM log")
    table_env.create_temporary_view("votes_in", votes_in)
    statements.define(table_env, "functions", jar=settings.functions_jar)
    dedup.define_rules(table_env)
    return {view: collected(table_env.from_path(view)) for view in dedup.INSERTS.values()}


def publish_catalogue(stack: Stack, schema_ids: Any) -> None:
    schema = avro.latest("elections")
    encode = avro.encoder(schema, schema_ids[schema])
    producer = Producer({"bootstrap.servers": stack.environment()["KAFKA_BOOTSTRAP_SERVERS"]})
    for election in CATALOGUE:
        producer.produce("elections", key=f"{election['election_id']}:{election['version']}", value=encode(election))
    assert producer.flush(30) == 0


def as_bytes(value: Any) -> Any:
    """PyFlink takes binary elements as ``bytearray`` only."""
    return None if value is None else bytearray(value)


def milliseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def collected(table: Any) -> Any:
    names = table.get_resolved_schema().get_column_names()
    with table.execute().collect() as results:
        return [dict(zip(names, row, strict=True)) for row in results]


def offsets_with(log: list[Record], *verdicts: str) -> list[int]:
    return [offset for offset, record in enumerate(log) if record.verdict.split(" ")[0] in verdicts]


def test_the_first_valid_vote_of_every_key_is_accepted_as_it_was_cast(verdicts: Any, log: list[Record]) -> None:
    found = {row["source_offset"]: row for row in verdicts["accepted"]}
    assert sorted(found) == offsets_with(log, "accepted")
    for offset, row in found.items():
        record = log[offset]
        assert record.key is not None
        election_id, voter_sub = record.key.decode().split(":")
        decoded = avro.decode(record.value or b"", (FIRST_VERSION if offset in {31, 32} else NEWEST).parsed)
        assert row == {
            "vote_key": record.key.decode(),
            "vote_id": record.vote_id,
            "election_id": election_id,
            "voter_sub": voter_sub,
            "candidate_id": decoded["candidate_id"],
            "cast_at": (NOON - timedelta(seconds=2)).replace(tzinfo=None),
            "catalogue_version": decoded["catalogue_version"],
            "accepted_at": record.appended_at.replace(tzinfo=None),
            "source_partition": record.partition,
            "source_offset": offset,
        }


def test_what_is_told_of_a_unique_vote_is_not_whom_it_is_for(verdicts: Any) -> None:
    columns = ("vote_key", "vote_id", "cast_at", "accepted_at", "source_partition", "source_offset")
    expected = [{column: row[column] for column in columns} for row in verdicts["accepted"]]
    assert sorted(verdicts["unique_votes"], key=str) == sorted(expected, key=str)


def test_every_later_vote_is_rejected_with_the_id_of_the_one_that_counts(verdicts: Any, log: list[Record]) -> None:
    found = {row["source_offset"]: row for row in verdicts["rejected"] if row["reason"] == "duplicate"}
    assert sorted(found) == offsets_with(log, "duplicate")
    for offset, row in found.items():
        first = int(log[offset].verdict.removeprefix("duplicate of "))
        assert (row["vote_id"], row["first_vote_id"]) == (log[offset].vote_id, log[first].vote_id)


def test_an_invalid_vote_is_rejected_with_its_reason(verdicts: Any, log: list[Record]) -> None:
    reasons = ("unknown_election", "unknown_candidate", "election_not_open", "wrong_jurisdiction")
    found = {row["source_offset"]: row for row in verdicts["rejected"] if row["reason"] != "duplicate"}
    assert {offset: row["reason"] for offset, row in found.items()} == {
        offset: log[offset].verdict for offset in offsets_with(log, *reasons)
    }
    for offset, row in found.items():
        assert (row["vote_id"], row["first_vote_id"]) == (log[offset].vote_id, None)
        assert row["appended_at"] == log[offset].appended_at.replace(tzinfo=None)


def test_what_can_never_be_counted_goes_to_the_dead_letters_as_it_came(verdicts: Any, log: list[Record]) -> None:
    letters = {int(row["headers"]["offset"]): row for row in verdicts["dead_letters"]}
    assert sorted(letters) == offsets_with(log, "dead")
    for offset, row in letters.items():
        assert (row["key"], row["value"]) == (log[offset].key, log[offset].value)
        assert row["headers"]["topic"] == b"votes-in"
        assert row["headers"]["partition"] == str(log[offset].partition).encode()
        assert row["headers"]["appended_at"].decode() == f"{log[offset].appended_at:%Y-%m-%d %H:%M:%S}.500Z"
        assert row["headers"]["error"]


def test_every_record_has_exactly_one_verdict(verdicts: Any, log: list[Record]) -> None:
    offsets = [row["source_offset"] for row in (*verdicts["accepted"], *verdicts["rejected"])]
    offsets += [int(row["headers"]["offset"]) for row in verdicts["dead_letters"]]
    assert sorted(offsets) == list(range(len(log)))


def test_the_kept_plan_reads_a_record_once_and_keeps_one_state_behind_one_exchange() -> None:
    """A second exchange could reorder the records of a key; a second window would be a second copy of the state."""
    plan = json.loads(plans.versions("dedup")[-1].read_text(encoding="utf-8"))
    kinds = [node["type"].rpartition("_")[0] for node in plan["nodes"]]
    assert kinds.count("stream-exec-over-aggregate") == 1
    assert kinds.count("stream-exec-exchange") == 1
    assert sum(node["description"].count("read_vote(") for node in plan["nodes"]) == 1
