"""A time-out for many waits of the same length with one timer for all of them.

``asyncio.timeout`` makes, keeps and cancels a timer for each wait, which costs 8 µs, and hardly any wait comes to its end. Here a
wait costs a place in a queue, and one timer looks at the queue now and then.
"""

import asyncio
import time
from collections import deque
from types import TracebackType

# A wait ends at most so much later than its time.
_LOOK_SECONDS = 0.25


class SharedTimeout:
    """``with timeout.started():`` around awaits raises ``TimeoutError`` when they take longer than ``seconds``.

    Belongs to one event loop.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waits: deque[_Wait] = deque()
        self._looking = False

    def started(self) -> "_Wait":
        wait = _Wait(time.monotonic() + self.seconds)
        self._waits.append(wait)
        if not self._looking:
            self._looking = True
            loop = asyncio.get_running_loop()
            loop.call_later(_LOOK_SECONDS, self._look, loop)
        return wait

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        while self._waits and (self._waits[0].task is None or self._waits[0].until <= now):
            self._waits.popleft().expire()
        self._looking = bool(self._waits)
        if self._looking:
            loop.call_later(_LOOK_SECONDS, self._look, loop)


class _Wait:
    """Cancels its task at the end of its time; what leaves the block then is ``TimeoutError`` (as in ``asyncio.timeout``)."""

    __slots__ = ("_cancelling", "_expired", "task", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.task: asyncio.Task[object] | None = None
        self._expired = False
        self._cancelling = 0

    def __enter__(self) -> None:
        self.task = asyncio.current_task()
        if self.task is None:
            raise RuntimeError("a time-out needs a task that can be ended")
        self._cancelling = self.task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, _trace: TracebackType | None) -> None:
        task, self.task = self.task, None
        if (
            self._expired
            and task is not None
            and task.uncancel() <= self._cancelling
            and kind is not None
            and issubclass(kind, asyncio.CancelledError)
        ):
            raise TimeoutError

    def expire(self) -> None:
        if self.task is not None:
            self._expired = True
            self.task.cancel()
