"""What is published of each vote after the seal: a commitment to it, and its verdict.

The commitment is a hash of what its voter's receipt says (election and vote id). Whoever has the receipt finds it; whoever has
not cannot, since a vote id has 122 random bits. Neither voter nor choice, nor time, nor place in the log goes into it, so that
nothing of them can come out of it, not even by trying all of them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from proof.merkle import HASH_BYTES

FORMAT = "voting commitment v1"
LEAF_BYTES = HASH_BYTES + 1


class Verdict(IntEnum):
    """What became of a record of the log. The numbers are what the leaves hold; they never change.

    The names but the first and the last are those of ``RejectionReason`` in schemas/avro/votes-rejected.
    """

    COUNTED = 1
    DUPLICATE = 2
    UNKNOWN_ELECTION = 3
    UNKNOWN_CANDIDATE = 4
    ELECTION_NOT_OPEN = 5
    WRONG_JURISDICTION = 6
    # Its key or its partition is not that of its contents: it went to the dead letters.
    DEAD_LETTER = 7

    @property
    def shown(self) -> str:
        """The name in manifests and proofs."""
        return self.name.lower()


class NotCommitments(ValueError):
    """A manifest does not say of commitments what it must."""


@dataclass(frozen=True)
class Summary:
    """All leaves of an election: how many, their root, and how many have which verdict."""

    leaves: int
    root: bytes
    verdicts: Mapping[Verdict, int]

    def contents(self) -> dict[str, Any]:
        """What goes into the manifest of the election, as its member ``commitments``."""
        return {
            "format": FORMAT,
            "leaves": self.leaves,
            "root": self.root.hex(),
            "verdicts": {verdict.shown: self.verdicts.get(verdict, 0) for verdict in Verdict},
        }

    @classmethod
    def from_contents(cls, contents: Any) -> Self:
        """Raises ``NotCommitments``."""
        try:
            if contents["format"] != FORMAT:
                raise NotCommitments(f"commitments in another form than {FORMAT!r}: a newer verifier is needed")
            found = cls(
                leaves=contents["leaves"],
                root=bytes.fromhex(contents["root"]),
                verdicts={Verdict[name.upper()]: count for name, count in contents["verdicts"].items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, NotCommitments):
                raise
            raise NotCommitments("it says nothing of commitments, or nothing that can be read") from None
        if found.contents() != contents or sum(found.verdicts.values()) != found.leaves:
            raise NotCommitments("what it says of commitments does not fit together")
        return found


def commitment(election_id: str, vote_id: str) -> bytes:
    """SHA-256 of three lines of text, each ended by a line feed: the format, the election and the vote id.

    Neither id holds a line feed (``schemas.ids``).
    """
    return hashlib.sha256(f"{FORMAT}\n{election_id}\n{vote_id}\n".encode()).digest()


def leaf(committed: bytes, verdict: Verdict) -> bytes:
    """A leaf of the tree: the commitment and one byte for the verdict."""
    return committed + bytes((verdict,))
