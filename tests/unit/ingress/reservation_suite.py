"""What every implementation of reservations must do; run over the one in memory and the one in Redis."""

import asyncio
import time
from uuid import uuid4

import pytest

from ingress.reservation import Counted, Held, Reservation, Reservations, State
from ingress.vote import Vote
from tests.unit.ingress.factories import ELECTION, vote

PENDING_MS = 300


def later_ms() -> int:
    return int(time.time() * 1000) + 60_000


def reservation(state: State, of: Vote) -> Reservation:
    return Reservation(state, of.vote_id, of.cast_at_ms)


def counted(of: Vote) -> Counted:
    return Counted(of.election_id, of.voter_sub, of.vote_id, of.cast_at_ms, later_ms())


class ReservationSuite:
    @pytest.fixture
    def voter(self) -> str:
        return f"voter-{uuid4()}"

    async def test_the_first_to_take_gets_it_and_the_second_sees_it(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.take(vote(voter, 1)) is None
        held = await reservations.take(vote(voter, 2, candidate_id="bob", cast_at_ms=5))
        assert held == Held(reservation(State.PENDING, vote(voter, 1)), same_choice=False)
        assert 0 < await reservations.expires_in_ms(ELECTION, voter) <= PENDING_MS

    async def test_the_second_is_told_whether_the_choice_is_the_same(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        same, other = await reservations.take(vote(voter, 2)), await reservations.take(vote(voter, 2, candidate_id="bob"))
        assert same is not None
        assert other is not None
        assert (same.same_choice, other.same_choice) == (True, False)

    async def test_of_many_at_once_one_gets_it(self, reservations: Reservations, voter: str) -> None:
        taken = await asyncio.gather(*(reservations.take(vote(voter, number)) for number in range(50)))
        assert taken.count(None) == 1

    async def test_voters_and_elections_are_apart(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.take(vote(voter, 1)) is None
        assert await reservations.take(vote(f"{voter}-x", 2)) is None
        assert await reservations.take(vote(voter, 3, election_id="another")) is None

    async def test_a_pending_one_expires(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        await asyncio.sleep(PENDING_MS / 1000 + 0.05)
        assert await reservations.read(ELECTION, voter) is None
        assert await reservations.expires_in_ms(ELECTION, voter) == 0
        assert await reservations.take(vote(voter, 2)) is None

    async def test_an_undecided_one_expires_when_it_would_have(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        await asyncio.sleep(0.1)
        assert await reservations.mark_undecided(vote(voter, 1))
        assert await reservations.read(ELECTION, voter) == reservation(State.UNDECIDED, vote(voter, 1))
        assert 0 < await reservations.expires_in_ms(ELECTION, voter) <= PENDING_MS - 100
        held = await reservations.take(vote(voter, 2))
        assert held == Held(reservation(State.UNDECIDED, vote(voter, 1)), same_choice=True)

    async def test_resuming_gives_an_undecided_one_its_full_time_again(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        await asyncio.sleep(0.1)
        await reservations.mark_undecided(vote(voter, 1))
        assert await reservations.resume(vote(voter, 1))
        assert await reservations.read(ELECTION, voter) == reservation(State.PENDING, vote(voter, 1))
        assert await reservations.expires_in_ms(ELECTION, voter) > PENDING_MS - 100

    async def test_only_one_resumes(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        assert not await reservations.resume(vote(voter, 1))
        await reservations.mark_undecided(vote(voter, 1))
        assert sorted([await reservations.resume(vote(voter, 1)) for _ in range(3)]) == [False, False, True]

    async def test_another_choice_resumes_nothing(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        await reservations.mark_undecided(vote(voter, 1))
        assert not await reservations.resume(vote(voter, 1, candidate_id="bob"))
        assert not await reservations.resume(vote(voter, 2))
        assert await reservations.read(ELECTION, voter) == reservation(State.UNDECIDED, vote(voter, 1))

    async def test_another_vote_cannot_mark_it_undecided(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        assert not await reservations.mark_undecided(vote(voter, 2))
        await reservations.confirm(vote(voter, 1), later_ms())
        assert not await reservations.mark_undecided(vote(voter, 1))
        assert await reservations.read(ELECTION, voter) == reservation(State.CONFIRMED, vote(voter, 1))

    @pytest.mark.parametrize("undecided", [False, True])
    async def test_a_confirmed_one_outlives_the_pending_time(
        self, reservations: Reservations, voter: str, undecided: bool
    ) -> None:
        await reservations.take(vote(voter, 1))
        if undecided:
            await reservations.mark_undecided(vote(voter, 1))
        assert await reservations.confirm(vote(voter, 1), later_ms())
        await asyncio.sleep(PENDING_MS / 1000 + 0.05)
        held = await reservations.take(vote(voter, 2))
        assert held is not None
        assert held.reservation == reservation(State.CONFIRMED, vote(voter, 1))
        assert await reservations.expires_in_ms(ELECTION, voter) > 50_000

    async def test_a_confirmed_one_ends_at_its_time(self, reservations: Reservations, voter: str) -> None:
        await reservations.confirm(vote(voter, 1), int(time.time() * 1000) + 200)
        assert await reservations.read(ELECTION, voter) is not None
        await asyncio.sleep(0.25)
        assert await reservations.read(ELECTION, voter) is None

    async def test_confirming_makes_one_that_is_lost(self, reservations: Reservations, voter: str) -> None:
        assert await reservations.confirm(vote(voter, 1), later_ms())
        assert await reservations.read(ELECTION, voter) == reservation(State.CONFIRMED, vote(voter, 1))

    async def test_confirming_twice_is_as_good_as_once(self, reservations: Reservations, voter: str) -> None:
        for _ in range(2):
            assert await reservations.confirm(vote(voter, 1), later_ms())

    @pytest.mark.parametrize("confirmed", [False, True])
    async def test_another_vote_cannot_confirm_over_it(self, reservations: Reservations, voter: str, confirmed: bool) -> None:
        await reservations.take(vote(voter, 1))
        if confirmed:
            await reservations.confirm(vote(voter, 1), later_ms())
        before = await reservations.read(ELECTION, voter)
        assert not await reservations.confirm(vote(voter, 2), later_ms())
        assert await reservations.read(ELECTION, voter) == before

    async def test_releasing_frees_a_pending_one(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        assert await reservations.release(vote(voter, 1))
        assert await reservations.take(vote(voter, 2)) is None

    async def test_another_vote_cannot_release_it(self, reservations: Reservations, voter: str) -> None:
        await reservations.take(vote(voter, 1))
        assert not await reservations.release(vote(voter, 2))
        assert await reservations.read(ELECTION, voter) is not None

    @pytest.mark.parametrize("state", [State.UNDECIDED, State.CONFIRMED])
    async def test_what_may_be_in_the_log_is_never_released(self, reservations: Reservations, voter: str, state: State) -> None:
        await reservations.take(vote(voter, 1))
        if state is State.CONFIRMED:
            await reservations.confirm(vote(voter, 1), later_ms())
        else:
            await reservations.mark_undecided(vote(voter, 1))
        assert not await reservations.release(vote(voter, 1))
        assert await reservations.read(ELECTION, voter) == reservation(state, vote(voter, 1))

    async def test_nothing_is_changed_where_nothing_is_held(self, reservations: Reservations, voter: str) -> None:
        assert not await reservations.release(vote(voter, 1))
        assert not await reservations.mark_undecided(vote(voter, 1))
        assert not await reservations.resume(vote(voter, 1))
        assert await reservations.read(ELECTION, voter) is None

    @pytest.mark.parametrize("held", ["nothing", "pending", "undecided", "confirmed"])
    async def test_what_the_log_has_decided_is_kept_whatever_is_held(
        self, reservations: Reservations, voter: str, held: str
    ) -> None:
        if held != "nothing":
            await reservations.take(vote(voter, 1))
        if held == "undecided":
            await reservations.mark_undecided(vote(voter, 1))
        if held == "confirmed":
            await reservations.confirm(vote(voter, 1), later_ms())
        await reservations.keep([counted(vote(voter, 2)), counted(vote(f"{voter}-x", 3))])
        assert await reservations.read(ELECTION, voter) == reservation(State.CONFIRMED, vote(voter, 2))
        assert await reservations.read(ELECTION, f"{voter}-x") == reservation(State.CONFIRMED, vote(f"{voter}-x", 3))
        assert await reservations.expires_in_ms(ELECTION, voter) > 50_000
        assert not await reservations.confirm(vote(voter, 1), later_ms())

    async def test_what_is_kept_again_stays_as_it_is(self, reservations: Reservations, voter: str) -> None:
        for _ in range(2):
            await reservations.keep([counted(vote(voter, 1))])
        assert await reservations.read(ELECTION, voter) == reservation(State.CONFIRMED, vote(voter, 1))
