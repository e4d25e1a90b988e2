"""How a checked vote gets into the log, once: reserve, hand over, wait for the acknowledgement, confirm."""

import asyncio
import logging
from functools import partial
from typing import NoReturn
from uuid import uuid4

from ingress.clock import Clock, from_ms
from ingress.deadlines import Deadlines
from ingress.election import Election, not_open
from ingress.metrics import Metrics
from ingress.problems import ALREADY_VOTED, ATTEMPT_PENDING, LOG_UNAVAILABLE, OUTCOME_UNDECIDED, Problem
from ingress.receipt import Receipt
from ingress.reservation import Held, Reservations, ReservationsUnavailable, State
from ingress.vote_log import NotHandedOver, Undecided, Vote, VoteLog

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
DAY_MS = 24 * 60 * 60 * 1000

logger = logging.getLogger(__name__)


class BallotBox:
    def __init__(self, log: VoteLog, reservations: Reservations, deadlines: Deadlines, metrics: Metrics, now_ms: Clock) -> None:
        self._log = log
        self._reservations = reservations
        self._deadlines = deadlines
        self._metrics = metrics
        self._now_ms = now_ms
        self._unfinished: set[asyncio.Task[None]] = set()

    async def cast(self, election: Election, voter_sub: str, candidate_id: str, started: float) -> Receipt:
        """Put a checked vote into the log. Returns once the broker has acknowledged it in time for the election.

        ``started`` is the event loop's time at which the request's budget began; it ends within that budget.
        Raises ``Problem``: 409 with the receipt of the earlier vote, 403 if the vote came too late, 503 otherwise.
        """
        loop = asyncio.get_running_loop()
        vote = Vote(str(uuid4()), election.election_id, voter_sub, candidate_id, self._now_ms(), election.version)
        await self._reserve(vote, started + self._deadlines.wait_seconds)
        reserved_at = loop.time()
        try:
            appended = self._log.append(vote)
        except NotHandedOver as error:
            logger.debug("a vote was not handed over: %s", error)
            await self._release(vote)
            raise Problem(LOG_UNAVAILABLE, retry_after_seconds=1) from None
        # Whatever becomes of this request, the reservation follows the log.
        appended.add_done_callback(partial(self._settle, election, vote, loop.time()))
        try:
            async with asyncio.timeout_at(started + self._deadlines.request_seconds):
                append_ms = await asyncio.shield(appended)
        except (Undecided, TimeoutError) as error:
            logger.debug("vote %s is undecided: %s", vote.vote_id, error or "no report within the deadline")
            # Until then the reservation stands in the way of another attempt.
            left = reserved_at + self._deadlines.pending_seconds - loop.time()
            raise Problem(OUTCOME_UNDECIDED, retry_after_seconds=left) from None
        if not election.takes_votes_at(append_ms):
            raise not_open(election)
        return Receipt(vote.vote_id, vote.election_id, from_ms(vote.cast_at_ms))

    async def close(self) -> None:
        """Wait for the confirmations that are under way; each is bounded by the reservation's own deadline."""
        await asyncio.gather(*self._unfinished)

    async def _reserve(self, vote: Vote, wait_until: float) -> None:
        """Returns when the vote has the reservation, or when there is no telling. Waits for an attempt that is pending."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                held = await self._reservations.take(vote.election_id, vote.voter_sub, vote.vote_id, vote.cast_at_ms)
            except ReservationsUnavailable:
                self._metrics.reservation("unavailable")
                return
            if held is None:
                self._metrics.reservation("taken")
                return
            if held.reservation.state is State.CONFIRMED or loop.time() + pause > wait_until:
                self._metrics.reservation("held")
                _refuse(vote.election_id, held)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _release(self, vote: Vote) -> None:
        try:
            if await self._reservations.release(vote.election_id, vote.voter_sub, vote.vote_id):
                self._metrics.reservation("released")
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")

    def _settle(self, election: Election, vote: Vote, handed_over: float, appended: asyncio.Future[int]) -> None:
        if appended.cancelled() or appended.exception() is not None:
            return
        loop = asyncio.get_running_loop()
        self._metrics.vote_appended(loop.time() - handed_over)
        if election.takes_votes_at(appended.result()):
            task = loop.create_task(self._confirm(election, vote))
            self._unfinished.add(task)
            task.add_done_callback(self._unfinished.discard)

    async def _confirm(self, election: Election, vote: Vote) -> None:
        until_ms = round(election.closes_at.timestamp() * 1000) + DAY_MS
        try:
            confirmed = await self._reservations.confirm(
                vote.election_id, vote.voter_sub, vote.vote_id, vote.cast_at_ms, until_ms
            )
            self._metrics.reservation("confirmed" if confirmed else "superseded")
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")


def _refuse(election_id: str, held: Held) -> NoReturn:
    if held.reservation.state is State.CONFIRMED:
        receipt = Receipt(held.reservation.vote_id, election_id, from_ms(held.reservation.cast_at_ms))
        raise Problem(ALREADY_VOTED, receipt=receipt.members())
    raise Problem(ATTEMPT_PENDING, retry_after_seconds=held.expires_in_ms / 1000)
