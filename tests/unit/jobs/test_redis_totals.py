import threading
from typing import Any, cast

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from jobs.redis_totals import Pending, Total, TotalsWriter, redis_key, script_arguments


def a_total(
    count: Any, candidate_id: Any = "alice", generation: Any = 1, election_id: Any = "election-2025-01", as_of_ms: Any = 1000
) -> Any:
    return Total(election_id, candidate_id, generation, count, as_of_ms)


def test_the_key_keeps_an_election_in_one_slot() -> None:
    assert redis_key("election-2025-01") == "totals:{election-2025-01}"


def test_the_script_gets_the_newest_time_and_three_arguments_for_each_total() -> None:
    totals = [a_total(7, as_of_ms=1000), a_total(2, candidate_id="bob", generation=3, as_of_ms=2000)]
    assert script_arguments(totals) == ["2000", "alice", "1", "7", "bob", "3", "2"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [(a_total(2), a_total(1)), (a_total(1, generation=2), a_total(9)), (a_total(0), None)],
)
def test_generation_comes_before_count(newer: Any, older: Any) -> None:
    assert newer.is_ahead_of(older)
    assert older is None or not older.is_ahead_of(newer)


def test_a_time_never_orders() -> None:
    assert not a_total(1, as_of_ms=9000).is_ahead_of(a_total(1, as_of_ms=1))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(0, 9)), min_size=1))
def test_what_waits_is_the_newest_of_each_candidate_in_whatever_order_they_come(changes: Any) -> None:
    pending = Pending()
    for candidate_id, generation, count in changes:
        pending.add([a_total(count, candidate_id, generation)])
    taken = pending.take()["election-2025-01"]
    expected = {name: max((g, c) for n, g, c in changes if n == name) for name in {n for n, _, _ in changes}}
    assert {total.candidate_id: (total.generation, total.count) for total in taken} == expected
    assert not pending


def test_totals_of_different_elections_are_kept_apart() -> None:
    pending = Pending()
    pending.add([a_total(1), a_total(2, election_id="other")])
    assert pending.take() == {"election-2025-01": [a_total(1)], "other": [a_total(2, election_id="other")]}


class Refusing:
    """Refuses the first writes, keeps the others."""

    def __init__(self, refusals: Any = 0) -> None:
        self.refusals = refusals
        self.written: list[Any] = []
        self.settled = threading.Event()

    def register_script(self, _: Any) -> Any:
        def run(keys: Any, args: Any) -> None:
            if self.refusals:
                self.refusals -= 1
                raise redis.ConnectionError("gone")
            self.written.append((keys, args))
            self.settled.set()

        return run

    def close(self) -> None:
        pass


def test_a_total_that_redis_refused_is_written_when_redis_is_back() -> None:
    client: Any = Refusing(refusals=2)
    writer = TotalsWriter(client)
    writer.put([a_total(5)])
    assert client.settled.wait(10)
    writer.close()
    assert client.written == [(["totals:{election-2025-01}"], ["1000", "alice", "1", "5"])]


def test_an_older_total_does_not_replace_one_that_waits_while_redis_is_gone() -> None:
    client: Any = Refusing(refusals=2)
    writer = TotalsWriter(client)
    writer.put([a_total(5)])
    writer.put([a_total(4)])
    assert client.settled.wait(10)
    writer.close()
    assert client.written[0][1] == ["1000", "alice", "1", "5"]


def test_a_writer_whose_thread_has_died_says_so() -> None:
    writer = TotalsWriter(cast("redis.Redis", Refusing()))
    writer.close()
    with pytest.raises(RuntimeError, match="died"):
        writer.put([a_total(1)])
