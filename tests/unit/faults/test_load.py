"""Voters of the load: what they do with each answer, and what is noted about it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest

from tests.faults import load as loads
from tests.faults.connections import Broken, Connections
from tests.faults.history import Attempt, History
from tests.faults.load import Behaviour, Load, Voter

ELECTION = "fault-load"
CANDIDATES = ("alice", "bob")
PLAIN = Behaviour(CANDIDATES, rate_per_second=200, again_share=0, at_once_share=0, changed_mind_share=0)

# From the body of a request to the bytes of an answer; None ends the connection without one.
Server = Callable[[dict[str, str]], bytes | None]


def answer(status: int, body: object, **headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} x",
        f"Content-Length: {len(content)}",
        *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def accepted(vote_id: str = "vote-1") -> bytes:
    return answer(202, {"receipt": {"voteId": vote_id}, "status": "accepted"})


def refused(vote_id: str = "vote-1") -> bytes:
    return answer(409, {"type": f"{loads.TYPE_PREFIX}already-voted", "receipt": {"voteId": vote_id}})


UNDECIDED = answer(503, {"type": f"{loads.TYPE_PREFIX}outcome-undecided"}, Retry_After="0")


@asynccontextmanager
async def serving(respond: Server) -> AsyncIterator[Connections]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                response = respond(json.loads(await reader.readexactly(length)))
                if response is None:
                    break
                writer.write(response)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, Connections(host, port) as connections:
        yield connections


async def told(respond: Server, behaviour: Behaviour = PLAIN) -> list[Attempt]:
    """What one voter was told."""
    history = History()
    async with serving(respond) as connections:
        await Load(ELECTION, behaviour, iter([Voter("voter-0", "token")]), connections, history).run()
    return list(history)


async def test_a_vote_that_is_taken_is_not_repeated() -> None:
    (attempt,) = await told(lambda _: accepted())
    assert (attempt.voter_sub, attempt.status, attempt.vote_id, attempt.problem) == ("voter-0", 202, "vote-1", None)
    assert attempt.began_at <= attempt.ended_at <= time.monotonic()


async def test_the_same_choice_is_repeated_after_503_and_after_a_broken_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "FIRST_PAUSE_SECONDS", 0.01)
    answers = iter([UNDECIDED, None, refused()])
    asked: list[dict[str, str]] = []

    def respond(ballot: dict[str, str]) -> bytes | None:
        asked.append(ballot)
        return next(answers)

    attempts = await told(respond)
    assert [attempt.status for attempt in attempts] == [503, None, 409]
    assert [attempt.problem for attempt in attempts] == ["outcome-undecided", "IncompleteReadError", "already-voted"]
    assert attempts[0].retry_after_seconds == 0
    assert asked == [asked[0]] * 3
    assert asked[0]["electionId"] == ELECTION


async def test_another_choice_is_made_by_who_has_to_repeat_and_changes_the_mind() -> None:
    answers = iter([UNDECIDED, accepted()])
    attempts = await told(lambda _: next(answers), Behaviour(CANDIDATES, again_share=0, at_once_share=0, changed_mind_share=1))
    assert {attempt.candidate_id for attempt in attempts} == set(CANDIDATES)
    assert {attempt.ballot for attempt in attempts} == {0}


@pytest.mark.parametrize(
    "behaviour", [Behaviour(CANDIDATES, again_share=1), Behaviour(CANDIDATES, again_share=0, at_once_share=1)]
)
async def test_a_second_vote_is_for_somebody_else(behaviour: Behaviour) -> None:
    answers = iter([accepted(), refused()])
    attempts = await told(lambda _: next(answers), behaviour)
    assert sorted(attempt.ballot for attempt in attempts) == [0, 1]
    assert len({attempt.candidate_id for attempt in attempts}) == 2


async def test_an_answer_that_repeating_cannot_change_ends_it() -> None:
    (attempt,) = await told(lambda _: answer(401, {"type": f"{loads.TYPE_PREFIX}invalid-token"}))
    assert (attempt.status, attempt.problem) == (401, "invalid-token")


async def test_patience_ends() -> None:
    attempts = await told(lambda _: UNDECIDED, Behaviour(CANDIDATES, patience_seconds=0.3, again_share=0, at_once_share=0))
    assert {attempt.status for attempt in attempts} == {503}


async def test_requests_in_flight_are_counted_and_a_crowd_keeps_others_away() -> None:
    history = History()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    behaviour = Behaviour(CANDIDATES, 1000, 0, 0, 0, patience_seconds=0, attempt_seconds=0.5, crowd=5)
    async with server, Connections(host, port) as connections:
        load = Load(ELECTION, behaviour, (Voter(f"voter-{number}", "token") for number in count()), connections, history)
        running = asyncio.create_task(load.run())
        await asyncio.sleep(0.2)
        assert (load.in_flight, load.waiting) == (5, 5)
        load.stop()
        await running
        assert (load.in_flight, load.waiting) == (0, 0)
    assert {attempt.problem for attempt in history} == {"TimeoutError"}
    assert len(history) == 5


async def test_a_connection_that_nobody_listens_to_is_broken() -> None:
    async with Connections("127.0.0.1", 1) as connections:
        with pytest.raises(Broken, match="ConnectionRefusedError"):
            await connections.ask("GET", "/", 1.0)
