"""Live results for many browsers over one stream of the voting API per election, and what has been seen of them so far.

The history is what this process has seen while somebody looked; it is for the picture, and nothing depends on it.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from web.failures import Failure, Misunderstood, TryLater, Unanswered
from web.timeline import Point, extended
from web.voting_api import Results, VotingApi

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": still here\n\n"
RECONNECT_SECONDS = 2.0

Events = AsyncGenerator[bytes, None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Results, and what is sent for them: written once, however many get it."""

    results: Results
    text: bytes

    @classmethod
    def of(cls, point: Point, results: Results) -> Self:
        data = {"at": point.at_ms, "counts": dict(results.counts), "total": results.total, "status": results.status}
        return cls(results, f"event: results\ndata: {json.dumps(data)}\n\n".encode())


class _Channel:
    """What the browsers that follow one election share. ``latest`` is replaced, and ``changed`` set, with each event."""

    def __init__(self, first: Event) -> None:
        self.latest = first
        self.changed = asyncio.Event()
        self.listeners = 0
        self.ended = False
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class LiveResults:
    """Methods raise what the voting API's answers mean; ``follow`` also ``TryLater``, when no more can listen here."""

    def __init__(self, api: VotingApi, listeners_limit: int, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._api = api
        self._limit = listeners_limit
        self._heartbeat_seconds = heartbeat_seconds
        self._channels: dict[str, _Channel] = {}
        self._histories: dict[str, tuple[Point, ...]] = {}
        self._stopped = False

    async def now(self, election_id: str) -> Results:
        results = await self._api.results(election_id)
        self._seen(election_id, results)
        return results

    def history(self, election_id: str) -> Sequence[Point]:
        """Oldest first. Elections are few, and only those that the voting API knows have one."""
        return self._histories.get(election_id, ())

    async def follow(self, election_id: str) -> Events:
        """Server-sent events named ``results``: now, and whenever they change; a comment when nothing has changed for a while."""
        if self._stopped or sum(channel.listeners for channel in self._channels.values()) >= self._limit:
            raise TryLater("too-many-listeners", 5)
        if election_id in self._channels:
            return self._follow(election_id, self._channels[election_id].latest)
        results = await self.now(election_id)
        return self._follow(election_id, Event.of(self.history(election_id)[-1], results))

    async def _follow(self, election_id: str, first: Event) -> Events:
        channel = self._channels.get(election_id)
        if channel is None:
            channel = self._channels[election_id] = _Channel(first)
            if self._stopped:
                self._end(election_id, channel)
            else:
                channel.task = asyncio.create_task(self._listen(election_id, channel))
        channel.listeners += 1
        try:
            sent = first
            yield sent.text
            while not channel.ended:
                changed = channel.changed
                if channel.latest.results != sent.results:
                    sent = channel.latest
                    yield sent.text
                    continue
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield HEARTBEAT
        finally:
            channel.listeners -= 1
            if channel.listeners == 0:
                self._end(election_id, channel)

    def stop(self) -> None:
        """End all streams; browsers come back by themselves."""
        self._stopped = True
        for election_id, channel in list(self._channels.items()):
            self._end(election_id, channel)

    async def _listen(self, election_id: str, channel: _Channel) -> None:
        while True:
            try:
                async with aclosing(self._api.follow(election_id)) as stream:
                    async for results in stream:
                        channel.latest = Event.of(self._seen(election_id, results), results)
                        channel.wake()
            except (Unanswered, TryLater, Misunderstood) as trouble:
                log.warning("the live results stand still: %s", trouble)
            except Failure:
                # The election's results are hidden from now on.
                channel.task = None
                self._end(election_id, channel)
                return
            await asyncio.sleep(RECONNECT_SECONDS)

    def _end(self, election_id: str, channel: _Channel) -> None:
        if self._channels.get(election_id) is channel:
            del self._channels[election_id]
        channel.ended = True
        channel.wake()
        if channel.task is not None:
            channel.task.cancel()

    def _seen(self, election_id: str, results: Results) -> Point:
        point = Point(_now_ms(), results.total)
        self._histories[election_id] = extended(self._histories.get(election_id, ()), point)
        return point


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
