"""What a reader of results sees while faults strike, sampled several times a second; and whether any count ever went back.

Three places are read: the totals in Redis, ``GET /votes/{electionId}``, and ``vote_totals`` in PostgreSQL.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import redis

from compose.settings import Stack
from proof import projections
from proof.records import Totals
from tests.faults.connections import Broken, Connections
from tests.faults.history import ACCEPTED, History
from tests.faults.nemesis import Evidence

SAMPLE_SECONDS = 0.1
READ_TIMEOUT_SECONDS = 2.0
# The ingress shows what it has read for half a second, and whoever asks for it then may have been on the way before.
SHOWN_FOR_SECONDS = 1.0

# By candidate; who has none may be missing.
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Sample:
    """Counts that were read one after the other within the two times of ``time.monotonic``; ``None`` where none could be read."""

    began_at: float
    ended_at: float
    redis: Counts | None
    shown: Counts | None
    recorded: Counts | None


def of_election(totals: Totals, election_id: str) -> Counts:
    """Counts by candidate."""
    return {candidate_id: count for (election, candidate_id), count in totals.items() if election == election_id}


def in_redis(stack: Stack, election_id: str) -> Counts:
    """Raises ``redis.RedisError``."""
    return of_election(projections.read_redis_totals(stack.environment()["REDIS_URL"], [election_id]), election_id)


def is_at_least(counts: Counts, least: Counts) -> bool:
    return all(counts.get(candidate_id, 0) >= count for candidate_id, count in least.items())


class ResultsWatch:
    """Takes samples of one election until it is stopped."""

    def __init__(self, stack: Stack, election_id: str) -> None:
        self.samples: list[Sample] = []
        self._stack = stack
        self._election_id = election_id
        self._database: psycopg.Connection[Any] | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        async with Connections(self._stack.bind_host, self._stack.ports["INGRESS_PORT"]) as api:
            while not self._stopping.is_set():
                began_at = time.monotonic()
                in_redis, recorded = await asyncio.to_thread(lambda: (self._in_redis(), self._recorded()))
                shown = await self._shown(api)
                self.samples.append(Sample(began_at, time.monotonic(), in_redis, shown, recorded))
                await asyncio.sleep(began_at + SAMPLE_SECONDS - time.monotonic())
        self._disconnect()

    def _in_redis(self) -> Counts | None:
        try:
            return in_redis(self._stack, self._election_id)
        except redis.RedisError:
            return None

    def _recorded(self) -> Counts | None:
        try:
            if self._database is None:
                url = self._stack.database_url("voting")
                self._database = psycopg.connect(url, autocommit=True, connect_timeout=int(READ_TIMEOUT_SECONDS))
            return of_election(projections.read_aurora_totals(self._database), self._election_id)
        except psycopg.Error:
            self._disconnect()
            return None

    async def _shown(self, api: Connections) -> Counts | None:
        try:
            answer = await api.ask("GET", f"/votes/{self._election_id}", READ_TIMEOUT_SECONDS)
        except Broken:
            return None
        counts: Counts | None = json.loads(answer.body).get("counts")
        return counts

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


def went_back(samples: Sequence[Sample], evidence: Sequence[Evidence]) -> Iterator[str]:
    """Every count that a reader saw shrink, in words.

    Where Redis lost what it held, as the reservations were, its totals are away until they are written again, and the ingress
    shows those of PostgreSQL, which may be some tenths of a second behind what it has shown before. Until Redis has them again
    it may therefore have none, but never some of them only, or older ones; and the ingress may show less than it did, but never
    less than what both had at the loss.
    """
    losses = [fault for fault in evidence if fault.loses_reservations]
    for place, concerned in (("redis", losses), ("shown", losses), ("recorded", [])):
        last: Counts = {}
        for sample in samples:
            counts: Counts | None = getattr(sample, place)
            loss = next((loss for loss in concerned if _is_felt(loss, sample)), None)
            if counts is None or (place == "redis" and loss is not None and not counts):
                continue
            least = last if loss is None else _at_the_loss(samples, loss, place)
            for candidate_id, count in least.items():
                if counts.get(candidate_id, 0) < count:
                    yield f"{place}: {candidate_id} had {count} and then {counts.get(candidate_id, 0)}"
            last = counts


def _is_felt(loss: Evidence, sample: Sample) -> bool:
    return loss.struck_at <= sample.ended_at and sample.began_at <= loss.recovered_at + SHOWN_FOR_SECONDS


def _at_the_loss(samples: Sequence[Sample], loss: Evidence, place: str) -> Counts:
    """What a place may not fall below from a loss on: what had been seen in Redis, or in both that the ingress reads."""
    before = [sample for sample in samples if sample.ended_at <= loss.struck_at]
    if not before:
        return {}
    in_redis, recorded = before[-1].redis or {}, before[-1].recorded or {}
    if place == "redis":
        return in_redis
    return {candidate_id: min(count, recorded.get(candidate_id, 0)) for candidate_id, count in in_redis.items()}


def longest_still_seconds(samples: Sequence[Sample], since: float, until: float) -> float:
    """The longest time for which no reader saw a count change, of those that overlap with the given one."""
    seen = [sample for sample in samples if sample.shown is not None]
    changed_at = [next(same).ended_at for _, same in itertools.groupby(seen, lambda sample: sample.shown)]
    stills = itertools.pairwise([*changed_at, *(sample.ended_at for sample in seen[-1:])])
    return max((end - begin for begin, end in stills if begin < until and end > since), default=0.0)


def uncounted(history: History, samples: Sequence[Sample], at: float) -> int:
    """Votes that had been answered with 202 by then and were in no total yet: the jobs' work in flight. At least so many."""
    before = [sample for sample in samples if sample.redis is not None and sample.ended_at <= at]
    if not before:
        return 0
    last = before[-1]
    accepted = sum(attempt.status == ACCEPTED and attempt.ended_at <= last.began_at for attempt in history)
    return accepted - sum((last.redis or {}).values())
