"""Reservations in a real Redis: the shared suite, and what happens when Redis does not answer."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import hiredis
import pytest
from redis.asyncio import Redis

from ingress.breaker import FAILURES_TO_OPEN
from ingress.redis_link import RedisLink
from ingress.reservation import RedisReservations, ReservationForm, ReservationsUnavailable, State
from tests.unit.ingress.factories import ELECTION, vote
from tests.unit.ingress.reservation_suite import PENDING_MS, ReservationSuite, later_ms

SECONDS = 0.2
FORM = ReservationForm(b"a secret of the tests")


def link(url: str, seconds: float = 1.0) -> RedisLink:
    return RedisLink(url, seconds)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    connected: Redis = Redis.from_url(redis_url)
    yield connected
    await connected.aclose()


class TestRedis(ReservationSuite):
    @pytest.fixture
    async def reservations(self, redis_url: str) -> AsyncIterator[RedisReservations]:
        redis = link(redis_url)
        reservations = RedisReservations(redis, FORM, PENDING_MS)
        await redis.open()
        yield reservations
        await redis.close()

    async def test_what_is_stored_is_what_the_contract_says(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        key = FORM.key(ELECTION, voter)
        await reservations.take(vote(voter))
        assert await client.get(key) == FORM.open_value(State.PENDING, vote(voter))
        await reservations.confirm(vote(voter), later_ms())
        assert await client.get(key) == FORM.confirmed_value(vote().vote_id, vote().cast_at_ms)

    async def test_scripts_survive_their_loss(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        await reservations.take(vote(voter))
        await client.script_flush()
        assert await reservations.confirm(vote(voter), later_ms())

    async def test_a_connection_that_breaks_is_made_anew(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        await reservations.take(vote(voter))
        await client.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)
        assert await reservations.confirm(vote(voter), later_ms())

    async def test_a_value_that_cannot_be_read_spoils_nobody_elses(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        await client.set(FORM.key(ELECTION, voter), "nonsense", px=1000)
        await client.lpush(FORM.key(ELECTION, f"{voter}-list").decode(), "nonsense")  # type: ignore[misc]
        taken = await asyncio.gather(
            *(reservations.take(vote(name)) for name in (voter, f"{voter}-list", f"{voter}-other")), return_exceptions=True
        )
        assert [type(answer) for answer in taken] == [ReservationsUnavailable, ReservationsUnavailable, type(None)]

    async def test_a_caller_that_gives_up_spoils_nobody_elses(self, reservations: RedisReservations) -> None:
        voter = f"voter-{uuid4()}"
        asking = [asyncio.create_task(reservations.take(vote(f"{voter}-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        asking[1].cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(answer) for answer in answers] == [type(None), asyncio.CancelledError, type(None)]

    async def test_a_busy_event_loop_is_not_taken_for_a_server_that_is_away(self, redis_url: str) -> None:
        redis = link(redis_url, 0.02)
        reservations = RedisReservations(redis, FORM, 10_000)
        await redis.open()
        voter = f"voter-{uuid4()}"

        async def keep_busy() -> None:
            while True:
                time.sleep(0.03)  # noqa: ASYNC251 (each turn of the loop takes longer than Redis may)
                await asyncio.sleep(0)

        busy = asyncio.create_task(keep_busy())
        taken = [await reservations.take(vote(voter, number)) for number in range(5)]
        busy.cancel()
        assert [held is None for held in taken] == [True, False, False, False, False]
        await redis.close()


async def test_a_server_that_does_not_answer_costs_its_deadline_and_then_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis = link(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", SECONDS)
        reservations = RedisReservations(redis, FORM, PENDING_MS)
        loop = asyncio.get_running_loop()
        for _ in range(FAILURES_TO_OPEN):
            started = loop.time()
            with pytest.raises(ReservationsUnavailable):
                await reservations.take(vote())
            assert loop.time() - started < 2 * SECONDS + 0.2
        started = loop.time()
        with pytest.raises(ReservationsUnavailable, match="circuit"):
            await reservations.take(vote())
        assert loop.time() - started < 0.02
        await redis.close()


@pytest.mark.parametrize("refusal", [b"-NOREPLICAS not enough good replicas to write\r\n", b"-READONLY you cannot write\r\n"])
async def test_a_server_that_refuses_every_command_is_left_alone_too(refusal: bytes, caplog: pytest.LogCaptureFixture) -> None:
    handlers: list[asyncio.Task[Any] | None] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        parser = hiredis.Reader()
        try:
            with contextlib.suppress(ConnectionError):  # how the link ends it
                while data := await reader.read(4096):
                    parser.feed(data)
                    while (command := parser.gets()) is not False:
                        writer.write(b"+OK\r\n" if command[0] == b"SCRIPT" else refusal)
        finally:
            writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        redis = link(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        reservations = RedisReservations(redis, FORM, PENDING_MS)
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ReservationsUnavailable):
                await reservations.take(vote())
        with pytest.raises(ReservationsUnavailable, match="circuit"):
            await reservations.take(vote())
        assert redis.interrupted
        await redis.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*(handler for handler in handlers if handler is not None))
    assert "left alone" in caplog.text


async def test_an_address_that_leads_nowhere_keeps_nobody_waiting() -> None:
    redis = link("redis://redis..internal:6379", SECONDS)
    reservations = RedisReservations(redis, FORM, PENDING_MS)
    async with asyncio.timeout(5):
        with pytest.raises(ReservationsUnavailable):
            await reservations.take(vote())
    await redis.close()


async def test_a_busy_event_loop_can_connect(redis_url: str) -> None:
    redis = link(redis_url, 0.1)
    reservations = RedisReservations(redis, FORM, 10_000)
    voter = f"voter-{uuid4()}"

    async def keep_busy() -> None:
        while True:
            time.sleep(0.04)  # noqa: ASYNC251 (a turn of the loop takes about as long as a command may)
            await asyncio.sleep(0)

    busy = asyncio.create_task(keep_busy())
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(ReservationsUnavailable):
                    if await reservations.take(vote(voter)) is None:
                        break
                await asyncio.sleep(0.05)
    finally:
        busy.cancel()
    await redis.close()


async def test_a_wrong_password_is_a_server_that_is_away(redis_url: str) -> None:
    redis = link(redis_url.replace("redis://", "redis://nobody:nothing@"))
    reservations = RedisReservations(redis, FORM, PENDING_MS)
    with pytest.raises(ReservationsUnavailable, match=r"WRONGPASS|AUTH"):
        await reservations.take(vote())
    await redis.close()
