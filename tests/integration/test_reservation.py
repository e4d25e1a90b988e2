"""Reservations in a real Redis: the shared suite, and what happens when Redis does not answer."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from ingress.breaker import FAILURES_TO_OPEN, CircuitBreaker
from ingress.parts import redis_client
from ingress.redis_batches import RedisBatches
from ingress.reservation import RedisReservations, ReservationsUnavailable
from ingress.settings import Settings
from tests.unit.ingress.reservation_suite import CAST_AT_MS, ELECTION, PENDING_MS, ReservationSuite, later_ms

SECONDS = 0.2


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    connected = redis_client(Settings(redis_url=redis_url))
    yield connected
    await connected.aclose()


class TestRedis(ReservationSuite):
    @pytest.fixture
    async def reservations(self, client: Redis) -> AsyncIterator[RedisReservations]:
        batches = RedisBatches(client, 1.0, CircuitBreaker(time.monotonic))
        await batches.open()
        yield RedisReservations(batches, PENDING_MS)
        await batches.close()

    async def test_what_is_stored_is_what_the_contract_says(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        key = f"reservation:{{{ELECTION}:{voter}}}"
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        assert await client.get(key) == f"P:vote-1:{CAST_AT_MS}"
        await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())
        assert await client.get(key) == f"C:vote-1:{CAST_AT_MS}"

    async def test_scripts_survive_their_loss(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        await client.script_flush()
        assert await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())

    async def test_a_value_that_cannot_be_read_spoils_nobody_elses(self, reservations: RedisReservations, client: Redis) -> None:
        voter = f"voter-{uuid4()}"
        await client.set(f"reservation:{{{ELECTION}:{voter}}}", "nonsense", px=1000)
        await client.lpush(f"reservation:{{{ELECTION}:{voter}-list}}", "nonsense")  # type: ignore[misc]
        taken = await asyncio.gather(
            *(reservations.take(ELECTION, name, "vote-1", 1) for name in (voter, f"{voter}-list", f"{voter}-other")),
            return_exceptions=True,
        )
        assert [type(answer) for answer in taken] == [ReservationsUnavailable, ReservationsUnavailable, type(None)]

    async def test_a_caller_that_gives_up_spoils_nobody_elses(self, reservations: RedisReservations) -> None:
        voter = f"voter-{uuid4()}"
        asking = [asyncio.create_task(reservations.take(ELECTION, f"{voter}-{n}", "vote-1", 1)) for n in range(3)]
        await asyncio.sleep(0)
        asking[1].cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(answer) for answer in answers] == [type(None), asyncio.CancelledError, type(None)]

    async def test_a_busy_event_loop_is_not_taken_for_a_server_that_is_away(self, client: Redis) -> None:
        batches = RedisBatches(client, 0.02, CircuitBreaker(time.monotonic))
        await batches.open()
        reservations = RedisReservations(batches, 10_000)
        voter = f"voter-{uuid4()}"

        async def keep_busy() -> None:
            while True:
                time.sleep(0.03)  # noqa: ASYNC251 (each turn of the loop takes longer than Redis may)
                await asyncio.sleep(0)

        busy = asyncio.create_task(keep_busy())
        taken = [await reservations.take(ELECTION, voter, f"vote-{n}", 1) for n in range(5)]
        busy.cancel()
        assert [held is None for held in taken] == [True, False, False, False, False]
        await batches.close()


async def test_a_server_that_does_not_answer_costs_its_deadline_and_then_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = redis_client(Settings(redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
        batches = RedisBatches(client, SECONDS, CircuitBreaker(time.monotonic))
        reservations = RedisReservations(batches, PENDING_MS)
        loop = asyncio.get_running_loop()
        for _ in range(FAILURES_TO_OPEN):
            started = loop.time()
            with pytest.raises(ReservationsUnavailable):
                await reservations.take(ELECTION, "voter", "vote-1", CAST_AT_MS)
            assert loop.time() - started < SECONDS + 0.2
        started = loop.time()
        with pytest.raises(ReservationsUnavailable, match="circuit"):
            await reservations.take(ELECTION, "voter", "vote-1", CAST_AT_MS)
        assert loop.time() - started < 0.02
        await batches.close()
        await client.aclose()
