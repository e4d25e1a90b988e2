"""When jobs count as having come back, by themselves, and which checkpoints they have completed."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.settings import Stack
from jobs.cluster import Cluster
from tests.faults import scene as scenes
from tests.faults.job_scene import JOBS, Checkpoints, JobScene
from tests.faults.scene import NotEffective, NotRecovered

IDS = {name: f"{name}-1" for name in JOBS}
STRUCK_AT_MS = 1_000
AWAY = httpx.ConnectError("refused")


def entry(
    name: str, job_id: str | None = None, state: str = "RUNNING", running: int = 2, initializing: int = 0
) -> dict[str, Any]:
    tasks = {"running": running, "initializing": initializing, "total": 2}
    return {"jid": job_id or IDS[name], "name": name, "state": state, "start-time": 1, "tasks": tasks}


class Overviews:
    """A JobManager: what it tells of its jobs each time it is asked, the last for ever; their checkpoints end at given times."""

    def __init__(self, *overviews: Any, completed_at_ms: Any = (STRUCK_AT_MS + 1,)) -> None:
        self._overviews = list(overviews)
        self._completed_at_ms = list(completed_at_ms)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/jobs/overview":
            last = {"latest_ack_timestamp": _next(self._completed_at_ms), "state_size": 1}
            return httpx.Response(200, json={"latest": {"completed": last}, "counts": {"completed": 1, "failed": 0}})
        told = _next(self._overviews)
        if isinstance(told, Exception):
            raise told
        return httpx.Response(200, json={"jobs": told})


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]


def jobs(tmp_path: Path, manager: Overviews) -> JobScene:
    return JobScene(Stack(tmp_path, "127.0.0.1", {}, {}), Cluster("http://jobmanager", httpx.MockTransport(manager)))


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "RECOVERED_WITHIN_SECONDS", 0.5)


ALL = [entry(name) for name in JOBS]


async def test_jobs_are_back_when_all_their_tasks_run_and_the_job_manager_answers_again(tmp_path: Path) -> None:
    restarting = [entry(name, state="RESTARTING", running=0) for name in JOBS]
    manager = Overviews(AWAY, [], restarting, [entry("dedup", running=1), *ALL[1:]], ALL)
    await jobs(tmp_path, manager).until_back(IDS, STRUCK_AT_MS)
    assert manager._overviews == [ALL]


async def test_jobs_without_a_checkpoint_since_the_fault_are_not_back(tmp_path: Path) -> None:
    manager = Overviews(ALL, completed_at_ms=(STRUCK_AT_MS, STRUCK_AT_MS, STRUCK_AT_MS + 1))
    await jobs(tmp_path, manager).until_back(IDS, STRUCK_AT_MS)
    with pytest.raises(NotRecovered, match="dedup is not back"):
        await jobs(tmp_path, Overviews(ALL, completed_at_ms=[STRUCK_AT_MS])).until_back(IDS, STRUCK_AT_MS)


async def test_a_job_that_somebody_submitted_did_not_come_back_by_itself(tmp_path: Path) -> None:
    anew = [*ALL[:-1], entry(JOBS[-1], "another")]
    with pytest.raises(NotRecovered, match=f"{JOBS[-1]} did not come back"):
        await jobs(tmp_path, Overviews(anew)).until_back(IDS, STRUCK_AT_MS)


async def test_a_job_that_has_ended_is_missed(tmp_path: Path) -> None:
    ended = [*ALL[:-1], entry(JOBS[-1], state="FAILED")]
    assert await jobs(tmp_path, Overviews(ALL)).ids() == IDS
    with pytest.raises(NotEffective, match=f"no job {JOBS[-1]}"):
        await jobs(tmp_path, Overviews(ended)).ids()
    with pytest.raises(NotRecovered, match=f"{JOBS[-1]} does not run"):
        await jobs(tmp_path, Overviews(ended)).until_at_work()


async def test_a_job_is_restored_while_a_task_of_it_and_not_of_another_is_initialized(tmp_path: Path) -> None:
    other = [entry("dedup"), entry("ledger", initializing=1)]
    its_own = [entry("dedup", running=1, initializing=1)]
    manager = Overviews(AWAY, other, its_own)
    await jobs(tmp_path, manager).until_restored("dedup")
    assert manager._overviews == [its_own]


def test_a_checkpoint_is_complete_when_its_metadata_are_there(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert (checkpoints.begun(), checkpoints.completed()) == (0, 0)
    for number in (9, 10, 11):
        (tmp_path / f"chk-{number}").mkdir()
        (tmp_path / f"chk-{number}" / "_metadata").touch()
    (tmp_path / "chk-12").mkdir()
    (tmp_path / "shared").mkdir()
    assert (checkpoints.begun(), checkpoints.completed()) == (12, 11)
