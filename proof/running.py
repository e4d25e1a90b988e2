"""The commands that need a running system."""

import argparse
import contextlib
import getpass
import json
import os
import sys
import time
from pathlib import Path
from threading import Event, Timer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof import adjudication, audit, commit, display, keys, manifest, offline, recount_command, report, serving, watch
from proof.settings import Settings, SettingsError
from proof.watch import View

PAUSE_SECONDS = 1.0
# A command that somebody waits for gives up when there is nothing to be seen of Kafka for so long.
FIRST_VIEW_SECONDS = 60.0
AGREE, DISAGREE, COULD_NOT_CHECK = 0, 1, 2


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _run(Settings.from_environment(os.environ), options)
    except (SettingsError, adjudication.InvalidPlace, audit.CouldNotCheck, commit.CannotCommit, OSError) as error:
        print(f"python -m proof {options.command}: {error}", file=sys.stderr)
        return COULD_NOT_CHECK


def _run(settings: Settings, options: argparse.Namespace) -> int:
    match options.command:
        case "serve":
            serving.serve(settings)
        case "public-keys":
            print(json.dumps({"keys": [keys.jwk(_signing_key(settings).public_key())]}))
        case _:
            return _CHECKS[options.command](settings, options)
    return AGREE


def _audit(settings: Settings, options: argparse.Namespace) -> int:
    found = _until_it_agrees(settings, options.election, options.wait)
    print(report.as_json(found) if options.json else report.text(found))
    return AGREE if found.agrees else DISAGREE


def _conservation(settings: Settings, options: argparse.Namespace) -> int:
    """Once everything is read: one view, or every second another one. With an interrupt the last one decides the exit status."""
    stopping, began = Event(), time.monotonic()
    last: list[View] = []
    read_at: list[float] = []

    def give_up() -> None:
        if not last and not options.watch:
            stopping.set()

    def show(view: View) -> None:
        last[:] = [view]
        if view.settled_at is None and not options.watch:
            each_second = view.read / (time.monotonic() - began)
            print(
                f"{view.read:,} records read, {each_second:,.0f} a second. {display.verdict(view)}", file=sys.stderr, flush=True
            )
            return
        read_at.append(time.monotonic())
        # What passes by itself within moments is given the time that it takes.
        if options.watch or view.is_exact or view.alarms or read_at[-1] - read_at[0] >= options.wait:
            print(display.as_json(view) if options.json else display.text(view), flush=True)
            if not options.watch:
                stopping.set()

    given_up = Timer(FIRST_VIEW_SECONDS, give_up)
    given_up.daemon = True
    given_up.start()
    with contextlib.suppress(KeyboardInterrupt):
        watch.follow(settings, show, stopping)
    if not last:
        print("python -m proof conservation: nothing could be read (see above)", file=sys.stderr)
        return COULD_NOT_CHECK
    return AGREE if last[0].is_exact else DISAGREE


def _adjudicate(settings: Settings, options: argparse.Namespace) -> int:
    """Without places: what waits for a ruling."""
    if not options.places:
        waiting = adjudication.pending(settings)
        for place, election_id in waiting:
            print(f"{place.partition}:{place.offset}  {election_id}")
        print(f"{len(waiting):,} dead letters wait for a ruling (what they hold: python -m jobs dlq show)")
        return AGREE
    if options.ruling is None or not (options.reason or "").strip():
        raise audit.CouldNotCheck("a ruling needs --ruling and --reason")
    places = [adjudication.place(text) for text in options.places]
    ruled = adjudication.rule(settings, places, options.ruling, options.reason, options.actor)
    print(f"{ruled} of {len(places)} ruled; the others have a ruling, or are no dead letters that a recount has found")
    return AGREE


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
        " PROOF_DEDUP_GROUP (dedup), PROOF_PORT (9252), PROOF_GAP_SECONDS (120), PROOF_SIGNING_KEY.",
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
        "conservation",
        help="does every record of votes-in have exactly one verdict?",
        description="Covers the offsets of votes-in with the verdicts. Exit status: 0 exact, 1 not, 2 nothing could be read.",
    )
    command.add_argument("--watch", action="store_true", help="show it again every second, until interrupted")
    command.add_argument(
        "--wait", metavar="SECONDS", type=float, default=10.0, help="wait so long for verdicts that are on their way (10)"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command = commands.add_parser(
        "recount",
        help="count every vote again from the log, and compare everything with that",
        description="Replays votes-in to its present end with code of its own, compares votes-accepted, votes_ledger, vote_totals"
        " and Redis, and writes a report for each election into PostgreSQL. Exit status: 0 they agree, 1 not, 2 no recount.",
    )
    command.add_argument("--election", metavar="ID", help="compare and report this election only")
    command.add_argument(
        "--wait", metavar="SECONDS", type=float, default=60.0, help="for dedup to pass the ends, and projections to follow (60)"
    )
    command.add_argument("--parallelism", metavar="N", type=int, default=os.cpu_count() or 1, help="tasks (as many as cores)")
    command.add_argument("--repair", action="store_true", help="rewrite ledger, totals and Redis where they differ")
    command.add_argument("--manifests", metavar="FOLDER", type=Path, help="write signed manifests there (PROOF_SIGNING_KEY)")
    command.add_argument("--json", action="store_true", help="print the reports as JSON")
    command = commands.add_parser("adjudicate", help="list dead letters without a ruling, or rule about some")
    command.add_argument("places", nargs="*", metavar="PARTITION:OFFSET", help="of records in votes-in; left out: list")
    command.add_argument("--ruling", choices=sorted(adjudication.RULINGS), help="no vote, or a vote that was sent through again")
    command.add_argument("--reason", metavar="TEXT", help="why; nothing personal")
    command.add_argument("--actor", default=os.environ.get("USER") or getpass.getuser(), help="who rules")
    commands.add_parser("serve", help="follow the topics and answer /conservation and /metrics on PROOF_PORT")
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


_CHECKS = {
    "audit": _audit,
    "conservation": _conservation,
    "recount": recount_command.run,
    "adjudicate": _adjudicate,
    "commit": _commit,
}
