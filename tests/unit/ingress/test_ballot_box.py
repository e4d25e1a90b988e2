import asyncio
import time
from datetime import timedelta

import pytest

from ingress.ballot_box import BallotBox
from ingress.deadlines import Deadlines
from ingress.problems import (
    ALREADY_VOTED,
    ATTEMPT_PENDING,
    ELECTION_NOT_OPEN,
    LOG_UNAVAILABLE,
    OUTCOME_UNDECIDED,
    Problem,
)
from ingress.receipt import Receipt
from ingress.reservation import State
from tests.unit.ingress.factories import CLOSES, ELECTION, NOW_MS, election, voter
from tests.unit.ingress.in_memory import World

SHORT = Deadlines(request_seconds=1.6, message_seconds=0.1, redis_seconds=0.01, pending_seconds=2.0)


async def cast(box: BallotBox, candidate_id: str = "alice", jurisdiction: str | None = None) -> Receipt:
    return await box.cast(election(), voter(jurisdiction=jurisdiction), candidate_id, time.monotonic())


async def refusal(world: World, candidate_id: str = "alice") -> Problem:
    with pytest.raises(Problem) as refused:
        await cast(world.ballot_box(), candidate_id)
    return refused.value


async def test_an_acknowledged_vote_has_a_receipt_and_a_confirmed_reservation() -> None:
    world = World()
    box = world.ballot_box()
    receipt = await cast(box)
    [vote] = world.log.votes
    assert receipt == Receipt(vote.vote_id, ELECTION, NOW_MS)
    assert vote.datum() == {
        "vote_id": vote.vote_id,
        "election_id": ELECTION,
        "voter_sub": "voter-1",
        "candidate_id": "alice",
        "cast_at": NOW_MS,
        "catalogue_version": 3,
        "jurisdiction": "",
    }
    reservation, _, until_ms = world.reservations.held[ELECTION, "voter-1"]
    assert (reservation.state, reservation.vote_id) == (State.CONFIRMED, vote.vote_id)
    assert until_ms == round((CLOSES + timedelta(days=1)).timestamp() * 1000)


async def test_a_second_vote_is_refused_with_the_first_receipt() -> None:
    world = World()
    first = await cast(world.ballot_box())
    await asyncio.sleep(0)
    problem = await refusal(world)
    assert problem.kind is ALREADY_VOTED
    assert problem.members == {"receipt": world.receipts.members(first)}
    assert len(world.log.votes) == 1


async def test_of_many_at_once_one_is_accepted_and_all_others_get_its_receipt() -> None:
    world = World()
    world.log.delay_seconds = 0.05
    box = world.ballot_box()
    answers = await asyncio.gather(*(cast(box) for _ in range(50)), return_exceptions=True)
    accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert len(accepted) == 1
    assert len(refused) == 49
    assert all(answer.members == {"receipt": world.receipts.members(accepted[0])} for answer in refused)
    assert len(world.log.votes) == 1


async def test_a_vote_that_was_not_handed_over_gives_its_reservation_back() -> None:
    world = World()
    world.log.refuses = True
    problem = await refusal(world)
    assert problem.kind is LOG_UNAVAILABLE
    assert problem.headers["retry-after"] == "1"
    world.log.refuses = False
    await cast(world.ballot_box())


async def test_the_same_choice_after_an_undecided_attempt_is_the_same_vote_again() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    problem = await refusal(world)
    assert problem.kind is OUTCOME_UNDECIDED
    assert problem.headers["retry-after"] == "1"
    world.log.loses = False
    world.at_ms += 1500
    receipt = await cast(world.ballot_box())
    first, second = world.log.votes
    assert (first.vote_id, first.cast_at_ms) == (second.vote_id, second.cast_at_ms) == (receipt.vote_id, receipt.cast_at_ms)
    assert (await refusal(world)).members == {"receipt": world.receipts.members(receipt)}


async def test_a_repeated_attempt_is_for_the_jurisdiction_that_the_voter_has_by_then() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    with pytest.raises(Problem):
        await cast(world.ballot_box(), jurisdiction="be")
    world.log.loses = False
    await cast(world.ballot_box(), jurisdiction="nl")
    first, second = world.log.votes
    assert first.vote_id == second.vote_id
    assert (first.jurisdiction, second.jurisdiction) == ("be", "nl")


