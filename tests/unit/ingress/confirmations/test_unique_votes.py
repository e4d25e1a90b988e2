import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from fastavro.types import Schema

from ingress.confirmations.unique_votes import Batch, KafkaUniqueVotes, LogFailed, LogUnavailable, UniqueVote
from schemas import avro
from schemas.registry import RegistryUnavailable, SchemaNotRegistered

SCHEMA = avro.latest("votes-unique")
SCHEMA_ID = 7
CAST_AT = datetime(2025, 6, 1, 12, 0, 0, 1_000, UTC)


def value(**changes: Any) -> bytes:
    datum = {"vote_id": "vote-1", "cast_at": CAST_AT, "accepted_at": CAST_AT, "source_partition": 0, "source_offset": 0}
    return avro.encoder(SCHEMA, SCHEMA_ID)(datum | changes)


@dataclass
class Message:
    at: int
    the_value: bytes | None = None
    the_key: bytes | None = b"election-1:voter-1"
    the_error: KafkaError | None = None

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return self.the_key

    def value(self) -> bytes | None:
        return self.the_value

    def error(self) -> KafkaError | None:
        return self.the_error


class StubConsumer:
    """Hands out what it is given, and does what a rebalance does in the midst of it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.assigned: list[tuple[int, int]] | None = None
        self.raises: KafkaError | None = None

    def consume(self, _count: int, _seconds: float) -> list[Message]:
        if self.raises is not None:
            raise KafkaException(self.raises)
        messages, self.messages = self.messages, []
        return messages

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = [(partition.partition, partition.offset) for partition in partitions]

    def unassign(self) -> None:
        self.assigned = None

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int] | None:  # noqa: ARG002
        return None if partition.partition == 9 else (0, 100 + partition.partition)

    def commit(self, **_: Any) -> None:
        if self.raises is not None:
            raise KafkaException(self.raises)

    def close(self) -> None: ...


class Registry:
    away = False

    def schema_of(self, schema_id: int) -> Schema:
        if self.away:
            raise RegistryUnavailable("away")
        if schema_id != SCHEMA_ID:
            raise SchemaNotRegistered(str(schema_id))
        return SCHEMA.parsed


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def consumer() -> StubConsumer:
    return StubConsumer()


@pytest.fixture
def log(registry: Registry, consumer: StubConsumer) -> Iterator[KafkaUniqueVotes]:
    log = KafkaUniqueVotes("nowhere", registry.schema_of)
    log._consumer = consumer  # type: ignore[assignment]
    yield log
    log._thread.shutdown()


async def test_a_record_is_read_as_it_was_written(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    consumer.messages = [Message(4, value()), Message(6, value(vote_id="vote-2"), b"election-1:voter-2")]
    cast_at_ms = int(CAST_AT.timestamp()) * 1000 + 1
    assert await log.read() == Batch(
        [
            UniqueVote("election-1", "voter-1", "vote-1", cast_at_ms),
            UniqueVote("election-1", "voter-2", "vote-2", cast_at_ms),
        ],
        0,
        {2: 7},
    )


@pytest.mark.parametrize(
    "message",
    [
        Message(4, None),
        Message(4, b""),
        Message(4, b"\x00\x00\x00\x00\x07"),
        Message(4, b"\x01" + value()[1:]),
        Message(4, value() + b"more"),
        Message(4, value()[:-1]),
        Message(4, b"\x00\x00\x00\x00\x08" + value()[5:]),
        Message(4, value(), None),
        Message(4, value(), b"no colon"),
        Message(4, value(), b":voter"),
        Message(4, value(), b"election:"),
        Message(4, value(), b"\xff:voter"),
    ],
)
async def test_a_record_that_cannot_be_decoded_is_named_by_its_position_and_passed(
    log: KafkaUniqueVotes, consumer: StubConsumer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    consumer.messages = [message, Message(5, value())]
    batch = await log.read()
    assert (len(batch.votes), batch.undecodable, batch.positions) == (1, 1, {2: 6})
    (line,) = caplog.messages
    assert line.startswith("partition 2, offset 4 is skipped")
    assert "voter" not in line


async def test_the_end_of_a_partition_is_behind_the_ends_of_transactions(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    consumer.messages = [Message(4, value()), Message(6, the_error=KafkaError(KafkaError._PARTITION_EOF))]
    assert (await log.read()).positions == {2: 6}


async def test_a_registry_that_is_away_is_waited_for(log: KafkaUniqueVotes, consumer: StubConsumer, registry: Registry) -> None:
    consumer.messages = [Message(4, value())]
    registry.away = True
    with pytest.raises(LogUnavailable):
        await log.read()


async def test_errors_are_told_once_until_records_come_again(
    log: KafkaUniqueVotes, consumer: StubConsumer, caplog: pytest.LogCaptureFixture
) -> None:
    down = Message(-1, the_error=KafkaError(KafkaError._ALL_BROKERS_DOWN))
    with caplog.at_level(logging.WARNING):
        for messages in ([down], [down, down], [Message(4, value())], [down]):
            consumer.messages = messages
            await log.read()
    assert len(caplog.messages) == 2


async def test_a_client_that_raises_is_waited_for(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    consumer.raises = KafkaError(KafkaError._TRANSPORT)
    with pytest.raises(LogUnavailable):
        await log.read()
    await log.commit({0: 1})


async def test_a_fatal_error_ends_it(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    consumer.messages = [Message(-1, the_error=KafkaError(KafkaError._FATAL, "for good", True))]
    with pytest.raises(LogFailed):
        await log.read()


async def test_nothing_is_fetched_before_it_is_said_from_where(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    log._on_assign(consumer, [TopicPartition("votes-unique", 1), TopicPartition("votes-unique", 0)])  # type: ignore[arg-type]
    assert log.share is not None
    assert log.share.partitions == (0, 1)
    assert consumer.assigned == []
    assert await log.start({0: 5, 1: 0}) == {0: 100, 1: 101}
    assert consumer.assigned == [(0, 5), (1, 0)]


async def test_the_same_partitions_dealt_out_again_are_another_share(log: KafkaUniqueVotes, consumer: StubConsumer) -> None:
    shares = [log.share]
    for _ in range(2):
        log._on_assign(consumer, [TopicPartition("votes-unique", 0)])  # type: ignore[arg-type]
        shares.append(log.share)
        log._on_revoke(consumer, [])  # type: ignore[arg-type]
        shares.append(log.share)
    none, first, none_again, second, none_at_last = shares
    assert none is none_again is none_at_last is None
    assert first is not None
    assert first != second


async def test_a_start_that_kafka_does_not_answer_is_tried_again(log: KafkaUniqueVotes) -> None:
    with pytest.raises(LogUnavailable):
        await log.start({9: 0})
