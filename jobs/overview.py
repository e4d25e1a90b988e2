"""How the jobs are: which there are, how far behind, how fast, how their checkpoints do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.cluster import Cluster, Job
from jobs.operations import say
from jobs.positions import KafkaUnavailable, Offsets, Positions

# Of each job: the group that its sources note their progress under, and the topics that they read.
SOURCES = {
    "dedup": ("votes-in",),
    "tally": ("votes-accepted",),
    "live": ("votes-agg",),
    "ledger": ("votes-accepted", "votes-agg"),
}
RATE_OVER_SECONDS = 3.0


@dataclass(frozen=True)
class Progress:
    """Records that a job has not read up to its last checkpoint, and records a second that it has read lately."""

    lag: int
    each_second: float


def list_jobs(cluster: Cluster) -> bool:
    """Print every job that the cluster knows, ended ones too."""
    for job in cluster.jobs():
        print(f"{job.id}  {job.name:<10} {job.state:<12} tasks running {job.tasks_running}/{job.tasks_total}")
    return True


def status(cluster: Cluster, positions: Positions, names: Sequence[str]) -> bool:
    """Print how the jobs are. Takes some seconds, for the rates. Whether all of them run."""
    jobs = {name: cluster.job(name) for name in names}
    try:
        progress = _progress(positions, [name for name, job in jobs.items() if job is not None])
    except KafkaUnavailable as error:
        progress = {}
        print(error)
    for name, job in jobs.items():
        say(name, "not running" if job is None else _line(cluster, job, progress.get(name)))
    return all(job is not None and job.is_running for job in jobs.values())


def _line(cluster: Cluster, job: Job, progress: Progress | None) -> str:
    now_ms = time.time() * 1000
    checkpoints = cluster.checkpoints(job)
    last = checkpoints.last_completed_at_ms
    parts = [
        job.state if job.is_running else f"{job.state}, {job.tasks_running} of {job.tasks_total} tasks running",
        f"up {(now_ms - job.started_at_ms) / 1000:.0f} s",
        f"{cluster.restarts(job)} restarts",
    ]
    if progress is not None:
        parts.append(f"lag {progress.lag:,}, {progress.each_second:,.0f} records/s")
    parts += [
        f"last checkpoint {max(0, now_ms - last) / 1000:.1f} s ago" if last else "no checkpoint yet",
        f"{checkpoints.completed} checkpoints completed, {checkpoints.failed} failed",
    ]
    if checkpoints.state_bytes is not None:
        parts.append(f"state {checkpoints.state_bytes / 1e6:,.1f} MB")
    failure = None if job.is_running else cluster.last_failure(job)
    return " · ".join([*parts, f"last failure: {failure}"] if failure else parts)


def _progress(positions: Positions, names: Sequence[str]) -> dict[str, Progress]:
    before, began = _read(positions, names), time.monotonic()
    if names:
        time.sleep(RATE_OVER_SECONDS)
    now, seconds = _read(positions, names), time.monotonic() - began
    return {
        name: Progress(
            lag=sum(lag(positions.ends(topic), now[name, topic]) for topic in SOURCES[name]),
            each_second=sum(sum(now[name, topic].values()) - sum(before[name, topic].values()) for topic in SOURCES[name])
            / seconds,
        )
        for name in names
    }


def lag(ends: Offsets, noted: Offsets) -> int:
    """Offsets between where a group is and where a topic ends. The ends of transactions are among them, and are no records."""
    return sum(max(0, end - noted.get(partition, 0)) for partition, end in ends.items())


def _read(positions: Positions, names: Sequence[str]) -> dict[tuple[str, str], Offsets]:
    return {(name, topic): positions.noted(name, topic) for name in names for topic in SOURCES[name]}
