"""A voter's receipt, as the voting API gave it: whether one of its keys signed it, and what its vote's commitment is."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from proof import commitments
from proof.keys import PublicKeys
from schemas import ids
from schemas.receipt import signed_bytes

MEMBERS = ("voteId", "electionId", "castAt", "keyId", "signature")
_CAST_AT = "%Y-%m-%dT%H:%M:%SZ"


class NotAReceipt(ValueError):
    """These bytes are no receipt. The message says why."""


class NotGenuine(ValueError):
    """A receipt that none of the keys signed: believe nothing in it. The message says why."""


class Receipt(NamedTuple):
    vote_id: str
    election_id: str
    cast_at: str
    key_id: str
    signature: str

    def commitment(self) -> bytes:
        return commitments.commitment(self.election_id, self.vote_id)


def read(data: bytes) -> Receipt:
    """A receipt alone, as JSON with its five members and no other. Raises ``NotAReceipt``."""
    try:
        members = json.loads(data.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except NotAReceipt:
        raise
    except (ValueError, RecursionError):
        raise NotAReceipt("not JSON") from None
    if isinstance(members, dict) and "receipt" in members:
        raise NotAReceipt("an answer with a receipt in it: save what stands under 'receipt' alone")
    if not isinstance(members, dict) or members.keys() != set(MEMBERS):
        raise NotAReceipt(f"a receipt has the members {', '.join(MEMBERS)} and no other")
    if not all(isinstance(value, str) for value in members.values()):
        raise NotAReceipt("a member of it is not text")
    return Receipt(*(members[name] for name in MEMBERS))


def verify(receipt: Receipt, keys: PublicKeys) -> None:
    """Raises ``NotGenuine`` unless one of these keys signed it while it did sign.

    A receipt may be older than its key, since one that is shown again is signed again; a receipt of a vote that was cast after
    its key had been retired is a forgery.
    """
    if not (ids.ELECTION_ID.fullmatch(receipt.election_id) and ids.VOTE_ID.fullmatch(receipt.vote_id)):
        raise NotGenuine("an id in it is malformed")
    try:
        cast_at = datetime.strptime(receipt.cast_at, _CAST_AT).replace(tzinfo=UTC)
    except ValueError:
        raise NotGenuine("its time is malformed") from None
    key = keys.get(receipt.key_id)
    if key is None:
        raise NotGenuine(f"it names the key {receipt.key_id!r}, which is none of those given")
    if not key.signed(signed_bytes(receipt.election_id, receipt.vote_id, receipt.cast_at), receipt.signature):
        raise NotGenuine("the signature is not that of what it says")
    if key.not_after is not None and cast_at.timestamp() > key.not_after:
        raise NotGenuine("its vote was cast after its key had been retired")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotAReceipt("a member stands twice")
    return members


def _refuse(name: str) -> NoReturn:
    raise NotAReceipt(f"{name} is not JSON")
