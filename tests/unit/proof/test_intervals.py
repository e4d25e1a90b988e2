"""Sets of offsets as runs, compared with plain sets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from proof.intervals import Intervals, size

NUMBERS = st.lists(st.integers(0, 60), max_size=60)


def of(numbers: list[int]) -> Intervals:
    found = Intervals()
    for number in numbers:
        found.add(number)
    return found


def members(intervals: list[tuple[int, int]]) -> set[int]:
    return {number for start, end in intervals for number in range(start, end)}


@given(NUMBERS)
def test_it_holds_what_was_added_and_says_what_was_there(numbers: list[int]) -> None:
    found, seen = Intervals(), set[int]()
    for number in numbers:
        assert found.add(number) == (number not in seen)
        seen.add(number)
    assert members(list(found)) == seen
    assert size(list(found)) == len(seen)


@given(NUMBERS)
def test_its_intervals_are_sorted_and_do_not_touch(numbers: list[int]) -> None:
    found = list(of(numbers))
    assert all(start < end for start, end in found)
    assert all(former[1] < later[0] for former, later in itertools.pairwise(found))


@given(NUMBERS, NUMBERS, st.integers(0, 70))
def test_what_another_one_lacks_below_a_number(one: list[int], other: list[int], below: int) -> None:
    assert members(of(one).without(of(other), below)) == {number for number in set(one) - set(other) if number < below}


def test_a_million_in_order_are_one_run() -> None:
    found = Intervals()
    for number in range(1_000_000):
        found.add(number)
    assert len(found) == 1
