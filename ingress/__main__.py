"""Serve the voting API: ``python -m ingress``.

SIGTERM: takes nothing new, finishes what is in flight, exits with 0. When the producer has failed for good it does the same and
exits with 1, for its supervisor to start it anew.
"""

import gc
import logging.config
import os
import sys

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.server import MPServer
from starlette.types import ASGIApp

from ingress.app import create_app
from ingress.logs import CONFIG
from ingress.settings import Settings, SettingsError
from ingress.starting import with_plain_start
from ingress.stopping import end_with_the_server, on_stop, stop_worker

# A token has about 1,100 bytes and never more than 4,096.
HEADER_LIMIT_BYTES = 16 * 1024
HEADER_READ_MILLISECONDS = 10_000
# A vote leaves hardly any garbage that counting references does not free.
GARBAGE_AFTER_ALLOCATIONS = 20_000


def application() -> ASGIApp:
    """What each worker serves. Called in the worker, since neither producers nor connections survive a fork."""
    end_with_the_server()
    app = create_app(Settings.from_environment(os.environ), on_stop=on_stop, on_failure=stop_worker)
    spare_the_garbage_collector()
    return with_plain_start(app)


def spare_the_garbage_collector() -> None:
    """What is here by now stays; looking through it again and again costs a vote 7 µs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER_ALLOCATIONS, 10, 50)


def server(target: str, settings: Settings, loop: Loops = Loops.uvloop) -> MPServer:
    """The server of a factory of applications, ``module:name``. uvloop: what it saves is in docs/performance.md."""
    return MPServer(
        target,
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=loop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MILLISECONDS, max_buffer_size=HEADER_LIMIT_BYTES),
        workers=settings.workers,
        backpressure=settings.connections,
        websockets=False,
        log_dictconfig=CONFIG,
        workers_kill_timeout=settings.deadlines.stop_seconds,
    )


def main() -> int:
    logging.config.dictConfig(CONFIG)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        logging.getLogger("ingress").critical("the ingress cannot start: %s", error)
        return 2
    server("ingress.__main__:application", settings).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
