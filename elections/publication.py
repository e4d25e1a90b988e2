"""Carrying the catalogue's versions to the topics ``elections`` and ``audit-log``.

The catalogue is committed first, then published: a version that the topic had and the catalogue had not could never be taken
back. Only then is it seen by voters: whoever judges a vote finds the version that the vote names in the topic. A process that
dies in between leaves a version unpublished and unseen. Therefore every run publishes all versions of its election again. That
changes nothing where they are known: ``elections`` is compacted by its key ``electionId:version``, and the id of an audit event
is computed from the same, so that the audit trail keeps one row. The same goes for the changes of the denylist, whose events keep
their ids in the database.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from elections.election import Version
from elections.lifecycle import action_of
from elections.settings import Settings
from schemas import avro
from schemas.registry import Registry

# Longer than a broker's restart; librdkafka gives a record up after it, and flush has a little more to report that.
DELIVERY_TIMEOUT_SECONDS = 30
FLUSH_TIMEOUT_SECONDS = DELIVERY_TIMEOUT_SECONDS + 5
# A value of the topic audit-log; the same change always gives the same event.
AuditEvent = Mapping[str, Any]
# Topic, key, value.
_LogRecord = tuple[str, str, bytes]
_AUDIT_EVENTS = uuid.UUID("5e1c7b0e-0d0b-5a43-9d64-7f7a3c1f0a11")


class NotPublished(Exception):
    """The database holds the change, the log does not have it for certain. Run the same command again."""


class LogProducer(Protocol):
    """The part of ``confluent_kafka.Producer`` that publishing needs."""

    def produce(
        self, topic: str, *, key: bytes, value: bytes, on_delivery: Callable[[KafkaError | None, Message], None]
    ) -> None: ...

    def flush(self, timeout: float) -> int: ...


def connect(settings: Settings) -> LogProducer:
    """A producer that acknowledges what all in-sync replicas have. Java's partitioning, as everywhere in this system."""
    producer: LogProducer = Producer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.timeout.ms": DELIVERY_TIMEOUT_SECONDS * 1000,
            "compression.type": "lz4",
            # What fails is raised; the client's own lines about each attempt to connect would bury it.
            "log_level": 0,
        }
    )
    return producer


def publish(producer: LogProducer, registry: Registry, versions: Sequence[Version]) -> None:
    """Publish all versions of one election and their audit events; returns when the log has acknowledged every record.

    Blocks for at most ``FLUSH_TIMEOUT_SECONDS`` and the registry's time-out. Raises ``NotPublished`` and what ``Registry.id_of``
    raises.
    """
    schema = avro.latest("elections")
    encode = avro.encoder(schema, registry.id_of(schema))
    events = [audit_event(version, former) for former, version in zip([None, *versions], versions, strict=False)]
    records = [("elections", record_key(version), encode(record_of(version))) for version in versions]
    _deliver(producer, [*records, *_audit_records(registry, events)])


def publish_events(producer: LogProducer, registry: Registry, events: Sequence[AuditEvent]) -> None:
    """Publish audit events; returns when the log has acknowledged each. Blocks and raises as ``publish`` does."""
    _deliver(producer, _audit_records(registry, events))


def _audit_records(registry: Registry, events: Sequence[AuditEvent]) -> list[_LogRecord]:
    schema = avro.latest("audit-log")
    encode = avro.encoder(schema, registry.id_of(schema))
    return [("audit-log", event["event_id"], encode(event)) for event in events]


def _deliver(producer: LogProducer, records: Sequence[_LogRecord]) -> None:
    failures: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    for topic, key, value in records:
        try:
            producer.produce(topic, key=key.encode(), value=value, on_delivery=note)
        except (KafkaException, BufferError) as error:
            failures.append(str(error))
    undelivered = producer.flush(FLUSH_TIMEOUT_SECONDS)
    if failures or undelivered:
        raise NotPublished("; ".join(sorted(set(failures))) or f"{undelivered} records are not acknowledged yet")


def record_key(version: Version) -> str:
    return f"{version.election.election_id}:{version.version}"


def record_of(version: Version) -> Mapping[str, Any]:
    """The value of the topic ``elections``."""
    election = version.election
    return {
        "election_id": election.election_id,
        "version": version.version,
        "title": election.title,
        "status": str(version.status),
        "opens_at": election.opens_at,
        "closes_at": election.closes_at,
        "jurisdictions": list(election.jurisdictions),
        "required_aal": election.required_aal,
        "results_visibility": election.results_visibility,
        "results_batch": election.results_batch,
        "candidates": [{"candidate_id": candidate.candidate_id, "name": candidate.name} for candidate in election.candidates],
    }


def audit_event(version: Version, former: Version | None) -> AuditEvent:
    """The event of the topic ``audit-log`` that this version is."""
    return {
        "event_id": str(uuid.uuid5(_AUDIT_EVENTS, record_key(version))),
        "occurred_at": version.created_at,
        "source": "elections",
        "action": action_of(version, former),
        "outcome": "success",
        "subject": None,
        "election_id": version.election.election_id,
        "actor": version.created_by,
        "details": {"version": str(version.version), "status": str(version.status)},
    }
