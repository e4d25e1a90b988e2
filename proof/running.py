"""The commands that need a running system."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof import audit, commit, keys, manifest, offline, report
from proof.settings import Settings, SettingsError

PAUSE_SECONDS = 1.0
AGREE, DISAGREE, COULD_NOT_CHECK = 0, 1, 2


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
        match options.command:
            case "commit":
                return _commit(settings, options)
            case "public-keys":
                print(json.dumps({"keys": [keys.jwk(_signing_key(settings).public_key())]}))
                return 0
            case _:
                return _audit(settings, options)
    except (SettingsError, audit.CouldNotCheck, commit.CannotCommit) as error:
        print(f"python -m proof {options.command}: {error}", file=sys.stderr)
        return COULD_NOT_CHECK


def _audit(settings: Settings, options: argparse.Namespace) -> int:
    found = _until_it_agrees(settings, options.election, options.wait)
    print(report.as_json(found) if options.json else report.text(found))
    return AGREE if found.agrees else DISAGREE


def _commit(settings: Settings, options: argparse.Namespace) -> int:
    within = None if options.offsets_of is None else commit.ranges_of(_stated(options.offsets_of))
    ranges, summary = commit.run(settings, options.election, options.out / "leaves.bin", offline.progress, within)
    contents = commit.contents(options.election, ranges, summary)
    if settings.signing_key is not None:
        try:
            (options.out / "manifest.json").write_bytes(manifest.sign(contents, settings.signing_key) + b"\n")
        except OSError as error:
            raise commit.CannotCommit(f"{error.filename} cannot be written: {error.strerror}") from error
    print(json.dumps(contents["commitments"], indent=2))
    return 0


def _stated(file: Path) -> dict[str, Any]:
    """What a manifest states, whoever signed it: it only says what to read. Raises ``CannotCommit``."""
    try:
        stated: dict[str, Any] = json.loads(file.read_bytes())["contents"]
    except OSError as error:
        raise commit.CannotCommit(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise commit.CannotCommit(f"{file} is no manifest") from error
    return stated


def _signing_key(settings: Settings) -> Ed25519PrivateKey:
    if settings.signing_key is None:
        raise SettingsError("PROOF_SIGNING_KEY is missing: 32 bytes in hexadecimal (openssl rand -hex 32)")
    return settings.signing_key


def _until_it_agrees(settings: Settings, election_id: str | None, wait_seconds: float) -> audit.Audit:
    """The first audit that agrees, else the last one that ended within the time. Raises ``audit.CouldNotCheck``."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            found = audit.run(settings)
            found = found.of(election_id) if election_id is not None else found
        except audit.CouldNotCheck as error:
            if time.monotonic() >= deadline:
                raise
            progress = f"could not check: {error}"
        else:
            if found.agrees or time.monotonic() >= deadline:
                return found
            progress = report.verdict(found)
        print(f"{progress} Again, for at most {max(0.0, deadline - time.monotonic()):.0f} s.", file=sys.stderr, flush=True)
        time.sleep(PAUSE_SECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proof",
        description="Independent checks of a running system, and of what it published.",
        epilog="Settings: KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, DATABASE_URL, REDIS_URL, TOPICS_ENVIRONMENT,"
        " PROOF_DEDUP_GROUP (dedup), PROOF_SIGNING_KEY.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "audit",
        help="do the log, the verdicts, the ledger, the totals and Redis agree?",
        description="Compares the log, the verdicts, the ledger, the totals and Redis."
        " Exit status: 0 they agree, 1 they do not, 2 it could not be checked.",
    )
    command.add_argument("--election", metavar="ID", help="this election only (the whole log is read all the same)")
    command.add_argument("--wait", metavar="SECONDS", type=float, default=0.0, help="repeat for so long until all agree")
    command.add_argument("--json", action="store_true", help="print JSON")
    command = commands.add_parser(
        "commit",
        help="write the commitments of all votes of an election, for publication after its seal",
        description="Reads votes-in, decides what became of every vote of the election, and writes DIR/leaves.bin and, with"
        " PROOF_SIGNING_KEY, the signed DIR/manifest.json. Exit status: 0 written, 2 not.",
    )
    command.add_argument("election", metavar="ELECTION")
    command.add_argument("--out", type=Path, metavar="DIR", default=Path(), help="where to (default: here)")
    command.add_argument(
        "--offsets-of",
        metavar="MANIFEST",
        type=Path,
        help="read what this manifest covers, to compare the leaves (default: all that there is now)",
    )
    commands.add_parser("public-keys", help="print the public key of PROOF_SIGNING_KEY, for those who verify manifests (JWKS)")
    offline.add_commands(commands)
    return parser
