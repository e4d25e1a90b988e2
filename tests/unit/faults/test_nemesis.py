"""Faults on processes of this test's own: what took effect shows, and what did not makes the run invalid."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compose.settings import Stack
from compose.supervisor import Process
from tests.faults import processes
from tests.faults import scene as scenes
from tests.faults.nemesis import KeptDown, Paused, Signalled, WorkerKilled
from tests.faults.scene import NotEffective, NotRecovered, Scene

PART = "part"
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"]
WITH_CHILD = [sys.executable, "-c", "import subprocess; p = subprocess.Popen(['sleep', '60']); print(flush=True); p.wait()"]


class Supervised:
    """One process that is started again whenever it ends, as the stack's supervisor would."""

    def __init__(self, command: list[str], *, restarts: bool = True) -> None:
        self._command = command
        self._restarts = restarts
        self._running = self._start()
        self._ended = threading.Event()
        self._halted = False
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def processes(self) -> dict[str, Process]:
        running = self._running.poll() is None
        return {PART: Process(PART, "Running", running, True, running, 0, 0, self._running.pid, 1.0)}

    def halt(self, _: str) -> None:
        with self._turn:
            self._halted = True
            self._kill()

    def resume(self, _: str) -> None:
        self._halted = False

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._kill()

    def _start(self) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        if self._command is not SLEEP:  # it says when it is ready
            assert started.stdout is not None
            started.stdout.readline()
        return started

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            with self._turn:
                if self._restarts and not self._halted and self._running.poll() is not None:
                    self._kill()
                    self._running = self._start()

    def _kill(self) -> None:
        for pid in reversed(processes.tree(self._running.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._running.wait()
        assert self._running.stdout is not None
        self._running.stdout.close()


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervise]:
    started: list[Supervised] = []

    def supervised(command: list[str], *, restarts: bool = True) -> Supervised:
        supervisor = Supervised(command, restarts=restarts)
        started.append(supervisor)
        monkeypatch.setattr(scenes, "Supervisor", lambda _: supervisor)
        return supervisor

    yield supervised
    for supervisor in started:
        supervisor.end()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(Stack(tmp_path, "127.0.0.1", {"PORT": 1}, {}), "fault-part", lambda: 7)


async def test_what_was_killed_has_another_pid_afterwards(supervise: Supervise, scene: Scene) -> None:
    old = supervise(SLEEP).processes()[PART].pid
    evidence = await Signalled(PART, signal.SIGKILL).strike(scene)
    assert evidence.in_flight == 7
    assert evidence.pids_before == (old,)
    assert not set(evidence.pids_before) & set(evidence.pids_after)
    assert evidence.struck_at < evidence.recovered_at <= time.monotonic()


async def test_a_process_that_does_not_heed_the_signal_makes_the_run_invalid(
    supervise: Supervise, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervise(DEAF)
    monkeypatch.setattr(scenes, "RECOVERED_WITHIN_SECONDS", 0.3)
    with pytest.raises(NotEffective, match="still runs"):
        await Signalled(PART, signal.SIGTERM).strike(scene)


async def test_a_process_that_does_not_come_back_is_named(
    supervise: Supervise, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervise(SLEEP, restarts=False)
    monkeypatch.setattr(scenes, "RECOVERED_WITHIN_SECONDS", 0.3)
    with pytest.raises(NotRecovered, match="part is not back"):
        await Signalled(PART, signal.SIGKILL).strike(scene)


async def test_a_fault_that_hits_no_request_makes_the_run_invalid(
    supervise: Supervise, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = supervise(SLEEP).processes()
    monkeypatch.setattr(scenes, "BUSY_WITHIN_SECONDS", 0.1)
    with pytest.raises(NotEffective, match="requests in flight"):
        await Signalled(PART, signal.SIGKILL).strike(Scene(scene.stack, scene.election_id, lambda: 0))
    assert processes.state(before[PART].pid) is not None


async def test_a_fault_on_what_does_not_run_makes_the_run_invalid(
    supervise: Supervise, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "READY_WITHIN_SECONDS", 0.1)
    supervisor = supervise(SLEEP, restarts=False)
    supervisor.end()
    for fault in (Signalled(PART, signal.SIGKILL), Paused(PART, 0.1), KeptDown(PART, "PORT", 0.1)):
        with pytest.raises(NotEffective, match="is not ready"):
            await fault.strike(scene)


async def test_what_is_paused_is_stopped_with_its_children_and_goes_on(supervise: Supervise, scene: Scene) -> None:
    pid = supervise(WITH_CHILD).processes()[PART].pid
    states: set[tuple[str | None, ...]] = set()

    async def look() -> None:
        while True:
            states.add(tuple(processes.state(each) for each in processes.tree(pid)))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    evidence = await Paused(PART, 0.3).strike(scene)
    looking.cancel()
    assert (processes.STOPPED, processes.STOPPED) in states
    assert evidence.pids_before == evidence.pids_after
    assert len(evidence.pids_before) == 2
    assert processes.STOPPED not in {processes.state(each) for each in evidence.pids_after}
    assert evidence.recovered_at - evidence.struck_at >= 0.3


async def test_what_is_kept_down_is_not_there_until_its_time_is_over_and_something_else_has_gone_on(
    supervise: Supervise, scene: Scene
) -> None:
    supervisor = supervise(SLEEP)

    async def meanwhile(_: Scene) -> str:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            assert not supervisor.processes()[PART].running
            await asyncio.sleep(0.02)
        return "7 votes counted"

    evidence = await KeptDown(PART, "PORT", 0.5, meanwhile=meanwhile).strike(scene)
    assert evidence.recovered_at - evidence.struck_at >= 1
    assert "7 votes counted" in evidence.text()
    assert not set(evidence.pids_before) & set(evidence.pids_after)


async def test_what_was_kept_down_is_started_again_though_nothing_else_went_on(supervise: Supervise, scene: Scene) -> None:
    supervisor = supervise(SLEEP)

    async def meanwhile(_: Scene) -> str:
        raise NotRecovered("no votes counted")

    with pytest.raises(NotRecovered, match="no votes counted"):
        await KeptDown(PART, "PORT", 0.2, meanwhile=meanwhile).strike(scene)
    await scene.pids(PART)
    assert supervisor.processes()[PART].running


async def test_what_answers_though_it_is_to_be_away_makes_the_run_invalid(supervise: Supervise, scene: Scene) -> None:
    supervise(SLEEP)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answering = replace(scene, stack=Stack(scene.stack.run_dir, "127.0.0.1", {"PORT": port}, {}))
        with pytest.raises(NotEffective, match="answered on its port"):
            await KeptDown(PART, "PORT", 0.5).strike(answering)


async def test_a_killed_worker_is_replaced(supervise: Supervise, scene: Scene) -> None:
    supervise(WITH_CHILD)
    evidence = await WorkerKilled(PART).strike(scene)
    assert evidence.pids_before[1] not in evidence.pids_after
    assert len(evidence.pids_after) == 2


async def test_a_process_without_workers_has_none_to_kill(supervise: Supervise, scene: Scene) -> None:
    supervise(SLEEP)
    with pytest.raises(NotEffective, match="no child"):
        await WorkerKilled(PART).strike(scene)


def test_a_process_that_has_ended_has_no_state_though_nobody_has_asked_for_its_end() -> None:
    ended = subprocess.Popen(["true"])
    give_up_at = time.monotonic() + 10
    while processes.state(ended.pid) is not None:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    assert processes.tree(ended.pid) == ()
    ended.wait()
