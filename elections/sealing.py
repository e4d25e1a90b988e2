"""The record of closing and sealing: end offsets, evidence, seals. Raises ``psycopg.Error`` where the database fails."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from elections.seal import Evidence, Report


class SealingRecord:
    """Of all elections. ``connection`` is in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def has_ends(self, election_id: str) -> bool:
        row = self._connection.execute("SELECT FROM election_ends WHERE election_id = %s LIMIT 1", [election_id]).fetchone()
        return row is not None

    def note_ends(self, election_id: str, ends: Mapping[int, int]) -> None:
        """All partitions or none; the ones that were noted first stay."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO election_ends (election_id, partition, end_offset)"
                " SELECT %s, * FROM unnest(%s::integer[], %s::bigint[]) ON CONFLICT DO NOTHING",
                [election_id, list(ends), list(ends.values())],
            )

    def evidence(self, election_id: str) -> Evidence:
        """Within a transaction: no write to this election's ledger and totals happens from here to its end."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('seal ' || %s, 0))", [election_id])
        ends = self._connection.execute(
            "SELECT partition, end_offset, noted_at FROM election_ends WHERE election_id = %s", [election_id]
        ).fetchall()
        letters = self._connection.execute(
            "SELECT count(*) FROM dead_letters LEFT JOIN adjudications USING (source_partition, source_offset)"
            " WHERE election_id IN (%s, 'unknown') AND ruling IS NULL",
            [election_id],
        ).fetchone()
        report = self._newest_report(election_id)
        same = self._connection.execute(
            "SELECT totals_are(%s, %s)", [election_id, Jsonb(dict(report.counts) if report else {})]
        ).fetchone()
        return Evidence(
            ends={partition: end for partition, end, _ in ends},
            noted_at=max((noted_at for _, _, noted_at in ends), default=None),
            report=report,
            letters_without_ruling=letters[0] if letters else 0,
            totals_are_those_of_report=same == (True,),
        )

    def seal(self, election_id: str, report: Report, actor: str) -> None:
        """From now on nothing of this election changes in the ledger and the totals."""
        self._connection.execute(
            "INSERT INTO election_seals (election_id, report_id, counts, sealed_by) VALUES (%s, %s, %s, %s)",
            [election_id, report.report_id, Jsonb(dict(report.counts)), actor],
        )

    def counts(self, election_id: str) -> Mapping[str, int]:
        """The final ones; none before the seal."""
        row = self._connection.execute("SELECT counts FROM election_seals WHERE election_id = %s", [election_id]).fetchone()
        found: Mapping[str, int] = row[0] if row else {}
        return found

    def _newest_report(self, election_id: str) -> Report | None:
        row = self._connection.execute(
            "SELECT report_id, started_at, agrees, manifest FROM recount_reports WHERE election_id = %s"
            " ORDER BY started_at DESC, finished_at DESC LIMIT 1",
            [election_id],
        ).fetchone()
        if row is None:
            return None
        report_id, started_at, agrees, manifest = row
        return Report(
            report_id=report_id,
            started_at=started_at,
            agrees=agrees,
            is_conserved=manifest.get("conservation", {}).get("exact") is True,
            ends={int(partition): extent["end"] for partition, extent in manifest["votesIn"].items()},
            counts=manifest["counts"],
        )
