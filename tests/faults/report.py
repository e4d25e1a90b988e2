"""What one experiment came to: figures for people, and everything that is wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.readers import Seen

# A fault that repeats a thousand times is one fault: so many of each kind are told in words, all of them are counted.
TOLD_OF_EACH_KIND = 5


@dataclass(frozen=True)
class Report:
    """Figures of one election under faults. Times are seconds; those of percentiles are of votes answered 202."""

    election_id: str
    faults: Sequence[str]
    breaches: Sequence[tuple[str, str]]
    """Kind and words of each thing that is wrong."""
    voters: int
    attempts: int
    answers: Counter[str]
    """Attempts by status and problem type; those without an answer by what broke."""
    cast: int
    accepted: int
    duplicates: int
    uncounted: int
    """Votes answered with 202 that are not the first of their voter in the log."""
    broken: int
    """Requests that were in flight when a fault struck and never got an answer."""
    accepted_during: int
    """Votes answered with 202 between a fault and its recovery."""
    reservations_unavailable: int
    explained: int
    """Answers about a vote that does not count, no more than there were requests without a reservation."""
    longest_wait_seconds: float
    """From the first attempt to get a ballot in to its final answer."""
    longest_locked_out_seconds: float
    """From the recovery of the last fault that lay in between, or the first attempt, to a voter's first final answer."""
    allowed_locked_out_seconds: float
    p99_before_seconds: float | None
    p99_during_seconds: float | None
    seen: Seen | None = None

    @property
    def sound(self) -> bool:
        return not self.breaches

    def text(self) -> str:
        """Several lines: the faults with their evidence, the figures, and what is wrong."""
        answers = " · ".join(f"{name} {count:,}" for name, count in sorted(self.answers.items()))
        lines = [
            f"{self.election_id}",
            *(f"  {fault}" for fault in self.faults),
            f"  voters {self.voters:,} · attempts {self.attempts:,}: {answers}",
            f"  in the log {self.cast:,} · accepted {self.accepted:,} · duplicates {self.duplicates:,}"
            f" · answered 202 and not counted {self.uncounted:,} · answered 202 during the fault {self.accepted_during:,}"
            f" · in flight and not answered {self.broken:,}",
            f"  longest wait {self.longest_wait_seconds:.1f} s, locked out after a fault {self.longest_locked_out_seconds:.1f} s"
            f" of {self.allowed_locked_out_seconds:.1f} s allowed"
            f" · p99 {_shown(self.p99_before_seconds)} before, {_shown(self.p99_during_seconds)} during"
            f" · without a reservation {self.reservations_unavailable:,} (explains {self.explained:,})",
        ]
        lines += [] if self.seen is None else [f"  {self.seen.text()}"]
        for kind, count in Counter(kind for kind, _ in self.breaches).items():
            lines.append(f"  WRONG, {count:,} times: {kind}")
            lines += [f"    {text}" for text in [text for of, text in self.breaches if of == kind][:TOLD_OF_EACH_KIND]]
        return "\n".join(lines)


def p99_seconds(latencies: Sequence[float]) -> float | None:
    """``None`` of nothing."""
    return sorted(latencies)[min(len(latencies) - 1, len(latencies) * 99 // 100)] if latencies else None


def _shown(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.0f} ms"
