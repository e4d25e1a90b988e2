import asyncio
from collections.abc import AsyncIterator

import pytest

from ingress.election import Election
from ingress.problems import UNAVAILABLE, Problem
from ingress.results import SharedResults
from ingress.stream import HEARTBEAT, ResultsStream
from ingress.totals import Totals
from tests.unit.ingress.factories import ELECTION, NOW, election
from tests.unit.ingress.in_memory import World


class Listening:
    def __init__(self, heartbeat_seconds: float = 5.0, limit: int = 1000) -> None:
        self.world = World()
        self.election = election()
        self.results = SharedResults(self.world.totals, self.world.record, 0.01)
        self.stream = ResultsStream(self.results, self.find, 0.01, limit, heartbeat_seconds)

    def find(self, _election_id: str) -> Election:
        return self.election

    async def follow(self) -> AsyncIterator[bytes]:
        return self.stream.follow(self.election, await self.results.current(self.election))

    def count(self, votes: int) -> None:
        self.world.totals.known[ELECTION] = Totals({"alice": votes}, NOW)


async def following(events: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(2):
        return await anext(events)


async def rest(events: AsyncIterator[bytes]) -> list[bytes]:
    async with asyncio.timeout(2):
        return [event async for event in events]


async def test_it_begins_with_the_results_and_goes_on_with_changes() -> None:
    listening = Listening()
    events = await listening.follow()
    first = await following(events)
    assert first.startswith(b"retry: 2000\nevent: results\ndata: {")
    assert b'"total":0' in first
    listening.count(1)
    second = await following(events)
    assert second.startswith(b'event: results\ndata: {"electionId":"election-2025-01"')
    assert second.endswith(b"}\n\n")
    assert b'"total":1' in second
    listening.stream.stop()


async def test_without_changes_there_are_heartbeats() -> None:
    listening = Listening(heartbeat_seconds=0.02)
    events = await listening.follow()
    await following(events)
    assert [await following(events) for _ in range(3)] == [HEARTBEAT] * 3
    listening.stream.stop()


async def test_all_listeners_share_the_reads() -> None:
    listening = Listening()
    streams = [await listening.follow() for _ in range(100)]
    await asyncio.gather(*(following(events) for events in streams))
    assert listening.stream.listeners() == 100
    before = listening.world.totals.reads
    await asyncio.sleep(0.2)
    assert listening.world.totals.reads - before <= 25
    listening.count(1)
    assert all(b'"total":1' in event for event in await asyncio.gather(*(following(events) for events in streams)))
    listening.stream.stop()


async def test_a_stop_ends_all_streams_and_lets_nobody_in() -> None:
    listening = Listening()
    streams = [await listening.follow() for _ in range(3)]
    await asyncio.gather(*(following(events) for events in streams))
    waiting = [asyncio.create_task(rest(events)) for events in streams]
    await asyncio.sleep(0.01)
    listening.stream.stop()
    assert await asyncio.gather(*waiting) == [[], [], []]
    assert listening.stream.listeners() == 0
    with pytest.raises(Problem) as refused:
        listening.stream.require_room()
    assert refused.value.kind is UNAVAILABLE
    late = await listening.follow()
    assert len(await rest(late)) == 1


async def test_when_the_last_listener_has_gone_nobody_reads() -> None:
    listening = Listening()
    task = asyncio.create_task(rest(await listening.follow()))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert listening.stream.listeners() == 0
    before = listening.world.totals.reads
    await asyncio.sleep(0.05)
    assert listening.world.totals.reads == before


async def test_listeners_leave_room_for_votes() -> None:
    listening = Listening(limit=1)
    listening.stream.require_room()
    events = await listening.follow()
    await following(events)
    with pytest.raises(Problem):
        listening.stream.require_room()
    listening.stream.stop()


async def test_results_that_become_hidden_end_the_stream() -> None:
    listening = Listening()
    events = await listening.follow()
    await following(events)
    listening.election = election(version=4, results_visibility="after_publication")
    assert await rest(events) == []


async def test_results_that_cannot_be_read_for_a_while_do_not_end_it() -> None:
    listening = Listening()
    events = await listening.follow()
    await following(events)
    listening.world.totals.away = listening.world.record.away = True
    await asyncio.sleep(0.05)
    listening.world.totals.away = False
    listening.count(7)
    assert b'"total":7' in await following(events)
    listening.stream.stop()
