"""The elections, in memory: refreshed about every second, served as last seen while Postgres is away."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from ingress.election import Election
from ingress.postgres import RecordUnavailable
from ingress.problems import UNAVAILABLE, UNKNOWN_ELECTION, Problem
from ingress.record import Record

logger = logging.getLogger(__name__)


class Catalogue(Protocol):
    @property
    def known(self) -> bool:
        """Whether it has been read at all."""

    def elections(self) -> Iterable[Election]: ...

    def find(self, election_id: str) -> Election:
        """Raises ``Problem``: 404 for an election that is not in it, 503 while nothing is known."""


class CachedCatalogue:
    """``open`` does not fail when the record is away: it goes on trying."""

    def __init__(self, record: Record, refresh_seconds: float) -> None:
        self._record = record
        self._refresh_seconds = refresh_seconds
        self._elections: Mapping[str, Election] | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._last_success: float | None = None
        self._away = False

    @property
    def known(self) -> bool:
        return self._elections is not None

    def age_seconds(self) -> float:
        """Since it was last read; NaN if it never was."""
        return float("nan") if self._last_success is None else asyncio.get_running_loop().time() - self._last_success

    def elections(self) -> Iterable[Election]:
        return self._known_elections().values()

    def find(self, election_id: str) -> Election:
        election = self._known_elections().get(election_id)
        if election is None:
            raise Problem(UNKNOWN_ELECTION)
        return election

    async def open(self) -> None:
        await self.refresh()
        self._refresh = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)

    async def refresh(self) -> None:
        """Read once. Never raises because the record is away."""
        try:
            read = await self._record.elections()
        except RecordUnavailable as error:
            if not self._away:
                logger.warning("the catalogue cannot be read: %s", error)
            self._away = True
            return
        if self._away:
            logger.info("the catalogue can be read again")
        self._away = False
        self._elections = newest(self._elections or {}, read)
        self._last_success = asyncio.get_running_loop().time()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self.refresh()

    def _known_elections(self) -> Mapping[str, Election]:
        if self._elections is None:
            raise Problem(UNAVAILABLE, "The catalogue of elections is not known yet.", retry_after_seconds=1)
        return self._elections


def newest(known: Mapping[str, Election], read: Iterable[Election]) -> Mapping[str, Election]:
    """Versions only go forward: a replica that lags behind cannot bring back an election as it was."""
    merged = dict(known)
    for election in read:
        if election.election_id not in merged or merged[election.election_id].version <= election.version:
            merged[election.election_id] = election
    return merged
