"""The organisers' command line: elections, and the emergency revocation of voters, tokens and clients.

Every change is committed to the database, then published to the log. A version of an election is seen by voters only after that,
a denial is in force before. Each command can be repeated at any time.
"""

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from elections import denial, election_file, lifecycle, live_totals, log_ends, publication, seal
from elections.catalogue import Catalogue, UnknownElection
from elections.denial import Denial, Entry, Target
from elections.denylist import Denylist
from elections.election import Status, Version
from elections.release import Release
from elections.sealing import SealingRecord
from elections.settings import Settings, SettingsError
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

# What the clocks of brokers and of this machine may differ by, at most.
CLOCK_MARGIN = timedelta(seconds=2)
PublishEvents = Callable[[Sequence[publication.AuditEvent]], None]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
        _run(options, settings)
    except (
        SettingsError,
        election_file.InvalidElectionFile,
        lifecycle.RefusedStep,
        UnknownElection,
        denial.InvalidDenial,
        psycopg.Error,
        publication.NotPublished,
        RegistryUnavailable,
        SchemaNotRegistered,
        log_ends.EndsUnknown,
        live_totals.NotTold,
    ) as error:
        print(f"python -m elections {options.command}: {_told(error, options.command)}", file=sys.stderr)
        return 1
    return 0


def _told(error: Exception, command: str) -> str:
    if isinstance(error, publication.NotPublished | RegistryUnavailable | SchemaNotRegistered):
        unseen = "" if command in {"deny", "allow"} else ", and no voter sees what is new"
        doubt = f"the log does not have it for certain{unseen}: {error}"
        return f"the database is as it should be, but {doubt}. Run the same command again"
    if isinstance(error, log_ends.EndsUnknown):
        return f"it is closed, but where its votes end in the log is not noted: {error}. Run the same command again"
    if isinstance(error, live_totals.NotTold):
        return f"it is sealed, but Redis was not told: {error}. Run the same command again"
    if isinstance(error, psycopg.OperationalError):
        return f"the database cannot be reached (DATABASE_URL): {error}".strip()
    return str(error).strip()


