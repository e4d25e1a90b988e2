"""What a signature of a receipt is over never changes: receipts are kept for years."""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import schemas
from schemas.receipt import signed_bytes

EXAMPLE = json.loads(Path(schemas.__path__[0], "receipt.v1.json").read_text())


def test_it_is_four_lines_that_can_be_written_by_hand() -> None:
    assert signed_bytes("election-2025-01", "vote-1", "2025-06-01T12:00:00Z") == (
        b"voting receipt v1\nelection-2025-01\nvote-1\n2025-06-01T12:00:00Z\n"
    )


def test_the_example_is_signed_by_the_key_beside_it() -> None:
    receipt, [key] = EXAMPLE["receipt"], EXAMPLE["keys"]
    signed = signed_bytes(receipt["electionId"], receipt["voteId"], receipt["castAt"])
    assert signed.decode() == EXAMPLE["signed"]
    assert receipt["keyId"] == key["kid"]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public.verify(base64.urlsafe_b64decode(receipt["signature"] + "=="), signed)
