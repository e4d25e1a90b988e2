"""The voter roll in PostgreSQL: asked by the app, filled and checked by the command line."""

import time
from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from identity.failures import Unanswered
from identity.roll import Entry

CALL_SECONDS = 4.0
_TELL_EVERY_SECONDS = 2.0

# An identity keeps the entry that it has. Otherwise it takes this one, unless another identity has it.
CLAIM = """
WITH taken AS (
    INSERT INTO roll_bindings (entry, identity_id)
    SELECT entry, %(identity)s FROM voter_roll
    WHERE entry = %(entry)s AND NOT EXISTS (SELECT FROM roll_bindings WHERE identity_id = %(identity)s)
    ON CONFLICT DO NOTHING
    RETURNING entry
)
SELECT entry, coalesce(jurisdiction, '')
FROM voter_roll
WHERE entry IN (SELECT entry FROM taken UNION ALL SELECT entry FROM roll_bindings WHERE identity_id = %(identity)s)
"""


class PostgresRoll:
    """``name_of`` gives the entry's name of an address (``identity.roll.entry_hash`` with the roll's secret)."""

    def __init__(self, pool: AsyncConnectionPool, name_of: Callable[[str], bytes]) -> None:
        self._pool = pool
        self._name_of = name_of

    async def governs(self) -> bool:
        rows = await self._rows("SELECT EXISTS (SELECT FROM voter_roll)", {})
        return bool(rows[0][0])

    async def claim(self, identity_id: str, email: str) -> Entry | None:
        rows = await self._rows(CLAIM, {"identity": identity_id, "entry": self._name_of(email)})
        return Entry(bytes(rows[0][0]), rows[0][1]) if rows else None

    async def _rows(self, query: str, values: dict[str, object]) -> list[tuple]:  # type: ignore[type-arg]
        try:
            async with self._pool.connection(CALL_SECONDS) as connection:
                await connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(int(CALL_SECONDS * 1000)))
                cursor = await connection.execute(query.encode(), values)
                return await cursor.fetchall()
        except psycopg.Error as error:
            raise Unanswered(f"the voter roll cannot be asked: {type(error).__name__}") from error


class RollDiffers(Exception):
    """The roll says another jurisdiction for some entries than the file; nothing was imported."""


def import_entries(connection: psycopg.Connection, entries: Iterable[Entry], say: Callable[[str], None]) -> tuple[int, int]:
    """Add entries to the roll, all or none, and tell how many are new and how many were there. Safe to repeat.

    Raises ``RollDiffers``, whatever reading ``entries`` raises, and ``psycopg.Error``.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE arriving (entry BYTEA, jurisdiction TEXT) ON COMMIT DROP")
        told, read = time.monotonic(), 0
        with cursor.copy("COPY arriving (entry, jurisdiction) FROM STDIN") as copy:
            for entry in entries:
                copy.write_row((entry.hash, entry.jurisdiction or None))
                read += 1
                if time.monotonic() - told > _TELL_EVERY_SECONDS:
                    told = time.monotonic()
                    say(f"{read} lines read")
        cursor.execute(
            "SELECT count(*) FROM (SELECT entry FROM arriving GROUP BY entry"
            " HAVING count(DISTINCT coalesce(jurisdiction, '')) > 1) AS twice"
        )
        in_file = _number(cursor)
        cursor.execute(
            "SELECT count(*) FROM arriving JOIN voter_roll AS known USING (entry)"
            " WHERE arriving.jurisdiction IS DISTINCT FROM known.jurisdiction"
        )
        with_roll = _number(cursor)
        if in_file or with_roll:
            raise RollDiffers(
                f"{in_file} addresses have two jurisdictions in the file, {with_roll} another one than in the roll: "
                "a voter does not change the jurisdiction while the roll stands"
            )
        cursor.execute(
            "INSERT INTO voter_roll (entry, jurisdiction)"
            " SELECT DISTINCT entry, jurisdiction FROM arriving ON CONFLICT DO NOTHING"
        )
        new = cursor.rowcount
        cursor.execute("SELECT count(DISTINCT entry) FROM arriving")
        return new, _number(cursor) - new


def figures(connection: psycopg.Connection) -> tuple[int, int]:
    """How many entries there are, and how many of them are taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM voter_roll), (SELECT count(*) FROM roll_bindings)")
        row = cursor.fetchone()
        return (row[0], row[1]) if row else (0, 0)


def voters_not_on_roll(connection: psycopg.Connection, election_id: str) -> list[str]:
    """The voters in an election's ledger to whom no entry belongs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT voter_sub FROM voters_not_on_roll(%s)", [election_id])
        return [row[0] for row in cursor]


def release(connection: psycopg.Connection, entry: bytes) -> bool:
    """Let another identity take an entry; whether it was taken. Raises ``psycopg.errors.RestrictViolation`` before the seal."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM roll_bindings WHERE entry = %s", [entry])
        return cursor.rowcount == 1


def _number(cursor: psycopg.Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
