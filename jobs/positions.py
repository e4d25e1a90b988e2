"""Where the jobs and the topics are: ends and starts of topics, the offsets that groups have noted, and what lies between."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

REQUEST_TIMEOUT_SECONDS = 15.0
SILENCE_SECONDS = 15.0
RETRY_PAUSE_SECONDS = 0.5
# By partition: of a topic's end, the offset after its last committed record.
Offsets = Mapping[int, int]


def text(offsets: Offsets) -> str:
    """Offsets as settings and the jobs' functions take them: ``partition:offset,…``."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


class KafkaUnavailable(Exception):
    """Kafka cannot answer now, or a topic is missing. Start it, or correct KAFKA_BOOTSTRAP_SERVERS, and try again."""


class Positions:
    """Blocking; not safe to share between threads. Every method raises ``KafkaUnavailable``."""

    def __init__(self, bootstrap_servers: str) -> None:
        settings: dict[str, Any] = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        self._servers = bootstrap_servers
        self._admin = AdminClient(settings)
        self._consumer = Consumer(
            {
                **settings,
                # It is never noted where this one is.
                "group.id": "jobs",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def starts(self, topic: str) -> Offsets:
        return {partition: start for partition, (start, _) in self._ranges(topic).items()}

    def ends(self, topic: str) -> Offsets:
        return {partition: end for partition, (_, end) in self._ranges(topic).items()}

    def noted(self, group: str, topic: str) -> Offsets:
        """The next offset that a group will read; nothing for a partition that it has not noted anything of."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition) for partition in self._ranges(topic)])
        try:
            answer = self._admin.list_consumer_group_offsets([asked], request_timeout=REQUEST_TIMEOUT_SECONDS)[group]
            noted = answer.result(REQUEST_TIMEOUT_SECONDS).topic_partitions or []
        except KafkaException as error:
            raise self._unavailable(error) from error
        return {entry.partition: entry.offset for entry in noted if entry.offset != OFFSET_INVALID}

    def note(self, group: str, topic: str, offsets: Offsets) -> None:
        """Make a group begin at these offsets. Nobody may be reading in its name."""
        wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        give_up_at = time.monotonic() + REQUEST_TIMEOUT_SECONDS
        while True:
            try:
                request = ConsumerGroupTopicPartitions(group, wanted)
                answer = self._admin.alter_consumer_group_offsets([request])[group].result(REQUEST_TIMEOUT_SECONDS)
            except KafkaException as error:
                raise self._unavailable(error) from error
            # Each partition has an answer of its own: on a new cluster the groups' coordinator may not be there yet.
            errors = [str(entry.error) for entry in answer.topic_partitions or [] if entry.error is not None]
            if not errors and self.noted(group, topic) == offsets:
                return
            if time.monotonic() > give_up_at:
                raise KafkaUnavailable(f"the group {group} does not take its place: {', '.join(sorted(set(errors)))}")
            time.sleep(RETRY_PAUSE_SECONDS)

    def first_after(self, topic: str, instant: dt.datetime) -> Offsets:
        """The first offset of each partition that was appended after an instant: its end if there is none yet."""
        milliseconds = int(instant.timestamp() * 1000) + 1
        asked = [TopicPartition(topic, partition, milliseconds) for partition in self._ranges(topic)]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=REQUEST_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error
        ends = self.ends(topic)
        return {entry.partition: entry.offset if entry.offset >= 0 else ends[entry.partition] for entry in found}

    def messages(self, topics: Mapping[str, Offsets]) -> Iterator[Message]:
        """Every committed record of topics from these offsets, by partition, to where the partitions end now. Blocks.

        What is appended while they are read is left out, were it a consequence of what is done with them.
        """
        ends = {(topic, partition): end for topic in topics for partition, end in self.ends(topic).items()}
        places = [TopicPartition(topic, *place) for topic, offsets in topics.items() for place in offsets.items()]
        unread = {(place.topic, place.partition) for place in places}
        self._consumer.assign(places)
        try:
            while unread:
                message = self._consumer.poll(SILENCE_SECONDS)
                if message is None:
                    raise KafkaUnavailable(f"the end of {', '.join(sorted({topic for topic, _ in unread}))} cannot be read")
                error = message.error()
                place = str(message.topic()), message.partition() or 0
                if error is None:
                    if (message.offset() or 0) < ends[place]:
                        yield message
                    else:
                        unread.discard(place)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 (the client's own name for it)
                    unread.discard(place)
                else:
                    raise KafkaUnavailable(f"{message.topic()}: {error}")
        except KafkaException as error:
            raise self._unavailable(error) from error
        finally:
            self._consumer.unassign()

    def _ranges(self, topic: str) -> dict[int, tuple[int, int]]:
        try:
            known = self._consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_SECONDS).topics[topic]
            if known.error is not None:
                raise KafkaUnavailable(f"topic {topic}: {known.error}")
            found = {}
            for partition in sorted(known.partitions):
                offsets = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=REQUEST_TIMEOUT_SECONDS)
                if offsets is None:
                    raise KafkaUnavailable(f"topic {topic}, partition {partition}: no answer about its offsets")
                found[partition] = offsets
        except KafkaException as error:
            raise self._unavailable(error) from error
        return found

    def _unavailable(self, error: KafkaException) -> KafkaUnavailable:
        return KafkaUnavailable(f"Kafka at {self._servers} does not answer: {error}")
