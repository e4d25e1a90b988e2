"""The totals that tally has written, by candidate: the topic votes-agg, or that of a rebuild."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from jobs.positions import KafkaUnavailable, Positions
from schemas.registry import Registry

TOPIC = "votes-agg"
FLUSH_SECONDS = 35.0


@dataclass(frozen=True)
class Total:
    """The newest total of a key, ``electionId:candidateId``, and its record's value as it lies in the topic."""

    generation: int
    count: int
    value: bytes


def newest(positions: Positions, registry: Registry, suffix: str = "") -> dict[bytes, Total]:
    """Blocks. Raises ``KafkaUnavailable``, ``RegistryUnavailable``."""
    topic = TOPIC + suffix
    found: dict[bytes, Total] = {}
    for message in positions.messages({topic: positions.starts(topic)}):
        total, key = _total(message, registry), message.key() or b""
        if key not in found or (total.generation, total.count) > (found[key].generation, found[key].count):
            found[key] = total
    return found


def generation(positions: Positions, registry: Registry) -> int:
    """The one that tally goes on with: the highest that a total has, since a lower one would change nothing any more."""
    return max((_total(message, registry).generation for message in _last_of_each_partition(positions)), default=1)


def copy(bootstrap_servers: str, totals: dict[bytes, Total]) -> None:
    """Append totals to votes-agg. Returns when the log has them. Raises ``KafkaUnavailable``; repeating it does no harm."""
    failures: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": max(100_000, len(totals)),
            "log_level": 0,
        }
    )
    for key, total in totals.items():
        producer.produce(TOPIC, key=key, value=total.value, on_delivery=note)
    if producer.flush(FLUSH_SECONDS) or failures:
        raise KafkaUnavailable(f"{TOPIC} has not taken all totals: {failures[0] if failures else 'no answer in time'}")


def _last_of_each_partition(positions: Positions) -> Iterator[Message]:
    """Generations never shrink in the log: the last record of a partition has the highest."""
    starts, ends = positions.starts(TOPIC), positions.ends(TOPIC)
    last: dict[int, Message] = {}
    for message in positions.messages({TOPIC: {partition: max(starts[partition], end - 1) for partition, end in ends.items()}}):
        last[message.partition() or 0] = message
    yield from last.values()


def _total(message: Message, registry: Registry) -> Total:
    value: Any = message.value() or b""
    datum = registry.decode(value)
    return Total(datum["generation"], datum["count"], value)
