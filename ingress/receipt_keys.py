"""The public keys of receipts, as they are published: a JWK set (RFC 8037) whose key ids are thumbprints (RFC 7638).

An instance publishes the key that it signs with and, from ``RECEIPT_KEYS_FILE``, all others: those that signed before (with
``exp``, since when they do not) and those that will. ``python -m ingress.receipt_keys`` prints the entry of the key in
``RECEIPT_SIGNING_KEY``; docs/runbooks/receipt-keys.md has the steps of a rotation.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ingress import base64url
from ingress.settings import Settings, SettingsError
from ingress.strict_json import read_object

# A time is in seconds since the epoch (RFC 7519, NumericDate).
_TIMES = ("nbf", "exp")


class KeysUnusable(Exception):
    """The keys of receipts cannot be used or published. Put the setting or the file that it names right."""


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """Raises ``KeysUnusable``."""
    if settings.receipt_signing_key is None:
        raise KeysUnusable("RECEIPT_SIGNING_KEY is missing: 32 bytes in hexadecimal (openssl rand -hex 32)")
    return Ed25519PrivateKey.from_private_bytes(settings.receipt_signing_key)


def key_id(key: Ed25519PublicKey) -> str:
    return base64url.encode(hashlib.sha256(msgspec.json.encode(_required(key), order="sorted")).digest())


def entry(key: Ed25519PublicKey) -> dict[str, Any]:
    return {**_required(key), "kid": key_id(key), "use": "sig"}


def published(own: Ed25519PublicKey, file: Path | None) -> bytes:
    """The set, as it is answered. What the file says of the own key, its times, is kept. Raises ``KeysUnusable``."""
    entries = {key_id(own): entry(own)}
    for other in [] if file is None else _read(file):
        entries[other["kid"]] = other
    return msgspec.json.encode({"keys": list(entries.values())})


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        keys = read_object(file.read_bytes())["keys"]
        return [_checked(each) for each in keys]
    except OSError as error:
        raise KeysUnusable(f"RECEIPT_KEYS_FILE: {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnusable(f"RECEIPT_KEYS_FILE: {file} is no set of public Ed25519 keys: {error}") from None


def _checked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly what this module would have written, with times. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    times = {name: found[name] for name in _TIMES if name in found}
    if not all(type(value) is int and value > 0 for value in times.values()):
        raise ValueError("a time that is none")
    if "d" in found:
        raise ValueError("there is a private key in it")
    checked = {**entry(Ed25519PublicKey.from_public_bytes(base64url.decode(found["x"]))), **times}
    if checked != found:
        raise ValueError(f"the entry of {checked['kid']} has other members than it must have")
    return checked


def _required(key: Ed25519PublicKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.public_bytes_raw())}


def main() -> int:
    try:
        key = signing_key(Settings.from_environment(os.environ))
    except (SettingsError, KeysUnusable) as error:
        print(f"python -m ingress.receipt_keys: {error}", file=sys.stderr)
        return 2
    print(json.dumps(entry(key.public_key()), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
