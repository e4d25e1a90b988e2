"""A receipt says what the voting API signed, or nothing at all."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof import base64url, commitments, keys, receipt
from proof.keys import PublicKey, key_id
from proof.receipt import NotAReceipt, NotGenuine
from schemas.receipt import signed_bytes
from tests.unit.schemas.test_receipt import EXAMPLE

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
KEYS = {key_id(key.public_key()): PublicKey(key.public_key()) for key in (KEY, OTHER)}
ELECTION, VOTE_ID, CAST_AT = "election-2025-01", "0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11", "2025-06-01T12:00:00Z"
CAST_AT_SECONDS = 1_748_779_200


def signed(election_id: str = ELECTION, vote_id: str = VOTE_ID, cast_at: str = CAST_AT) -> dict[str, str]:
    return {
        "voteId": vote_id,
        "electionId": election_id,
        "castAt": cast_at,
        "keyId": key_id(KEY.public_key()),
        "signature": base64url.encode(KEY.sign(signed_bytes(election_id, vote_id, cast_at))),
    }


def written(members: Any) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


GENUINE = written(signed())


def check(data: bytes, public_keys: keys.PublicKeys = KEYS) -> receipt.Receipt:
    shown = receipt.read(data)
    receipt.verify(shown, public_keys)
    return shown


def test_a_receipt_is_genuine_and_commits_to_its_vote() -> None:
    assert check(GENUINE).commitment() == commitments.commitment(ELECTION, VOTE_ID)
    assert check(json.dumps(signed(), indent=2).encode() + b"\n") == check(GENUINE)


def test_the_example_of_the_contract_is_genuine() -> None:
    check(written(EXAMPLE["receipt"]), keys.read_jwks(written({"keys": EXAMPLE["keys"]})))


def test_one_changed_bit_anywhere_is_refused() -> None:
    for place in range(len(GENUINE)):
        for bit in range(8):
            changed = bytearray(GENUINE)
            changed[place] ^= 1 << bit
            with pytest.raises((NotAReceipt, NotGenuine)):
                check(bytes(changed))


def test_every_missing_byte_is_noticed() -> None:
    for place in range(len(GENUINE)):
        with pytest.raises((NotAReceipt, NotGenuine)):
            check(GENUINE[:place] + GENUINE[place + 1 :])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"keyId": key_id(OTHER.public_key())}, "signature"),
        ({"keyId": "unknown"}, "none of those given"),
        ({"electionId": "election-2025-02"}, "signature"),
        ({"castAt": "2025-06-01T12:00:01Z"}, "signature"),
        ({"signature": ""}, "signature"),
        ({"signature": base64url.encode(bytes(64))}, "signature"),
        ({"signature": base64url.encode(KEY.sign(b"voting manifest v1\n{}"))}, "signature"),
        ({"electionId": f"{ELECTION}\n{VOTE_ID}"}, "malformed"),
        ({"voteId": ""}, "malformed"),
        ({"voteId": "é"}, "malformed"),
        ({"castAt": "2025-06-01T12:00:00+00:00"}, "time is malformed"),
        ({"castAt": "2025-06-31T12:00:00Z"}, "time is malformed"),
    ],
    ids=str,
)
def test_a_changed_receipt_is_not_genuine(change: dict[str, str], why: str) -> None:
    with pytest.raises(NotGenuine, match=why):
        check(written(signed() | change))


def test_a_signature_of_other_lines_cannot_be_moved_into_a_receipt() -> None:
    lines = signed(election_id="a", vote_id=f"b\n{VOTE_ID}")
    with pytest.raises(NotGenuine, match="malformed"):
        check(written(lines))


def test_a_retired_key_is_believed_about_what_was_cast_before() -> None:
    name = key_id(KEY.public_key())
    check(GENUINE, {name: PublicKey(KEY.public_key(), CAST_AT_SECONDS)})
    with pytest.raises(NotGenuine, match="retired"):
        check(GENUINE, {name: PublicKey(KEY.public_key(), CAST_AT_SECONDS - 1)})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"NaN", "not JSON"),
        (b"[]", "members"),
        (b"{}", "members"),
        (written(signed() | {"choice": "alice"}), "members"),
        (written({"receipt": signed(), "status": "accepted"}), "save what stands under"),
        (GENUINE[:-1] + b',"voteId":"x"}', "twice"),
        (written(signed() | {"castAt": CAST_AT_SECONDS}), "not text"),
        (written(signed() | {"signature": None}), "not text"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_what_is_no_receipt_is_named(data: bytes, why: str) -> None:
    with pytest.raises(NotAReceipt, match=why):
        receipt.read(data)
