"""What every implementation of reservations must do; run over the one in memory and the one in Redis."""

import asyncio
import time
from uuid import uuid4

import pytest

from ingress.reservation import Reservation, Reservations, State

ELECTION = "election-2025-01"
PENDING_MS = 300
CAST_AT_MS = 1_748_779_200_250


def later_ms() -> int:
    return int(time.time() * 1000) + 60_000


class ReservationSuite:
    @pytest.fixture
    def voter(self) -> str:
        return f"voter-{uuid4()}"

    async def test_the_first_to_take_gets_it_and_the_second_sees_it(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS) is None
        held = await reservations.take(ELECTION, voter, "vote-2", CAST_AT_MS + 5)
        assert held is not None
        assert held.reservation == Reservation(State.PENDING, "vote-1", CAST_AT_MS)
        assert 0 < held.expires_in_ms <= PENDING_MS

    async def test_of_many_at_once_one_gets_it(self, reservations: Reservations, voter: str) -> None:
        taken = await asyncio.gather(*(reservations.take(ELECTION, voter, f"vote-{n}", n) for n in range(50)))
        assert taken.count(None) == 1

    async def test_voters_and_elections_are_apart(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.take(ELECTION, voter, "vote-1", 1) is None
        assert await reservations.take(ELECTION, f"{voter}-x", "vote-2", 1) is None
        assert await reservations.take("another", voter, "vote-3", 1) is None

    async def test_a_pending_one_expires(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        await asyncio.sleep(PENDING_MS / 1000 + 0.05)
        assert await reservations.read(ELECTION, voter) is None
        assert await reservations.take(ELECTION, voter, "vote-2", CAST_AT_MS) is None

    async def test_a_confirmed_one_outlives_the_pending_time(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        assert await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())
        await asyncio.sleep(PENDING_MS / 1000 + 0.05)
        held = await reservations.take(ELECTION, voter, "vote-2", CAST_AT_MS)
        assert held is not None
        assert held.reservation == Reservation(State.CONFIRMED, "vote-1", CAST_AT_MS)
        assert held.expires_in_ms > 50_000

    async def test_a_confirmed_one_ends_at_its_time(self, reservations: Reservations, voter: str) -> None:
        await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, int(time.time() * 1000) + 200)
        assert await reservations.read(ELECTION, voter) is not None
        await asyncio.sleep(0.25)
        assert await reservations.read(ELECTION, voter) is None

    async def test_confirming_makes_one_that_is_lost(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())
        assert await reservations.read(ELECTION, voter) == Reservation(State.CONFIRMED, "vote-1", CAST_AT_MS)

    async def test_confirming_twice_is_as_good_as_once(self, reservations: Reservations, voter: str) -> None:
        for _ in range(2):
            assert await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())

    @pytest.mark.parametrize("confirmed", [False, True])
    async def test_another_vote_cannot_confirm_over_it(self, reservations: Reservations, voter: str, confirmed: bool) -> None:
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        if confirmed:
            await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())
        before = await reservations.read(ELECTION, voter)
        assert not await reservations.confirm(ELECTION, voter, "vote-2", CAST_AT_MS, later_ms())
        assert await reservations.read(ELECTION, voter) == before

    async def test_releasing_frees_a_pending_one(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        assert await reservations.release(ELECTION, voter, "vote-1")
        assert await reservations.take(ELECTION, voter, "vote-2", CAST_AT_MS) is None

    async def test_another_vote_cannot_release_it(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(ELECTION, voter, "vote-1", CAST_AT_MS)
        assert not await reservations.release(ELECTION, voter, "vote-2")
        assert await reservations.read(ELECTION, voter) is not None

    async def test_a_confirmed_one_is_never_released(self, reservations: Reservations, voter: str) -> None:
        await reservations.confirm(ELECTION, voter, "vote-1", CAST_AT_MS, later_ms())
        assert not await reservations.release(ELECTION, voter, "vote-1")
        assert await reservations.read(ELECTION, voter) is not None

    async def test_releasing_nothing_does_nothing(self, reservations: Reservations, voter: str) -> None:
        assert not await reservations.release(ELECTION, voter, "vote-1")
        assert await reservations.read(ELECTION, voter) is None
