"""Serve one of the applications that the ingress is compared with: ``python -m tests.load.serve bare|naive|in_memory``.

Settings are the ingress's own. The naive one runs on asyncio's loop, as it comes.
"""

import logging.config
import os
import sys

from granian.constants import Loops

from ingress.__main__ import server
from ingress.logs import CONFIG
from ingress.settings import Settings

if __name__ == "__main__":
    name = sys.argv[1]
    logging.config.dictConfig(CONFIG)
    loop = Loops.asyncio if name == "naive" else Loops.uvloop
    server(f"tests.load.{name}:application", Settings.from_environment(os.environ), loop).serve()
