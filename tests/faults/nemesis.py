"""Faults as small objects. Each strikes while requests are in flight and shows that it took effect, or the run does not count."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import redis

from tests.faults import processes
from tests.faults.scene import POLL_SECONDS, NotEffective, Scene, pause, recovery_deadline, until_stopped


@dataclass(frozen=True)
class Evidence:
    """That a fault took effect. Times are seconds of ``time.monotonic``; ``recovered_at`` is when the part was ready again.

    ``loses_reservations``: whether the ingress may have lost what it knew about voters, so that two of a voter's votes may have
    been answered with 202. ``seen`` is whatever else tells that the fault was there.
    """

    fault: str
    in_flight: int
    struck_at: float
    recovered_at: float
    pids_before: tuple[int, ...]
    pids_after: tuple[int, ...]
    loses_reservations: bool
    seen: str = ""

    def text(self) -> str:
        """One line for a report."""
        seen = f", {self.seen}" if self.seen else ""
        pids = f"pids {_listed(self.pids_before)} → {_listed(self.pids_after)}"
        recovered = f"recovered {self.recovered_at - self.struck_at:.1f} s later"
        return f"{self.fault}: {self.in_flight} in flight, {pids}{seen}, {recovered}"


class Fault(Protocol):
    """Something that is done to a running stack."""

    async def strike(self, scene: Scene) -> Evidence:
        """Wait for requests to be in flight, do it, and return when what was hit is ready again.

        Raises ``NotEffective``, ``NotRecovered``.
        """


@dataclass(frozen=True)
class Signalled:
    """A process is sent a signal that ends it (SIGKILL, SIGTERM); the supervisor starts another.

    Of several processes that belong together it hits the main one. The others have to end as well.
    """

    process: str
    number: signal.Signals
    loses_reservations: bool = False

    async def strike(self, scene: Scene) -> Evidence:
        before = await scene.pids(self.process)
        in_flight = await scene.busy()
        struck_at = time.monotonic()
        os.kill(before[0], self.number)
        after = await scene.until_replaced(self.process, before)
        return Evidence(
            f"{self.process} {self.number.name}", in_flight, struck_at, time.monotonic(), before, after, self.loses_reservations
        )


@dataclass(frozen=True)
class WorkerKilled:
    """The first child of a process is killed with SIGKILL; somebody starts another, be it the process or the supervisor."""

    process: str
    loses_reservations: bool = False

    async def strike(self, scene: Scene) -> Evidence:
        before = await scene.pids(self.process)
        if len(before) < 2:
            raise NotEffective(f"{self.process} has no child to kill")
        in_flight = await scene.busy()
        struck_at = time.monotonic()
        os.kill(before[1], signal.SIGKILL)
        give_up_at = recovery_deadline()
        while True:
            after = processes.tree((await scene.seen(self.process)).pid)
            if len(after) >= len(before) and before[1] not in after and await scene.ready(self.process):
                break
            await pause(give_up_at, f"{self.process} has no new worker")
        return Evidence(
            f"worker of {self.process} SIGKILL", in_flight, struck_at, time.monotonic(), before, after, self.loses_reservations
        )


@dataclass(frozen=True)
class Paused:
    """A process and its children are stopped (SIGSTOP) for some time, as by a hypervisor, and go on."""

    process: str
    seconds: float
    loses_reservations: bool = False

    async def strike(self, scene: Scene) -> Evidence:
        before = await scene.pids(self.process)
        in_flight = await scene.busy()
        struck_at = time.monotonic()
        try:
            _send(before, signal.SIGSTOP)
            await until_stopped(before)
            await asyncio.sleep(struck_at + self.seconds - time.monotonic())
            held = scene.in_flight()
            if any(processes.state(pid) != processes.STOPPED for pid in before):
                raise NotEffective(f"{self.process} did not stay stopped")
        finally:
            _send(before, signal.SIGCONT)
        await scene.until_ready(self.process)
        recovered_at = time.monotonic()
        after = await scene.pids(self.process)
        if after[0] != before[0]:
            raise NotEffective(f"{self.process} was restarted while it was paused")
        seen = f"state {processes.STOPPED} for {self.seconds:g} s, {held} in flight at its end"
        return Evidence(
            f"{self.process} paused", in_flight, struck_at, recovered_at, before, after, self.loses_reservations, seen
        )


async def _nothing(_: Scene) -> str:
    return ""


@dataclass(frozen=True)
class KeptDown:
    """A process is killed and not started again for some time, so that nobody answers on its port.

    ``meanwhile`` is waited for: it returns once what has to go on without the process has gone on, and tells it in words.
    """

    process: str
    port: str
    seconds: float
    loses_reservations: bool = False
    meanwhile: Callable[[Scene], Awaitable[str]] = _nothing

    async def strike(self, scene: Scene) -> Evidence:
        before = await scene.pids(self.process)
        in_flight = await scene.busy()
        struck_at = time.monotonic()
        os.kill(before[0], signal.SIGKILL)
        await scene.halt(self.process)
        meanwhile, refused = asyncio.ensure_future(self.meanwhile(scene)), 0
        try:
            while time.monotonic() < struck_at + self.seconds or not meanwhile.done():
                await asyncio.sleep(POLL_SECONDS)
                if await scene.answers(self.port):
                    raise NotEffective(f"{self.process} answered on its port while it was to be away")
                refused += 1
            gone_on = await meanwhile
        finally:
            meanwhile.cancel()
            await scene.resume(self.process)
        told = [f"each of {refused} connections refused for {time.monotonic() - struck_at:.1f} s", gone_on]
        after = await scene.until_replaced(self.process, before)
        recovered_at = time.monotonic()
        seen = ", ".join(filter(None, told))
        return Evidence(f"{self.process} away", in_flight, struck_at, recovered_at, before, after, self.loses_reservations, seen)


@dataclass(frozen=True)
class Flushed:
    """Redis forgets everything (FLUSHALL), as after a failover to an empty replica."""

    async def strike(self, scene: Scene) -> Evidence:
        before = await scene.pids("redis")
        with redis.Redis(port=scene.stack.ports["REDIS_PORT"]) as client:
            client.ping()
            in_flight = await scene.busy()
            lost = client.dbsize()
            struck_at = time.monotonic()
            client.flushall()
            recovered_at = time.monotonic()
        if lost == 0:
            raise NotEffective("Redis was empty already")
        return Evidence(
            "redis FLUSHALL",
            in_flight,
            struck_at,
            recovered_at,
            before,
            before,
            loses_reservations=True,
            seen=f"{lost} keys lost",
        )


def _listed(pids: Iterable[int]) -> str:
    return "+".join(map(str, pids))


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        if processes.state(pid) is not None:
            os.kill(pid, number)
