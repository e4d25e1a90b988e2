"""The log of votes: the topic ``votes-in``. A vote is cast when the broker says that it has appended it, and not before."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer

from ingress.deadlines import MARGIN_SECONDS, Deadlines
from ingress.vote import Vote
from schemas.ids import vote_key
from schemas.topics import Topic

TOPIC = "votes-in"
# While votes are under way the event loop takes their delivery reports so often. A thread that polls would fight the loop for the
# interpreter (5 ms a turn) and cross over to it with every batch. Reports that come together go on together: their confirmations
# are one round trip to Redis. Every millisecond instead of every five cost a vote about 17 µs more.
POLL_SECONDS = 0.005
# Without votes under way: errors and statistics of the producer are taken so often.
IDLE_POLL_SECONDS = 0.2
LINGER_MILLISECONDS = 10
PROBE_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 1.5

logger = logging.getLogger(__name__)


class NotHandedOver(Exception):
    """The producer refused the vote: it is certainly not in the log. Release its reservation and answer 503."""


class Undecided(Exception):
    """The log has not acknowledged the vote; it may or may not be in it. Leave its reservation undecided and answer 503."""


class VoteLog(Protocol):
    def append(self, vote: Vote) -> asyncio.Future[int]:
        """Hand a vote over, without blocking. Raises ``NotHandedOver``.

        The future gives the broker's append time (milliseconds since the epoch) once all in-sync replicas have the vote, or
        raises ``Undecided``. It is done within the producer's message time-out and ``MARGIN_SECONDS``.
        """

    @property
    def ready(self) -> bool:
        """Whether votes can be handed over now."""


class KafkaVoteLog:
    """A producer that the event loop polls. Opened and closed on the event loop that awaits the votes.

    ``encode`` makes the value of a record of ``topic``. ``on_failure`` is called, once, when the producer has failed for good:
    it refuses everything from then on, and only a new one in a new process helps.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: Topic,
        encode: Callable[[Vote], bytes],
        deadlines: Deadlines,
        on_failure: Callable[[], None],
    ) -> None:
        self._config = producer_config(bootstrap_servers, deadlines)
        self._topic = topic
        self._encode = encode
        self._give_up_seconds = deadlines.message_seconds + MARGIN_SECONDS
        self._on_failure = on_failure
        # Votes under way in the order in which they were handed over, each with the time at which it is given up.
        self._under_way: deque[tuple[float, asyncio.Future[int]]] = deque()
        self._fatal: KafkaError | None = None
        self._reachable = False
        # Error codes logged since the log was last reachable: each of them once, however often it is tried.
        self._reported: set[int] = set()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config | {"error_cb": self._on_error}, logger=logger)
        self._next_poll = self._loop.call_later(IDLE_POLL_SECONDS, self._poll)
        self._idle = True
        await self._probe()
        self._prober = asyncio.create_task(self._keep_probing())

    async def close(self) -> None:
        """Wait for the outstanding delivery reports, at most for the message time-out, and stop."""
        self._prober.cancel()
        await asyncio.gather(self._prober, return_exceptions=True)
        until = time.monotonic() + self._give_up_seconds
        while len(self._producer) and time.monotonic() < until:  # noqa: ASYNC110 (the producer tells nobody)
            await asyncio.sleep(POLL_SECONDS)
        self._next_poll.cancel()
        if len(self._producer):
            logger.error("%d votes were left without a delivery report", len(self._producer))

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
                self._encode(vote),
                vote_key(vote.election_id, vote.voter_sub),
                on_delivery=partial(_settle, appended),
            )
        except (BufferError, KafkaException) as error:
            raise NotHandedOver(str(error)) from error
        self._under_way.append((time.monotonic() + self._give_up_seconds, appended))
        if self._idle:
            self._idle = False
            self._next_poll.cancel()
            self._next_poll = self._loop.call_later(POLL_SECONDS, self._poll)
        return appended

    def _poll(self) -> None:
        """Take the delivery reports that are there, give up the votes whose report is overdue, and come back."""
        try:
            self._producer.poll(0)
        except KafkaException as raised:
            # How the client tells of a fatal error, once; the other errors go to ``error_cb``.
            self._on_error(raised.args[0])
        now = time.monotonic()
        while self._under_way and (self._under_way[0][1].done() or self._under_way[0][0] <= now):
            _, appended = self._under_way.popleft()
            if not appended.done():
                appended.set_exception(Undecided("no delivery report within the deadline"))
        self._idle = not self._under_way
        self._next_poll = self._loop.call_later(IDLE_POLL_SECONDS if self._idle else POLL_SECONDS, self._poll)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            if self._fatal is None:
                self._fatal = error
                logger.critical("the producer has failed for good: %s", error)
                self._on_failure()
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
        # Votes of so many milliseconds travel together.
        "linger.ms": LINGER_MILLISECONDS,
        # A broker that comes back is found again within a second, not within ten.
        "reconnect.backoff.max.ms": 1000,
        # Critical lines only: every failed attempt to connect is a line otherwise. ``error_cb`` tells of errors.
        "log_level": 2,
    }


def _settle(appended: asyncio.Future[int], error: KafkaError | None, message: Message) -> None:
    if appended.done():
        return
    if error is not None:
        appended.set_exception(Undecided(error.name()))
        return
    timestamp_type, milliseconds = message.timestamp()
    if timestamp_type != TIMESTAMP_LOG_APPEND_TIME:
        # The broker has the vote already and no longer tells since when: it cannot be said to be in time.
        appended.set_exception(Undecided("acknowledged without an append time"))
    else:
        appended.set_result(milliseconds)
