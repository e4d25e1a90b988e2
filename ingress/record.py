"""What the ingress reads from Postgres, the record: catalogue, denylist, totals, and whether a voter's vote is in the ledger.

The role of the ingress may not read the choice, and no query here asks for it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingress.denylist import DeniedEntries
from ingress.election import Candidate, Election
from ingress.postgres import Postgres
from ingress.totals import Totals

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
# One statement, so that the entries are those of the change. While nothing has changed, the only row of denylist_state is passed
# over and the entries are not looked at. Grouped, because the event loop stands still while psycopg converts the answer: 200 ms
# for 100,000 rows, 20 ms for a few long arrays.
_DENIED = """
    SELECT change_id::text, kind, (extract(epoch FROM coalesce(expires_at, 'infinity')) * 1000)::float8, array_agg(value)
    FROM denylist_state
    LEFT JOIN denylist ON expires_at IS NULL OR expires_at > now()
    WHERE change_id::text IS DISTINCT FROM %s
    GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class CountedVote:
    """A row of the ledger without the choice. ``voted_at`` is when the vote was appended to the log."""

    vote_id: str
    voted_at: datetime


class Record(Protocol):
    """Each method raises ``RecordUnavailable``."""

    async def elections(self) -> list[Election]:
        """The newest version of every election that the log has. A vote may name it: whoever judges the vote can look it up."""

    async def denied(self, known_change_id: str | None) -> DeniedEntries | None:
        """Every entry that has not expired, or ``None`` if nothing has changed since ``known_change_id``."""

    async def totals(self, election_id: str) -> Totals | None:
        """Absolute counts, or ``None`` if none has been written."""

    async def counted_vote(self, election_id: str, voter_sub: str) -> CountedVote | None: ...


class PostgresRecord:
    def __init__(self, database_url: str) -> None:
        self._postgres = Postgres(database_url)

    async def open(self) -> None:
        """Does not wait for Postgres."""
        await self._postgres.open()

    async def close(self) -> None:
        await self._postgres.close()

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
            for row in await self._postgres.rows(_ELECTIONS)
        ]

    async def denied(self, known_change_id: str | None) -> DeniedEntries | None:
        rows = await self._postgres.rows(_DENIED, [known_change_id])
        if not rows:
            return None
        ends: dict[str | None, dict[str, float]] = {}
        for _, kind, end_ms, values in rows:
            ends.setdefault(kind, {}).update(dict.fromkeys(values, end_ms))
        return DeniedEntries(rows[0][0], ends.get("subject", {}), ends.get("token", {}), ends.get("client", {}))

    async def totals(self, election_id: str) -> Totals | None:
        rows = await self._postgres.rows(_TOTALS, [election_id])
        if not rows:
            return None
        return Totals({row[0]: row[1] for row in rows}, max(row[2] for row in rows))

    async def counted_vote(self, election_id: str, voter_sub: str) -> CountedVote | None:
        rows = await self._postgres.rows(_COUNTED, [election_id, voter_sub])
        return CountedVote(rows[0][0], rows[0][1]) if rows else None
