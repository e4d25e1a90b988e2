"""The application as the server's worker process builds it, from the environment."""

import logging
import os

from starlette.types import ASGIApp

from identity.app import create_app
from identity.settings import Settings


def configure_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # httpx logs every URL at level info, and challenges stand in URLs.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def application() -> ASGIApp:
    configure_logging()
    return create_app(Settings.from_environment(os.environ))
