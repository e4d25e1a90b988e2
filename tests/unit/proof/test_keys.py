import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from proof import base64url, keys
from proof.keys import BadKeys

# RFC 8037, appendix A.
SEED = base64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEY = keys.private_key(SEED.hex())
JWK = {"kty": "OKP", "crv": "Ed25519", "x": PUBLIC, "kid": THUMBPRINT, "use": "sig"}


def jwks(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


def test_a_key_is_published_as_in_rfc_8037() -> None:
    assert keys.jwk(KEY.public_key()) == JWK


def test_what_is_published_is_read_again() -> None:
    found = keys.read_jwks(jwks({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, JWK | {"exp": 1_700_000_000}))
    assert {name: key.not_after for name, key in found.items()} == {THUMBPRINT: 1_700_000_000}
    assert found[THUMBPRINT].signed(b"message", base64url.encode(KEY.sign(b"message")))
    assert keys.read_jwks(jwks(JWK))[THUMBPRINT].not_after is None


def test_a_signature_holds_for_its_message_its_key_and_in_one_form_only() -> None:
    key = keys.read_jwks(jwks(JWK))[THUMBPRINT]
    signature = base64url.encode(KEY.sign(b"message"))
    assert not key.signed(b"massage", signature)
    assert not key.signed(b"message", base64url.encode(Ed25519PrivateKey.generate().sign(b"message")))
    for other in ("", signature[:-1], signature + "=", signature + "AAAA", f" {signature}", signature[:-1] + "€"):
        assert not key.signed(b"message", other)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        jwks(),
        jwks("text"),
        jwks(None),
        jwks({"kty": "RSA"}),
        jwks(JWK | {"x": PUBLIC[:-2]}),
        jwks(JWK | {"x": 1}),
        jwks({name: value for name, value in JWK.items() if name != "kid"}),
        jwks(JWK | {"kid": "mine"}),
        jwks(JWK | {"exp": "tomorrow"}),
        jwks(JWK | {"exp": True}),
    ],
    ids=lambda data: data[:60],
)
def test_what_is_no_set_of_keys_is_refused(data: bytes) -> None:
    with pytest.raises(BadKeys):
        keys.read_jwks(data)


@pytest.mark.parametrize("text", ["", "00", "00" * 31, "00" * 33, "zz" * 32])
def test_a_private_key_has_32_bytes_and_is_not_shown(text: str) -> None:
    with pytest.raises(BadKeys) as refused:
        keys.private_key(text)
    assert not text or text not in str(refused.value)


@given(st.binary(min_size=1, max_size=70))
def test_base64url_has_one_form(data: bytes) -> None:
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    for other in (text + "=", text + "\n", " " + text, text + "é"):
        with pytest.raises(ValueError, match="not base64url"):
            base64url.decode(other)


@pytest.mark.parametrize("text", ["", "A", "AB", "AAB", "A+/_", "AAAAA"])
def test_other_text_is_not_base64url(text: str) -> None:
    with pytest.raises(ValueError, match="not base64url"):
        base64url.decode(text)
