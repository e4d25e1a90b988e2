"""Times as they are kept (milliseconds since the epoch) and as they are shown (RFC 3339, UTC, whole seconds).

What is public shows no finer time than a second: with finer ones, somebody who watches results and voters could match them.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

# The clock that parts are given: milliseconds since the epoch.
Clock = Callable[[], int]


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_exact(instant: datetime) -> str:
    """With milliseconds where there are any: a schedule is public, and a rounded one would be another."""
    utc = instant.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def rfc3339_of(ms: int) -> str:
    return _rfc3339_of_second(ms // 1000)


@lru_cache(maxsize=64)
def _rfc3339_of_second(seconds: int) -> str:
    # The votes of a moment are cast within a few seconds of each other, and formatting a time is dear.
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
