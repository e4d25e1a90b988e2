"""Serve the voters' web application: ``python -m web``.

environment (secrets have no default, all else has the local stack's values):
  WEB_SESSION_SECRET          16 to 64 random bytes in hexadecimal, the same in all processes: seals what is kept of a browser
  VOTER_APP_CLIENT_SECRET     secret of the OAuth2 client voter-app
  WEB_HOST, WEB_PORT          where to listen
  WEB_URL, IDENTITY_URL, KRATOS_PUBLIC_URL, HYDRA_PUBLIC_URL
                              this application and what signs voters in, as a browser sees them; Hydra's is the issuer
  VOTING_API_URL              the public voting API
  REDIS_URL                   where sessions are kept (redis://, rediss://, redis+cluster://, rediss+cluster://)
  WEB_STREAM_LISTENERS        how many browsers can follow live results here (default 2000)
"""

import logging
import os
import socket
import sys

from granian import Granian
from granian.constants import Interfaces

from web.serving import configure_logging
from web.settings import Settings, SettingsError

# Nothing that a page waits for takes longer (web/upstream.py).
STOP_SECONDS = 10
# Requests in hand beside the streams. Beyond both the server lets connections wait.
PAGES_AT_ONCE = 1000


def check_port(host: str, port: int) -> None:
    """Raise ``SettingsError`` if somebody listens there. Granian shares a port (SO_REUSEPORT) with whoever has it already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(f"WEB_HOST, WEB_PORT: cannot listen at {host}:{port}: {error.strerror}") from error


def main() -> int:
    configure_logging()
    try:
        settings = Settings.from_environment(os.environ)
        check_port(settings.host, settings.port)
    except SettingsError as error:
        logging.getLogger("web").critical("the web application cannot start: %s", error)
        return 2
    # No access log: it would hold codes and addresses, and who looked at which election.
    server = Granian(
        "web.serving:application",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        websockets=False,
        backpressure=settings.stream_listeners + PAGES_AT_ONCE,
        log_access=False,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
