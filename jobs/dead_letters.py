"""Dead letters: what there are, and sending them through again once what was wrong with them is put right.

A record that is sent again is a new one at the end of votes-in: whether it counts, the log decides as for every other, and
sending it twice makes a duplicate of it. The dead letter stays; a header of the new record says where it came from.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from jobs.positions import Positions

TOPIC = "votes-dlq"
SOURCE = "votes-in"
REDRIVEN_FROM = "redriven_from"
FLUSH_SECONDS = 35.0
PROGRESS_EVERY = 10_000


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter, its place in votes-dlq, and that of the record in votes-in. ``value`` may tell a voter's choice."""

    partition: int
    offset: int
    source_partition: int
    source_offset: int
    error: str
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        return f"{self.partition}:{self.offset}"


Wanted = Callable[[DeadLetter], bool]


def wanted(error: str | None, places: frozenset[str]) -> Wanted:
    """Those with a text in their error, those at these places (``partition:offset``), or all."""
    return lambda letter: (error is None or error in letter.error) and (not places or letter.place in places)


def show(bootstrap_servers: str, which: Wanted, limit: int) -> bool:
    """Print how many there are of each error, and the first ``limit`` of them; never voter or choice."""
    errors: Counter[str] = Counter()
    for letter in read(bootstrap_servers):
        if which(letter):
            errors[letter.error] += 1
            if errors.total() <= limit:
                size = "no value" if letter.value is None else f"{len(letter.value)} bytes"
                print(
                    f"{letter.place:<12} {SOURCE} {letter.source_partition}:{letter.source_offset:<10} {size:<14} {letter.error}"
                )
    if errors.total() > limit:
        print(f"… and {errors.total() - limit:,} more (--limit)")
    for error, count in errors.most_common():
        print(f"{count:>10,}  {error}")
    print(f"{errors.total():>10,}  dead letters")
    return True


def redrive(bootstrap_servers: str, which: Wanted, *, dry_run: bool) -> bool:
    """Append the wanted ones to votes-in again. Whether the log has acknowledged them all."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": 16 * 1024 * 1024,
            "log_level": 0,
        }
    )
    sent, failures = 0, Counter[str]()

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures[error.str()] += 1

    for letter in read(bootstrap_servers):
        if not which(letter):
            continue
        sent += 1
        if not dry_run:
            origin: list[tuple[str, str | bytes | None]] = [(REDRIVEN_FROM, f"{TOPIC} {letter.place}".encode())]
            while True:
                try:
                    producer.produce(SOURCE, key=letter.key, value=letter.value, headers=origin, on_delivery=note)
                    break
                except BufferError:
                    producer.poll(1.0)
        if sent % PROGRESS_EVERY == 0:
            print(f"{sent:,} so far", flush=True)
    undelivered = producer.flush(FLUSH_SECONDS)
    if undelivered:
        failures["not acknowledged in time"] += undelivered
    for error, count in failures.items():
        print(f"{count:,} FAILED: {error}")
    verb = "would be sent" if dry_run else "sent"
    print(f"{sent - failures.total():,} dead letters {verb} through {SOURCE} again")
    return not failures


def read(bootstrap_servers: str) -> Iterator[DeadLetter]:
    """All dead letters that are there now. Raises ``KafkaUnavailable``."""
    with Positions(bootstrap_servers) as positions:
        for message in positions.messages({TOPIC: positions.starts(TOPIC)}):
            yield _letter(message)


def _letter(message: Message) -> DeadLetter:
    headers: dict[str, Any] = dict(message.headers() or [])
    return DeadLetter(
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        source_partition=int(headers["partition"]),
        source_offset=int(headers["offset"]),
        error=headers["error"].decode(errors="replace"),
        key=message.key(),
        value=message.value(),
    )
