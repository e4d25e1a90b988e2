"""Events on their way: from ``identity_events`` into the topic ``audit-log``, and from there into the table ``audit_trail``.

        identity_events ──► audit-log ──► audit_trail
                              ▲
            ingress, elections, risk

Both ways are taken at least once: a row of ``identity_events`` goes when the log has acknowledged it, a position in the log is
noted when PostgreSQL has its events. Both may repeat; an event is one row of the trail, by its id. While Kafka, PostgreSQL or the
registry is away, both wait, and nobody's sign-in notices.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from identity.audit_probe import Progress, probe
from identity.settings import Settings
from schemas import avro
from schemas.avro import UndecodableValue
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

TOPIC = "audit-log"
GROUP = "audit-trail"
BATCH_EVENTS = 500
POLL_SECONDS = 0.5
# How long the log may take for a batch before its events stay where they are and are tried again.
DELIVERY_SECONDS = 20.0
PAUSE_SECONDS = 2.0

logger = logging.getLogger(__name__)
# What may be away for a while. Everything else ends the process, for its supervisor to start it anew.
_AWAY = (psycopg.OperationalError, KafkaException, RegistryUnavailable, SchemaNotRegistered)


class NotDelivered(Exception):
    """The log has not acknowledged all events of a batch. They are still there; try again."""


def event_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``identity_events`` as an event of the topic."""
    return {
        "event_id": str(row["event_id"]),
        "occurred_at": row["occurred_at"],
        "source": "identity",
        "action": row["action"],
        "outcome": row["outcome"],
        "subject": row["subject"],
        "election_id": None,
        "actor": row["actor"],
        "details": row["details"],
    }


