"""Random ids: version 4 UUIDs (RFC 9562), made from random bytes of the kernel that are fetched for many at once."""

import os

_AT_ONCE = 256


class RandomIds:
    """Makes ids, each of them once. Not thread-safe: belongs to one event loop."""

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def new(self) -> str:
        if self._used >= len(self._random):
            self._random = os.urandom(16 * _AT_ONCE)
            self._used = 0
        text = self._random[self._used : self._used + 16].hex()
        self._used += 16
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
