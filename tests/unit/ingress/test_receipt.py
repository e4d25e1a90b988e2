"""A receipt is signed as the contract says, and the same one always in the same way."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ingress import base64url
from ingress.receipt import Receipt, ReceiptSigner
from schemas.receipt import signed_bytes
from tests.unit.ingress.factories import ELECTION, NOW_MS, RECEIPT_KEY
from tests.unit.schemas.test_receipt import EXAMPLE

VOTE_ID = "0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11"
# RFC 8037, appendix A.1: the key of the contract's example.
EXAMPLE_KEY = Ed25519PrivateKey.from_private_bytes(base64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))


def test_the_example_of_the_contract_is_what_is_signed() -> None:
    members = EXAMPLE["receipt"]
    receipt = Receipt(members["voteId"], members["electionId"], NOW_MS)
    assert ReceiptSigner(EXAMPLE_KEY).members(receipt) == members


def test_the_same_receipt_has_the_same_signature() -> None:
    receipt = Receipt(VOTE_ID, ELECTION, NOW_MS)
    assert ReceiptSigner(RECEIPT_KEY).members(receipt) == ReceiptSigner(RECEIPT_KEY).members(receipt)


@given(st.uuids(version=4), st.integers(0, 4_000_000_000_000))
def test_every_receipt_verifies(vote_id: object, cast_at_ms: int) -> None:
    members = ReceiptSigner(RECEIPT_KEY).members(Receipt(str(vote_id), ELECTION, cast_at_ms))
    signed = signed_bytes(members["electionId"], members["voteId"], members["castAt"])
    RECEIPT_KEY.public_key().verify(base64url.decode(members["signature"]), signed)
    assert json.loads(json.dumps(members)) == members


def test_the_key_does_not_show() -> None:
    signer = ReceiptSigner(RECEIPT_KEY)
    assert RECEIPT_KEY.private_bytes_raw().hex() not in f"{signer!r}{vars(signer)!r}"
