"""Early notice of a stop, beside the server's own handling of the signal; stopping by itself, and when the server is gone."""

import asyncio
import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1  # prctl(2)


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


def stop_worker() -> None:
    """Have this worker finish what is in flight and end, as at SIGTERM. The server then stops as a whole and exits with 1."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_the_server() -> None:
    """Have this worker end, as at SIGTERM, when the server's main process is gone: killed, it tells nobody. Linux only.

    A worker that went on would keep the port and the supervisor's pipes, and nothing would be started in its place.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    server = multiprocessing.parent_process()
    if server is not None and os.getppid() != server.pid:  # it died before it could be watched
        os.kill(os.getpid(), signal.SIGTERM)
