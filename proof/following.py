"""Following the topics of votes as they grow: every committed record once, told to a ``Cover``."""

from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_INVALID, Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from proof import pace
from proof.cover import Cover
from proof.decoding import Decoder
from proof.log import REQUEST_TIMEOUT_SECONDS, LogUnreadable
from proof.pace import Place
from proof.records import Unreadable

SOURCE = "votes-in"
VERDICTS = ("votes-accepted", "votes-rejected", "votes-dlq")
CATALOGUE = "elections"
_EARLIEST, _LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
_BATCH = 10_000
_BATCH_SECONDS = 0.1
# Two hundred bytes a vote: some 300,000 records in advance, in front of which the decoder is the slower part.
_QUEUED_KILOBYTES = 65_536


class Follower:
    """One reader of all partitions, without a trace in any consumer group. Blocking; for one thread.

    Every method raises ``LogUnreadable``. After ``committed`` or ``ends`` did, the same call may be tried again; after ``step``
    did, the client has lost its place, and another follower has to begin anew.
    """

    def __init__(self, bootstrap_servers: str, dedup_group: str, decoder: Decoder) -> None:
        self._decoder = decoder
        # The client reports what failed; its own lines about each attempt to connect would bury that.
        common: dict[str, Any] = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        quiet = {**common, "enable.auto.commit": False, "enable.auto.offset.store": False, "enable.partition.eof": True}
        self._consumer = Consumer(
            {
                **quiet,
                "group.id": "proof",
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
            }
        )
        self._notes = Consumer({**quiet, "group.id": dedup_group})
        self._admin = AdminClient(common)
        self.elections: set[str] = set()
        self.unreadable: list[Unreadable] = []
        """Records of the verdicts that do not follow their contract, and were not taken yet."""
        self.positions: dict[Place, int] = {}
        """The next offset to read."""
        self._unread: deque[Message] = deque()
        self._reached: dict[Place, int] = {}
        self._caught_up: set[Place] = set()
        self._paused: set[Place] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()
        self._notes.close()

    def begin(self, cover: Cover) -> None:
        """Find out what there is and begin at the start of every topic."""
        starts = {place: offset for topic in (CATALOGUE, SOURCE, *VERDICTS) for place, offset in self._starts(topic).items()}
        sources = {partition: offset for (topic, partition), offset in starts.items() if topic == SOURCE}
        committed = self.committed(sources)
        for partition, start in sources.items():
            cover.begin(partition, start, committed.get(partition, start))
        self.positions = dict(starts)
        self._reached = {place: offset if place[0] == SOURCE else 0 for place, offset in starts.items() if place[0] != CATALOGUE}
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])

    def step(self, cover: Cover) -> int:
        """Read what is there, at most a batch, and wait a moment if there is nothing. How many records came.

        Raises ``RegistryUnavailable`` and ``SchemaNotRegistered``, too; what has been read and not taken is taken the next time.
        """
        if not self._unread:
            try:
                self._unread.extend(self._consumer.consume(_BATCH, timeout=_BATCH_SECONDS))
            except KafkaException as error:
                raise LogUnreadable(str(error)) from error
        records = 0
        while self._unread:
            message = self._unread[0]
            if message.error() is not None:
                self._note_end(message)
            else:
                self._take(message, cover)
                records += 1
            self._unread.popleft()
        self._keep_pace()
        return records

    def committed(self, partitions: Mapping[int, int]) -> dict[int, int]:
        """Up to where dedup has noted its progress; of partitions of votes-in without a note nothing."""
        asked = [TopicPartition(SOURCE, partition) for partition in partitions]
        try:
            noted = self._notes.committed(asked, timeout=REQUEST_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise LogUnreadable(f"the progress of dedup: {error}") from error
        for place in noted:
            if place.error is not None:
                raise LogUnreadable(f"the progress of dedup: {place.error}")
        return {place.partition: place.offset for place in noted if place.offset != OFFSET_INVALID}

    def ends(self, *topics: str) -> dict[Place, int]:
        """Where the partitions of topics end at this moment, for whoever reads committed records only."""
        asked = {TopicPartition(*place): _LATEST for place in self.positions if place[0] in topics}
        try:
            answers = self._admin.list_offsets(
                asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        except KafkaException as error:
            raise LogUnreadable(f"the ends of {', '.join(topics)}: {error}") from error

    def _starts(self, topic: str) -> dict[Place, int]:
        try:
            known = self._consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_SECONDS).topics[topic]
            if known.error is not None:
                raise LogUnreadable(f"topic {topic}: {known.error}")
            asked = {TopicPartition(topic, partition): _EARLIEST for partition in known.partitions}
            answers = self._admin.list_offsets(asked, request_timeout=REQUEST_TIMEOUT_SECONDS)
            return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        except KafkaException as error:
            raise LogUnreadable(f"topic {topic}: {error}") from error

    def _take(self, message: Message, cover: Cover) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None:
            raise ValueError("a consumed message has a topic, a partition and an offset")
        place = topic, partition
        key = message.key()
        key = key.encode() if isinstance(key, str) else key
        if topic == SOURCE:
            cover.cast(partition, offset, key)
            self._reached[place] = offset
        elif topic == CATALOGUE:
            self.elections.add((key or b"").rpartition(b":")[0].decode("ascii", errors="replace"))
        else:
            verdict = self._decoder.verdict(topic, message)
            if isinstance(verdict, Unreadable):
                self.unreadable.append(verdict)
            else:
                cover.verdict(*verdict.source, key, verdict.outcome)
                if verdict.source.partition == partition:
                    self._reached[place] = max(self._reached[place], verdict.source.offset)
        self.positions[place] = offset + 1
        self._caught_up.discard(place)

    def _note_end(self, message: Message) -> None:
        """The client says where a partition ends for now; the end of a transaction takes an offset and is no record."""
        error, topic, partition, offset = message.error(), message.topic(), message.partition(), message.offset()
        if error is None or error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 (the name that the library gives it)
            raise LogUnreadable(f"topic {topic}, partition {partition}: {error}")
        if topic is not None and partition is not None and offset is not None:
            self.positions[topic, partition] = max(offset, self.positions[topic, partition])
            self._caught_up.add((topic, partition))

    def _keep_pace(self) -> None:
        ahead = pace.ahead(self._reached, frozenset(self._caught_up))
        if ahead != self._paused:
            self._consumer.resume([TopicPartition(*place) for place in self._paused - ahead])
            self._consumer.pause([TopicPartition(*place) for place in ahead - self._paused])
            self._paused = ahead
