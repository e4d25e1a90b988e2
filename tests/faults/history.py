"""What every voter was told, attempt by attempt. A checker holds the system to this and to nothing else."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ACCEPTED = 202
ALREADY_VOTED = 409
UNAVAILABLE = 503
FINAL = frozenset({ACCEPTED, ALREADY_VOTED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to cast a vote and what came back. Times are seconds of ``time.monotonic``.

    ``ballot`` numbers what the voter set out to do: 0 is the first vote, 1 a second one for another candidate; attempts to get
    the same ballot in share its number. ``status`` is ``None`` where no whole answer came: the vote may be in the log or not.
    ``problem`` is the problem type without its prefix, or what broke. ``vote_id`` is that of the receipt, if there was one.
    """

    voter_sub: str
    ballot: int
    candidate_id: str
    began_at: float
    ended_at: float
    status: int | None
    problem: str | None
    vote_id: str | None
    retry_after_seconds: float | None

    @property
    def final(self) -> bool:
        """The voter knows that a vote is in, and stops."""
        return self.status in FINAL


class History:
    """Attempts in the order in which they ended. They are added and never changed."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        self._attempts.append(attempt)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._attempts)

    def __len__(self) -> int:
        return len(self._attempts)

    def by_voter(self) -> dict[str, list[Attempt]]:
        """Each voter's attempts."""
        voters: dict[str, list[Attempt]] = {}
        for attempt in self._attempts:
            voters.setdefault(attempt.voter_sub, []).append(attempt)
        return voters

    def write(self, file: Path) -> None:
        """One JSON object a line. It holds voters and choices: for voters that a test invented only."""
        with file.open("w", encoding="utf-8") as lines:
            for attempt in self._attempts:
                lines.write(json.dumps(asdict(attempt)) + "\n")
