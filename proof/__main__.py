"""Independent checks of a running system: ``python -m proof audit``."""

import argparse
import os
import sys
import time

from proof import audit, report
from proof.settings import Settings, SettingsError

PAUSE_SECONDS = 1.0
AGREE, DISAGREE, COULD_NOT_CHECK = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        found = _until_it_agrees(Settings.from_environment(os.environ), options.election, options.wait)
    except (SettingsError, audit.CouldNotCheck) as error:
        print(f"python -m proof {options.command}: {error}", file=sys.stderr)
        return COULD_NOT_CHECK
    print(report.as_json(found) if options.json else report.text(found))
    return AGREE if found.agrees else DISAGREE


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
        description=__doc__,
        epilog="Settings: KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, DATABASE_URL, REDIS_URL, TOPICS_ENVIRONMENT,"
        " PROOF_DEDUP_GROUP (dedup).",
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
