"""The denylist in PostgreSQL.

Every ingress keeps it in memory and refuses what is on it within two seconds of the commit. Each change is kept in
``denylist_changes`` as well, with the id of its audit event: the entry may be gone when a later run publishes that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from elections.denial import Change, Denial, Entry, Kind, Target


class Denylist:
    """Reads and changes entries. Blocking; raises ``psycopg.Error`` where the database fails."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """``connection`` is in autocommit mode, so that a change is in force when ``changing`` has ended."""
        self._connection = connection

    @contextmanager
    def changing(self, which: Target) -> Iterator[None]:
        """A transaction in which nobody else changes this entry; others who want to wait for its end."""
        with self._connection.transaction():
            lock = f"denylist {which.kind} {which.value}"
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
            yield

    def find(self, which: Target) -> Entry | None:
        """The entry, whether it is in force or has expired."""
        found = self._read("WHERE kind = %s AND value = %s", [which.kind, which.value])
        return found[0] if found else None

    def entries(self) -> list[Entry]:
        """All entries, expired ones too, by kind and value."""
        return self._read("ORDER BY kind, value", [])

    def put(self, which: Target, wanted: Denial, actor: str) -> None:
        """Make the entry or replace it."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO denylist (kind, value, reason, expires_at, created_by) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, expires_at = excluded.expires_at,"
                " created_at = excluded.created_at, created_by = excluded.created_by",
                [which.kind, which.value, wanted.reason, wanted.expires_at, actor],
            )
            self._remember(which, wanted, actor)

    def remove(self, which: Target, actor: str) -> None:
        with self._connection.transaction():
            self._connection.execute("DELETE FROM denylist WHERE kind = %s AND value = %s", [which.kind, which.value])
            self._remember(which, None, actor)

    def changes(self, which: Target) -> list[Change]:
        """Everything that was done to this entry, oldest first."""
        rows = self._connection.execute(
            "SELECT reason, expires_at, event_id, changed_at, changed_by FROM denylist_changes"
            " WHERE kind = %s AND value = %s ORDER BY number",
            [which.kind, which.value],
        )
        return [
            Change(which, None if reason is None else Denial(reason, expires_at), event_id, changed_at, changed_by)
            for reason, expires_at, event_id, changed_at, changed_by in rows
        ]

    def _remember(self, which: Target, wanted: Denial | None, actor: str) -> None:
        self._connection.execute(
            "INSERT INTO denylist_changes (kind, value, number, reason, expires_at, changed_by)"
            " SELECT %(kind)s, %(value)s, coalesce(max(number), 0) + 1, %(reason)s, %(expires_at)s, %(actor)s"
            " FROM denylist_changes WHERE kind = %(kind)s AND value = %(value)s",
            {
                "kind": which.kind,
                "value": which.value,
                "reason": wanted.reason if wanted else None,
                "expires_at": wanted.expires_at if wanted else None,
                "actor": actor,
            },
        )

    def _read(self, which: str, parameters: list[str]) -> list[Entry]:
        rows = self._connection.execute(
            f"SELECT kind, value, reason, expires_at, created_at, created_by FROM denylist {which}",  # noqa: S608 (constants)
            parameters,
        )
        return [
            Entry(Target(Kind(kind), value), Denial(reason, expires_at), created_at, created_by)
            for kind, value, reason, expires_at, created_at, created_by in rows
        ]
