"""What is done with jobs: submit, stop, upgrade, rescale. Each says what it does, and each may be repeated."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec

from jobs import guard, restore, submission, totals_log
from jobs.cluster import Cluster, ClusterUnavailable, Job, StopFailed
from jobs.positions import KafkaUnavailable, Positions, text
from jobs.settings import ClusterSettings, Settings
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

RUNNING_WITHIN_SECONDS = 180.0
STOPPED_WITHIN_SECONDS = 180.0
# Told at most this often for each job, so that a long wait is seen to be one.
PROGRESS_EVERY_SECONDS = 5.0

_FAILURES = (
    submission.SubmissionFailed,
    ClusterUnavailable,
    StopFailed,
    guard.StartRefused,
    KafkaUnavailable,
    RegistryUnavailable,
    SchemaNotRegistered,
)
_printing = threading.Lock()
_Told = ParamSpec("_Told")


def say(job: str, text: str) -> None:
    with _printing:
        print(f"{job:<7} {text}", flush=True)


class Operations:
    """The jobs of one cluster. Methods block, and return whether all went well; what did not is said."""

    def __init__(self, settings: ClusterSettings, cluster: Cluster, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._cluster = cluster
        self._environ = environ
        # Each is a JVM and a Python process at work; more of them than cores only wait for each other.
        self._submitting = threading.Semaphore(os.cpu_count() or 1)

    def submit(self, names: Sequence[str]) -> bool:
        """Submit the jobs that are not there, each from its newest state, and wait until each has made a checkpoint."""
        present = {job.name for job in self._cluster.jobs() if job.is_there}
        with submission.code() as code:
            return _all_at_once(lambda name: self._submit(name, code) if name not in present else self._is_there(name), names)

    def stop(self, names: Sequence[str], *, savepoint: bool = True) -> bool:
        """Stop the jobs that are there. Without a savepoint the last checkpoint is what the next submit starts from."""
        return _all_at_once(lambda name: self._stop(name, savepoint=savepoint), names)

    def upgrade(self, names: Sequence[str]) -> bool:
        """Stop jobs with savepoints and start them again from these, with the code and the plans of this checkout."""
        with submission.code() as code:
            return _all_at_once(lambda name: self._stop(name, savepoint=True) and self._submit(name, code), names)

    def rescale(self, name: str, parallelism: int) -> bool:
        """As ``upgrade``, at another parallelism. JOBS_PARALLELISM decides again at the next submit."""
        with submission.code() as code:
            return self._stop(name, savepoint=True) and self._submit(name, code, parallelism)

    def _is_there(self, name: str) -> bool:
        say(name, "is there already")
        return self._wait_until_it_works(name)

    def start(
        self, name: str, code: Path, state: Path | None, more: Mapping[str, str], *, parallelism: int | None = None
    ) -> bool:
        """Submit a job from this state, or without any, with ``more`` settings, and wait until it works."""
        try:
            say(name, f"submitting, from {state.relative_to(self._settings.state_dir) if state else 'where its topics begin'}")
            settings = replace(self._settings, parallelism=parallelism) if parallelism else self._settings
            with self._submitting:
                submission.submit(settings, name, code, state, {**self._environ, **more})
        except _FAILURES as error:
            say(name, f"FAILED: {error}")
            return False
        return self._wait_until_it_works(name)

    def _submit(self, name: str, code: Path, parallelism: int | None = None) -> bool:
        state = restore.newest_state(self._settings.state_dir, name)
        try:
            more = self._found_out(name, state)
        except _FAILURES as error:
            say(name, f"FAILED: {error}")
            return False
        return self.start(name, code, state, more, parallelism=parallelism)

    def _found_out(self, name: str, state: Path | None) -> dict[str, str]:
        """Settings that follow from what the topics hold. Raises ``StartRefused`` and what Kafka and the registry raise."""
        if name not in {"dedup", "tally"}:
            return {}
        settings = Settings.from_environment(self._environ)
        with Positions(settings.kafka_bootstrap_servers) as positions, Registry(settings.schema_registry_url) as registry:
            if name == "tally":
                return {"TALLY_GENERATION": str(totals_log.generation(positions, registry))}
            guard.require_start(positions, state)
            return {"DEDUP_COVERED_OFFSETS": text(guard.covered(positions, registry))}

    def _stop(self, name: str, *, savepoint: bool) -> bool:
        try:
            job = self._cluster.job(name)
            if job is None:
                say(name, "is not running")
                return True
            if not savepoint:
                self._cluster.cancel(job)
                say(name, "cancelled")
                return True
            say(name, "stopping with a savepoint")
            location = self._cluster.stop_with_savepoint(
                job,
                restore.savepoints_of(self._settings.state_dir, name).as_uri(),
                patience_seconds=STOPPED_WITHIN_SECONDS,
                progress=now_and_then(name, lambda: "still stopping"),
            )
        except (StopFailed, ClusterUnavailable) as error:
            say(name, f"FAILED: {error}")
            return False
        say(name, f"stopped, savepoint {location}")
        return True

    def _wait_until_it_works(self, name: str) -> bool:
        """Until every task runs and a checkpoint is complete, which a job that fails at its first record never comes to."""
        progress = now_and_then(name, lambda: "waiting until every task runs and a checkpoint is complete")
        give_up_at = time.monotonic() + RUNNING_WITHIN_SECONDS
        job: Job | None = None
        while time.monotonic() < give_up_at:
            try:
                job = self._cluster.job(name)
                if job is None:
                    ended = [job for job in self._cluster.jobs() if job.name == name]
                    reason = self._cluster.last_failure(ended[-1]) if ended else None
                    say(name, f"FAILED: {reason or 'it ended'}")
                    return False
                if job.is_running and self._cluster.checkpoints(job).completed:
                    say(name, "running")
                    return True
                failure = self._cluster.last_failure(job)
                if failure and "the state is behind the outputs" in failure:
                    self._cluster.cancel(job)
                    say(name, f"FAILED: {failure}. It is cancelled; start it from a newer state")
                    return False
            except ClusterUnavailable as error:
                say(name, f"waiting: {error}")
            progress()
            time.sleep(0.5)
        failure = self._cluster.last_failure(job) if job else None
        say(name, f"FAILED: not at work after {RUNNING_WITHIN_SECONDS:.0f} s. {failure or 'Are there enough task slots?'}")
        return False


def now_and_then(name: str, what: Callable[_Told, str]) -> Callable[_Told, None]:
    """A function that says, at most every few seconds, what ``what`` makes of its arguments."""
    told_at = time.monotonic()

    def progress(*told: _Told.args, **named: _Told.kwargs) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= PROGRESS_EVERY_SECONDS:
            told_at = time.monotonic()
            say(name, what(*told, **named))

    return progress


def _all_at_once(one: Callable[[str], bool], names: Sequence[str]) -> bool:
    with ThreadPoolExecutor(len(names)) as pool:
        return all(list(pool.map(one, names)))
