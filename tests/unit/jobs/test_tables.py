"""The tables of sql/connectors say again what the Avro schemas say; Flink refuses them at the start if they differ."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import guard, kafka_tables, sql_client, statements
from jobs.settings import Settings
from schemas import avro

SETTINGS = Settings.from_environment({"JOBS_FUNCTIONS_JAR": "/functions.jar"})
OPTIONS = {"connector": "x"}
TYPES = {"string": "STRING", "int": "INT", "long": "BIGINT", "timestamp-millis": "TIMESTAMP(3)", "enum": "STRING"}
KEYS = {"vote_key", "total_key"}


def columns_of(table: Any) -> Any:
    body = statements.read(f"connectors/{table}", options=OPTIONS).split(") WITH (")[0].split(" (\n", 1)[1]
    lines = [line.strip().rstrip(",") for line in body.splitlines() if "PRIMARY KEY" not in line]
    pattern = re.compile(r"`?(\w+)`? (STRING|INT|BIGINT|TIMESTAMP\(3\))( NOT NULL)?")
    found = [match.groups() for line in lines if (match := pattern.fullmatch(line))]
    assert len(found) == len(lines)
    return [(name, kind, not not_null) for name, kind, not_null in found if name not in KEYS]


def fields_of(topic: Any) -> Iterator[Any]:
    for field in json.loads(avro.latest(topic).text)["fields"]:
        kind = field["type"]
        nullable = isinstance(kind, list)
        if nullable:
            [kind] = [part for part in kind if part != "null"]
        if isinstance(kind, dict):
            kind = kind.get("logicalType", kind["type"])
        yield field["name"], TYPES[kind], nullable


@pytest.mark.parametrize(
    ("table", "topic"),
    [
        ("votes_unique", "votes-unique"),
        ("votes_accepted", "votes-accepted"),
        ("votes_rejected", "votes-rejected"),
        ("votes_agg_upserts", "votes-agg"),
        ("votes_agg_records", "votes-agg"),
    ],
)
def test_a_tables_columns_are_the_fields_of_its_topics_schema(table: Any, topic: Any) -> None:
    assert columns_of(table) == list(fields_of(topic))


def test_options_are_quoted() -> None:
    text = statements.read("connectors/votes_dlq", options={"connector": "kafka", "note": "it's"})
    assert "'connector' = 'kafka',\n    'note' = 'it''s'" in text


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        statements.read("functions")


WRITTEN_ONCE = [
    *(kafka_tables.verdicts(SETTINGS, topic) for topic in ("votes-unique", "votes-accepted", "votes-rejected")),
    kafka_tables.dead_letters(SETTINGS),
]


@pytest.mark.parametrize("options", WRITTEN_ONCE, ids=lambda options: options["topic"])
def test_what_dedup_writes_is_written_exactly_once_and_survives_a_day(options: Any) -> None:
    assert options["sink.delivery-guarantee"] == "exactly-once"
    assert int(options["properties.transaction.timeout.ms"]) >= 24 * 60 * 60 * 1000


def test_no_two_sinks_share_a_transactional_id() -> None:
    prefixes = [options["sink.transactional-id-prefix"] for options in WRITTEN_ONCE]
    assert len(set(prefixes)) == len(prefixes)


READ = [
    kafka_tables.raw_votes(SETTINGS, "sql-client"),
    kafka_tables.records(SETTINGS, "votes-accepted", "tally"),
    kafka_tables.total_records(SETTINGS, "ledger"),
]


@pytest.mark.parametrize("options", READ, ids=lambda options: options["topic"])
def test_what_a_job_reads_is_committed_and_read_from_the_start_in_the_order_of_the_log(options: Any) -> None:
    assert options["properties.isolation.level"] == "read_committed"
    assert options["scan.startup.mode"] == "earliest-offset"
    assert "scan.parallelism" not in options


def test_dedup_that_has_lost_its_place_in_the_log_fails_and_does_not_begin_somewhere() -> None:
    options = kafka_tables.votes_to_judge(SETTINGS)
    assert options["properties.isolation.level"] == "read_committed"
    assert options["scan.startup.mode"] == "group-offsets"
    assert options["properties.auto.offset.reset"] == "none"
    assert options["properties.group.id"] == guard.GROUP
    assert "scan.parallelism" not in options


def test_a_sql_session_has_a_table_for_every_topic_of_votes() -> None:
    text = sql_client.definitions(SETTINGS)
    assert text.count("CREATE TEMPORARY TABLE") == 6
    assert "'topic' = 'votes-dlq'" in text
    assert "transactional" not in text
