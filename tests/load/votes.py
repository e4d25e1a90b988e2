"""Many votes in the log, fast, past the ingress: what the jobs are measured with."""

import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from confluent_kafka import Producer

from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry

ELECTION = "election-2025-01"
CANDIDATES = ("alice", "bob", "carol")
_POLL_EVERY = 5_000
_FLUSH_SECONDS = 120.0


@dataclass(frozen=True)
class Batch:
    """So many votes; ``duplicates`` of them are of voters who have voted a little before, ``hot`` for one candidate."""

    votes: int
    duplicates: float = 0.0
    hot: float = 1 / len(CANDIDATES)


def schema_id(registry_url: str) -> int:
    """The id of the newest schema of a vote. To be asked for while the registry can answer."""
    with Registry(registry_url) as registry:
        return registry.id_of(avro.latest("votes-in"))


def append(kafka: str, schema: int, batch: Batch) -> float:
    """Append votes of new voters with as many processes as cores; returns votes a second. ``schema`` is ``schema_id``'s."""
    cores = os.cpu_count() or 1
    shares = [batch.votes // cores + (number < batch.votes % cores) for number in range(cores)]
    began = time.monotonic()
    with ProcessPoolExecutor(cores) as pool:
        list(pool.map(_append, [kafka] * cores, [schema] * cores, [batch] * cores, shares))
    return batch.votes / (time.monotonic() - began)


def _append(kafka: str, schema: int, batch: Batch, count: int) -> None:
    encode = avro.encoder(avro.latest("votes-in"), schema)
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    chance = random.Random()  # noqa: S311 (a load)
    run = os.urandom(6).hex()
    subs: Sequence[str] = [_uuid(f"{run}{number:020x}") for number in range(count)]
    ids = os.urandom(16 * count).hex()
    now = time.time_ns() // 1_000_000
    for number in range(count):
        again = number > 0 and chance.random() < batch.duplicates
        sub = subs[number - 1 - chance.randrange(min(number, 1000))] if again else subs[number]
        candidate = CANDIDATES[0] if chance.random() < batch.hot else chance.choice(CANDIDATES[1:])
        vote = {
            "vote_id": _uuid(ids[32 * number : 32 * number + 32]),
            "election_id": ELECTION,
            "voter_sub": sub,
            "candidate_id": candidate,
            "cast_at": now,
            "catalogue_version": 1,
            "jurisdiction": "",
        }
        while True:
            try:
                producer.produce("votes-in", encode(vote), vote_key(ELECTION, sub))
                break
            except BufferError:
                producer.poll(0.5)
        if number % _POLL_EVERY == 0:
            producer.poll(0)
    if producer.flush(_FLUSH_SECONDS):
        raise RuntimeError("votes were not acknowledged")


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
