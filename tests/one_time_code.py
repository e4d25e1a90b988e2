"""What an authenticator app shows: time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 seconds)."""

import base64
import hmac
import struct

STEP_SECONDS = 30


def one_time_code(secret: str, now: float) -> str:
    """The code for a secret (base32) at a time in seconds since the epoch."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(now) // STEP_SECONDS), "sha1")
    offset = digest[-1] & 0xF
    number: int = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
