"""The login and consent app of the voting system, in front of Ory Kratos and Ory Hydra.

environment (all have the local stack's values as defaults):
  IDENTITY_HOST, IDENTITY_PORT          where to listen
  IDENTITY_URL, WEB_URL                 this app and the voters' web application, as a browser sees them
  KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL   Kratos
  HYDRA_PUBLIC_URL, HYDRA_ADMIN_URL     Hydra; the public URL is the issuer
  DATABASE_URL                          PostgreSQL, with the voter roll and the events on their way to audit-log
  KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, AUDIT_PORT   for the command audit; its probe listens at the port
  ELIGIBILITY_POLICY                    who is eligible: everyone (until a roll is imported), roll (who is on it), or nobody
  ROLL_SECRET                           secret that the entries of the roll are hashed with; it stays as long as the roll
  REGISTRATION_HOOK_KEY                 secret that Kratos shows when it asks about a registration or tells of an event
  TOKEN_HOOK_KEY                        secret that Hydra shows when it asks about a token that is to be renewed
  VOTER_APP_CLIENT_SECRET               secret of the OAuth2 client voter-app
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import psycopg
from granian import Granian
from granian.constants import Interfaces

from identity import audit_log, clients, keys, roll, roll_store, upstream
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
    async with upstream.connect(timeout_seconds=upstream.COMMAND_TIMEOUT_SECONDS) as client:
        applied = await clients.apply(settings, Hydra(settings, client))
    for client_id, is_new in applied.items():
        print(f"client: {client_id} {'created' if is_new else 'as its file says'}")


async def keys_command(settings: Settings, arguments: argparse.Namespace) -> None:
    async with upstream.connect(timeout_seconds=upstream.COMMAND_TIMEOUT_SECONDS) as client:
        hydra = Hydra(settings, client)
        if arguments.action == "rotate":
            present = await keys.rotate(hydra, arguments.publish_seconds, print)
        elif arguments.action == "retire":
            await keys.retire(hydra, arguments.kid)
            present = await keys.present(hydra)
        else:
            present = await keys.present(hydra)
    print(f"signs:   {present.signing or 'none yet'}")
    for kid in present.former:
        print(f"former:  {kid}")
    print(f"next:    {present.next or 'none yet'}")


def roll_command(settings: Settings, arguments: argparse.Namespace) -> int:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        match arguments.action:
            case "import":
                with Path(arguments.file).open(encoding="utf-8", newline="") as file:
                    new, known = roll_store.import_entries(connection, roll.read(file, settings.roll_secret), print)
                print(f"roll: {new} new entries, {known} were there")
            case "status":
                entries, taken = roll_store.figures(connection)
                print(
                    f"roll: {entries} entries, {taken} taken"
                    if entries
                    else "roll: there is none; whether anybody is eligible "
                    f"is up to ELIGIBILITY_POLICY ({settings.eligibility_policy})"
                )
            case "check":
                if roll_store.figures(connection)[0] == 0:
                    print("roll: there is none, so there is nothing to check against")
                    return 0
                strangers = roll_store.voters_not_on_roll(connection, arguments.election)
                for subject in strangers:
                    print(f"not on the roll: {subject}")
                print(f"roll: {len(strangers)} voters of {arguments.election} are not on it")
                return 1 if strangers else 0
            case "release":
                released = roll_store.release(connection, roll.entry_hash(settings.roll_secret, sys.stdin.readline()))
                print("roll: the entry can be taken by another account" if released else "roll: nobody has taken this entry")
    return 0


def audit_command(settings: Settings) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return 0 if audit_log.run(settings, stopping) else 1


def arguments_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m identity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the pages and the hooks")
    commands.add_parser("clients", help="create or update the OAuth2 clients of identity/hydra/clients; safe to repeat")
    commands.add_parser("audit", help="carry events into the topic audit-log, and what is there into the table audit_trail")

    rolls = commands.add_parser("roll", help="the voter roll").add_subparsers(dest="action", required=True)
    importing = rolls.add_parser("import", help="add entries from a CSV file (email,jurisdiction); safe to repeat")
    importing.add_argument("file")
    rolls.add_parser("status", help="how many entries there are, and how many are taken")
    check = rolls.add_parser("check", help="whether every voter who was counted is on the roll; exit status 1 if not")
    check.add_argument("election")
    rolls.add_parser("release", help="let another account take an entry (its address is read from stdin); not before the seal")

    rotation = commands.add_parser("keys", help="the keys that sign access tokens").add_subparsers(dest="action", required=True)
    rotation.add_parser("show", help="the ids of the keys")
    rotate = rotation.add_parser("rotate", help="sign with the next key, and publish another one")
    rotate.add_argument("--publish-seconds", type=float, default=60.0, help="how long a next key that is new is published first")
    retire = rotation.add_parser("retire", help="take a former key out of the JWKS")
    retire.add_argument("kid")
    return parser


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "serve":
            serve(settings)
        case "clients":
            asyncio.run(apply_clients(settings))
        case "audit":
            return audit_command(settings)
        case "roll":
            return roll_command(settings, arguments)
        case "keys":
            asyncio.run(keys_command(settings, arguments))
    return 0


def main(arguments: list[str] | None = None) -> int:
    parsed = arguments_parser().parse_args(arguments)
    configure_logging()
    try:
        return run(Settings.from_environment(os.environ), parsed)
    except (
        SettingsError,
        PairwiseSubjects,
        Failure,
        keys.NotRetired,
        roll.InvalidRoll,
        roll_store.RollDiffers,
        OSError,
    ) as error:
        print(f"python -m identity {parsed.command}: {error}", file=sys.stderr)
    except psycopg.errors.RestrictViolation as error:
        print(f"python -m identity {parsed.command}: {error.diag.message_primary}", file=sys.stderr)
    except psycopg.Error as error:
        # What PostgreSQL says may quote a row.
        print(f"python -m identity {parsed.command}: PostgreSQL: {type(error).__name__}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
