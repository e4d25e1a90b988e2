"""The Flink jobs from the command line: submit, stop, list, status."""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs import restore, submission
from jobs.cluster import Cluster, ClusterUnavailable, Job, StopFailed
from jobs.settings import ClusterSettings, Settings, SettingsError

JOBS = ("dedup", "tally", "ledger")
RUNNING_WITHIN_SECONDS = 180.0
STOPPED_WITHIN_SECONDS = 180.0
# Told at most this often for each job, so that a long wait is seen to be one.
PROGRESS_EVERY_SECONDS = 5.0

_printing = threading.Lock()


def say(job: str, text: str) -> None:
    with _printing:
        print(f"{job:<7} {text}", flush=True)


def submit(settings: ClusterSettings, cluster: Cluster, names: Sequence[str]) -> bool:
    """Submit the jobs that are not there, and wait until each runs. Whether all of them do."""
    present = {job.name for job in cluster.jobs() if job.is_there}
    with submission.code() as code_folder:

        def one(name: str) -> bool:
            try:
                if name in present:
                    say(name, "is there already")
                else:
                    state = restore.newest_state(settings.state_dir, name)
                    say(name, f"submitting, from {_shown(state, settings)}" if state else "submitting, from the start of the log")
                    submission.submit(settings, name, code_folder, state, os.environ)
                return _wait_until_running(cluster, name)
            except (submission.SubmissionFailed, ClusterUnavailable) as error:
                say(name, f"FAILED: {error}")
                return False

        return _all_at_once(one, names)


def stop(settings: ClusterSettings, cluster: Cluster, names: Sequence[str]) -> bool:
    """Stop the jobs that are there, each with a savepoint. Whether none of them is there any more."""

    def one(name: str) -> bool:
        try:
            job = cluster.job(name)
            if job is None:
                say(name, "is not running")
                return True
            say(name, "stopping with a savepoint")
            location = cluster.stop_with_savepoint(
                job,
                restore.savepoints_of(settings.state_dir, name).as_uri(),
                patience_seconds=STOPPED_WITHIN_SECONDS,
                progress=_now_and_then(name, "still stopping"),
            )
        except (StopFailed, ClusterUnavailable) as error:
            say(name, f"FAILED: {error}")
            return False
        say(name, f"stopped, savepoint {location}")
        return True

    return _all_at_once(one, names)


def list_jobs(cluster: Cluster) -> bool:
    """Print every job that the cluster knows, ended ones too."""
    for job in cluster.jobs():
        print(f"{job.id}  {job.name:<10} {job.state:<12} tasks running {job.tasks_running}/{job.tasks_total}")
    return True


def status(cluster: Cluster, names: Sequence[str]) -> bool:
    """Print how the jobs are. Whether all of them run."""
    now_ms = time.time() * 1000
    fine = True
    for name in names:
        job = cluster.job(name)
        if job is None:
            say(name, "not running")
            fine = False
            continue
        checkpoints = cluster.checkpoints(job)
        last = checkpoints.last_completed_at_ms
        parts = [
            job.state if job.is_running else f"{job.state}, {job.tasks_running} of {job.tasks_total} tasks running",
            f"up {(now_ms - job.started_at_ms) / 1000:.0f} s",
            f"{cluster.restarts(job)} restarts",
            f"last checkpoint {max(0, now_ms - last) / 1000:.1f} s ago" if last else "no checkpoint yet",
            f"{checkpoints.completed} checkpoints completed, {checkpoints.failed} failed",
        ]
        failure = None if job.is_running else cluster.last_failure(job)
        say(name, " · ".join([*parts, f"last failure: {failure}"] if failure else parts))
        fine = fine and job.is_running
    return fine


def _wait_until_running(cluster: Cluster, name: str) -> bool:
    progress = _now_and_then(name, "waiting until every task runs")
    give_up_at = time.monotonic() + RUNNING_WITHIN_SECONDS
    job: Job | None = None
    while time.monotonic() < give_up_at:
        job = cluster.job(name)
        if job is None:
            ended = [job for job in cluster.jobs() if job.name == name]
            reason = cluster.last_failure(ended[-1]) if ended else None
            say(name, f"FAILED: {reason or 'it ended'}")
            return False
        if job.is_running:
            say(name, "running")
            return True
        progress()
        time.sleep(0.5)
    failure = cluster.last_failure(job) if job else None
    say(name, f"FAILED: not running after {RUNNING_WITHIN_SECONDS:.0f} s. {failure or 'Are there enough task slots?'}")
    return False


def _now_and_then(name: str, text: str) -> Callable[[], None]:
    told_at = time.monotonic()

    def progress() -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= PROGRESS_EVERY_SECONDS:
            told_at = time.monotonic()
            say(name, text)

    return progress


def _all_at_once(one: Callable[[str], bool], names: Sequence[str]) -> bool:
    with ThreadPoolExecutor(len(names)) as pool:
        return all(list(pool.map(one, names)))


def _shown(state: Path, settings: ClusterSettings) -> str:
    return str(state.relative_to(settings.state_dir))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in {
        "submit": "submit jobs that do not run yet, each from its newest savepoint or checkpoint, and wait until they run",
        "stop": "stop jobs, each with a savepoint that the next submit starts from",
        "list": "every job that the cluster knows",
        "status": "state, restarts and checkpoints of jobs; exit status 1 unless all of them run",
    }.items():
        subparser = commands.add_parser(command, help=text, description=text)
        if command != "list":
            subparser.add_argument(
                "name", nargs="*", choices=[*JOBS, []], metavar="NAME", help=f"{', '.join(JOBS)} (default: all)"
            )
    parsed = parser.parse_args(arguments)
    try:
        settings = ClusterSettings.from_environment(os.environ)
        with Cluster(settings.rest_url) as cluster:
            if parsed.command == "list":
                return 0 if list_jobs(cluster) else 1
            names = tuple(dict.fromkeys(parsed.name)) or JOBS
            if parsed.command == "submit":
                Settings.from_environment(os.environ)
                return 0 if submit(settings, cluster, names) else 1
            if parsed.command == "stop":
                return 0 if stop(settings, cluster, names) else 1
            return 0 if status(cluster, names) else 1
    except (SettingsError, ClusterUnavailable) as error:
        print(f"python -m jobs {parsed.command}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
