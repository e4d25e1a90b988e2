"""The parts of the ingress without Kafka, Redis, Postgres and Hydra, which tests can break at will."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import RSAKey

from ingress import receipt_keys
from ingress.ballot_box import BallotBox
from ingress.catalogue import CachedCatalogue
from ingress.clock import Clock
from ingress.deadlines import MARGIN_SECONDS, Deadlines
from ingress.denylist import DeniedEntries
from ingress.election import Election
from ingress.metrics import Metrics
from ingress.parts import OpenParts, Parts
from ingress.postgres import RecordUnavailable
from ingress.receipt import ReceiptSigner
from ingress.record import CountedVote
from ingress.reservation import Counted, Held, Reservation, ReservationsUnavailable, State
from ingress.results import SharedResults
from ingress.settings import Settings
from ingress.signing_keys import KeysUnknown
from ingress.stream import ResultsStream
from ingress.tokens import TokenVerifier
from ingress.totals import Totals, TotalsUnavailable
from ingress.vote import Vote
from ingress.vote_log import NotHandedOver, Undecided
from tests.unit.ingress import factories


class InMemoryKeys:
    def __init__(self, keys: Mapping[str, RSAKey]) -> None:
        self.keys = dict(keys)

    def get(self, kid: str) -> RSAPublicKey | None:
        key = self.keys.get(kid)
        return None if key is None else key.public_key

    async def find(self, kid: str) -> RSAPublicKey | None:
        if not self.keys:
            raise KeysUnknown
        return self.get(kid)

    @property
    def known(self) -> bool:
        return bool(self.keys)


class InMemoryDenylist:
    def __init__(self) -> None:
        self.denied: set[str | None] = set()
        self.known = True

    def denies(self, subject: str, token_id: str | None, client_id: str) -> bool:
        return not self.denied.isdisjoint({subject, token_id, client_id})

    def age_seconds(self) -> float:
        return 0.0


class InMemoryReservations:
    """``away`` makes every call fail, the others those of one kind."""

    def __init__(self, pending_ms: int, now_ms: Clock) -> None:
        self._pending_ms = pending_ms
        self._now_ms = now_ms
        # What is held, for which candidate, and until when.
        self.held: dict[tuple[str, str], tuple[Reservation, str, int]] = {}
        self.away = False
        self.confirms_away = False
        self.resumes_away = False
        self.lives_away = False

    def _get(self, key: tuple[str, str]) -> tuple[Reservation, str, int] | None:
        if self.away:
            raise ReservationsUnavailable("away")
        found = self.held.get(key)
        if found is not None and found[2] <= self._now_ms():
            del self.held[key]
            return None
        return found

    def _is_held(self, vote: Vote, state: State) -> bool:
        found = self._get((vote.election_id, vote.voter_sub))
        return found is not None and found[:2] == (Reservation(state, vote.vote_id, vote.cast_at_ms), vote.candidate_id)

    def _hold(self, vote: Vote, state: State, until_ms: int) -> None:
        reservation = Reservation(state, vote.vote_id, vote.cast_at_ms)
        self.held[vote.election_id, vote.voter_sub] = (reservation, vote.candidate_id, until_ms)

    async def take(self, vote: Vote) -> Held | None:
        found = self._get((vote.election_id, vote.voter_sub))
        if found is not None:
            return Held(found[0], found[0].state is not State.CONFIRMED and found[1] == vote.candidate_id)
        self._hold(vote, State.PENDING, self._now_ms() + self._pending_ms)
        return None

    async def resume(self, vote: Vote) -> bool:
        if self.resumes_away:
            raise ReservationsUnavailable("away")
        if held := self._is_held(vote, State.UNDECIDED):
            self._hold(vote, State.PENDING, self._now_ms() + self._pending_ms)
        return held

    async def mark_undecided(self, vote: Vote) -> bool:
        if held := self._is_held(vote, State.PENDING):
            self._hold(vote, State.UNDECIDED, self.held[vote.election_id, vote.voter_sub][2])
        return held

    def confirm(self, vote: Vote, until_ms: int) -> asyncio.Future[int]:
        if self.confirms_away:
            raise ReservationsUnavailable("away")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        found = self._get((vote.election_id, vote.voter_sub))
        free = found is None or found[0].vote_id == vote.vote_id
        if free:
            self._hold(vote, State.CONFIRMED, until_ms)
        answer.set_result(int(free))
        return answer

    async def release(self, vote: Vote) -> bool:
        if held := self._is_held(vote, State.PENDING):
            del self.held[vote.election_id, vote.voter_sub]
        return held

    async def keep(self, votes: Iterable[Counted]) -> None:
        for vote in votes:
            key = vote.election_id, vote.voter_sub
            self._get(key)
            self.held[key] = (Reservation(State.CONFIRMED, vote.vote_id, vote.cast_at_ms), "", vote.until_ms)

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None:
        found = self._get((election_id, voter_sub))
        return None if found is None else found[0]

    async def expires_in_ms(self, election_id: str, voter_sub: str) -> int:
        if self.lives_away:
            raise ReservationsUnavailable("away")
        found = self._get((election_id, voter_sub))
        return 0 if found is None else found[2] - self._now_ms()


class InMemoryLog:
    """Acknowledges at once, unless told otherwise."""

    def __init__(self, now_ms: Clock, deadlines: Deadlines) -> None:
        self._give_up_seconds = deadlines.message_seconds + MARGIN_SECONDS
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
        if self.silent:
            loop.call_later(self._give_up_seconds, self._settle, appended, True)
        else:
            loop.call_later(self.delay_seconds, self._settle, appended, self.loses)
        return appended

    def _settle(self, appended: asyncio.Future[int], lost: bool) -> None:
        if appended.cancelled():
            return
        if lost:
            appended.set_exception(Undecided("_MSG_TIMED_OUT"))
        else:
            appended.set_result(self.now_ms())


class InMemoryAudit:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, str | None, Mapping[str, str]]] = []

    def record(self, action: str, outcome: str, subject: str, election_id: str | None, details: Mapping[str, str]) -> None:
        self.events.append((action, outcome, subject, election_id, details))


class InMemoryRecord:
    def __init__(self, elections: list[Election]) -> None:
        self.known_elections = elections
        self.denied_entries = DeniedEntries("no change", {}, {}, {})
        self.reads_of_denied_entries = 0
        self.known_totals: dict[str, Totals] = {}
        self.counted: dict[tuple[str, str], CountedVote] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise RecordUnavailable("away")

    async def elections(self) -> list[Election]:
        self._check()
        return self.known_elections

    async def denied(self, known_change_id: str | None) -> DeniedEntries | None:
        self._check()
        if known_change_id == self.denied_entries.change_id:
            return None
        self.reads_of_denied_entries += 1
        return self.denied_entries

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
            reservation_secret=bytes(16),
            receipt_signing_key=factories.RECEIPT_KEY.private_bytes_raw(),
            hydra_public_url=factories.ISSUER,
            deadlines=deadlines or Deadlines(),
            catalogue_refresh_seconds=0.02,
            results_refresh_seconds=0.02,
            stream_listeners=3,
        )
        self.keys = InMemoryKeys({"key-1": factories.KEY})
        self.denylist = InMemoryDenylist()
        self.reservations = InMemoryReservations(self.settings.deadlines.pending_ms, self.now_ms)
        self.log = InMemoryLog(self.now_ms, self.settings.deadlines)
        self.record = InMemoryRecord(list(elections) or [factories.election()])
        self.totals = InMemoryTotals()
        self.audit = InMemoryAudit()
        self.metrics = Metrics()
        self.receipts = ReceiptSigner(factories.RECEIPT_KEY)

    def now_ms(self) -> int:
        return self.at_ms

    def ballot_box(self) -> BallotBox:
        return BallotBox(self.log, self.reservations, self.receipts, self.settings.deadlines, self.metrics, self.now_ms)

    def opener(self) -> OpenParts:
        @asynccontextmanager
        async def open_parts(settings: Settings, on_failure: Callable[[], None]) -> AsyncIterator[Parts]:  # noqa: ARG001
            catalogue = CachedCatalogue(self.record, settings.catalogue_refresh_seconds)
            await catalogue.open()
            results = SharedResults(self.totals, self.record, settings.results_refresh_seconds)
            stream = ResultsStream(results, catalogue.find, settings.results_refresh_seconds, settings.stream_listeners, 0.05)
            parts = Parts(
                settings=settings,
                metrics=self.metrics,
                now_ms=self.now_ms,
                keys=self.keys,
                tokens=TokenVerifier(self.keys, self.denylist, factories.RULES, time.time, settings.deadlines.wait_seconds),
                catalogue=catalogue,
                denylist=self.denylist,
                record=self.record,
                reservations=self.reservations,
                log=self.log,
                receipts=self.receipts,
                receipt_keys=receipt_keys.published(factories.RECEIPT_KEY.public_key(), None),
                ballot_box=self.ballot_box(),
                audit=self.audit,
                results=results,
                stream=stream,
            )
            try:
                yield parts
            finally:
                await catalogue.close()

        return open_parts
