"""The live results of an election: one read for all who ask within a moment, shown in steps that hide a single choice."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from ingress.clock import rfc3339
from ingress.election import Election
from ingress.postgres import RecordUnavailable
from ingress.problems import UNAVAILABLE, Problem
from ingress.record import Record
from ingress.totals import Totals, TotalsSource, TotalsUnavailable


@dataclass(frozen=True)
class Counts:
    """One count for every candidate, in the order of the ballot. ``as_of`` is ``None`` while there are no votes."""

    counts: Mapping[str, int]
    as_of: datetime | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Snapshot:
    """An answer, ready to be sent as often as it is asked for."""

    body: bytes
    etag: str


class Results(Protocol):
    async def current(self, election: Election) -> Snapshot:
        """Raises ``Problem``: 403 while the results are hidden, 503 if nothing can be read."""


def complete(election: Election, totals: Totals | None) -> Counts:
    """The counts of the candidates on the ballot, zeros too; whoever else has a count is left out."""
    counts = totals.counts if totals is not None else {}
    return Counts(
        {candidate.candidate_id: counts.get(candidate.candidate_id, 0) for candidate in election.candidates},
        totals.as_of if totals is not None else None,
    )


def step(election: Election, shown: Counts | None, fresh: Counts) -> Counts:
    """What may be shown after ``shown``: nothing new until at least ``results_batch`` votes have been added to it.

    Published results are exact.
    """
    if election.results_batch <= 1 or election.status == "published":
        return fresh
    base = shown if shown is not None and shown.counts.keys() == fresh.counts.keys() else complete(election, None)
    return fresh if fresh.total - base.total >= election.results_batch else base


def snapshot(election: Election, counts: Counts) -> Snapshot:
    body = msgspec.json.encode(
        {
            "electionId": election.election_id,
            "counts": dict(counts.counts),
            "total": counts.total,
            "updatedAt": None if counts.as_of is None else rfc3339(counts.as_of),
            "status": election.status,
        }
    )
    return Snapshot(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


class SharedResults:
    """Reads the totals of an election at most once in ``refresh_seconds``: from Redis, or from the record instead."""

    def __init__(self, totals: TotalsSource, record: Record, refresh_seconds: float) -> None:
        self._totals = totals
        self._record = record
        self._refresh_seconds = refresh_seconds
        self._shown: dict[str, Counts] = {}
        self._read_at: dict[str, float] = {}
        self._reading: dict[str, asyncio.Task[Counts]] = {}

    async def current(self, election: Election) -> Snapshot:
        election.require_results_shown()
        return snapshot(election, await self._counts(election))

    async def _counts(self, election: Election) -> Counts:
        election_id = election.election_id
        age = asyncio.get_running_loop().time() - self._read_at.get(election_id, float("-inf"))
        if age < self._refresh_seconds and election_id in self._shown:
            return self._shown[election_id]
        reading = self._reading.get(election_id)
        if reading is None:
            reading = self._reading[election_id] = asyncio.create_task(self._refresh(election))
            # Whoever asked may have gone by the time it fails.
            reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(reading)

    async def _refresh(self, election: Election) -> Counts:
        election_id = election.election_id
        try:
            fresh = complete(election, await self._read(election_id))
            shown = self._shown[election_id] = step(election, self._shown.get(election_id), fresh)
            self._read_at[election_id] = asyncio.get_running_loop().time()
            return shown
        finally:
            del self._reading[election_id]

    async def _read(self, election_id: str) -> Totals | None:
        try:
            totals = await self._totals.read(election_id)
        except TotalsUnavailable:
            totals = None
        try:
            return totals if totals is not None else await self._record.totals(election_id)
        except RecordUnavailable:
            raise Problem(UNAVAILABLE, "The results cannot be read now.", retry_after_seconds=1) from None
