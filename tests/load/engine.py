"""The jobs of a running stack under measurement: fresh starts, submissions with other settings, rates and CPU time."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from compose.settings import CHECKOUT, Stack
from compose.supervisor import Supervisor
from jobs import guard, submission
from jobs.cluster import Cluster
from jobs.overview import SOURCES, lag
from jobs.positions import Positions
from jobs.settings import ClusterSettings
from tests.faults import processes
from tests.load.attack import cpu_seconds

OUTPUTS = (*guard.OUTPUTS, "votes-agg")
SAMPLE_SECONDS = 0.5
STARTED_WITHIN_SECONDS = 300.0
# Of a phase, what is not measured: its start, when the JVM still compiles, which takes a quarter of its CPU time in the first
# minute; and its end, where tasks run out of records.
FROM_SHARE, TO_SHARE = 0.5, 0.95


@dataclass(frozen=True)
class Sample:
    """Seconds, records read up to the last checkpoint, CPU seconds of the JVM and of its Python workers."""

    at: float
    records: int
    jvm_seconds: float
    python_seconds: float


@dataclass(frozen=True)
class Rate:
    """A steady state. CPU microseconds of the TaskManager and its workers for each record."""

    each_second: float
    jvm_us_each: float
    python_us_each: float

    @property
    def us_each(self) -> float:
        return self.jvm_us_each + self.python_us_each

    @property
    def each_cpu_second(self) -> float:
        return 1e6 / self.us_each


class Engine:
    """Jobs of one stack, one at a time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.environment = {**os.environ, **stack.environment()}
        self._kafka = self.environment["KAFKA_BOOTSTRAP_SERVERS"]
        self._settings = ClusterSettings.from_environment(self.environment)

    def fresh(self) -> None:
        """No job, no state, empty outputs, and a TaskManager that has compiled nothing yet."""
        with Cluster(self._settings.rest_url) as cluster:
            for job in cluster.jobs():
                if job.is_there:
                    cluster.cancel(job)
            _until(lambda: not any(job.is_there for job in cluster.jobs()), "the jobs have ended")
        admin = AdminClient({"bootstrap.servers": self._kafka})
        for future in admin.delete_topics(list(OUTPUTS)).values():
            future.result(30)
        _until(lambda: not set(OUTPUTS) & admin.list_topics(timeout=10).topics.keys(), "the topics are deleted")
        for group in (*SOURCES, "ceiling"):
            try:
                admin.delete_consumer_groups([group])[group].result(30)
            except KafkaException:
                continue  # it has never been there
        self.run("schemas", "topics")
        shutil.rmtree(self._settings.state_dir / "checkpoints", ignore_errors=True)
        shutil.rmtree(self._settings.state_dir / "savepoints", ignore_errors=True)
        old = self.task_manager()
        os.kill(old, signal.SIGKILL)
        _until(lambda: processes.state(old) is None, "the TaskManager has ended")
        _until(self._there, "a new TaskManager is there")

    def run(self, *module: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *module], cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(module)}: {done.stdout}{done.stderr}")

    def start(self, job: str, options: Mapping[str, str] | None = None) -> None:
        """Submit a job from the start of the log, with options of Flink's beside those of the demo."""
        with submission.code() as code, Positions(self._kafka) as places:
            command = submission.command(self._settings, job, code, None)
            if job == "dedup":
                guard.require_start(places, None)
            if job == "ceiling":
                shutil.copy(Path(__file__).parent / "ceiling.py", code / "ceiling.py")
                command = [*command[:-2], "ceiling"]
            more = [argument for key, value in (options or {}).items() for argument in ("-D", f"{key}={value}")]
            done = subprocess.run(
                [*command[:3], *more, *command[3:]], env=self.environment, capture_output=True, text=True, check=False
            )
        if done.returncode != 0:
            raise SystemExit(f"{job} was not submitted: {done.stdout[-3000:]}{done.stderr[-2000:]}")

    def cancel(self) -> None:
        with Cluster(self._settings.rest_url) as cluster:
            for job in cluster.jobs():
                if job.is_there:
                    cluster.cancel(job)
            _until(lambda: not any(job.is_there for job in cluster.jobs()), "the jobs have ended")

    def watch(self, group: str, topic: str, until: int, patience_seconds: float = 1_800.0) -> list[Sample]:
        """Samples until a group has read so many records of a topic."""
        samples: list[Sample] = []
        pid = self.task_manager()
        give_up_at = time.monotonic() + patience_seconds
        with Positions(self._kafka) as places:
            while not samples or samples[-1].records < until:
                if time.monotonic() > give_up_at:
                    raise SystemExit(f"{group} has read {samples[-1].records:,} of {until:,} records")
                workers = processes.tree(pid)[1:]
                read = sum(places.noted(group, topic).values())
                samples.append(Sample(time.monotonic(), read, cpu_seconds([pid]), _cpu_of_those_left(workers)))
                time.sleep(SAMPLE_SECONDS)
        return samples

    def catch_up(self) -> None:
        """Wait until every job has read what there is."""
        with Positions(self._kafka) as places:

            def behind(job: str, topic: str) -> bool:
                ends = places.ends(topic)
                # The last offsets of a topic that is written in transactions are no records, and are not noted.
                return lag(ends, places.noted(job, topic)) > 10 * len(ends)

            _until(lambda: not any(behind(job, topic) for job, topics in SOURCES.items() for topic in topics), "all is read")

    def state_bytes(self, job: str) -> int:
        """All state in the last checkpoint."""
        with Cluster(self._settings.rest_url) as cluster:
            found = cluster.job(job)
            return 0 if found is None else cluster.checkpoints(found).state_bytes or 0

    def task_manager(self) -> int:
        return Supervisor(self.stack).processes()["taskmanager"].pid

    def _there(self) -> bool:
        process = Supervisor(self.stack).processes()["taskmanager"]
        return process.running and process.ready and processes.state(process.pid) is not None


def steady(samples: Iterable[Sample], first: int, last: int) -> Rate:
    """The rate within a phase, which reaches from the ``first`` record to the ``last``."""
    low, high = first + FROM_SHARE * (last - first), first + TO_SHARE * (last - first)
    within = [sample for sample in samples if low <= sample.records <= high]
    # Progress shows at checkpoints: from the first sample of one to the first of another.
    steps = within[:1] + [sample for former, sample in itertools.pairwise(within) if sample.records > former.records]
    if len(steps) < 2:
        raise SystemExit("too few records to measure a steady state; take more (--votes)")
    one, other = steps[0], steps[-1]
    records = other.records - one.records
    return Rate(
        each_second=records / (other.at - one.at),
        jvm_us_each=(other.jvm_seconds - one.jvm_seconds) / records * 1e6,
        python_us_each=(other.python_seconds - one.python_seconds) / records * 1e6,
    )


def _cpu_of_those_left(pids: Iterable[int]) -> float:
    total = 0.0
    for pid in pids:
        try:
            total += cpu_seconds([pid])
        except OSError:
            continue
    return total


def _until(check: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + STARTED_WITHIN_SECONDS
    while not check():
        if time.monotonic() > give_up_at:
            raise SystemExit(f"not within {STARTED_WITHIN_SECONDS:.0f} s: {what}")
        time.sleep(0.5)
