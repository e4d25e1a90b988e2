"""The elections, in memory: refreshed about every second, served as last seen while Postgres is away."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from ingress.election import Election
from ingress.kept_fresh import KeptFresh
from ingress.problems import UNAVAILABLE, UNKNOWN_ELECTION, Problem
from ingress.record import Record


class Catalogue(Protocol):
    @property
    def known(self) -> bool:
        """Whether it has been read at all."""

    def elections(self) -> Iterable[Election]: ...

    def find(self, election_id: str) -> Election:
        """Raises ``Problem``: 404 for an election that is not in it, 503 while nothing is known."""


class CachedCatalogue(KeptFresh):
    what = "catalogue"

    def __init__(self, record: Record, refresh_seconds: float) -> None:
        super().__init__(refresh_seconds)
        self._record = record
        self._elections: Mapping[str, Election] | None = None

    async def _read(self) -> None:
        self._elections = newest(self._elections or {}, await self._record.elections())

    def elections(self) -> Iterable[Election]:
        return self._known_elections().values()

    def find(self, election_id: str) -> Election:
        election = self._known_elections().get(election_id)
        if election is None:
            raise Problem(UNKNOWN_ELECTION)
        return election

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
