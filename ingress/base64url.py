"""Base64url without padding, as JOSE writes it (RFC 7515, section 2), and nothing that only looks like it."""

import binascii

# What base64url does not have becomes what base64 does not have either.
_TO_BASE64 = bytes.maketrans(b"-_+/=\n", b"+/!!!!")
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", None, b"==", b"=")
# The last character of an incomplete group has bits that no byte takes; canonical text has zeros there.
_CANONICAL_ENDS = (None, None, frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))


def encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_FROM_BASE64, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Raises ``ValueError`` for anything but the one canonical form of some bytes."""
    left_over = len(text) % 4
    padding = _PADDING[left_over]
    ends = _CANONICAL_ENDS[left_over]
    if padding is None or (ends is not None and text[-1] not in ends):
        raise ValueError("not canonical base64url")
    # binascii.Error and UnicodeEncodeError are ValueErrors.
    return binascii.a2b_base64(text.encode("ascii").translate(_TO_BASE64) + padding, strict_mode=True)
