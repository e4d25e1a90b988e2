"""Base64url without padding (RFC 4648, section 5), one text for the same bytes and no other."""

import base64
import binascii


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ``ValueError`` for anything but what ``encode`` gives for some bytes."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        data = b""
    # The decoder passes over what it does not know, and over bits that no byte takes.
    if not text or encode(data) != text:
        raise ValueError("not base64url")
    return data
