"""The results of an election as their readers see them, sampled several times a second.

Three places are read: the totals in Redis, ``GET /votes/{electionId}``, and ``vote_totals`` in PostgreSQL.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import redis

from compose.settings import Stack
from proof import projections
from proof.records import Totals
from tests.faults.connections import Broken, Connections

SAMPLE_SECONDS = 0.1
READ_TIMEOUT_SECONDS = 2.0

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
