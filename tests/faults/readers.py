"""What readers of results saw, from samples: counts that went back, how long they stood still, what was not in them yet. Pure."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.history import ACCEPTED, History
from tests.faults.nemesis import Evidence
from tests.faults.results import Counts, Sample

# The ingress shows what it has read for half a second, and whoever asks for it then may have been on the way before.
SHOWN_FOR_SECONDS = 1.0


@dataclass(frozen=True)
class Seen:
    """``uncounted`` is of each fault, when it struck; ``still_seconds`` the longest while around the faults without a change."""

    samples: int
    uncounted: Sequence[int]
    still_seconds: float
    went_back: Sequence[str]

    def text(self) -> str:
        at_each = ", ".join(f"{count:,}" for count in self.uncounted)
        return (
            f"answered 202 and not counted yet when a fault struck: {at_each} · counts stood still for at most"
            f" {self.still_seconds:.1f} s · {self.samples:,} samples of Redis, GET /votes and vote_totals"
        )


def seen(history: History, samples: Sequence[Sample], evidence: Sequence[Evidence]) -> Seen:
    struck_at = [fault.struck_at for fault in evidence]
    recovered_at = [fault.recovered_at for fault in evidence]
    return Seen(
        samples=len(samples),
        uncounted=[uncounted(history, samples, at) for at in struck_at],
        still_seconds=longest_still_seconds(samples, min(struck_at, default=0.0), max(recovered_at, default=0.0)),
        went_back=list(went_back(samples, evidence)),
    )


def went_back(samples: Sequence[Sample], evidence: Sequence[Evidence]) -> Iterator[str]:
    """Every count that a reader saw shrink, in words.

    Where Redis lost what it held, as the reservations were, its totals are away until they are written again, and the ingress
    shows those of PostgreSQL, which may be some tenths of a second behind what it has shown before. Until Redis has them again
    it may therefore have none, but never some of them only, or older ones; and the ingress may show less than it did, but never
    less than what both had at the loss.
    """
    losses = [fault for fault in evidence if fault.loses_reservations]
    for place, concerned in (("redis", losses), ("shown", losses), ("recorded", [])):
        last: Counts = {}
        for sample in samples:
            counts: Counts | None = getattr(sample, place)
            loss = next((loss for loss in concerned if _is_felt(loss, sample)), None)
            if counts is None or (place == "redis" and loss is not None and not counts):
                continue
            least = last if loss is None else _at_the_loss(samples, loss, place)
            for candidate_id, count in least.items():
                if counts.get(candidate_id, 0) < count:
                    yield f"{place}: {candidate_id} had {count} and then {counts.get(candidate_id, 0)}"
            last = counts


def _is_felt(loss: Evidence, sample: Sample) -> bool:
    return loss.struck_at <= sample.ended_at and sample.began_at <= loss.recovered_at + SHOWN_FOR_SECONDS


def _at_the_loss(samples: Sequence[Sample], loss: Evidence, place: str) -> Counts:
    """What a place may not fall below from a loss on: what had been seen in Redis, or in both that the ingress reads."""
    before = [sample for sample in samples if sample.ended_at <= loss.struck_at]
    if not before:
        return {}
    in_redis, recorded = before[-1].redis or {}, before[-1].recorded or {}
    if place == "redis":
        return in_redis
    return {candidate_id: min(count, recorded.get(candidate_id, 0)) for candidate_id, count in in_redis.items()}


def longest_still_seconds(samples: Sequence[Sample], since: float, until: float) -> float:
    """The longest time for which no reader saw a count change, of those that overlap with the given one."""
    shown = [sample for sample in samples if sample.shown is not None]
    changed_at = [next(same).ended_at for _, same in itertools.groupby(shown, lambda sample: sample.shown)]
    stills = itertools.pairwise([*changed_at, *(sample.ended_at for sample in shown[-1:])])
    return max((end - begin for begin, end in stills if begin < until and end > since), default=0.0)


def uncounted(history: History, samples: Sequence[Sample], at: float) -> int:
    """Votes that had been answered with 202 by then and were in no total yet: the jobs' work in flight. At least so many."""
    before = [sample for sample in samples if sample.redis is not None and sample.ended_at <= at]
    if not before:
        return 0
    last = before[-1]
    accepted = sum(attempt.status == ACCEPTED and attempt.ended_at <= last.began_at for attempt in history)
    return accepted - sum((last.redis or {}).values())
