"""Writing crafted records to votes-in past the ingress, and reading what the jobs made of them."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from compose.settings import Stack
from proof.log import Log
from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry

FLUSH_SECONDS = 30.0
WITHIN_SECONDS = 60.0


@dataclass
class VotesIn:
    """A writer of votes-in for one election; it remembers where each record went."""

    stack: Stack
    election_id: str
    catalogue_version: int
    positions: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        environment = self.stack.environment()
        self._producer = Producer(
            {
                "bootstrap.servers": environment["KAFKA_BOOTSTRAP_SERVERS"],
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "compression.type": "lz4",
                "message.max.bytes": 8 * 1024 * 1024,
            }
        )
        with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry:
            schema = avro.latest("votes-in")
            self._encode = avro.encoder(schema, registry.id_of(schema))

    def value(self, sub: str, candidate_id: str, catalogue_version: int | None = None) -> tuple[str, bytes]:
        """A new vote id and an encoded vote."""
        vote_id = str(uuid.uuid4())
        vote = {
            "vote_id": vote_id,
            "election_id": self.election_id,
            "voter_sub": sub,
            "candidate_id": candidate_id,
            "cast_at": datetime.now(UTC),
            "catalogue_version": catalogue_version or self.catalogue_version,
            "jurisdiction": "",
        }
        return vote_id, self._encode(vote)

    def vote(self, sub: str, candidate_id: str, catalogue_version: int | None = None) -> str:
        """Append a vote and return its id."""
        vote_id, value = self.value(sub, candidate_id, catalogue_version)
        self.append(vote_key(self.election_id, sub), value)
        return vote_id

    def append(self, key: str, value: bytes, partition: int | None = None) -> tuple[int, int]:
        """Append any bytes and return their partition and offset; acknowledged when this returns."""
        where: list[tuple[int, int]] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            position = message.partition(), message.offset()
            assert position[0] is not None
            assert position[1] is not None
            where.append((position[0], position[1]))

        chosen: dict[str, Any] = {} if partition is None else {"partition": partition}
        self._producer.produce("votes-in", key=key, value=value, on_delivery=delivered, **chosen)
        assert self._producer.flush(FLUSH_SECONDS) == 0
        self.positions += where
        return where[0]


def read_topic(stack: Stack, topic: str, key: bytes | None = None) -> list[tuple[Message, dict[str, Any]]]:
    """Every committed record of a topic, or every one with a key, with its decoded value; an empty one where values are bytes."""
    environment = stack.environment()
    with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry, Log(environment["KAFKA_BOOTSTRAP_SERVERS"]) as log:
        found = []
        for message in log.messages(topic, log.ranges(topic)):
            if key is not None and message.key() != key:
                continue  # it may be one that another test has made undecodable
            value = message.value() or b""
            decoded = {} if topic == "votes-dlq" else registry.decode(value)
            found.append((message, decoded))
        return found


def eventually(check: Callable[[], bool], what: str, within_seconds: float = WITHIN_SECONDS) -> None:
    """Return once the check holds; fail after the time."""
    give_up = time.monotonic() + within_seconds
    while not check():
        assert time.monotonic() < give_up, f"{what}: not within {within_seconds:.0f} s"
        time.sleep(0.25)