def publish_batch(connection: psycopg.Connection, producer: Producer, encode: Callable[[Mapping[str, Any]], bytes]) -> int:
    """Carry the oldest events into the log and tell how many. Several may do so at once, each with rows of its own.

    Raises ``NotDelivered``; dying before the commit leaves the rows there, and they are sent again under the same ids.
    """
    undelivered: list[str] = []

    def on_delivery(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            undelivered.append(str(error))

    with connection.transaction(), connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute(
            "SELECT * FROM identity_events ORDER BY occurred_at, event_id LIMIT %s FOR UPDATE SKIP LOCKED", [BATCH_EVENTS]
        )
        rows = cursor.fetchall()
        for row in rows:
            event = event_of(row)
            producer.produce(TOPIC, key=event["event_id"], value=encode(event), on_delivery=on_delivery)
        if rows and (producer.flush(DELIVERY_SECONDS) or undelivered):
            producer.purge()
            producer.flush(0)
            raise NotDelivered(undelivered[0] if undelivered else f"no answer in {DELIVERY_SECONDS:.0f} s")
        cursor.execute("DELETE FROM identity_events WHERE event_id = ANY(%s)", [[row["event_id"] for row in rows]])
        return len(rows)


def keep_events(connection: psycopg.Connection, events: list[dict[str, Any]]) -> None:
    """Write events into the trail. One that is there already stays as it is."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO audit_trail (event_id, occurred_at, source, action, outcome, subject, election_id, actor, details)"
            " VALUES (%(event_id)s, %(occurred_at)s, %(source)s, %(action)s, %(outcome)s, %(subject)s, %(election_id)s,"
            " %(actor)s, %(details)s) ON CONFLICT DO NOTHING",
            [{**event, "details": json.dumps(event["details"])} for event in events],
        )


def decode(message: Message, registry: Registry) -> dict[str, Any]:
    """The event that a record is. Raises ``UndecodableValue`` for what never was one, and ``RegistryUnavailable``."""
    value = message.value()
    if not isinstance(value, bytes):
        raise UndecodableValue("no value")
    try:
        event = registry.decode(value, avro.latest(TOPIC).parsed)
    except SchemaNotRegistered as error:
        raise UndecodableValue(str(error)) from error
    texts = [*event.values(), *event["details"].keys(), *event["details"].values()]
    if any("\0" in text for text in texts if isinstance(text, str)):
        raise UndecodableValue("a text with a zero byte, which PostgreSQL cannot hold")
    return event


class Publisher:
    """Carries events into the log until it is told to stop. Blocking."""

    def __init__(self, settings: Settings, stopping: threading.Event, progress: Progress) -> None:
        self._settings = settings
        self._stopping = stopping
        self._progress = progress

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._publish()
            except (*_AWAY, NotDelivered, BufferError) as error:
                self._progress.publishing = False
                logger.warning("events of identities wait: %s", _said(error))
                self._stopping.wait(PAUSE_SECONDS)

    def _publish(self) -> None:
        schema = avro.latest(TOPIC)
        with Registry(self._settings.schema_registry_url) as registry:
            encode = avro.encoder(schema, registry.id_of(schema))
        producer = Producer(
            {
                "bootstrap.servers": self._settings.kafka_bootstrap_servers,
                "client.id": "identity-audit",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "log_level": 2,
            }
        )
        with psycopg.connect(self._settings.database_url, autocommit=True) as connection:
            while not self._stopping.is_set():
                published = publish_batch(connection, producer, encode)
                self._progress.publishing = True
                self._progress.published.inc(published)
                if not published:
                    self._stopping.wait(POLL_SECONDS)


class Keeper:
    """Writes what the log has into the trail until it is told to stop. Blocking."""

    def __init__(self, settings: Settings, stopping: threading.Event, progress: Progress) -> None:
        self._settings = settings
        self._stopping = stopping
        self._progress = progress

    def run(self) -> None:
        while not self._stopping.is_set():
            # A new consumer after each failure begins where the last noted position is.
            consumer = Consumer(
                {
                    "bootstrap.servers": self._settings.kafka_bootstrap_servers,
                    "client.id": "identity-audit-trail",
                    "group.id": GROUP,
                    "isolation.level": "read_committed",
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": False,
                    "log_level": 2,
                },
                logger=logger,
            )
            try:
                self._keep(consumer)
            except _AWAY as error:
                self._progress.keeping = False
                logger.warning("the audit trail waits: %s", _said(error))
                self._stopping.wait(PAUSE_SECONDS)
            finally:
                consumer.close()

    def _keep(self, consumer: Consumer) -> None:
        consumer.subscribe([TOPIC])
        with (
            psycopg.connect(self._settings.database_url, autocommit=True) as connection,
            Registry(self._settings.schema_registry_url) as registry,
        ):
            while not self._stopping.is_set():
                events = []
                messages = consumer.consume(BATCH_EVENTS, POLL_SECONDS)
                for message in messages:
                    if error := message.error():
                        raise KafkaException(error)
                    try:
                        events.append(decode(message, registry))
                    except UndecodableValue as reason:
                        self._progress.undecodable.inc()
                        # It stays in the log, by this position, for as long as the log keeps it.
                        logger.error(  # noqa: TRY400 (a traceback would quote the record)
                            "no event: partition %s, offset %s: %s", message.partition(), message.offset(), reason
                        )
                if events:
                    keep_events(connection, events)
                if messages:
                    consumer.commit(asynchronous=False)
                self._progress.keeping = True
                self._progress.kept.inc(len(events))


def _said(error: Exception) -> str:
    """What an error says. PostgreSQL's may quote a row: its kind is enough."""
    return type(error).__name__ if isinstance(error, psycopg.Error) else f"{type(error).__name__}: {error}"


def run(settings: Settings, stopping: threading.Event) -> bool:
    """Carry events both ways until told to stop. Returns ``False`` if one of them failed for good.

    Raises ``OSError`` if the port of the probe is taken.
    """
    well = True
    progress = Progress()

    def guarded(work: Callable[[], None]) -> None:
        nonlocal well
        try:
            work()
        except Exception as error:
            well = False
            logger.critical("ended by %s", _said(error), exc_info=not isinstance(error, psycopg.Error))
        finally:
            stopping.set()

    ways = (Publisher(settings, stopping, progress), Keeper(settings, stopping, progress))
    threads = [threading.Thread(target=guarded, args=(way.run,)) for way in ways]
    with probe(settings.host, settings.audit_port, progress):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return well
