"""What readers saw: every count that shrank is found, and what a lost Redis explains is not taken for one."""

from collections.abc import Sequence

import pytest

from tests.faults.history import Attempt, History
from tests.faults.nemesis import Evidence
from tests.faults.readers import longest_still_seconds, uncounted, went_back
from tests.faults.results import Counts, Sample, is_at_least

STRUCK_AT, RECOVERED_AT = 10.0, 13.0
KILLED = Evidence("taskmanager SIGKILL", 3, STRUCK_AT, RECOVERED_AT, (1,), (2,), loses_reservations=False)
FLUSHED = Evidence("redis FLUSHALL", 3, STRUCK_AT, RECOVERED_AT, (1,), (1,), loses_reservations=True)
LATE = RECOVERED_AT + 5


def sample(at: float, redis: Counts | None = None, shown: Counts | None = None, recorded: Counts | None = None) -> Sample:
    return Sample(at - 0.05, at, redis, shown, recorded)


def votes(alice: int, bob: int = 0) -> Counts:
    return {"alice": alice, "bob": bob}


def shrunk(samples: Sequence[Sample], fault: Evidence = KILLED) -> list[str]:
    return list(went_back(samples, [fault]))


@pytest.mark.parametrize("place", ["redis", "shown", "recorded"])
def test_a_count_that_shrinks_is_found_wherever_it_is_read(place: str) -> None:
    growing = [sample(at, **{place: votes(count)}) for at, count in ((9, 5), (11, 5), (12, 8))]
    assert shrunk(growing) == []
    assert shrunk([*growing, sample(14, **{place: votes(7)})]) == [f"{place}: alice had 8 and then 7"]


def test_one_candidate_that_shrinks_is_found_though_the_total_grows() -> None:
    assert shrunk([sample(9, redis=votes(5, 5)), sample(11, redis=votes(50, 4))]) == ["redis: bob had 5 and then 4"]


def test_what_cannot_be_read_for_a_while_has_not_shrunk() -> None:
    assert shrunk([sample(9, shown=votes(5)), sample(11), sample(12, shown=votes(5))]) == []
    assert shrunk([sample(9, shown=votes(5)), sample(11), sample(12, shown=votes(4))]) != []


def test_totals_that_vanish_without_a_loss_have_shrunk() -> None:
    assert shrunk([sample(9, redis=votes(5)), sample(11, redis={})]) != []


def test_after_a_flush_redis_may_have_nothing_and_then_everything() -> None:
    assert shrunk([sample(9, redis=votes(5, 3)), sample(10.1, redis={}), sample(12, redis=votes(6, 3))], FLUSHED) == []


@pytest.mark.parametrize("partial", [{"alice": 6}, votes(6, 2)])
def test_after_a_flush_redis_may_not_have_only_some_of_the_totals_or_older_ones(partial: Counts) -> None:
    assert len(shrunk([sample(9, redis=votes(5, 3)), sample(11, redis=partial)], FLUSHED)) == 1


def test_after_a_flush_a_reader_may_see_what_the_record_had_and_nothing_older() -> None:
    before = sample(9, redis=votes(9, 9), shown=votes(9, 9), recorded=votes(7, 9))
    assert shrunk([before, sample(11, shown=votes(7, 9)), sample(12, shown=votes(10, 10))], FLUSHED) == []
    assert shrunk([before, sample(11, shown=votes(6, 9))], FLUSHED) == ["shown: alice had 7 and then 6"]


def test_once_the_totals_are_there_again_nothing_may_shrink() -> None:
    before = sample(9, redis=votes(9), shown=votes(9), recorded=votes(7))
    assert shrunk([before, sample(LATE, shown=votes(10)), sample(LATE + 1, shown=votes(9))], FLUSHED) != []


def test_a_flush_excuses_nothing_in_the_record() -> None:
    assert shrunk([sample(9, recorded=votes(5)), sample(11, recorded=votes(4))], FLUSHED) != []


def test_counts_stand_still_from_one_change_to_the_next() -> None:
    seen = [sample(at, shown=votes(count)) for at, count in ((1, 1), (2, 2), (3, 2), (6, 2), (8, 3), (9, 4))]
    assert longest_still_seconds(seen, since=2.5, until=5) == 6
    assert longest_still_seconds(seen, since=8.5, until=8.9) == 1
    assert longest_still_seconds([], since=0, until=9) == 0


def test_counts_that_never_move_again_stand_still_to_the_end() -> None:
    seen = [sample(at, shown=votes(1)) for at in (1, 2, 7)]
    assert longest_still_seconds(seen, since=2, until=3) == 6


def test_votes_that_were_acknowledged_and_are_in_no_total_yet_are_the_work_in_flight() -> None:
    history = History()
    for number, (status, at) in enumerate([(202, 1.0), (202, 2.0), (503, 2.1), (202, 2.99), (202, 5.0)]):
        history.add(Attempt(f"voter-{number}", 0, "alice", at - 0.1, at, status, None, f"vote-{number}", None))
    samples = [sample(3, redis=votes(1)), sample(6, redis=votes(4))]
    # The vote that came while the sample was taken may be in it or not.
    assert uncounted(history, samples, at=4) == 1
    assert uncounted(history, samples, at=7) == 0
    assert uncounted(history, samples, at=2) == 0
    assert uncounted(history, [sample(3)], at=7) == 0


def test_counts_are_at_least_others_when_no_candidate_has_less() -> None:
    assert is_at_least(votes(5, 3), votes(5))
    assert not is_at_least({"alice": 5}, votes(5, 1))
