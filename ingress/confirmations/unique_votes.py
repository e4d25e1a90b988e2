"""The topic ``votes-unique``: which vote of each voter counts, as ``dedup`` decided. Read in shares by a consumer group."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from fastavro.types import Schema

from ingress.clock import to_ms
from schemas import avro
from schemas.avro import UndecodableValue
from schemas.registry import RegistryUnavailable, SchemaNotRegistered

TOPIC = "votes-unique"
GROUP = "ingress-reservations"
# A batch costs Redis a few milliseconds and fits into one pipeline; what comes more slowly waits for so long.
BATCH_RECORDS = 2_000
BATCH_SECONDS = 0.2
# The partitions of an instance that was killed wait for so long before others take them over.
SESSION_SECONDS = 10
REQUEST_SECONDS = 5.0
# So long the client waits for a broker that hangs, and leaving the group takes at most.
SOCKET_SECONDS = 10

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class LogUnavailable(Exception):
    """Kafka or the schema registry cannot answer now. What was read last is to be read again."""


class LogFailed(Exception):
    """The consumer has failed for good: only a new one in a new process helps."""


class UniqueVote(msgspec.Struct, frozen=True):
    election_id: str
    voter_sub: str
    vote_id: str
    cast_at_ms: int


class Share(msgspec.Struct, frozen=True, eq=False):
    """The partitions that are this instance's to work on. Another object each time that they are dealt out."""

    partitions: tuple[int, ...]


class Batch(msgspec.Struct, frozen=True):
    """What came next. ``positions``: for each partition that moved, the offset up to which it has been read now."""

    votes: list[UniqueVote]
    undecodable: int
    positions: dict[int, int]


class UniqueVotes(Protocol):
    @property
    def share(self) -> Share | None:
        """``None`` while none has been dealt out. Changes only during ``read``."""

    async def read(self) -> Batch:
        """The next records of the partitions that were started, after at most ``BATCH_SECONDS``. Raises ``LogUnavailable``."""

    async def start(self, offsets: Mapping[int, int]) -> Mapping[int, int]:
        """Read these partitions from these offsets on, and no others. Returns where they end now. Raises ``LogUnavailable``."""

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Note the progress for those who watch the group. Does not wait for it; never raises."""


class KafkaUniqueVotes:
    """``schema_of`` gives a writer's schema by its id in the registry. Blocking calls run in a thread of its own."""

    def __init__(self, bootstrap_servers: str, schema_of: Callable[[int], Schema]) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._schema_of = schema_of
        self._thread = ThreadPoolExecutor(1, "unique-votes")
        self._share: Share | None = None
        # Error codes logged since records last came: each of them once, however often it is tried.
        self._reported: set[int] = set()

    @property
    def share(self) -> Share | None:
        return self._share

    async def open(self) -> None:
        """Join the group. Does not wait for Kafka."""
        self._consumer = Consumer(consumer_config(self._bootstrap_servers) | {"error_cb": self._on_error}, logger=logger)
        self._consumer.subscribe([TOPIC], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)

    async def close(self) -> None:
        """Leave the group, so that others take over at once."""
        await self._in_thread(self._consumer.close)
        self._thread.shutdown()

    async def read(self) -> Batch:
        return await self._in_thread(self._read)

    async def start(self, offsets: Mapping[int, int]) -> Mapping[int, int]:
        return await self._in_thread(lambda: self._start(offsets))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        await self._in_thread(lambda: self._commit(offsets))

    async def _in_thread(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _read(self) -> Batch:
        try:
            messages = self._consumer.consume(BATCH_RECORDS, BATCH_SECONDS)
        except KafkaException as error:
            self._on_error(error.args[0])
            raise LogUnavailable(str(error)) from error
        votes: list[UniqueVote] = []
        positions: dict[int, int] = {}
        undecodable = 0
        for message in messages:
            partition, offset, problem = message.partition(), message.offset(), message.error()
            if problem is not None and problem.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 (its name in the library)
                self._on_error(problem)
            elif partition is None or offset is None:
                raise LogUnavailable("a message without a position")
            elif problem is not None:
                # The ends of transactions take offsets too, so the end is further than the last record.
                positions[partition] = offset
            else:
                positions[partition] = offset + 1
                try:
                    votes.append(self._decode(message))
                except UndecodableValue as reason:
                    undecodable += 1
                    logger.warning("partition %d, offset %d is skipped: %s", partition, offset, reason)
        if votes:
            self._reported.clear()
        return Batch(votes, undecodable, positions)

    def _decode(self, message: Message) -> UniqueVote:
        key, value = message.key(), message.value()
        if not isinstance(key, bytes) or not isinstance(value, bytes):
            raise UndecodableValue("no key or no value")
        try:
            election_id, colon, voter_sub = key.decode().partition(":")
        except UnicodeDecodeError:
            raise UndecodableValue("the key is not UTF-8") from None
        if not (election_id and colon and voter_sub):
            raise UndecodableValue("the key is not electionId:sub")
        try:
            datum = avro.decode(value, self._schema_of(avro.schema_id_of(value)))
            vote = UniqueVote(election_id, voter_sub, datum["vote_id"], to_ms(datum["cast_at"]))
        except (SchemaNotRegistered, KeyError, AttributeError) as error:
            raise UndecodableValue(f"not of the schema of {TOPIC}: {error}") from error
        except RegistryUnavailable as error:
            raise LogUnavailable(str(error)) from error
        if vote.cast_at_ms < 0:
            raise UndecodableValue("cast before the epoch")
        return vote

    def _start(self, offsets: Mapping[int, int]) -> Mapping[int, int]:
        try:
            self._consumer.assign([TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()])
            ends = {}
            for partition in offsets:
                found = self._consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=REQUEST_SECONDS)
                if found is None:
                    raise LogUnavailable(f"partition {partition}: no answer about its offsets")
                ends[partition] = found[1]
        except KafkaException as error:
            raise LogUnavailable(str(error)) from error
        return ends

    def _commit(self, offsets: Mapping[int, int]) -> None:
        try:
            self._consumer.commit(
                offsets=[TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()], asynchronous=True
            )
        except KafkaException as error:
            self._on_error(error.args[0])

    def _on_assign(self, consumer: Consumer, partitions: Iterable[TopicPartition]) -> None:
        # None of them is fetched before ``start`` says from where on.
        consumer.assign([])
        self._share = Share(tuple(sorted(partition.partition for partition in partitions)))

    def _on_revoke(self, consumer: Consumer, _partitions: Iterable[TopicPartition]) -> None:
        consumer.unassign()
        self._share = None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            raise LogFailed(str(error))
        if error.code() not in self._reported:
            self._reported.add(error.code())
            logger.warning("the consumer of %s reports: %s", TOPIC, error)


def consumer_config(bootstrap_servers: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "ingress-reservations",
        "group.id": GROUP,
        "session.timeout.ms": SESSION_SECONDS * 1000,
        "socket.timeout.ms": SOCKET_SECONDS * 1000,
        "isolation.level": "read_committed",
        # Where to start is remembered in Redis; this is for an offset that the log no longer has.
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        # 16 MiB in front of the decoder are a few seconds of a rebuild.
        "queued.max.messages.kbytes": 16_384,
        # A broker that comes back is found again within a second, not within ten.
        "reconnect.backoff.max.ms": 1000,
        # Critical lines only: every failed attempt to connect is a line otherwise. ``error_cb`` tells of errors.
        "log_level": 2,
    }
