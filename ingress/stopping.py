"""Early notice of a stop, beside the server's own handling of the signal."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


def on_stop(call: Callable[[], None]) -> None:
    """Have ``call`` run on the running event loop at SIGTERM or SIGINT. Main thread only.

    asyncio learns of signals through a file descriptor, not through the handler that is set here: the handler that the server
    has added to the loop runs as well.
    """
    loop = asyncio.get_running_loop()

    def handler(_signal: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
        # As asyncio sets it: system calls go on after the signal.
        signal.siginterrupt(number, False)
