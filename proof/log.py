"""Reading topics from their beginning to where they ended when asked: committed records only, no trace in any consumer group."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

REQUEST_TIMEOUT_SECONDS = 15.0
# A broker that restarts is back by then; a longer silence is an answer of its own.
SILENCE_TIMEOUT_SECONDS = 60.0
_BATCH = 5_000
_BATCH_SECONDS = 0.1


class LogUnreadable(Exception):
    """The log cannot be read now. Nothing is proved either way; try again."""


class Range(NamedTuple):
    """Offsets of a partition: the first that is kept, and the one after the last that is committed (the last stable offset)."""

    start: int
    end: int


class Log:
    """The topics of one cluster. Blocking; not safe to share between threads. Raises ``LogUnreadable``."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._consumer = self._connect("proof")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def ranges(self, topic: str) -> dict[int, Range]:
        """What each partition of a topic holds at this moment."""
        try:
            known = self._consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_SECONDS).topics[topic]
            if known.error is not None:
                raise LogUnreadable(f"topic {topic}: {known.error}")
            ranges = {}
            for partition in sorted(known.partitions):
                found = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=REQUEST_TIMEOUT_SECONDS)
                if found is None:
                    raise LogUnreadable(f"topic {topic}, partition {partition}: no answer about its offsets")
                ranges[partition] = Range(*found)
        except KafkaException as error:
            raise LogUnreadable(f"topic {topic}: {error}") from error
        return ranges

    def committed(self, group: str, topic: str, partitions: Mapping[int, Range]) -> dict[int, int]:
        """The offset up to which a consumer group has noted its progress; a partition without a note counts from its start."""
        consumer = self._connect(group)
        try:
            noted = consumer.committed(
                [TopicPartition(topic, partition) for partition in partitions], timeout=REQUEST_TIMEOUT_SECONDS
            )
        except KafkaException as error:
            raise LogUnreadable(f"consumer group {group}: {error}") from error
        finally:
            consumer.close()
        for partition in noted:
            if partition.error is not None:
                raise LogUnreadable(f"consumer group {group}, partition {partition.partition}: {partition.error}")
        return {
            partition.partition: partitions[partition.partition].start if partition.offset == OFFSET_INVALID else partition.offset
            for partition in noted
        }

    def messages(self, topic: str, ranges: Mapping[int, Range]) -> Iterator[Message]:
        """Every committed record within the ranges, in the order of offsets within each partition.

        The end of a transaction takes an offset and is no record, so the last offset of a range may never come: the end of the
        partition, which the client reports, ends it as well.
        """
        waiting = {partition for partition, (start, end) in ranges.items() if start < end}
        if not waiting:
            return
        self._consumer.assign([TopicPartition(topic, partition, ranges[partition].start) for partition in waiting])
        heard_at = time.monotonic()
        try:
            while waiting:
                # It waits for a full batch, or so long: the last batch of a topic is hardly ever full.
                batch = self._consumer.consume(_BATCH, timeout=_BATCH_SECONDS)
                if batch:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > SILENCE_TIMEOUT_SECONDS:
                    raise LogUnreadable(f"topic {topic}: nothing came for {SILENCE_TIMEOUT_SECONDS:g} s")
                for message in batch:
                    yield from self._within(message, ranges, waiting)
        except KafkaException as error:
            raise LogUnreadable(f"topic {topic}: {error}") from error
        finally:
            # Left early, this generator may end only after the consumer was closed.
            with suppress(RuntimeError):
                self._consumer.unassign()

    def _within(self, message: Message, ranges: Mapping[int, Range], waiting: set[int]) -> Iterator[Message]:
        """The message, if it is a record within its range; takes its partition off ``waiting`` at the range's end."""
        partition, offset, error = message.partition(), message.offset(), message.error()
        if partition is None or offset is None:
            raise LogUnreadable(f"topic {message.topic()}: {error}")
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 (the name that the library gives it)
                raise LogUnreadable(f"topic {message.topic()}, partition {partition}: {error}")
            waiting.discard(partition)
            return
        end = ranges[partition].end
        if offset >= end - 1:
            waiting.discard(partition)
        if offset < end:
            yield message

    def _connect(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                # Whole partitions are read at once: large fetches, and a bounded queue (64 MiB) in front of the decoder.
                "fetch.min.bytes": 1,
                "queued.max.messages.kbytes": 65_536,
                # What fails is raised; the client's own lines about each attempt to connect would bury it.
                "log_level": 0,
            }
        )
