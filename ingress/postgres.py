"""Questions to Postgres whose time is bounded, whatever state it or the way to it is in."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

# Whoever asks waits at most this long.
QUERY_SECONDS = 1.0
CONNECTIONS = 4


class RecordUnavailable(Exception):
    """Postgres cannot answer now. Serve what is in memory, or answer 503."""


class Postgres:
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

    async def rows(self, query: str, parameters: Sequence[str | None] = ()) -> list[Any]:
        """All rows of the answer. Raises ``RecordUnavailable``."""
        # A cancelled query of psycopg waits for the server to confirm, which a server that hangs does not.
        reading = asyncio.create_task(self._fetch(query, parameters))
        done, _ = await asyncio.wait([reading], timeout=QUERY_SECONDS)
        if not done:
            reading.cancel()
            raise RecordUnavailable(f"no answer within {QUERY_SECONDS:g} s")
        return reading.result()

    async def _fetch(self, query: str, parameters: Sequence[str | None]) -> list[Any]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(query.encode(), parameters)
                return await cursor.fetchall()
        except (psycopg.Error, OSError) as error:
            raise RecordUnavailable(str(error)) from error
