"""When figures that do not come out are a reason to wake somebody.

A second verdict on a record, or one without a record, is wrong at once. A record without a verdict is not: dedup notes its
progress and commits its verdicts one after the other, and after a crash in between it takes a restart until they show. It is
wrong if it stays. Pure: time is given.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proof.cover import Cover, Interval


class Alarm(StrEnum):
    """What is wrong."""

    GAP = "gap"
    OVERLAP = "overlap"
    INVENTED = "invented"
    UNREADABLE = "unreadable"


MEANINGS = {
    Alarm.GAP: "records of votes-in that dedup has passed have had no verdict for too long: votes may be lost",
    Alarm.OVERLAP: "records of votes-in have more than one verdict: a vote may count twice",
    Alarm.INVENTED: "there are verdicts on records that votes-in does not have: a vote that nobody cast may count",
    Alarm.UNREADABLE: "there are verdicts that do not follow their contract",
}


class _Noted(NamedTuple):
    """What dedup had noted at a moment, and how far one has to have read to compare: to the verdicts that there were by then."""

    at: float
    committed: Mapping[int, int]
    ends: Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class Gaps:
    """Records that dedup has passed and that have no verdict: all, and those for which the time is over."""

    open: list[Interval]
    overdue: list[Interval]


class GapWatch:
    """Tells which gaps are open for longer than ``limit_seconds``."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._waiting: deque[_Noted] = deque()
        self.passed: Mapping[int, int] = {}
        """What dedup had noted when it was last noted before everything that was read."""
        self.passed_at: float | None = None
        self._passed_long_ago: Mapping[int, int] = {}
        self._young: deque[_Noted] = deque()

    def note(self, at: float, committed: Mapping[int, int], ends: Mapping[tuple[str, int], int]) -> None:
        """Say what dedup has noted, and how far to read: to that, and to where the verdicts ended when asked after it."""
        if len(self._waiting) > 1:
            self._waiting.pop()  # while the verdicts are far from read, the oldest and the newest are enough
        self._waiting.append(_Noted(at, committed, ends))

    def look(self, now: float, positions: Mapping[tuple[str, int], int], cover: Cover) -> Gaps:
        """The gaps at this moment, of what was noted before everything up to ``positions`` was read.

        A verdict that has not been read yet is no gap: what was noted counts from when the verdicts there were are read.
        """
        while self._waiting and all(positions[place] >= end for place, end in self._waiting[0].ends.items()):
            noted = self._waiting.popleft()
            self.passed, self.passed_at = noted.committed, noted.at
            self._young.append(noted)
        while self._young and now - self._young[0].at >= self._limit_seconds:
            self._passed_long_ago = self._young.popleft().committed
        return Gaps(cover.gaps(self.passed), cover.gaps(self._passed_long_ago))
