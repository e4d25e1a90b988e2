"""What dedup would have written, written by a test: with whatever faults it wants in it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from compose.settings import Stack
from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry
from tests.integration.log_of_votes import FLUSH_SECONDS, VotesIn


@dataclass(frozen=True)
class Cast:
    """A vote in votes-in, with its place."""

    vote_id: str
    sub: str
    candidate_id: str
    partition: int
    offset: int


@dataclass
class Verdicts:
    """A stand-in for dedup: it commits in transactions, as dedup does, and notes its progress when it is told to."""

    stack: Stack
    election_id: str
    _producer: Producer = field(init=False, repr=False)

    def __post_init__(self) -> None:
        environment = self.stack.environment()
        self._producer = Producer(
            {
                "bootstrap.servers": environment["KAFKA_BOOTSTRAP_SERVERS"],
                "partitioner": "murmur2_random",
                "transactional.id": f"crafted-{self.election_id}",
            }
        )
        self._producer.init_transactions(FLUSH_SECONDS)
        with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry:
            self._encode = {
                topic: avro.encoder(avro.latest(topic), registry.id_of(avro.latest(topic)))
                for topic in ("votes-accepted", "votes-rejected")
            }

    def accept(self, *votes: Cast, **changed: Any) -> None:
        self._write("votes-accepted", votes, {"accepted_at": now_ms(), **changed})

    def reject(self, *votes: Cast, reason: str = "duplicate", first_vote_id: str | None = None) -> None:
        self._write("votes-rejected", votes, {"appended_at": now_ms(), "reason": reason, "first_vote_id": first_vote_id})

    def dead_letter(self, key: str, value: bytes, partition: int, offset: int) -> None:
        headers = {"error": "crafted", "topic": "votes-in", "partition": str(partition), "offset": str(offset)}
        self._producer.begin_transaction()
        self._producer.produce("votes-dlq", key=key, value=value, headers=list(headers.items()))
        self._producer.commit_transaction(FLUSH_SECONDS)

    def note(self, offsets: Mapping[int, int], group: str = "dedup", topic: str = "votes-in") -> None:
        """Note progress in the name of a group."""
        consumer = Consumer({"bootstrap.servers": self.stack.environment()["KAFKA_BOOTSTRAP_SERVERS"], "group.id": group})
        try:
            consumer.commit(
                offsets=[TopicPartition(topic, partition, offset) for partition, offset in offsets.items()], asynchronous=False
            )
        finally:
            consumer.close()

    def _write(self, topic: str, votes: tuple[Cast, ...], more: Mapping[str, Any]) -> None:
        self._producer.begin_transaction()
        for vote in votes:
            datum = {
                "vote_id": vote.vote_id,
                "election_id": self.election_id,
                "voter_sub": vote.sub,
                "candidate_id": vote.candidate_id,
                "cast_at": now_ms(),
                "catalogue_version": 1,
                "source_partition": vote.partition,
                "source_offset": vote.offset,
                **more,
            }
            self._producer.produce(topic, key=vote_key(self.election_id, vote.sub), value=self._encode[topic](datum))
        self._producer.commit_transaction(FLUSH_SECONDS)


def cast(votes_in: VotesIn, sub: str, candidate_id: str) -> Cast:
    """Append a vote."""
    vote_id = votes_in.vote(sub, candidate_id)
    return Cast(vote_id, sub, candidate_id, *votes_in.positions[-1])


def now_ms() -> int:
    return time.time_ns() // 1_000_000
