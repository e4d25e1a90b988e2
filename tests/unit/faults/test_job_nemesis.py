"""Faults of the jobs count only if the very same jobs come back and nothing else ended with them."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from compose.supervisor import Process
from tests.faults import job_nemesis
from tests.faults.nemesis import Evidence
from tests.faults.scene import Scene

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
