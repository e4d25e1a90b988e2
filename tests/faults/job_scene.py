"""The jobs of a running stack, as their cluster and their checkpoints show them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from compose.settings import Stack
from jobs import restore
from jobs.cluster import Cluster, ClusterUnavailable, Job
from jobs.overview import SOURCES
from jobs.settings import ClusterSettings
from tests.faults.scene import NotEffective, NotRecovered, pause, recovery_deadline

JOBS = tuple(SOURCES)
# Between the end of a checkpoint and the commit lie some milliseconds.
MOMENT_SECONDS = 0.001
# The time in which the tasks of a job are restored is a second or so.
GLANCE_SECONDS = 0.02
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class JobScene:
    """What can be seen of the jobs of one stack. One question at a time."""

    stack: Stack
    cluster: Cluster

    async def ids(self) -> dict[str, str]:
        """The id of every job by its name, whether it runs or is on its way back. Raises ``NotEffective``."""
        nothing: list[Job] = []
        found = {job.name: job.id for job in await self._asked(Cluster.jobs, nothing) if job.is_there}
        if missing := [name for name in JOBS if name not in found]:
            raise NotEffective(f"there is no job {missing[0]}")
        return found

    async def until_at_work(self) -> None:
        """Return once all tasks of all jobs run. Raises ``NotRecovered``."""
        for name in JOBS:
            await self.until_runs(name)

    async def until_back(self, ids: Mapping[str, str], since_ms: float) -> None:
        """Return once these very jobs run with all their tasks, each with a checkpoint that was completed after ``since_ms``.

        The time is in milliseconds since the epoch. A job that somebody has submitted has another id. Raises ``NotRecovered``.
        """
        give_up_at = recovery_deadline()
        for name, job_id in ids.items():
            while True:
                job = await self._job(name)
                if job is not None and job.id != job_id:
                    raise NotRecovered(f"{name} did not come back: somebody has submitted it anew")
                if job is not None and job.is_running and await self._completed_at_ms(job) > since_ms:
                    break
                await pause(give_up_at, f"{name} is not back with a new checkpoint")

    async def until_runs(self, name: str) -> None:
        """Return as soon as all tasks of a job run. Raises ``NotRecovered``."""
        give_up_at = recovery_deadline()
        while (job := await self._job(name)) is None or not job.is_running:
            await pause(give_up_at, f"{name} does not run", GLANCE_SECONDS)

    async def until_restored(self, name: str) -> None:
        """Return as soon as tasks of a job are being given their state. Raises ``NotRecovered``."""
        give_up_at = recovery_deadline()
        nothing: dict[str, Any] = {"jobs": []}
        while True:
            overview = await self._asked(lambda cluster: cluster._get("/jobs/overview"), nothing)
            if any(job["name"] == name and job["tasks"]["initializing"] > 0 for job in overview["jobs"]):
                return
            await pause(give_up_at, f"no task of {name} is being restored", GLANCE_SECONDS)

    async def _job(self, name: str) -> Job | None:
        return await self._asked(lambda cluster: cluster.job(name), None)

    async def _completed_at_ms(self, job: Job) -> int:
        """When its last checkpoint was completed; the cluster tells what it knew up to three seconds ago."""
        checkpoints = await self._asked(lambda cluster: cluster.checkpoints(job), None)
        return 0 if checkpoints is None else checkpoints.last_completed_at_ms or 0

    async def _asked(self, question: Callable[[Cluster], _Answer], otherwise: _Answer) -> _Answer:
        """The answer, or something else while the JobManager is away."""
        try:
            return await asyncio.to_thread(question, self.cluster)
        except ClusterUnavailable:
            return otherwise


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run of a job, from their folder: it shows at once what the cluster tells seconds later."""

    folder: Path

    @classmethod
    def of(cls, stack: Stack, name: str, job_id: str) -> "Checkpoints":
        settings = ClusterSettings.from_environment(stack.environment())
        return cls(restore.checkpoints_of(settings.state_dir, name) / job_id)

    def begun(self) -> int:
        """The number of the newest, be it complete or not; 0 if there is none."""
        return self._newest("chk-*")

    def completed(self) -> int:
        """The number of the newest that is complete; 0 if there is none.

        From then on a job that fails goes on from it. ZooKeeper is told next, and then the tasks, which commit.
        """
        return self._newest("chk-*/_metadata")

    def _newest(self, pattern: str) -> int:
        found = (path.relative_to(self.folder).parts[0] for path in self.folder.glob(pattern))
        return max((int(name.removeprefix("chk-")) for name in found), default=0)


@contextmanager
def job_scene(stack: Stack) -> Iterator[JobScene]:
    with Cluster(ClusterSettings.from_environment(stack.environment()).rest_url) as cluster:
        yield JobScene(stack, cluster)