def _run(options: argparse.Namespace, settings: Settings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        catalogue, denylist, sealing = Catalogue(connection), Denylist(connection), SealingRecord(connection)

        def publish(versions: Sequence[Version]) -> None:
            with Registry(settings.schema_registry_url) as registry:
                publication.publish(publication.connect(settings), registry, versions)

        def publish_events(events: Sequence[publication.AuditEvent]) -> None:
            with Registry(settings.schema_registry_url) as registry:
                publication.publish_events(publication.connect(settings), registry, events)

        release = Release(catalogue, publish, timedelta(seconds=settings.close_notice_seconds))
        match options.command:
            case "create":
                create(catalogue, release, options.file, options.actor, open_at_once=options.open)
            case "open":
                open_(catalogue, release, options.id, options.actor)
            case "close":
                close(catalogue, release, options.id, options.actor)
                note_ends(
                    catalogue, SealingRecord(connection), options.id, lambda: log_ends.ask(settings.kafka_bootstrap_servers)
                )
            case "seal":
                seal_(catalogue, sealing, release, options.id, options.actor)
                live_totals.seal(settings.redis_url, options.id)
            case "publish":
                publish_(catalogue, release, options.id, options.actor)
            case "show":
                show(catalogue, options.id)
            case "list":
                list_(catalogue)
            case "deny":
                which, wanted = denial.target(options.kind, options.value), denial.denial(options.reason, options.until)
                deny(denylist, publish_events, which, wanted, options.actor)
            case "allow":
                allow(denylist, publish_events, denial.target(options.kind, options.value), options.actor)
            case _:
                denied(denylist)


def create(catalogue: Catalogue, release: Release, file: Path, actor: str, *, open_at_once: bool = False) -> None:
    election = election_file.read(file)
    with catalogue.changing(election.election_id):
        versions = catalogue.versions(election.election_id)
        step = lifecycle.create(versions, election, datetime.now(UTC) if open_at_once else None)
        if step is not None:
            versions.append(catalogue.append(versions, step, actor))
    current = _released(release, versions)
    done = {Status.DRAFT: "created as a draft", Status.OPEN: "opened"}[step.status] if step else "exists with this content"
    print(f"election {election.election_id}: {done} ({current})")


def open_(catalogue: Catalogue, release: Release, election_id: str, actor: str) -> None:
    with catalogue.changing(election_id):
        versions = _known(catalogue, election_id)
        step = lifecycle.open_(versions, datetime.now(UTC))
        if step is not None:
            versions.append(catalogue.append(versions, step, actor))
    current = _released(release, versions)
    print(f"election {election_id}: {'opened' if step else 'is open already'} ({current})")


def close(catalogue: Catalogue, release: Release, election_id: str, actor: str) -> None:
    """Close an election; where it is closed early, announce that, wait for the announced time, then close."""
    changed, publication_time = False, lifecycle.PUBLICATION_TIME
    while True:
        with catalogue.changing(election_id):
            versions = _known(catalogue, election_id)
            step = lifecycle.close(versions, datetime.now(UTC), release.notice, publication_time)
            if step is not None:
                versions.append(catalogue.append(versions, step, actor))
                changed = True
        current = _released(release, versions)
        if current.status is not Status.OPEN:
            break
        if current.version != versions[-1].version:
            publication_time *= 2
            continue
        closes_at = current.election.closes_at
        print(f"election {election_id}: closes at {_time(closes_at)} ({current}); waiting for that", flush=True)
        time.sleep(max(0.0, (closes_at - datetime.now(UTC)).total_seconds()))
    print(f"election {election_id}: {'closed' if changed else f'is {current.status} already'} ({current})")


def note_ends(catalogue: Catalogue, record: SealingRecord, election_id: str, ask: Callable[[], Mapping[int, int]]) -> None:
    """Note where the log ends, once no vote can come in time any more: all that can count lie before that."""
    election = lifecycle.seen(_known(catalogue, election_id))
    if record.has_ends(election_id) or election is None or election.status is not Status.CLOSED:
        return
    over_at = election.election.closes_at + CLOCK_MARGIN
    # One that never began was closed before its time: no vote is in time, and nothing has to be waited for.
    if election.election.opens_at <= datetime.now(UTC) < over_at:
        time.sleep((over_at - datetime.now(UTC)).total_seconds())
    ends = ask()
    record.note_ends(election_id, ends)
    print(
        f"election {election_id}: its votes end at {', '.join(f'{partition}:{end}' for partition, end in sorted(ends.items()))}"
    )


def seal_(catalogue: Catalogue, record: SealingRecord, release: Release, election_id: str, actor: str) -> None:
    """Seal an election in the record, with the version that says so, all or nothing; then let everybody see the version."""
    with catalogue.changing(election_id):
        versions = _known(catalogue, election_id)
        evidence = record.evidence(election_id)
        step = lifecycle.seal(versions, seal.reasons_against(evidence))
        if step is not None and evidence.report is not None:
            record.seal(election_id, evidence.report, actor)
            versions.append(catalogue.append(versions, step, actor))
    current = _released(release, versions)
    counts = ", ".join(f"{candidate_id} {count:,}" for candidate_id, count in sorted(record.counts(election_id).items()))
    done = "sealed" if step else f"is {current.status} already"
    print(f"election {election_id}: {done} ({current}); final: {counts or 'no votes'}")


def publish_(catalogue: Catalogue, release: Release, election_id: str, actor: str) -> None:
    with catalogue.changing(election_id):
        versions = _known(catalogue, election_id)
        step = lifecycle.publish(versions)
        if step is not None:
            versions.append(catalogue.append(versions, step, actor))
    current = _released(release, versions)
    print(f"election {election_id}: {'published' if step else 'is published already'} ({current})")


def _released(release: Release, versions: Sequence[Version]) -> Version:
    """Release the versions, and say so if voters are not to see the newest. Returns the version that they see."""
    newest, current = versions[-1], release.publish(versions)
    if current.version != newest.version:
        late = f"version {newest.version} came too late, and no voter sees it; the command close announces the close anew"
        print(f"election {newest.election.election_id}: {late}", flush=True)
    return current


def show(catalogue: Catalogue, election_id: str) -> None:
    versions = _known(catalogue, election_id)
    current = versions[-1].election
    print(f"id:             {current.election_id}")
    print(f"title:          {current.title}")
    print(f"status:         {versions[-1].status}{_unseen(versions[-1])}")
    print(f"opens at:       {_time(current.opens_at)}")
    print(f"closes at:      {_time(current.closes_at)}")
    print(f"jurisdictions:  {', '.join(current.jurisdictions) or 'all'}")
    print(f"required aal:   {current.required_aal}")
    print(f"results:        {current.results_visibility}, in batches of {current.results_batch}")
    for candidate in current.candidates:
        print(f"candidate:      {candidate.candidate_id} ({candidate.name})")
    for version in versions:
        made = f"{version.status}, {_time(version.created_at)}, by {version.created_by}"
        print(f"version {version.version:>3}:    {made}{_unseen(version)}")


def list_(catalogue: Catalogue) -> None:
    current = catalogue.current()
    width = max([len(version.election.election_id) for version in current], default=0)
    for version in current:
        election = version.election
        times = f"{_time(election.opens_at)} to {_time(election.closes_at)}"
        print(f"{election.election_id:<{width}}  {version.status:<9}  {times}  {election.title}{_unseen(version)}")
    if not current:
        print("no elections")


def deny(denylist: Denylist, publish: PublishEvents, which: Target, wanted: Denial, actor: str) -> None:
    """What is in force is said before it is published, which may take long: in an emergency somebody waits for it."""
    with denylist.changing(which):
        former = denylist.find(which)
        step = denial.deny(former, wanted, datetime.now(UTC))
        if step is not None:
            denylist.put(which, step, actor)
    if step is None:
        print(f"{which}: has this entry already, {_end(wanted)}", flush=True)
    else:
        print(f"{which}: denied {_end(step)}; every ingress refuses it within 2 s{_before(former)}", flush=True)
    if which.kind is denial.Kind.CLIENT:
        print(f"{which}: this stops every vote through this client; to end it: python -m elections allow {which}", flush=True)
    _publish_changes(denylist, publish, which)


def allow(denylist: Denylist, publish: PublishEvents, which: Target, actor: str) -> None:
    with denylist.changing(which):
        former = denylist.find(which)
        if former is not None:
            denylist.remove(which, actor)
    done = f"allowed again, in every ingress within 2 s{_before(former)}" if former else "is not on the denylist"
    print(f"{which}: {done}", flush=True)
    _publish_changes(denylist, publish, which)


def denied(denylist: Denylist) -> None:
    entries = denylist.entries()
    width = max([len(str(entry.target)) for entry in entries], default=0)
    for entry in entries:
        made = f"since {_time(entry.created_at)} by {entry.created_by}"
        print(f"{entry.target!s:<{width}}  {_end(entry.denial)}, {made}: {entry.denial.reason}")
    if not entries:
        print("nothing is denied")


def _publish_changes(denylist: Denylist, publish: PublishEvents, which: Target) -> None:
    """All of them each time: an earlier run may have died before it had published what it had done."""
    events = [denial.audit_event(change) for change in denylist.changes(which)]
    if events:
        publish(events)


def _before(former: Entry | None) -> str:
    return f" (before: denied {_end(former.denial)}, {former.denial.reason})" if former else ""


def _end(what: Denial) -> str:
    if what.expires_at is None:
        return "without an end"
    return f"{'until' if what.expires_at > datetime.now(UTC) else 'expired at'} {_time(what.expires_at)}"


def _known(catalogue: Catalogue, election_id: str) -> list[Version]:
    versions = catalogue.versions(election_id)
    if not versions:
        raise UnknownElection(f"there is no election {election_id}")
    return versions


def _unseen(version: Version) -> str:
    return "" if version.published_at else " (not published yet)"


def _time(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m elections",
        description=__doc__,
        epilog="Settings: DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, REDIS_URL,"
        " ELECTIONS_CLOSE_NOTICE_SECONDS (10).",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    changes = argparse.ArgumentParser(add_help=False)
    changes.add_argument("--actor", default=os.environ.get("USER") or getpass.getuser(), help="who does it, for the audit log")
    command = commands.add_parser("create", parents=[changes], help="put the election of a file into the catalogue, as a draft")
    command.add_argument(
        "file", type=Path, metavar="FILE.yaml", help="for its form see elections/election_file.py and elections/demo"
    )
    command.add_argument("--open", action="store_true", help="open it at once, without a draft to look at first")
    command = commands.add_parser("open", parents=[changes], help="open a draft to voters, from its opens_at on")
    command.add_argument("id", metavar="ID")
    command = commands.add_parser("close", parents=[changes], help="close an election; before its time: announced, then closed")
    command.add_argument("id", metavar="ID")
    command = commands.add_parser(
        "seal",
        parents=[changes],
        help="make the totals of a closed election final",
        description="Refused, with the reasons, until the newest recount, made after the close, agrees in everything and every"
        " dead letter has a ruling. Afterwards the database refuses whatever would change the election's ledger or totals.",
    )
    command.add_argument("id", metavar="ID")
    command = commands.add_parser("publish", parents=[changes], help="show everybody the results of a sealed election")
    command.add_argument("id", metavar="ID")
    command = commands.add_parser("show", help="show an election and its versions")
    command.add_argument("id", metavar="ID")
    commands.add_parser("list", help="list all elections")
    _add_revocation(commands, changes)
    return parser


def _add_revocation(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", changes: argparse.ArgumentParser) -> None:
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "kind", choices=[kind.value for kind in denial.Kind], metavar="subject|token|client", help="whose tokens are refused"
    )
    which.add_argument(
        "value", metavar="VALUE", help="the token's claim sub (a voter), jti (this token alone) or client_id (all of a client)"
    )
    command = commands.add_parser(
        "deny",
        parents=[which, changes],
        help="refuse a voter's, a single or a client's tokens, in every ingress within 2 s",
        description="Refuse tokens in every ingress within 2 s. Votes that were taken before stay. A denied client stops every"
        " voter who uses it. An entry that is there is replaced.",
    )
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="for the audit log: a case or a ticket, nothing personal"
    )
    command.add_argument("--until", metavar="TIME", help="RFC 3339, such as 2025-05-01T06:00:00Z; left out: until it is allowed")
    commands.add_parser(
        "allow",
        parents=[which, changes],
        help="take a denial back",
        description="Take a denial back, in every ingress within 2 s.",
    )
    commands.add_parser("denied", help="list everything that is denied or was until it expired")


if __name__ == "__main__":
    sys.exit(main())
