"""A manifest says what its signer wrote, or nothing at all."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given

from proof import base64url, canonical_json, manifest
from proof.keys import PublicKey, key_id
from proof.manifest import BadManifest
from tests.unit.proof.test_canonical_json import VALUES

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
KEYS = {key_id(key.public_key()): PublicKey(key.public_key()) for key in (KEY, OTHER)}
CONTENTS = {
    "electionId": "election-2025-01",
    "counts": {"alice": 3, "bob": 0},
    "offsets": [[0, 17], [1, 4]],
    "note": "Zürich",
    "of": None,
}
SIGNED = manifest.sign(CONTENTS, KEY)


def test_a_manifest_gives_what_was_signed() -> None:
    assert manifest.verify(SIGNED, KEYS) == CONTENTS
    assert manifest.verify(SIGNED + b"\n", KEYS) == CONTENTS


@given(VALUES)
def test_any_contents_come_back(value: Any) -> None:
    assert manifest.verify(manifest.sign({"value": value}, KEY), KEYS) == {"value": value}


def test_signing_twice_gives_the_same_bytes() -> None:
    assert manifest.sign(dict(reversed(CONTENTS.items())), KEY) == SIGNED


def test_one_changed_bit_anywhere_is_refused() -> None:
    for place in range(len(SIGNED)):
        for bit in range(8):
            changed = bytearray(SIGNED)
            changed[place] ^= 1 << bit
            with pytest.raises(BadManifest):
                manifest.verify(bytes(changed), KEYS)


def test_a_missing_or_an_additional_byte_anywhere_is_refused() -> None:
    for place in range(len(SIGNED) + 1):
        with pytest.raises(BadManifest):
            manifest.verify(SIGNED[:place] + b" " + SIGNED[place:], KEYS)
        if place < len(SIGNED):
            with pytest.raises(BadManifest):
                manifest.verify(SIGNED[:place] + SIGNED[place + 1 :], KEYS)


def test_a_key_that_was_not_given_is_not_believed() -> None:
    with pytest.raises(BadManifest, match="none of those given"):
        manifest.verify(SIGNED, {name: key for name, key in KEYS.items() if name != key_id(KEY.public_key())})


def test_the_signature_is_that_of_the_key_it_names() -> None:
    envelope = json.loads(SIGNED)
    envelope["keyId"] = key_id(OTHER.public_key())
    with pytest.raises(BadManifest, match="signature"):
        manifest.verify(canonical_json.write(envelope), KEYS)


def test_a_signature_of_the_same_text_for_another_purpose_is_not_one_of_a_manifest() -> None:
    envelope = json.loads(SIGNED)
    envelope["signature"] = base64url.encode(KEY.sign(canonical_json.write(CONTENTS)))
    with pytest.raises(BadManifest, match="signature"):
        manifest.verify(canonical_json.write(envelope), KEYS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'{"contents":{},"keyId":"a"}',
        b'{"contents":{},"keyId":"a","more":1,"signature":"b"}',
        b'{"contents":[],"keyId":"a","signature":"b"}',
        b'{"contents":{},"keyId":1,"signature":"b"}',
        b'{"contents":{},"keyId":"a","signature":null}',
        SIGNED + b"\n\n",
        SIGNED + SIGNED,
    ],
    ids=lambda data: data[:50],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BadManifest):
        manifest.verify(data, KEYS)


def test_contents_that_readers_could_take_differently_are_not_signed() -> None:
    with pytest.raises(canonical_json.NotCanonical):
        manifest.sign({"share": 0.1}, KEY)
