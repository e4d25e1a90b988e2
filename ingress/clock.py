"""Times as they are kept (milliseconds since the epoch) and as they are shown (RFC 3339, UTC, whole seconds).

What is public shows no finer time than a second: with finer ones, somebody who watches results and voters could match them.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

# The clock that parts are given: milliseconds since the epoch.
Clock = Callable[[], int]


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
