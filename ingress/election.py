"""An election as one version of the catalogue has it, and the rules that decide whether a voter may vote in it now."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ingress.clock import rfc3339_exact
from ingress.problems import (
    ELECTION_NOT_OPEN,
    NOT_ELIGIBLE,
    RESULTS_HIDDEN,
    SECOND_FACTOR_REQUIRED,
    UNKNOWN_CANDIDATE,
    WRONG_JURISDICTION,
    Problem,
)
from ingress.voter import Voter

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Candidate:
    candidate_id: str
    name: str


@dataclass(frozen=True)
class Election:
    """One immutable version. ``candidates`` are in the order of the ballot."""

    election_id: str
    version: int
    title: str
    status: str
    opens_at: datetime
    closes_at: datetime
    jurisdictions: tuple[str, ...]
    required_aal: str
    results_visibility: str
    results_batch: int
    candidates: tuple[Candidate, ...]

    @cached_property
    def candidate_ids(self) -> frozenset[str]:
        return frozenset(candidate.candidate_id for candidate in self.candidates)

    @cached_property
    def _window_ms(self) -> tuple[int, int]:
        # Append times are whole milliseconds: what is finer in the catalogue is rounded against the vote.
        return math.ceil(self.opens_at.timestamp() * 1000), math.floor(self.closes_at.timestamp() * 1000)

    def takes_votes_at(self, ms: int) -> bool:
        """Whether a vote appended to the log at this time is in time, as far as this version says."""
        opens, closes = self._window_ms
        return self.status == "open" and opens <= ms < closes

    @cached_property
    def reserved_until_ms(self) -> int:
        """Until when a confirmed reservation is kept: a day longer than anybody can vote, for those who ask whether they have."""
        return math.ceil(self.closes_at.timestamp() * 1000) + DAY_MS

    @property
    def public(self) -> bool:
        """Drafts are not shown to anybody."""
        return self.status != "draft"

    @property
    def results_shown(self) -> bool:
        return self.results_visibility == "live" or self.status == "published"

    def require_results_shown(self) -> None:
        """Raises ``Problem`` (403) while the results are hidden."""
        if not self.results_shown:
            raise Problem(RESULTS_HIDDEN)

    def summary(self) -> dict[str, Any]:
        return {
            "electionId": self.election_id,
            "version": self.version,
            "title": self.title,
            "status": self.status,
            "opensAt": rfc3339_exact(self.opens_at),
            "closesAt": rfc3339_exact(self.closes_at),
            "jurisdictions": list(self.jurisdictions),
            "requiredAal": self.required_aal,
            "resultsVisibility": self.results_visibility,
            "resultsBatch": self.results_batch,
            "candidates": [{"candidateId": candidate.candidate_id, "name": candidate.name} for candidate in self.candidates],
        }


def require_candidate(election: Election, candidate_id: str) -> None:
    """Raises ``Problem`` (422) for a candidate that is not on the ballot."""
    if candidate_id not in election.candidate_ids:
        raise Problem(UNKNOWN_CANDIDATE)


def require_admission(election: Election, voter: Voter, now_ms: int) -> None:
    """Raises ``Problem`` (403) unless this voter may vote in this election now."""
    if not voter.eligible:
        raise Problem(NOT_ELIGIBLE)
    if election.jurisdictions and voter.jurisdiction not in election.jurisdictions:
        raise Problem(WRONG_JURISDICTION)
    if not election.takes_votes_at(now_ms):
        raise not_open(election)
    if election.required_aal == "aal2" and voter.aal != "aal2":
        raise Problem(SECOND_FACTOR_REQUIRED)


def not_open(election: Election) -> Problem:
    return Problem(ELECTION_NOT_OPEN, opensAt=rfc3339_exact(election.opens_at), closesAt=rfc3339_exact(election.closes_at))
