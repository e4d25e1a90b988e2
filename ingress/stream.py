"""The results as server-sent events: one read per election for all who listen to it, and an end when the process stops."""

import asyncio
from collections.abc import AsyncIterator, Callable

from ingress.election import Election
from ingress.problems import UNAVAILABLE, Problem
from ingress.results import Results, Snapshot

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
HEARTBEAT = b": heartbeat\n\n"
_FIRST = f"retry: {RETRY_MILLISECONDS}\n".encode()


class _Channel:
    """What the listeners of one election share."""

    def __init__(self, latest: Snapshot) -> None:
        self.latest = latest
        self.listeners = 0
        self.ended = False
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class ResultsStream:
    """``find`` gives an election as it is now, or raises ``Problem``."""

    def __init__(
        self,
        results: Results,
        find: Callable[[str], Election],
        refresh_seconds: float,
        listeners_limit: int,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._results = results
        self._find = find
        self._refresh_seconds = refresh_seconds
        self._listeners_limit = listeners_limit
        self._heartbeat_seconds = heartbeat_seconds
        self._channels: dict[str, _Channel] = {}
        self._stopped = False

    def listeners(self) -> int:
        return sum(channel.listeners for channel in self._channels.values())

    def require_room(self) -> None:
        """Raises ``Problem`` (503) if no more can listen here."""
        if self._stopped or self.listeners() >= self._listeners_limit:
            raise Problem(UNAVAILABLE, "No more streams can be served here now.", retry_after_seconds=5)

    async def follow(self, election: Election, first: Snapshot) -> AsyncIterator[bytes]:
        """Events, beginning with ``first``, whenever the results change; heartbeats while they do not. Ends at ``stop``."""
        channel = self._join(election.election_id, first)
        try:
            sent = first
            yield _FIRST + _event(sent)
            while not channel.ended:
                changed = channel.changed
                if channel.latest.etag != sent.etag:
                    sent = channel.latest
                    yield _event(sent)
                    continue
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield HEARTBEAT
        finally:
            self._leave(election.election_id, channel)

    def stop(self) -> None:
        """End all streams."""
        self._stopped = True
        for election_id in list(self._channels):
            self._end(election_id)

    def _join(self, election_id: str, first: Snapshot) -> _Channel:
        channel = self._channels.get(election_id)
        if channel is None:
            channel = self._channels[election_id] = _Channel(first)
            if self._stopped:
                self._end(election_id)
            else:
                channel.task = asyncio.create_task(self._refresh(election_id, channel))
        channel.listeners += 1
        return channel

    def _leave(self, election_id: str, channel: _Channel) -> None:
        channel.listeners -= 1
        if channel.listeners == 0 and self._channels.get(election_id) is channel:
            self._end(election_id)

    def _end(self, election_id: str) -> None:
        channel = self._channels.pop(election_id)
        channel.ended = True
        channel.wake()
        if channel.task is not None:
            channel.task.cancel()

    async def _refresh(self, election_id: str, channel: _Channel) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            try:
                latest = await self._results.current(self._find(election_id))
            except Problem as problem:
                if problem.kind is UNAVAILABLE:
                    continue
                # The results are hidden from now on.
                channel.task = None
                self._end(election_id)
                return
            if latest.etag != channel.latest.etag:
                channel.latest = latest
                channel.wake()


def _event(snapshot: Snapshot) -> bytes:
    return b"event: results\ndata: " + snapshot.body + b"\n\n"
