"""Until when the reservations of an election are kept. The catalogue is read again before an election counts as unknown."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol

from ingress.catalogue import CachedCatalogue
from ingress.postgres import RecordUnavailable


class Elections(Protocol):
    async def kept_until_ms(self, election_ids: Collection[str]) -> Mapping[str, int]:
        """For those that exist, milliseconds since the epoch. Raises ``RecordUnavailable`` if that cannot be told now."""


class KnownElections:
    def __init__(self, catalogue: CachedCatalogue) -> None:
        self._catalogue = catalogue
        # Not in the catalogue when it was read because of them. One that is created later is found by the regular refresh.
        self._unknown: set[str] = set()

    async def kept_until_ms(self, election_ids: Collection[str]) -> Mapping[str, int]:
        known = self._known()
        missing = {election_id for election_id in election_ids if election_id not in known} - self._unknown
        if missing:
            # A vote can come before the refresh that would have brought its election.
            await self._read_now()
            known = self._known()
            self._unknown |= missing - known.keys()
        return {election_id: known[election_id] for election_id in election_ids if election_id in known}

    def _known(self) -> dict[str, int]:
        if not self._catalogue.known:
            return {}
        return {election.election_id: election.reserved_until_ms for election in self._catalogue.elections()}

    async def _read_now(self) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        await self._catalogue.refresh()
        if not self._catalogue.age_seconds() <= clock() - began:  # NaN if it was never read
            raise RecordUnavailable("the catalogue cannot be read")
