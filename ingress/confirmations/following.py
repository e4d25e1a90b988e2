"""What ``votes-unique`` says is written into the reservations: the log decides, and Redis is told.

So a reservation that Redis lost comes back, and one that another vote took in the meantime is overridden by the vote that counts.

        read ──► write into Redis ──► move the marks (at most once a second) ──► note it in Kafka
          ▲                                 │ a mark is not as it was left: Redis has lost writes, or is another one
          └──── start from the marks ◄──────┘ (likewise at the start, after a rebalance, and after every failure)

Nothing is held besides positions, so whatever fails, the way on is the same: look at the marks (``marks.py``) and read from there
again; everything may be written twice. When Redis is empty the marks are gone too, and it is read from the beginning. The marks
move while a rebuild goes on, so that one that was interrupted continues.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from ingress.clock import Clock
from ingress.confirmations.known_elections import Elections
from ingress.confirmations.marks import Mark, Marks
from ingress.confirmations.metrics import ConfirmationMetrics
from ingress.confirmations.unique_votes import Batch, LogUnavailable, Share, UniqueVotes
from ingress.postgres import RecordUnavailable
from ingress.reservation import Counted, Keeper, ReservationsUnavailable

# How often the marks are moved or looked at: a loss is found, and at a crash is written again, what came in so long.
LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0

_AWAY = (ReservationsUnavailable, RecordUnavailable, LogUnavailable)

logger = logging.getLogger(__name__)


class Confirmations:
    """``seconds`` is a monotonic clock. One caller at a time."""

    def __init__(
        self,
        log: UniqueVotes,
        reservations: Keeper,
        marks: Marks,
        elections: Elections,
        metrics: ConfirmationMetrics,
        now_ms: Clock,
        seconds: Callable[[], float],
    ) -> None:
        self._log = log
        self._reservations = reservations
        self._marks = marks
        self._elections = elections
        self._metrics = metrics
        self._now_ms = now_ms
        self._seconds = seconds
        # ``None``: it has to be looked up how far the log is in Redis.
        self._share: Share | None = None
        self._seen: list[Mark] = []
        self._marked: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self._look_at = 0.0
        self._catching_up: _CatchingUp | None = None

    @property
    def following(self) -> bool:
        """Whether it is known how far the log is in Redis, and what follows is written."""
        return self._share is not None

    async def follow(self, stopping: asyncio.Event) -> None:
        """Go on until it is told to stop, then leave the marks where the work ended. Waits for whatever is away.

        Raises ``LogFailed``.
        """
        pause = FIRST_PAUSE_SECONDS
        away = False
        while not stopping.is_set():
            try:
                await self.step()
            except _AWAY as error:
                if not away:
                    logger.warning("waiting: %s", error)
                away = True
                self._lose_track()
                await _sleep(pause, stopping)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                if away and self.following:
                    logger.info("going on")
                    away, pause = False, FIRST_PAUSE_SECONDS
        try:
            await self._move_marks()
        except _AWAY as error:
            logger.warning("the marks stay behind: %s", error)

    async def step(self) -> None:
        """Read and write one batch. Raises ``ReservationsUnavailable``, ``RecordUnavailable``, ``LogUnavailable``, ``LogFailed``.

        After one of the first three nothing is taken for written that is not marked.
        """
        try:
            batch = await self._log.read()
            if self._share is None or self._share is not self._log.share:
                # What was read belongs to others now, or is from before the marks.
                await self._start_from_marks()
                return
            await self._write(batch)
            self._positions |= batch.positions
            if self._seconds() >= self._look_at:
                await self._move_marks()
            self._tell_progress()
        except _AWAY:
            self._lose_track()
            raise

    async def _write(self, batch: Batch) -> None:
        until_ms = await self._elections.kept_until_ms({vote.election_id for vote in batch.votes})
        now_ms = self._now_ms()
        outcomes: Counter[str] = Counter(undecodable=batch.undecodable)
        counted = []
        for vote in batch.votes:
            until = until_ms.get(vote.election_id)
            if until is None:
                outcomes["unknown_election"] += 1
            elif until <= now_ms:
                outcomes["over"] += 1
            else:
                counted.append(Counted(vote.election_id, vote.voter_sub, vote.vote_id, vote.cast_at_ms, until))
        if counted:
            await self._reservations.keep(counted)
        outcomes["kept"] = len(counted)
        for outcome, count in outcomes.items():
            self._metrics.votes.labels(outcome).inc(count)

    async def _move_marks(self) -> None:
        """Say in Redis how far the log is in it; when nothing came, see whether that is still said."""
        if self._share is None or not self._share.partitions:
            return
        self._look_at = self._seconds() + LOOK_SECONDS
        ahead = {partition: offset for partition, offset in self._positions.items() if offset != self._marked[partition]}
        if ahead:
            moved = await self._marks.move(self._seen, ahead)
        else:
            moved = await self._marks.look(self._share.partitions)
            moved = moved if moved == self._seen else None
        if moved is None:
            logger.warning("Redis has lost writes or is another one, or somebody else works on these partitions")
            self._metrics.losses.inc()
            await self._start_from_marks()
            return
        self._seen = moved
        self._marked |= ahead
        if ahead:
            await self._log.commit(ahead)

    async def _start_from_marks(self) -> None:
        """Have the log read from where Redis has it. Stays without track without a share, or if the marks change meanwhile."""
        self._lose_track()
        share = self._log.share
        if share is None:
            return
        seen: list[Mark] | None = []
        offsets: dict[int, int] = {}
        if share.partitions:
            seen = await self._marks.look(share.partitions)
            offsets = {partition: min(mark.offset(partition) for mark in seen) for partition in share.partitions}
            # From now on their loss is seen, even before they are moved for the first time.
            gone = {p: 0 for p in share.partitions if any(mark.values[p] is None for mark in seen)}
            if gone:
                seen = await self._marks.move(seen, gone)
        if seen is None:
            return
        ends = await self._log.start(offsets)
        self._share, self._seen, self._marked, self._positions = share, seen, offsets, {}
        self._look_at = self._seconds() + LOOK_SECONDS
        self._catching_up = _CatchingUp(offsets, ends, self._seconds)
        self._metrics.following.set(1)
        self._metrics.remaining.set(self._catching_up.remaining)

    def _lose_track(self) -> None:
        self._share = None
        self._positions = {}
        self._metrics.following.set(0)

    def _tell_progress(self) -> None:
        if self._catching_up is None:
            return
        done = self._catching_up.tell(self._positions)
        self._metrics.remaining.set(self._catching_up.remaining)
        if done:
            self._catching_up = None


class _CatchingUp:
    """From where it was started to where the log ended then: how far it is, and when it is there."""

    def __init__(self, starts: Mapping[int, int], ends: Mapping[int, int], seconds: Callable[[], float]) -> None:
        self._ends = ends
        self._seconds = seconds
        self._total = self.remaining = sum(max(0, ends[partition] - start) for partition, start in starts.items())
        self._left = {partition: max(0, ends[partition] - start) for partition, start in starts.items()}
        self._began = seconds()
        self._tell_at = self._began + PROGRESS_SECONDS
        if self._total:
            logger.info("%d partitions, %d offsets behind", len(starts), self._total)

    def tell(self, positions: Mapping[int, int]) -> bool:
        """Log the progress now and then. Returns whether the end is reached."""
        for partition, offset in positions.items():
            self._left[partition] = max(0, self._ends[partition] - offset)
        self.remaining = sum(self._left.values())
        now = self._seconds()
        elapsed = max(now - self._began, 0.001)
        read = self._total - self.remaining
        if not self.remaining:
            if self._total:
                logger.info("caught up: %d offsets in %.1f s", self._total, elapsed)
            return True
        if now >= self._tell_at:
            self._tell_at = now + PROGRESS_SECONDS
            logger.info("%.1f %% of %d offsets, %.0f a second", 100 * read / self._total, self._total, read / elapsed)
        return False


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
