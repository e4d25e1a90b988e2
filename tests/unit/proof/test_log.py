"""Reading a topic ends where the topic ended, whether its last offset is a record or the mark of a transaction."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from proof.log import Log, LogUnreadable, Range


class FakeMessage:
    def __init__(self, partition: int, offset: int, error: KafkaError | None = None) -> None:
        self._place, self._error = (partition, offset), error

    def topic(self) -> str:
        return "votes-accepted"

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def error(self) -> KafkaError | None:
        return self._error


class FakeConsumer:
    """Hands out the given batches, then nothing."""

    def __init__(self, *batches: list[FakeMessage]) -> None:
        self._batches: Iterator[list[FakeMessage]] = iter(batches)
        self.assigned: list[tuple[int, int]] = []

    def assign(self, partitions: list[Any]) -> None:
        self.assigned = [(partition.partition, partition.offset) for partition in partitions]

    def unassign(self) -> None:
        self.assigned = []

    def consume(self, _: int, timeout: float) -> list[FakeMessage]:  # noqa: ARG002
        return next(self._batches, [])


def end_of(partition: int, offset: int) -> FakeMessage:
    return FakeMessage(partition, offset, KafkaError(KafkaError._PARTITION_EOF))


def read(consumer: FakeConsumer, ranges: dict[int, Range]) -> list[tuple[int, int]]:
    log = Log.__new__(Log)
    log._consumer = consumer  # type: ignore[assignment]
    return [(message.partition(), message.offset()) for message in log.messages("votes-accepted", ranges)]  # type: ignore[misc]


def test_a_range_ends_with_its_last_record() -> None:
    consumer = FakeConsumer([FakeMessage(0, 4), FakeMessage(0, 5)])
    assert read(consumer, {0: Range(4, 6), 1: Range(0, 0)}) == [(0, 4), (0, 5)]
    assert consumer.assigned == []


def test_a_range_that_ends_with_the_mark_of_a_transaction_ends_with_the_partition() -> None:
    assert read(FakeConsumer([FakeMessage(0, 0)], [], [end_of(0, 2)]), {0: Range(0, 2)}) == [(0, 0)]


def test_records_that_came_after_the_start_are_left_out() -> None:
    assert read(FakeConsumer([FakeMessage(0, 0), FakeMessage(0, 1), FakeMessage(0, 7)]), {0: Range(0, 1)}) == [(0, 0)]


def test_every_partition_is_read_to_its_end() -> None:
    batches = [FakeMessage(1, 0), FakeMessage(0, 0)], [end_of(1, 1)], [FakeMessage(0, 1)]
    assert read(FakeConsumer(*batches), {0: Range(0, 2), 1: Range(0, 3)}) == [(1, 0), (0, 0), (0, 1)]


def test_an_error_of_a_partition_is_raised() -> None:
    broken = FakeMessage(0, 0, KafkaError(KafkaError._FAIL))
    with pytest.raises(LogUnreadable, match="partition 0"):
        read(FakeConsumer([broken]), {0: Range(0, 1)})


def test_a_log_that_stays_silent_is_not_read_as_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr("proof.log.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(LogUnreadable, match="nothing came for 60 s"):
        read(FakeConsumer(), {0: Range(0, 1)})
