"""What is published about an election, signed: whoever has the public key can tell whether a bit of it was changed.

A manifest is one line of canonical JSON (``proof.canonical_json``)::

    {"contents":{…},"keyId":"…","signature":"…"}

``contents`` is whatever the signer states. The signature (Ed25519, base64url) is over ``voting manifest v1``, a line feed, and
the bytes of ``contents`` as they stand there; ``keyId`` is the key's thumbprint. Anything that is not exactly what the signer
wrote, down to a space, is refused.
"""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof import base64url, canonical_json
from proof.keys import PublicKeys, key_id

_DOMAIN = b"voting manifest v1\n"


class BadManifest(ValueError):
    """These bytes are no manifest that one of the keys signed. Believe nothing in it; the message says why."""


def sign(contents: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The manifest, to be published as it is.

    Contents are objects, arrays, text, whole numbers of at most 2^53 - 1, truth values and ``None``; fractions, bytes and times
    go in as text. Raises ``NotCanonical`` for anything else.
    """
    signature = key.sign(_DOMAIN + canonical_json.write(dict(contents)))
    return canonical_json.write(
        {"contents": dict(contents), "keyId": key_id(key.public_key()), "signature": base64url.encode(signature)}
    )


def verify(data: bytes, public_keys: PublicKeys) -> dict[str, Any]:
    """The contents of a manifest that one of these keys signed. Raises ``BadManifest``.

    One line feed at the end is let pass: editors and downloads add it, and it says nothing.
    """
    try:
        envelope = canonical_json.read(data.removesuffix(b"\n"))
    except canonical_json.NotCanonical as error:
        raise BadManifest(str(error)) from None
    if not isinstance(envelope, dict) or envelope.keys() != {"contents", "keyId", "signature"}:
        raise BadManifest("not a manifest")
    contents, name, signature = envelope["contents"], envelope["keyId"], envelope["signature"]
    if not (isinstance(contents, dict) and isinstance(name, str) and isinstance(signature, str)):
        raise BadManifest("not a manifest")
    key = public_keys.get(name)
    if key is None:
        raise BadManifest(f"it names the key {name!r}, which is none of those given")
    if not key.signed(_DOMAIN + canonical_json.write(contents), signature):
        raise BadManifest("the signature is not that of its contents")
    return contents
