"""How long voters waited, and how much of that no fault explains."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tests.faults.history import Attempt, History
from tests.faults.nemesis import Evidence


class Wait(NamedTuple):
    """From the first of some attempts to their first final answer; to the last attempt of all if there was none.

    ``locked_out_seconds`` is the part of it after the recovery of the last fault in between.
    """

    last: Attempt
    seconds: float
    locked_out_seconds: float


def wait_of(attempts: Sequence[Attempt], evidence: Sequence[Evidence]) -> Wait:
    """``attempts`` are of one voter or one ballot, and not empty."""
    began_at = min(attempt.began_at for attempt in attempts)
    finals = [attempt for attempt in attempts if attempt.final]
    last = min(finals, key=_ended_at) if finals else max(attempts, key=_ended_at)
    free_from = max([began_at, *(fault.recovered_at for fault in evidence if fault.struck_at < last.ended_at)])
    return Wait(last, last.ended_at - began_at, max(0.0, last.ended_at - free_from))


def ballots(history: History) -> dict[tuple[str, int], list[Attempt]]:
    """The attempts by voter and ballot."""
    found = defaultdict(list)
    for attempt in history:
        found[attempt.voter_sub, attempt.ballot].append(attempt)
    return found


def _ended_at(attempt: Attempt) -> float:
    return attempt.ended_at
