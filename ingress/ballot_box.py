"""How a checked vote gets into the log, once: reserve, hand over, wait for the acknowledgement, confirm."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import NoReturn

import msgspec

from ingress.clock import Clock
from ingress.deadlines import Deadlines
from ingress.election import Election, not_open
from ingress.metrics import Metrics
from ingress.problems import ALREADY_VOTED, ATTEMPT_PENDING, LOG_UNAVAILABLE, OUTCOME_UNDECIDED, Problem
from ingress.random_ids import RandomIds
from ingress.receipt import Receipt, ReceiptSigner
from ingress.reservation import Held, Reservations, ReservationsUnavailable, State
from ingress.vote import Vote
from ingress.vote_log import NotHandedOver, Undecided, VoteLog
from ingress.voter import Voter

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25

logger = logging.getLogger(__name__)


class BallotBox:
    def __init__(
        self,
        log: VoteLog,
        reservations: Reservations,
        receipts: ReceiptSigner,
        deadlines: Deadlines,
        metrics: Metrics,
        now_ms: Clock,
    ) -> None:
        self._log = log
        self._reservations = reservations
        self._receipts = receipts
        self._deadlines = deadlines
        self._metrics = metrics
        self._now_ms = now_ms
        self._ids = RandomIds()

    async def cast(self, election: Election, voter: Voter, candidate_id: str, started: float) -> Receipt:
        """Put a checked vote into the log. Returns once the broker has acknowledged it in time for the election.

        ``started`` is the monotonic time at which the request's budget began; it ends within that budget
        (``ingress.deadlines``). Raises ``Problem``: 409 with the receipt of the earlier vote, 403 if the vote came too late, 503
        otherwise.
        """
        fresh = Vote(
            vote_id=self._ids.new(),
            election_id=election.election_id,
            voter_sub=voter.sub,
            candidate_id=candidate_id,
            cast_at_ms=self._now_ms(),
            catalogue_version=election.version,
            jurisdiction=voter.jurisdiction or "",
        )
        vote = await self._reserve(fresh, started + self._deadlines.wait_seconds)
        handed_over = time.monotonic()
        try:
            append_ms = await self._log.append(vote)
        except NotHandedOver as error:
            logger.debug("a vote was not handed over: %s", error)
            if vote is not fresh:
                # This copy is certainly not in the log; the one before it may be.
                await self._leave(self._reservations.mark_undecided(vote), "undecided")
                raise Problem(OUTCOME_UNDECIDED, retry_after_seconds=1) from None
            await self._leave(self._reservations.release(vote), "released")
            raise Problem(LOG_UNAVAILABLE, retry_after_seconds=1) from None
        except Undecided as error:
            logger.debug("vote %s is undecided: %s", vote.vote_id, error)
            await self._leave(self._reservations.mark_undecided(vote), "undecided")
            raise Problem(OUTCOME_UNDECIDED, retry_after_seconds=1) from None
        self._metrics.vote_appended(time.monotonic() - handed_over)
        if not election.takes_votes_at(append_ms):
            raise not_open(election)
        self._confirm(vote, election.reserved_until_ms)
        return Receipt(vote.vote_id, vote.election_id, vote.cast_at_ms)

    async def _reserve(self, vote: Vote, wait_until: float) -> Vote:
        """Returns the vote that has the reservation, or that goes without one because there is no telling.

        Waits for an attempt of this voter that is under way. One that was left undecided is sent again as the same vote, if the
        choice is the same: whichever of its copies counts, its receipt is right. The copy says by which version of the election
        and for which jurisdiction it was checked itself.
        """
        pause = FIRST_PAUSE_SECONDS
        try:
            while (held := await self._reservations.take(vote)) is not None:
                earlier = held.reservation
                if earlier.state is State.CONFIRMED:
                    self._metrics.reservation("held")
                    raise Problem(ALREADY_VOTED, receipt=self._receipts.members(_receipt(vote.election_id, held)))
                if earlier.state is State.UNDECIDED and held.same_choice:
                    again = msgspec.structs.replace(vote, vote_id=earlier.vote_id, cast_at_ms=earlier.cast_at_ms)
                    if await self._resume(again):
                        return again
                    continue  # somebody else was faster
                if time.monotonic() + pause > wait_until:
                    self._metrics.reservation("held")
                    await self._refuse_pending(vote)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")
            return vote
        self._metrics.reservation("taken")
        return vote

    async def _resume(self, vote: Vote) -> bool:
        """Without an answer it counts as resumed: under its own id the vote cannot count twice, under a new one it could."""
        try:
            resumed = await self._reservations.resume(vote)
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")
            return True
        if resumed:
            self._metrics.reservation("resumed")
        return resumed

    async def _refuse_pending(self, vote: Vote) -> NoReturn:
        try:
            left_ms = await self._reservations.expires_in_ms(vote.election_id, vote.voter_sub)
        except ReservationsUnavailable:
            left_ms = self._deadlines.pending_ms
        # Confirmed at this moment, it has a life of years; whoever asks again gets its receipt.
        raise Problem(ATTEMPT_PENDING, retry_after_seconds=min(left_ms / 1000, self._deadlines.pending_seconds))

    def _confirm(self, vote: Vote, until_ms: int) -> None:
        """Without waiting: who asks meanwhile finds the vote pending and waits for what this brings."""
        try:
            self._reservations.confirm(vote, until_ms).add_done_callback(self._confirmed)
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")

    def _confirmed(self, answer: asyncio.Future[int]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            self._metrics.reservation("unavailable")
        else:
            self._metrics.reservation("confirmed" if answer.result() else "superseded")

    async def _leave(self, write: Awaitable[bool], outcome: str) -> None:
        """Leave the reservation as it is to be from now on. The vote is what it is, whether this succeeds or not."""
        try:
            self._metrics.reservation(outcome if await write else "superseded")
        except ReservationsUnavailable:
            self._metrics.reservation("unavailable")


def _receipt(election_id: str, held: Held) -> Receipt:
    return Receipt(held.reservation.vote_id, election_id, held.reservation.cast_at_ms)
