"""Faults of the jobs count only if the very same jobs come back and nothing else ended with them."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from compose.supervisor import Process
from tests.faults import job_nemesis
from tests.faults.job_nemesis import JobsComeBack, TotalsComeBack
from tests.faults.nemesis import Evidence
from tests.faults.scene import NotRecovered, Scene

IDS = {"dedup": "d1", "tally": "t1"}


@dataclass
class Stage:
    """A scene and its jobs: what is asked of them is noted, and ``pid`` is that of every process."""

    stack: Any = None
    election_id: str = "jobs-unit"
    pid: int = 7
    asked: list[Any] = field(default_factory=list)

    async def seen(self, name: str) -> Process:
        return Process(name, "Running", True, True, True, 0, 0, self.pid, 1.0)

    async def ids(self) -> Mapping[str, str]:
        return IDS

    async def until_back(self, ids: Mapping[str, str], since_ms: float) -> None:
        self.asked.append((ids, since_ms))


@dataclass
class Struck:
    """A fault that ends a process of the stage, or none."""

    stage: Stage
    ends: bool = False

    async def strike(self, _: Scene) -> Evidence:
        self.stage.pid += self.ends
        now = time.monotonic()
        return Evidence("jobmanager SIGKILL", 3, now - 2, now - 1, (1,), (2,), loses_reservations=False, seen="hit")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()

    @contextlib.contextmanager
    def job_scene(_: object) -> Iterator[Stage]:
        yield stage

    monkeypatch.setattr(job_nemesis, "job_scene", job_scene)
    return stage


async def test_a_fault_of_the_jobs_lasts_until_they_are_back_with_checkpoints_since_then(stage: Stage) -> None:
    began_ms = time.time() * 1000
    evidence = await JobsComeBack(Struck(stage), unharmed=["taskmanager"]).strike(stage)  # type: ignore[arg-type]
    [(ids, since_ms)] = stage.asked
    assert ids == IDS
    assert began_ms <= since_ms <= time.time() * 1000
    assert evidence.recovered_at - evidence.struck_at >= 2
    assert evidence.seen == "hit, ready 1.0 s later and then the jobs"


async def test_a_process_that_ended_with_what_was_hit_is_named(stage: Stage) -> None:
    with pytest.raises(NotRecovered, match="taskmanager ended"):
        await JobsComeBack(Struck(stage, ends=True), unharmed=["taskmanager"]).strike(stage)  # type: ignore[arg-type]


async def test_totals_are_back_when_no_candidate_has_less_than_before(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [{"alice": 5, "bob": 2}, {}, {"alice": 6}, {"alice": 6, "bob": 1}, {"alice": 7, "bob": 2}]
    monkeypatch.setattr(job_nemesis, "in_redis", lambda *_: told.pop(0))
    evidence = await TotalsComeBack(Struck(stage)).strike(stage)  # type: ignore[arg-type]
    assert told == []
    assert "all totals there again" in evidence.seen
