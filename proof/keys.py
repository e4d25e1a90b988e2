"""Ed25519 keys, as they are published (a JWK set, RFC 8037) and as a signer holds them.

A key's id is its RFC 7638 thumbprint: nobody can publish another key under it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from proof import base64url

PRIVATE_KEY_BYTES = 32


class BadKeys(ValueError):
    """These are no keys that can be used. The message says why and shows nothing of a private one."""


class PublicKey(NamedTuple):
    """``not_after`` is when it ceased to sign, in seconds since the epoch, or ``None`` while it does not end."""

    key: Ed25519PublicKey
    not_after: float | None = None

    def signed(self, message: bytes, signature: str) -> bool:
        """Whether this key signed the message. ``signature`` is base64url."""
        try:
            self.key.verify(base64url.decode(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True


PublicKeys = Mapping[str, PublicKey]


def private_key(hexadecimal: str) -> Ed25519PrivateKey:
    """From 32 bytes in hexadecimal; any will do (``openssl rand -hex 32``). Raises ``BadKeys``."""
    try:
        seed = bytes.fromhex(hexadecimal)
    except ValueError:
        seed = b""
    if len(seed) != PRIVATE_KEY_BYTES:
        raise BadKeys(f"a private key is {PRIVATE_KEY_BYTES} bytes in hexadecimal (openssl rand -hex {PRIVATE_KEY_BYTES})")
    return Ed25519PrivateKey.from_private_bytes(seed)


def key_id(key: Ed25519PublicKey) -> str:
    """The thumbprint: SHA-256 of the members that a JWK must have, in their order (RFC 7638, 3)."""
    form = json.dumps(_required(key), separators=(",", ":"), sort_keys=True)
    return base64url.encode(hashlib.sha256(form.encode()).digest())


def jwk(key: Ed25519PublicKey) -> dict[str, Any]:
    """As it is published."""
    return {**_required(key), "kid": key_id(key), "use": "sig"}


def read_jwks(data: bytes) -> dict[str, PublicKey]:
    """The Ed25519 keys of a JWK set, by their ids; keys of other kinds are passed over.

    Raises ``BadKeys`` if there is none, or one that is not what its id says.
    """
    try:
        entries = json.loads(data.decode())["keys"]
        found = dict(_read(entry) for entry in entries if (entry["kty"], entry.get("crv")) == ("OKP", "Ed25519"))
    except BadKeys:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadKeys("not a set of public keys (JWKS)") from None
    if not found:
        raise BadKeys("no Ed25519 key in it")
    return found


def _read(entry: Mapping[str, Any]) -> tuple[str, PublicKey]:
    key = Ed25519PublicKey.from_public_bytes(base64url.decode(entry["x"]))
    if entry["kid"] != key_id(key):
        raise BadKeys(f"the key {entry['kid']!r} has another thumbprint: {key_id(key)}")
    not_after = entry.get("exp")
    if isinstance(not_after, bool) or not isinstance(not_after, int | float | None):
        raise BadKeys(f"the key {key_id(key)} has an exp that is no time")
    return key_id(key), PublicKey(key, not_after)


def _required(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(key.public_bytes_raw())}
