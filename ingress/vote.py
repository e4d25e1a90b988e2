"""A vote, as it is handed from step to step. A plain record that is cheap to make: there is one for every request."""

from collections.abc import Callable

import msgspec

from schemas import avro


class Vote(msgspec.Struct, frozen=True):
    """A record of ``votes-in``. ``cast_at_ms`` is milliseconds since the epoch, by the clock of the ingress.

    ``jurisdiction`` is the voter's, empty where the token has none.
    """

    vote_id: str
    election_id: str
    voter_sub: str
    candidate_id: str
    cast_at_ms: int
    catalogue_version: int
    jurisdiction: str = ""

    def datum(self) -> dict[str, str | int]:
        return {
            "vote_id": self.vote_id,
            "election_id": self.election_id,
            "voter_sub": self.voter_sub,
            "candidate_id": self.candidate_id,
            "cast_at": self.cast_at_ms,
            "catalogue_version": self.catalogue_version,
            "jurisdiction": self.jurisdiction,
        }


def encoder(schema: avro.AvroSchema, schema_id: int) -> Callable[[Vote], bytes]:
    """A function that encodes a vote in the wire format."""
    encode = avro.encoder(schema, schema_id)
    return lambda vote: encode(vote.datum())
