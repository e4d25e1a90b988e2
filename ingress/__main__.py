"""Serve the voting API: ``python -m ingress``. SIGTERM: takes nothing new, finishes what is in flight, exits with 0."""

import logging.config
import os
import sys

from granian import Granian
from granian.constants import Interfaces, Loops
from starlette.types import ASGIApp

from ingress.app import create_app
from ingress.logs import CONFIG
from ingress.settings import Settings, SettingsError
from ingress.starting import with_plain_start
from ingress.stopping import end_with_the_server, on_stop


def application() -> ASGIApp:
    """What each worker serves. Called in the worker, since neither producers nor connections survive a fork."""
    end_with_the_server()
    return with_plain_start(create_app(Settings.from_environment(os.environ), on_stop=on_stop))


def main() -> int:
    logging.config.dictConfig(CONFIG)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        logging.getLogger("ingress").critical("the ingress cannot start: %s", error)
        return 2
    Granian(
        "ingress.__main__:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.asyncio,
        workers=settings.workers,
        backpressure=settings.connections,
        websockets=False,
        log_dictconfig=CONFIG,
        workers_kill_timeout=settings.deadlines.stop_seconds,
    ).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
