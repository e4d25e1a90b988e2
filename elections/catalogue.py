"""The catalogue in PostgreSQL: versions that are read and appended, never changed, and which of them are published."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from elections.election import Candidate, Election, Status, Version
from elections.lifecycle import Step


class UnknownElection(LookupError):
    """The catalogue has no election of this id."""


class Catalogue:
    """Reads and appends versions. Blocking; raises ``psycopg.Error`` where the database fails."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """``connection`` is in autocommit mode, so that a version is in the record when ``changing`` has ended."""
        self._connection = connection

    @contextmanager
    def changing(self, election_id: str) -> Iterator[None]:
        """A transaction in which nobody else changes this election; others who want to wait for its end."""
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"election {election_id}"])
            yield

    def versions(self, election_id: str) -> list[Version]:
        """All versions of an election, oldest first; empty for an unknown one."""
        return self._read("WHERE election_id = %s", [election_id])

    def current(self) -> list[Version]:
        """The newest version of each election, by id, whether it is published or not."""
        return self._read(
            "WHERE version = (SELECT max(version) FROM elections AS every WHERE every.election_id = elections.election_id)", []
        )

    def append(self, versions: list[Version], step: Step, actor: str) -> Version:
        """Write the version that follows ``versions`` with its candidates, all or nothing."""
        election = step.election
        number = len(versions) + 1
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO elections (election_id, version, title, status, opens_at, closes_at, jurisdictions,"
                " required_aal, results_visibility, results_batch, created_by)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    election.election_id,
                    number,
                    election.title,
                    step.status,
                    election.opens_at,
                    election.closes_at,
                    list(election.jurisdictions),
                    election.required_aal,
                    election.results_visibility,
                    election.results_batch,
                    actor,
                ],
            )
            for position, candidate in enumerate(election.candidates, start=1):
                self._connection.execute(
                    "INSERT INTO candidates (election_id, version, candidate_id, name, position) VALUES (%s, %s, %s, %s, %s)",
                    [election.election_id, number, candidate.candidate_id, candidate.name, position],
                )
        return self.versions(election.election_id)[-1]

    def note_published(self, newest: Version) -> None:
        """Say that the log has this version and all before it: from now on it is seen. Safe to repeat."""
        self._connection.execute(
            "INSERT INTO election_publications (election_id, version)"
            " SELECT election_id, version FROM elections WHERE election_id = %s AND version <= %s"
            " ON CONFLICT DO NOTHING",
            [newest.election.election_id, newest.version],
        )

    def _read(self, which: str, parameters: list[str]) -> list[Version]:
        query = f"""
            SELECT elections.*, published_at,
                   (SELECT coalesce(json_agg(json_build_array(candidate_id, name) ORDER BY position), '[]')
                    FROM candidates
                    WHERE candidates.election_id = elections.election_id AND candidates.version = elections.version) AS ballot
            FROM elections LEFT JOIN election_publications USING (election_id, version) {which}
            ORDER BY election_id, version
        """  # noqa: S608 (`which` is one of the two constants above)
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_version(row) for row in cursor.execute(query, parameters)]


def _version(row: dict[str, Any]) -> Version:
    return Version(
        election=Election(
            election_id=row["election_id"],
            title=row["title"],
            opens_at=row["opens_at"],
            closes_at=row["closes_at"],
            candidates=tuple(Candidate(candidate_id, name) for candidate_id, name in row["ballot"]),
            jurisdictions=tuple(row["jurisdictions"]),
            required_aal=row["required_aal"],
            results_visibility=row["results_visibility"],
            results_batch=row["results_batch"],
        ),
        version=row["version"],
        status=Status(row["status"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        published_at=row["published_at"],
    )
