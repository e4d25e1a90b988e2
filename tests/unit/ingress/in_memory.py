"""The parts of the ingress without Kafka, Redis, Postgres and Hydra, which tests can break at will."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from joserfc.jwk import RSAKey

from ingress.ballot_box import BallotBox
from ingress.catalogue import CachedCatalogue
from ingress.clock import Clock
from ingress.deadlines import Deadlines
from ingress.election import Election
from ingress.metrics import Metrics
from ingress.parts import OpenParts, Parts
from ingress.record import CountedVote, RecordUnavailable
from ingress.reservation import Held, Reservation, ReservationsUnavailable, State
from ingress.results import SharedResults
from ingress.settings import Settings
from ingress.signing_keys import KeysUnknown
from ingress.stream import ResultsStream
from ingress.tokens import TokenVerifier
from ingress.totals import Totals, TotalsUnavailable
from ingress.vote_log import NotHandedOver, Undecided, Vote
from tests.unit.ingress import factories


class InMemoryKeys:
    def __init__(self, keys: Mapping[str, RSAKey]) -> None:
        self.keys = dict(keys)

    async def find(self, kid: str) -> RSAKey | None:
        if not self.keys:
            raise KeysUnknown
        return self.keys.get(kid)

    @property
    def known(self) -> bool:
        return bool(self.keys)


class InMemoryReservations:
    """``away`` makes every call fail; ``confirms_away`` those that confirm."""

    def __init__(self, pending_ms: int, now_ms: Clock) -> None:
        self._pending_ms = pending_ms
        self._now_ms = now_ms
        self.held: dict[tuple[str, str], tuple[Reservation, int]] = {}
        self.away = False
        self.confirms_away = False

    def _get(self, key: tuple[str, str]) -> tuple[Reservation, int] | None:
        if self.away:
            raise ReservationsUnavailable("away")
        found = self.held.get(key)
        if found is not None and found[1] <= self._now_ms():
            del self.held[key]
            return None
        return found

    async def take(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int) -> Held | None:
        key = (election_id, voter_sub)
        found = self._get(key)
        if found is not None:
            return Held(found[0], found[1] - self._now_ms())
        self.held[key] = (Reservation(State.PENDING, vote_id, cast_at_ms), self._now_ms() + self._pending_ms)
        return None

    async def confirm(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int, until_ms: int) -> bool:
        if self.confirms_away:
            raise ReservationsUnavailable("away")
        key = (election_id, voter_sub)
        found = self._get(key)
        if found is not None and found[0].vote_id != vote_id:
            return False
        self.held[key] = (Reservation(State.CONFIRMED, vote_id, cast_at_ms), until_ms)
        return True

    async def release(self, election_id: str, voter_sub: str, vote_id: str) -> bool:
        key = (election_id, voter_sub)
        found = self._get(key)
        if found is None or found[0].vote_id != vote_id or found[0].state is not State.PENDING:
            return False
        del self.held[key]
        return True

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None:
        found = self._get((election_id, voter_sub))
        return None if found is None else found[0]


class InMemoryLog:
    """Acknowledges at once, unless told otherwise."""

    def __init__(self, now_ms: Clock) -> None:
        self.now_ms = now_ms
        self.votes: list[Vote] = []
        self.ready = True
        self.refuses = False
        self.loses = False
        self.silent = False
        self.delay_seconds = 0.0

    def append(self, vote: Vote) -> asyncio.Future[int]:
        if self.refuses:
            raise NotHandedOver("the queue is full")
        self.votes.append(vote)
        loop = asyncio.get_running_loop()
        appended: asyncio.Future[int] = loop.create_future()
        if not self.silent:
            loop.call_later(self.delay_seconds, self._settle, appended)
        return appended

    def _settle(self, appended: asyncio.Future[int]) -> None:
        if self.loses:
            appended.set_exception(Undecided("_MSG_TIMED_OUT"))
        else:
            appended.set_result(self.now_ms())


class InMemoryRecord:
    def __init__(self, elections: list[Election]) -> None:
        self.known_elections = elections
        self.known_totals: dict[str, Totals] = {}
        self.counted: dict[tuple[str, str], CountedVote] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise RecordUnavailable("away")

    async def elections(self) -> list[Election]:
        self._check()
        return self.known_elections

    async def totals(self, election_id: str) -> Totals | None:
        self._check()
        return self.known_totals.get(election_id)

    async def counted_vote(self, election_id: str, voter_sub: str) -> CountedVote | None:
        self._check()
        return self.counted.get((election_id, voter_sub))


class InMemoryTotals:
    def __init__(self) -> None:
        self.known: dict[str, Totals] = {}
        self.away = False
        self.reads = 0

    async def read(self, election_id: str) -> Totals | None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise TotalsUnavailable("away")
        return self.known.get(election_id)


class World:
    """Everything around the application, in memory, at one instant that tests move."""

    def __init__(self, *elections: Election, deadlines: Deadlines | None = None) -> None:
        self.at_ms = factories.NOW_MS
        self.settings = Settings(
            hydra_public_url=factories.ISSUER,
            deadlines=deadlines or Deadlines(),
            catalogue_refresh_seconds=0.02,
            results_refresh_seconds=0.02,
            stream_listeners=3,
        )
        self.keys = InMemoryKeys({"key-1": factories.KEY})
        self.reservations = InMemoryReservations(self.settings.deadlines.pending_ms, self.now_ms)
        self.log = InMemoryLog(self.now_ms)
        self.record = InMemoryRecord(list(elections) or [factories.election()])
        self.totals = InMemoryTotals()
        self.metrics = Metrics()

    def now_ms(self) -> int:
        return self.at_ms

    def ballot_box(self) -> BallotBox:
        return BallotBox(self.log, self.reservations, self.settings.deadlines, self.metrics, self.now_ms)

    def opener(self) -> OpenParts:
        @asynccontextmanager
        async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
            catalogue = CachedCatalogue(self.record, settings.catalogue_refresh_seconds)
            await catalogue.open()
            ballot_box = self.ballot_box()
            results = SharedResults(self.totals, self.record, settings.results_refresh_seconds)
            stream = ResultsStream(results, catalogue.find, settings.results_refresh_seconds, settings.stream_listeners, 0.05)
            parts = Parts(
                settings=settings,
                metrics=self.metrics,
                now_ms=self.now_ms,
                keys=self.keys,
                tokens=TokenVerifier(self.keys, factories.RULES, time.time),
                catalogue=catalogue,
                record=self.record,
                reservations=self.reservations,
                log=self.log,
                ballot_box=ballot_box,
                results=results,
                stream=stream,
            )
            try:
                yield parts
            finally:
                await ballot_box.close()
                await catalogue.close()

        return open_parts
