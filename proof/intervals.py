"""Sets of offsets as runs: a partition of a million records that are all there is one pair of numbers."""

from bisect import bisect_right
from collections.abc import Iterator


class Intervals:
    """A set of whole numbers as sorted, disjoint, half-open intervals, of which no two touch.

    Adding the next number costs the same however many there are; one in between costs a search.
    """

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def __len__(self) -> int:
        """How many intervals, which is what it takes in memory."""
        return len(self._starts)

    @property
    def end(self) -> int | None:
        """The number after the last."""
        return self._ends[-1] if self._ends else None

    def add(self, number: int) -> bool:
        """Add a number; false if it was there."""
        starts, ends = self._starts, self._ends
        if ends and number == ends[-1]:
            ends[-1] = number + 1
            return True
        right = bisect_right(starts, number)
        left = right - 1
        if left >= 0 and number < ends[left]:
            return False
        joins_left = left >= 0 and ends[left] == number
        joins_right = right < len(starts) and starts[right] == number + 1
        if joins_left and joins_right:
            ends[left] = ends.pop(right)
            del starts[right]
        elif joins_left:
            ends[left] = number + 1
        elif joins_right:
            starts[right] = number
        else:
            starts.insert(right, number)
            ends.insert(right, number + 1)
        return True

    def from_(self, number: int) -> Iterator[tuple[int, int]]:
        """The interval that a number is in, or the last one before it, and all that follow."""
        for place in range(max(0, bisect_right(self._starts, number) - 1), len(self._starts)):
            yield self._starts[place], self._ends[place]

    def without(self, other: "Intervals", below: int) -> list[tuple[int, int]]:
        """What this has below a number and the other has not, as intervals."""
        found = []
        for start, end in self:
            if start >= below:
                break
            at, stop = start, min(end, below)
            for taken_from, taken_to in other.from_(start):
                if taken_from >= stop:
                    break
                if taken_from > at:
                    found.append((at, taken_from))
                at = max(at, taken_to)
            if at < stop:
                found.append((at, stop))
        return found


def size(intervals: list[tuple[int, int]]) -> int:
    """How many numbers there are in intervals that do not overlap."""
    return sum(end - start for start, end in intervals)
