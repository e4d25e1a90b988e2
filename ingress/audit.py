"""Events for the topic ``audit-log``: what became of a voter's attempt, never for whom it was.

An event holds nothing up: it is handed to a producer of its own, and one that cannot be handed over is counted as dropped. The
votes themselves are in ``votes-in``; what is told here besides is mainly who was refused, and why.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from ingress.clock import Clock
from ingress.deadlines import AUDIT_FLUSH_SECONDS
from ingress.random_ids import RandomIds

TOPIC = "audit-log"
# An auditor can wait; a vote is cheaper when its event travels with others.
LINGER_MILLISECONDS = 100
POLL_SECONDS = 0.5
# Events of so long are made and handed over together, which costs a vote less than one by one.
GATHER_SECONDS = 0.05
# Events of about 200 bytes that are kept while Kafka is away.
QUEUE_LIMIT_EVENTS = 100_000

logger = logging.getLogger(__name__)


class AuditLog(Protocol):
    def record(self, action: str, outcome: str, subject: str, election_id: str | None, details: Mapping[str, str]) -> None:
        """Tell of an attempt. ``outcome`` is success, refused or failure. Never blocks, never fails."""


class KafkaAuditLog:
    """``encode`` makes the value of an event (``schemas.avro.encoder``). Belongs to one event loop."""

    def __init__(self, bootstrap_servers: str, encode: Callable[[Mapping[str, Any]], bytes], now_ms: Clock) -> None:
        self._config: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            "client.id": "ingress-audit",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": LINGER_MILLISECONDS,
            "queue.buffering.max.messages": QUEUE_LIMIT_EVENTS,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "on_delivery": self._on_delivery,
            "log_level": 2,
        }
        self._encode = encode
        self._now_ms = now_ms
        self._ids = RandomIds()
        self._gathered: list[tuple[int, str, str, str, str | None, Mapping[str, str]]] = []
        self._dropped = 0

    async def open(self) -> None:
        """Does not wait for Kafka."""
        self._producer = Producer(self._config)
        self._poller = asyncio.create_task(self._keep_polling())

    async def close(self) -> None:
        self._hand_over()
        self._poller.cancel()
        await asyncio.gather(self._poller, return_exceptions=True)
        if left := await asyncio.to_thread(self._producer.flush, AUDIT_FLUSH_SECONDS):
            logger.warning("%d audit events were left behind", left)

    def dropped(self) -> float:
        """Events that did not get into the log."""
        return float(self._dropped)

    def record(self, action: str, outcome: str, subject: str, election_id: str | None, details: Mapping[str, str]) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._hand_over)
        self._gathered.append((self._now_ms(), action, outcome, subject, election_id, details))

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        messages: list[dict[str, Any]] = []
        for occurred_at, action, outcome, subject, election_id, details in gathered:
            event_id = self._ids.new()
            event = {
                "event_id": event_id,
                "occurred_at": occurred_at,
                "source": "ingress",
                "action": action,
                "outcome": outcome,
                "subject": subject,
                "election_id": election_id,
                "actor": None,
                "details": details,
            }
            messages.append({"key": event_id, "value": self._encode(event)})
        queued = 0
        try:
            queued = self._producer.produce_batch(TOPIC, messages)
        except (BufferError, KafkaException) as error:
            logger.debug("audit events were not handed over: %s", error)
        self._dropped += len(messages) - queued

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                self._producer.poll(0)
            except KafkaException as error:
                # Fatal. Unlike a vote's, an event's place in the log does not matter: a new producer goes on.
                logger.warning("the producer of audit events has failed and is replaced: %s", error)
                self._producer = Producer(self._config)

    def _on_delivery(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._dropped += 1
