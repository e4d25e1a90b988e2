"""The Flink jobs from the command line."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs import dead_letters, overview, sql_client
from jobs.cluster import Cluster, ClusterUnavailable
from jobs.operations import Operations
from jobs.positions import KafkaUnavailable, Positions
from jobs.replay import Replay
from jobs.retirement import retire
from jobs.settings import ClusterSettings, Settings, SettingsError
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

JOBS = tuple(overview.SOURCES)
_FAILURES = (
    SettingsError,
    ClusterUnavailable,
    KafkaUnavailable,
    RegistryUnavailable,
    SchemaNotRegistered,
    sql_client.ClientMissing,
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return 0 if _run(options) else 1
    except _FAILURES as error:
        print(f"python -m jobs {options.command}: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> bool:
    match options.command:
        case "plan" | "explain":
            return _plan(options)
        case "dlq":
            return _dead_letters(options)
        case "sql":
            cluster_settings = ClusterSettings.from_environment(os.environ)
            return sql_client.run(Settings.from_environment(os.environ), cluster_settings, options.file)
        case _:
            return _cluster(options)


def _plan(options: argparse.Namespace) -> bool:
    # It loads PyFlink, which takes seconds; the other commands do without.
    from jobs import planning  # noqa: PLC0415

    settings = Settings.from_environment(os.environ)
    names = options.name or planning.SQL_JOBS
    if options.command == "explain":
        return planning.explain(settings, names)
    return planning.plan(settings, names, write=options.write)


def _dead_letters(options: argparse.Namespace) -> bool:
    servers = Settings.from_environment(os.environ).kafka_bootstrap_servers
    which = dead_letters.wanted(options.error, frozenset(options.at or ()))
    if options.action == "show":
        return dead_letters.show(servers, which, options.limit)
    return dead_letters.redrive(servers, which, dry_run=options.dry_run)


def _cluster(options: argparse.Namespace) -> bool:
    settings, cluster_settings = Settings.from_environment(os.environ), ClusterSettings.from_environment(os.environ)
    with Cluster(cluster_settings.rest_url) as cluster:
        if options.command == "list":
            return overview.list_jobs(cluster)
        if options.command == "status":
            with Positions(settings.kafka_bootstrap_servers) as positions:
                return overview.status(cluster, positions, _names(options))
        operations = Operations(cluster_settings, cluster, os.environ)
        if options.command == "replay":
            replay = Replay(settings, cluster_settings, cluster, operations)
            return replay.run(_names(options), check_only=options.check, accept_totals=options.accept_totals)
        if options.command == "retire":
            with Positions(settings.kafka_bootstrap_servers) as positions, Registry(settings.schema_registry_url) as registry:
                return retire(operations, positions, registry, dt.datetime.now(dt.UTC))
        return _operate(operations, options)


def _operate(operations: Operations, options: argparse.Namespace) -> bool:
    match options.command:
        case "stop":
            return operations.stop(_names(options), savepoint=options.savepoint)
        case "rescale":
            return operations.rescale(options.name, options.parallelism)
        case "upgrade":
            return operations.upgrade(_names(options))
        case _:
            return operations.submit(_names(options))


def _names(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options.name)) or JOBS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, *, jobs: Sequence[str] = ()) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        if jobs:
            added.add_argument("name", nargs="*", choices=[*jobs, []], metavar="NAME", help=f"{', '.join(jobs)} (default: all)")
        return added

    command(
        "submit", "submit jobs that do not run, each from its newest savepoint or checkpoint, and wait until they work", jobs=JOBS
    )
    stop = command("stop", "stop jobs with a savepoint, which the next submit starts from", jobs=JOBS)
    stop.add_argument(
        "--savepoint", action=argparse.BooleanOptionalAction, default=True, help="--no-savepoint leaves the last checkpoint only"
    )
    command("upgrade", "stop jobs with a savepoint and start them from it, with the code and plans of this checkout", jobs=JOBS)
    rescale = command("rescale", "stop a job with a savepoint and start it from it at another parallelism")
    rescale.add_argument("name", choices=JOBS, metavar="NAME", help=", ".join(JOBS))
    rescale.add_argument("parallelism", type=_positive, help="number of parallel tasks of each operator")
    replay = command(
        "replay",
        "rebuild jobs from the start of the log beside the live ones, compare, and switch to what was rebuilt: dedup's memory,"
        " tally's totals under a new generation, then everything in Redis and PostgreSQL",
        jobs=JOBS,
    )
    replay.add_argument("--check", action="store_true", help="rebuild and compare only; nothing is switched")
    replay.add_argument("--accept-totals", action="store_true", help="take tally's rebuilt totals though they differ")
    command("retire", "start dedup with an empty memory, once every election that it knows votes of is closed")
    command("list", "every job that the cluster knows")
    command("status", "state, lag, rate, restarts and checkpoints of jobs; exit status 1 unless all of them run", jobs=JOBS)
    sql_jobs = [job for job in JOBS if job != "live"]
    command("explain", "the execution plan of jobs that are SQL", jobs=sql_jobs)
    plan = command(
        "plan", "compare the kept plans of jobs with what their SQL compiles to; exit status 1 if they differ", jobs=sql_jobs
    )
    plan.add_argument("--write", action="store_true", help="keep what differs as the next version")
    dlq = command("dlq", "dead letters: records of votes-in that can never be counted")
    dlq.add_argument("action", choices=("show", "redrive"), help="redrive appends them to votes-in again")
    dlq.add_argument("--error", help="only those with this text in their error")
    dlq.add_argument("--at", action="append", metavar="PARTITION:OFFSET", help="only those at these places of votes-dlq")
    dlq.add_argument("--limit", type=_positive, default=20, help="show so many one by one (default 20)")
    dlq.add_argument("--dry-run", action="store_true", help="redrive: only say how many")
    sql = command("sql", "Flink's SQL client, with the tables of all topics defined")
    sql.add_argument("-f", "--file", type=Path, help="run the statements of this file and end")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
