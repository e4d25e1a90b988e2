"""What the ingress reads from Postgres, the record: the catalogue, the totals, and whether a voter's vote is in the ledger.

The role of the ingress may not read the choice, and no query here asks for it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import psycopg
from psycopg_pool import AsyncConnectionPool

from ingress.election import Candidate, Election
from ingress.totals import Totals

# A reader waits at most this long, whatever state Postgres or the way to it is in.
QUERY_SECONDS = 1.0
CONNECTIONS = 4

_ELECTIONS = """
    SELECT election_id, version, title, status, opens_at, closes_at, jurisdictions, required_aal,
           results_visibility, results_batch,
           array_remove(array_agg(candidate_id ORDER BY position), NULL),
           array_remove(array_agg(name ORDER BY position), NULL)
    FROM current_elections
    LEFT JOIN candidates USING (election_id, version)
    GROUP BY election_id, version, title, status, opens_at, closes_at, jurisdictions, required_aal,
             results_visibility, results_batch
    ORDER BY election_id
"""
_TOTALS = "SELECT candidate_id, count, updated_at FROM vote_totals WHERE election_id = %s"
_COUNTED = "SELECT vote_id, voted_at FROM votes_ledger WHERE election_id = %s AND voter_sub = %s"


class RecordUnavailable(Exception):
    """Postgres cannot answer now. Serve what is in memory, or answer 503."""


@dataclass(frozen=True)
class CountedVote:
    """A row of the ledger without the choice. ``voted_at`` is when the vote was appended to the log."""

    vote_id: str
    voted_at: datetime


class Record(Protocol):
    """Each method raises ``RecordUnavailable``."""

    async def elections(self) -> list[Election]:
        """The newest version of every election."""

    async def totals(self, election_id: str) -> Totals | None:
        """Absolute counts, or ``None`` if none has been written."""

    async def counted_vote(self, election_id: str, voter_sub: str) -> CountedVote | None: ...


class PostgresRecord:
    def __init__(self, database_url: str) -> None:
        self._pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=CONNECTIONS,
            open=False,
            timeout=QUERY_SECONDS,
            reconnect_timeout=5.0,
            check=AsyncConnectionPool.check_connection,
            kwargs={"autocommit": True, "connect_timeout": 2, "application_name": "ingress"},
        )

    async def open(self) -> None:
        """Does not wait for Postgres."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=QUERY_SECONDS)

    async def elections(self) -> list[Election]:
        return [
            Election(
                election_id=row[0],
                version=row[1],
                title=row[2],
                status=row[3],
                opens_at=row[4],
                closes_at=row[5],
                jurisdictions=tuple(row[6]),
                required_aal=row[7],
                results_visibility=row[8],
                results_batch=row[9],
                candidates=tuple(Candidate(candidate_id, name) for candidate_id, name in zip(row[10], row[11], strict=True)),
            )
            for row in await self._rows(_ELECTIONS)
        ]

    async def totals(self, election_id: str) -> Totals | None:
        rows = await self._rows(_TOTALS, [election_id])
        if not rows:
            return None
        return Totals({row[0]: row[1] for row in rows}, max(row[2] for row in rows))

    async def counted_vote(self, election_id: str, voter_sub: str) -> CountedVote | None:
        rows = await self._rows(_COUNTED, [election_id, voter_sub])
        return CountedVote(rows[0][0], rows[0][1]) if rows else None

    async def _rows(self, query: str, parameters: Sequence[str] = ()) -> list[Any]:
        # A cancelled query of psycopg waits for the server to confirm, which a server that hangs does not.
        reading = asyncio.create_task(self._fetch(query, parameters))
        done, _ = await asyncio.wait([reading], timeout=QUERY_SECONDS)
        if not done:
            reading.cancel()
            raise RecordUnavailable(f"no answer within {QUERY_SECONDS:g} s")
        return reading.result()

    async def _fetch(self, query: str, parameters: Sequence[str]) -> list[Any]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(query.encode(), parameters)
                return await cursor.fetchall()
        except (psycopg.Error, OSError) as error:
            raise RecordUnavailable(str(error)) from error
