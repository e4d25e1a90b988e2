"""A circuit breaker: after failures in a row a part is left alone for a while, so that it does not slow every request."""

from collections.abc import Callable

FAILURES_TO_OPEN = 3
OPEN_SECONDS = 1.0


class CircuitBreaker:
    """Not thread-safe: belongs to one event loop. ``now`` gives seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures = 0
        self._closed_from = 0.0

    def allows(self) -> bool:
        """Whether the part may be asked. When the rest is over, one caller at a time finds out how it is."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        if self._now() < self._closed_from:
            return False
        self._closed_from = self._now() + OPEN_SECONDS
        return True

    @property
    def open(self) -> bool:
        return self._failures >= FAILURES_TO_OPEN

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures == FAILURES_TO_OPEN:
            self._closed_from = self._now() + OPEN_SECONDS
