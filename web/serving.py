"""The application as the server's worker process builds it, from the environment; its end with the server."""

import asyncio
import ctypes
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from types import FrameType

from starlette.types import ASGIApp

from web.app import create_app
from web.settings import Settings
from web.store import RedisStore

_PR_SET_PDEATHSIG = 1  # prctl(2)


def configure_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # httpx logs every URL at level info, and authorization requests stand in URLs.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def application() -> ASGIApp:
    end_with_the_server()
    configure_logging()
    settings = Settings.from_environment(os.environ)
    return create_app(settings, RedisStore(settings.redis_url), on_stop=on_stop)


def on_stop(call: Callable[[], None]) -> None:
    """Have ``call`` run on the running event loop at SIGTERM or SIGINT, beside what the server does then. Main thread only.

    The server waits for open answers before it ends the application, and a stream ends only when it is told.
    """
    loop = asyncio.get_running_loop()

    def handler(_signal: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
        signal.siginterrupt(number, False)


def end_with_the_server() -> None:
    """Have this worker end, as at SIGTERM, when the server's main process is gone: killed, it tells nobody. Linux only.

    A worker that went on would keep the port and the supervisor's pipes, and nothing would be started in its place.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    server = multiprocessing.parent_process()
    if server is not None and os.getppid() != server.pid:  # it died before it could be watched
        os.kill(os.getpid(), signal.SIGTERM)
