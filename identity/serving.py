"""The application as the server's worker process builds it, from the environment."""

import ctypes
import logging
import multiprocessing
import os
import signal

from starlette.types import ASGIApp

from identity.app import create_app
from identity.settings import Settings

_PR_SET_PDEATHSIG = 1  # prctl(2)


def configure_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # httpx logs every URL at level info, and challenges stand in URLs.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def application() -> ASGIApp:
    end_with_the_server()
    configure_logging()
    return create_app(Settings.from_environment(os.environ))


def end_with_the_server() -> None:
    """Have this worker end, as at SIGTERM, when the server's main process is gone: killed, it tells nobody. Linux only.

    A worker that went on would keep the port and the supervisor's pipes, and nothing would be started in its place.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    server = multiprocessing.parent_process()
    if server is not None and os.getppid() != server.pid:  # it died before it could be watched
        os.kill(os.getpid(), signal.SIGTERM)
