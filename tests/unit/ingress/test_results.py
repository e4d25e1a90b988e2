import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.problems import RESULTS_HIDDEN, UNAVAILABLE, Problem
from ingress.results import Counts, SharedResults, complete, snapshot, step
from ingress.totals import Totals, TotalsUnavailable, parse_totals
from tests.unit.ingress.factories import ELECTION, NOW, NOW_MS, election
from tests.unit.ingress.in_memory import World


def counts(alice: int, bob: int = 0) -> Counts:
    return Counts({"alice": alice, "bob": bob, "carol": 0}, NOW)


def shared(world: World, refresh_seconds: float = 60) -> SharedResults:
    return SharedResults(world.totals, world.record, refresh_seconds)


async def body(results: SharedResults) -> dict[str, object]:
    read: dict[str, object] = msgspec.json.decode((await results.current(election())).body)
    return read


def test_every_candidate_is_listed_and_nobody_else() -> None:
    listed = complete(election(), Totals({"bob": 2, "dave": 9}, NOW))
    assert listed.counts == {"alice": 0, "bob": 2, "carol": 0}
    assert listed.total == 2


def test_totals_read_as_tally_writes_them() -> None:
    read = parse_totals({"alice": "1:12", "bob": "2:3", "_as_of": str(NOW_MS), "_sealed": ""})
    assert read == Totals({"alice": 12, "bob": 3}, NOW)


@pytest.mark.parametrize("fields", [{"alice": "12"}, {"alice": "1:x"}, {"_as_of": "now"}, {"_as_of": "9" * 30}])
def test_totals_that_are_not_of_the_contract_are_not_shown(fields: dict[str, str]) -> None:
    with pytest.raises(TotalsUnavailable):
        parse_totals(fields)


async def test_the_answer_is_that_of_the_contract() -> None:
    world = World()
    world.totals.known[ELECTION] = Totals({"alice": 2}, NOW)
    assert await body(shared(world)) == {
        "electionId": ELECTION,
        "counts": {"alice": 2, "bob": 0, "carol": 0},
        "total": 2,
        "updatedAt": "2025-06-01T12:00:00Z",
        "status": "open",
    }


async def test_an_election_without_votes_has_zeros_and_no_time() -> None:
    assert await body(shared(World())) == {
        "electionId": ELECTION,
        "counts": {"alice": 0, "bob": 0, "carol": 0},
        "total": 0,
        "updatedAt": None,
        "status": "open",
    }


@pytest.mark.parametrize("redis_away", [True, False])
async def test_the_record_serves_when_redis_is_away_or_has_nothing(redis_away: bool) -> None:
    world = World()
    world.totals.away = redis_away
    world.record.known_totals[ELECTION] = Totals({"bob": 5}, NOW)
    assert (await body(shared(world)))["total"] == 5


async def test_redis_serves_while_the_record_is_away() -> None:
    world = World()
    world.record.away = True
    world.totals.known[ELECTION] = Totals({"bob": 5}, NOW)
    assert (await body(shared(world)))["total"] == 5


async def test_without_both_there_are_no_results() -> None:
    world = World()
    world.totals.away = world.record.away = True
    results = shared(world)
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            await results.current(election())
        assert refused.value.kind is UNAVAILABLE


async def test_all_who_ask_at_once_share_a_read() -> None:
    world = World()
    results = shared(world)
    await asyncio.gather(*(results.current(election()) for _ in range(100)))
    await results.current(election())
    assert world.totals.reads == 1


async def test_a_read_is_repeated_when_it_is_old() -> None:
    world = World()
    results = shared(world, 0.01)
    await results.current(election())
    await asyncio.sleep(0.02)
    world.totals.known[ELECTION] = Totals({"alice": 1}, NOW)
    assert (await body(results))["total"] == 1


async def test_hidden_results_are_not_even_read() -> None:
    world = World()
    with pytest.raises(Problem) as refused:
        await shared(world).current(election(results_visibility="after_publication"))
    assert refused.value.kind is RESULTS_HIDDEN
    assert world.totals.reads == 0


def test_the_etag_changes_with_the_answer() -> None:
    first = snapshot(election(), counts(1))
    assert snapshot(election(), counts(1)).etag == first.etag
    assert snapshot(election(), counts(2)).etag != first.etag
    assert snapshot(election(status="closed"), counts(1)).etag != first.etag


def test_with_a_batch_of_one_every_vote_shows() -> None:
    assert step(election(), counts(1), counts(2)) == counts(2)


def test_steps_hold_at_least_a_batch() -> None:
    batch = election(results_batch=5)
    assert step(batch, None, counts(4)) == complete(batch, None)
    assert step(batch, None, counts(3, 2)) == counts(3, 2)
    assert step(batch, counts(3, 2), counts(5, 4)) == counts(3, 2)
    assert step(batch, counts(3, 2), counts(5, 5)) == counts(5, 5)


def test_published_results_are_exact() -> None:
    assert step(election(results_batch=5, status="published"), counts(5), counts(6)) == counts(6)


@given(st.integers(1, 20), st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_two_answers_differ_by_fewer_votes_than_a_batch(batch: int, arrivals: list[tuple[bool, int]]) -> None:
    shown, fresh = None, counts(0)
    for for_alice, more in arrivals:
        alice, bob = fresh.counts["alice"], fresh.counts["bob"]
        fresh = counts(alice + more, bob) if for_alice else counts(alice, bob + more)
        following = step(election(results_batch=batch), shown, fresh)
        before = shown.total if shown is not None else 0
        assert following.total == before or following.total - before >= batch
        shown = following
