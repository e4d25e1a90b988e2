"""The log of votes: the topic ``votes-in``. A vote is cast when the broker says that it has appended it, and not before."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer

from ingress.deadlines import MARGIN_SECONDS, Deadlines
from schemas.ids import vote_key
from schemas.topics import Topic

TOPIC = "votes-in"
# A poll returns as soon as there are delivery reports; this is how long it takes to notice a stop.
POLL_SECONDS = 0.1
PROBE_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 1.5

logger = logging.getLogger(__name__)


class NotHandedOver(Exception):
    """The producer refused the vote: it is certainly not in the log. Release its reservation and answer 503."""


class Undecided(Exception):
    """The log has not acknowledged the vote; it may or may not be in it. Leave its reservation pending and answer 503."""


@dataclass(frozen=True)
class Vote:
    """A record of ``votes-in``."""

    vote_id: str
    election_id: str
    voter_sub: str
    candidate_id: str
    cast_at_ms: int
    catalogue_version: int

    def datum(self) -> dict[str, Any]:
        return {
            "vote_id": self.vote_id,
            "election_id": self.election_id,
            "voter_sub": self.voter_sub,
            "candidate_id": self.candidate_id,
            "cast_at": self.cast_at_ms,
            "catalogue_version": self.catalogue_version,
        }


class VoteLog(Protocol):
    def append(self, vote: Vote) -> asyncio.Future[int]:
        """Hand a vote over, without blocking. Raises ``NotHandedOver``.

        The future gives the broker's append time (milliseconds since the epoch) once all in-sync replicas have the vote, or
        raises ``Undecided``. It is done within the producer's message time-out.
        """

    @property
    def ready(self) -> bool:
        """Whether votes can be handed over now."""


class KafkaVoteLog:
    """A producer with one thread that polls it. Opened and closed on the event loop that awaits the votes.

    ``encode`` makes the value of a record of ``topic`` (``schemas.avro.encoder``).
    """

    def __init__(
        self, bootstrap_servers: str, topic: Topic, encode: Callable[[Mapping[str, Any]], bytes], deadlines: Deadlines
    ) -> None:
        self._config = producer_config(bootstrap_servers, deadlines)
        self._topic = topic
        self._encode = encode
        self._deadlines = deadlines
        self._batch: list[tuple[asyncio.Future[int], KafkaError | None, tuple[int, int]]] = []
        self._stopping = threading.Event()
        self._fatal: KafkaError | None = None
        self._reachable = False
        # Error codes logged since the log was last reachable: each of them once, however often it is tried.
        self._reported: set[int] = set()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config | {"error_cb": self._on_error}, logger=logger)
        self._thread = threading.Thread(target=self._poll, name="vote-log", daemon=True)
        self._thread.start()
        await self._probe()
        self._prober = asyncio.create_task(self._keep_probing())

    async def close(self) -> None:
        """Wait for the outstanding delivery reports, at most for the message time-out, and stop."""
        self._prober.cancel()
        await asyncio.gather(self._prober, return_exceptions=True)
        # Reports come to whoever polls: the thread ends first, so that the last ones come here.
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        left = await asyncio.to_thread(self._producer.flush, self._deadlines.message_seconds + MARGIN_SECONDS)
        if left:
            logger.error("%d votes were left without a delivery report", left)
        # The thread's last batch is on its way through the loop already; this one comes after it.
        _settle(self._batch)

    @property
    def ready(self) -> bool:
        return self._reachable and self._fatal is None

    def queued(self) -> int:
        return len(self._producer)

    def append(self, vote: Vote) -> asyncio.Future[int]:
        if self._fatal is not None:
            raise NotHandedOver(f"the producer has failed: {self._fatal}")
        appended: asyncio.Future[int] = self._loop.create_future()
        try:
            self._producer.produce(
                self._topic.name,
                key=vote_key(vote.election_id, vote.voter_sub).encode(),
                value=self._encode(vote.datum()),
                on_delivery=partial(self._on_delivery, appended),
            )
        except (BufferError, KafkaException) as error:
            raise NotHandedOver(str(error)) from error
        return appended

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)
            if self._batch:
                batch, self._batch = self._batch, []
                # One crossing of threads for all reports that a poll brought.
                self._loop.call_soon_threadsafe(_settle, batch)

    def _on_delivery(self, appended: asyncio.Future[int], error: KafkaError | None, message: Message) -> None:
        self._batch.append((appended, error, message.timestamp()))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            # The producer refuses everything from now on; only a new one, in a new process, helps.
            self._fatal = error
            logger.critical("the producer has failed for good: %s", error)
        elif error.code() not in self._reported:
            self._reported.add(error.code())
            logger.warning("the producer reports: %s", error)

    async def _keep_probing(self) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            await self._probe()

    async def _probe(self) -> None:
        """Ask the cluster for the topic. Unreachable, or not as the contract says, means not ready."""
        try:
            metadata = await asyncio.to_thread(self._producer.list_topics, self._topic.name, PROBE_TIMEOUT_SECONDS)
        except KafkaException as error:
            if self._reachable:
                logger.warning("the log cannot be reached: %s", error)
            self._reachable = False
            return
        self._reported.clear()
        partitions = metadata.topics[self._topic.name].partitions.values()
        self._reachable = len(partitions) == self._topic.partitions and any(partition.leader >= 0 for partition in partitions)


def producer_config(bootstrap_servers: str, deadlines: Deadlines) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "ingress",
        "enable.idempotence": True,
        "acks": "all",
        # As Java's: ``dedup`` refuses a record whose partition is not that of its key.
        "partitioner": "murmur2_random",
        "message.timeout.ms": deadlines.message_timeout_ms,
        "delivery.report.only.error": False,
        "compression.type": "lz4",
        # Votes of 2 ms travel together.
        "linger.ms": 2,
        # A broker that comes back is found again within a second, not within ten.
        "reconnect.backoff.max.ms": 1000,
        # Critical lines only: every failed attempt to connect is a line otherwise. ``error_cb`` tells of errors.
        "log_level": 2,
    }


def _settle(batch: list[tuple[asyncio.Future[int], KafkaError | None, tuple[int, int]]]) -> None:
    for appended, error, (timestamp_type, milliseconds) in batch:
        if appended.done():
            continue
        if error is not None:
            appended.set_exception(Undecided(error.name()))
        elif timestamp_type != TIMESTAMP_LOG_APPEND_TIME:
            # The broker has the vote already and no longer tells since when: it cannot be said to be in time.
            appended.set_exception(Undecided("acknowledged without an append time"))
        else:
            appended.set_result(milliseconds)