async def test_of_many_that_repeat_an_undecided_attempt_one_is_accepted() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.log.loses = False
    world.log.delay_seconds = 0.05
    box = world.ballot_box()
    answers = await asyncio.gather(*(cast(box) for _ in range(20)), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, Receipt)]) == 1
    assert len(world.log.votes) == 2


async def test_a_repeated_attempt_that_is_not_handed_over_leaves_the_first_one_undecided() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.log.refuses = True
    assert (await refusal(world)).kind is OUTCOME_UNDECIDED
    assert world.reservations.held[ELECTION, "voter-1"][0].state is State.UNDECIDED
    assert (await refusal(world, "bob")).kind is ATTEMPT_PENDING


async def test_without_an_answer_the_same_choice_still_is_the_same_vote() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.log.loses = False
    world.reservations.resumes_away = True
    receipt = await cast(world.ballot_box())
    first, second = world.log.votes
    assert first.vote_id == second.vote_id == receipt.vote_id


async def test_who_cannot_be_told_how_long_to_wait_is_refused_all_the_same() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.reservations.lives_away = True
    problem = await refusal(world, "bob")
    assert problem.kind is ATTEMPT_PENDING
    assert problem.headers["retry-after"] == "2"
    assert len(world.log.votes) == 1


async def test_another_choice_waits_until_an_undecided_attempt_expires() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.log.loses = False
    problem = await refusal(world, "bob")
    assert problem.kind is ATTEMPT_PENDING
    assert problem.headers["retry-after"] == "2"
    world.at_ms += SHORT.pending_ms
    receipt = await cast(world.ballot_box(), "bob")
    assert receipt.vote_id == world.log.votes[-1].vote_id != world.log.votes[0].vote_id


async def test_whoever_waits_for_an_attempt_that_expires_takes_its_place() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    await refusal(world)
    world.log.loses = False
    waiting = asyncio.create_task(cast(world.ballot_box(), "bob"))
    await asyncio.sleep(0.03)
    world.at_ms += SHORT.pending_ms
    assert (await waiting).vote_id == world.log.votes[-1].vote_id


async def test_a_log_that_says_nothing_is_waited_for_until_the_deadline() -> None:
    world = World(deadlines=SHORT)
    world.log.silent = True
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await refusal(world)).kind is OUTCOME_UNDECIDED
    assert loop.time() - started < SHORT.request_seconds


async def test_a_client_that_goes_away_leaves_the_reservation_pending() -> None:
    world = World()
    world.log.delay_seconds = 0.05
    leaving = asyncio.create_task(cast(world.ballot_box()))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0.1)
    assert world.reservations.held[ELECTION, "voter-1"][0].state is State.PENDING


@pytest.mark.parametrize("late_ms", [0, 1, 60_000])
async def test_a_vote_appended_at_the_close_or_later_is_not_accepted(late_ms: int) -> None:
    world = World()
    world.log.now_ms = lambda: round(CLOSES.timestamp() * 1000) + late_ms
    problem = await refusal(world)
    assert problem.kind is ELECTION_NOT_OPEN
    assert world.reservations.held[ELECTION, "voter-1"][0].state is State.PENDING


async def test_a_vote_appended_just_before_the_close_is_accepted() -> None:
    world = World()
    world.log.now_ms = lambda: round(CLOSES.timestamp() * 1000) - 1
    await cast(world.ballot_box())


async def test_without_reservations_votes_still_flow() -> None:
    world = World()
    world.reservations.away = True
    for _ in range(2):
        await cast(world.ballot_box())
    assert len({vote.vote_id for vote in world.log.votes}) == 2


async def test_without_reservations_a_refusal_of_the_log_is_still_one() -> None:
    world = World()
    world.reservations.away = True
    world.log.refuses = True
    assert (await refusal(world)).kind is LOG_UNAVAILABLE


async def test_a_failing_confirmation_does_not_fail_the_vote() -> None:
    world = World()
    world.reservations.confirms_away = True
    box = world.ballot_box()
    await cast(box)
    assert world.reservations.held[ELECTION, "voter-1"][0].state is State.PENDING


async def test_reservations_that_go_away_while_waiting_leave_it_to_the_log() -> None:
    world = World()
    world.log.silent = True
    first = asyncio.create_task(cast(world.ballot_box()))
    await asyncio.sleep(0.01)
    world.log.silent = False
    second = asyncio.create_task(cast(world.ballot_box()))
    await asyncio.sleep(0.01)
    world.reservations.away = True
    await second
    first.cancel()
