"""What a voter gets for a vote: proof that it is in, which shows neither the voter nor the choice nor a place in the log."""

from dataclasses import dataclass
from datetime import datetime

from ingress.clock import rfc3339


@dataclass(frozen=True)
class Receipt:
    vote_id: str
    election_id: str
    cast_at: datetime

    def members(self) -> dict[str, str]:
        return {"voteId": self.vote_id, "electionId": self.election_id, "castAt": rfc3339(self.cast_at)}
