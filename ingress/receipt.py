"""What a voter gets for a vote: proof that it is in, which shows neither the voter nor the choice nor a place in the log."""

import msgspec

from ingress.clock import rfc3339_of


class Receipt(msgspec.Struct, frozen=True):
    """``cast_at_ms`` is milliseconds since the epoch; whole seconds are shown."""

    vote_id: str
    election_id: str
    cast_at_ms: int

    def members(self) -> dict[str, str]:
        return {"voteId": self.vote_id, "electionId": self.election_id, "castAt": rfc3339_of(self.cast_at_ms)}
