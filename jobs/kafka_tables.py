"""Options of the Kafka tables: how the jobs read and write topics."""

from collections.abc import Mapping

from jobs import registered_schemas
from jobs.settings import Settings
from schemas import avro, topics

# Far above any outage, for a transaction that its checkpoint has promised must still be there to be committed when the job
# comes back: Flink logs one that the broker has given up, and goes on without its records. The broker refuses more than its
# transaction.max.timeout.ms, which is raised to a week (604,800,000 ms).
TRANSACTION_TIMEOUT_MS = 24 * 60 * 60 * 1000


def _read(settings: Settings, topic: str, group: str) -> dict[str, str]:
    return {
        "connector": "kafka",
        "topic": topic,
        "properties.bootstrap.servers": settings.kafka_bootstrap_servers,
        # Flink keeps its offsets in its own state; the group only shows the progress.
        "properties.group.id": group + settings.suffix,
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        # The partition count is fixed: a partition that turns up later is a fault, not a source.
        "scan.topic-partition-discovery.interval": "0",
    }


def _write_once(settings: Settings, topic: str) -> dict[str, str]:
    return {
        "connector": "kafka",
        "topic": topic + settings.suffix,
        "properties.bootstrap.servers": settings.kafka_bootstrap_servers,
        "properties.acks": "all",
        "properties.compression.type": "lz4",
        "properties.transaction.timeout.ms": str(TRANSACTION_TIMEOUT_MS),
        "sink.delivery-guarantee": "exactly-once",
        # One writer for ever: a second job with this prefix would fence the first.
        "sink.transactional-id-prefix": f"dedup{settings.suffix}-{topic}",
        # A few transactional ids, used again and again. INCREMENTING takes a new one at every checkpoint, and the broker
        # remembers each for a week: at one checkpoint a second that is millions.
        "sink.transaction-naming-strategy": "POOLING",
    }


def _avro_value(settings: Settings, topic: str) -> dict[str, str]:
    """The format of jobs/functions, RegisteredAvro."""
    return {
        "value.format": "registered-avro",
        "value.registered-avro.schema": avro.latest(topic).text,
        "value.registered-avro.schemas": registered_schemas.option(settings, topic),
        "value.registered-avro.url": settings.schema_registry_url,
        "value.registered-avro.subject": avro.latest(topic).subject,
    }


def raw_votes(settings: Settings, group: str) -> Mapping[str, str]:
    """votes-in as bytes."""
    return {
        **_read(settings, "votes-in", group),
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }


def votes_to_judge(settings: Settings) -> Mapping[str, str]:
    """votes-in as dedup reads it."""
    return {
        **raw_votes(settings, "dedup"),
        # A job without state begins where its group stands, which is set before (jobs.guard). One whose place in the log is gone
        # fails: from its other start-up modes the source would go on somewhere, and leave votes out or judge them again.
        "scan.startup.mode": "group-offsets",
        "properties.auto.offset.reset": "none",
    }


def verdicts(settings: Settings, topic: str) -> Mapping[str, str]:
    """votes-unique, votes-accepted, votes-rejected as dedup writes them: exactly once, in Avro, partitioned by key."""
    return {
        **_write_once(settings, topic),
        "key.format": "raw",
        "key.fields": "vote_key",
        "value.fields-include": "EXCEPT_KEY",
        **_avro_value(settings, topic),
    }


def dead_letters(settings: Settings) -> Mapping[str, str]:
    """votes-dlq as dedup writes it: exactly once, key and value as bytes."""
    limit_bytes = int(topics.load(settings.topics_environment)["votes-dlq"].config["max.message.bytes"])
    return {
        **_write_once(settings, "votes-dlq"),
        # Whatever votes-in took must get through, or it would stop the job: there the limit (1 MiB) counts the compressed batch,
        # here it counts the record with its headers before compression.
        "properties.max.request.size": str(limit_bytes),
        "properties.buffer.memory": str(2 * limit_bytes),
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }


def records(settings: Settings, topic: str, group: str) -> Mapping[str, str]:
    """votes-unique, votes-accepted, votes-rejected as they are read: committed records only."""
    return {
        **_read(settings, topic, group),
        "key.format": "raw",
        "key.fields": "vote_key",
        "value.fields-include": "EXCEPT_KEY",
        **_avro_value(settings, topic),
    }


def dead_letter_records(settings: Settings, group: str) -> Mapping[str, str]:
    """votes-dlq as it is read."""
    return {
        **_read(settings, "votes-dlq", group),
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }


def total_upserts(settings: Settings) -> Mapping[str, str]:
    """votes-agg as tally writes it. Counts are absolute, so at least once is enough: a repeat says the same again."""
    return {
        "connector": "upsert-kafka",
        "topic": "votes-agg" + settings.suffix,
        "properties.bootstrap.servers": settings.kafka_bootstrap_servers,
        "properties.acks": "all",
        "key.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
        **_avro_value(settings, "votes-agg"),
    }


def total_records(settings: Settings, group: str) -> Mapping[str, str]:
    """votes-agg as a job reads it."""
    return {**_read(settings, "votes-agg", group), **_avro_value(settings, "votes-agg")}
