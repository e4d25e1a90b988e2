"""The login and consent app of the voting system, in front of Ory Kratos and Ory Hydra.

environment (all have the local stack's values as defaults):
  IDENTITY_HOST, IDENTITY_PORT          where to listen
  IDENTITY_URL, WEB_URL                 this app and the voters' web application, as a browser sees them
  KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL   Kratos
  HYDRA_PUBLIC_URL, HYDRA_ADMIN_URL     Hydra; the public URL is the issuer
  ELIGIBILITY_POLICY                    everyone or nobody: who is eligible when they register
  REGISTRATION_HOOK_KEY                 secret that Kratos shows when it asks about a registration
  VOTER_APP_CLIENT_SECRET               secret of the OAuth2 client voter-app
"""

import argparse
import asyncio
import logging
import os
import socket
import sys

from granian import Granian
from granian.constants import Interfaces

from identity import clients, upstream
from identity.failures import Failure
from identity.hydra_api import Hydra, PairwiseSubjects
from identity.serving import configure_logging
from identity.settings import Settings, SettingsError

log = logging.getLogger("identity")


async def check_hydra(settings: Settings) -> None:
    """Raise ``PairwiseSubjects`` if Hydra answers and gives one person several subjects."""
    async with upstream.connect() as client:
        try:
            await Hydra(settings, client).check_subject_types()
        except Failure as failure:
            log.warning("%s; /readyz answers 503 until it does", failure)


def check_port(host: str, port: int) -> None:
    """Raise ``SettingsError`` if somebody listens there. Granian shares a port (SO_REUSEPORT) with whoever has it already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(f"IDENTITY_HOST, IDENTITY_PORT: cannot listen at {host}:{port}: {error.strerror}") from error


def serve(settings: Settings) -> None:
    check_port(settings.host, settings.port)
    asyncio.run(check_hydra(settings))
    # No access log: it would hold challenges and addresses.
    server = Granian(
        "identity.serving:application",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        websockets=False,
        log_access=False,
    )
    server.serve()


async def apply_clients(settings: Settings) -> None:
    async with upstream.connect() as client:
        applied = await clients.apply(settings, Hydra(settings, client))
    for client_id, is_new in applied.items():
        print(f"client: {client_id} {'created' if is_new else 'as its file says'}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m identity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the login, consent, registration and logout pages")
    commands.add_parser("clients", help="create or update the OAuth2 clients of identity/hydra/clients; safe to repeat")
    command = parser.parse_args(arguments).command
    configure_logging()
    try:
        settings = Settings.from_environment(os.environ)
        if command == "serve":
            serve(settings)
        else:
            asyncio.run(apply_clients(settings))
    except (SettingsError, PairwiseSubjects, Failure) as error:
        print(f"python -m identity {command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
