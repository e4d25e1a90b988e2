"""The migrations of ``sql/migrations``: numbered SQL files, applied in order, each once, all or nothing."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg

HERE = Path(__file__).parent / "sql" / "migrations"
# Any constant will do, as long as nothing else in the database uses it: two migrators at once wait for each other.
_ADVISORY_LOCK = 7_262_025_011


class MigrationChanged(Exception):
    """A file that was applied has changed since. Put it back and write a new migration instead."""


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Every migration, in order. Raises ``ValueError`` if the numbers are not 1, 2, 3, …"""
    found = tuple(
        Migration(int(path.name.split("_", 1)[0]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(HERE.glob("*.sql"))
    )
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations in {HERE} are not numbered 0001, 0002, … without a gap")
    return found


def apply(connection: psycopg.Connection) -> list[str]:
    """Apply what is missing, in one transaction, and return the names. Safe to repeat and to run twice at once.

    Raises ``MigrationChanged``, ``psycopg.Error``.
    """
    applied = []
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,"
            " applied_at TIMESTAMPTZ NOT NULL DEFAULT now())"
        )
        known: dict[int, str] = dict(cursor.execute("SELECT number, sha256 FROM schema_migrations").fetchall())
        for migration in all_migrations():
            if migration.number in known:
                if known[migration.number] != migration.sha256:
                    raise MigrationChanged(f"{migration.name}.sql was applied to this database and has changed since")
                continue
            cursor.execute(migration.sql.encode())
            cursor.execute(
                "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
                [migration.number, migration.name, migration.sha256],
            )
            applied.append(migration.name)
    return applied
