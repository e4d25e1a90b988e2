"""Faults of the jobs: their TaskManager dies at the worst moments, what they need goes away; and all comes back by itself."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from compose.settings import Stack
from jobs import guard
from jobs.positions import Offsets, Positions
from tests.faults import processes
from tests.faults.job_scene import MOMENT_SECONDS, Checkpoints, JobScene, job_scene
from tests.faults.nemesis import Evidence, Fault
from tests.faults.results import in_redis, is_at_least
from tests.faults.scene import NotEffective, NotRecovered, Scene, pause, recovery_deadline
from tests.load import votes

TASK_MANAGER = "taskmanager"
DEDUP = guard.GROUP
# What does not need PostgreSQL.
COUNTING = ("dedup", "tally", "live")
# The first may have been under way when PostgreSQL went.
MORE_CHECKPOINTS = 3


@dataclass(frozen=True)
class JobsComeBack:
    """A fault after which the very same jobs have to run again, each with a new checkpoint, and nobody submits them.

    ``unharmed`` names processes that must not have ended with what was hit.
    """

    fault: Fault
    unharmed: Sequence[str] = ()

    async def strike(self, scene: Scene) -> Evidence:
        with job_scene(scene.stack) as jobs:
            ids = await jobs.ids()
            pids = {name: (await scene.seen(name)).pid for name in self.unharmed}
            evidence = await self.fault.strike(scene)
            await jobs.until_back(ids, time.time() * 1000)
            recovered_at = time.monotonic()
            for name, pid in pids.items():
                if (await scene.seen(name)).pid != pid:
                    raise NotRecovered(f"{name} ended, though something else was hit")
        ready = f"ready {evidence.recovered_at - evidence.struck_at:.1f} s later and then the jobs"
        return replace(evidence, recovered_at=recovered_at, seen=", ".join(filter(None, [evidence.seen, ready])))


@dataclass(frozen=True)
class KilledBeforeCommit:
    """The TaskManager is killed when dedup has completed a checkpoint and not yet committed the transactions that belong to it.

    That is some milliseconds: whether they were hit is told.
    """

    async def strike(self, scene: Scene) -> Evidence:
        with job_scene(scene.stack) as jobs, _positions(scene.stack) as places:
            checkpoints = Checkpoints.of(scene.stack, DEDUP, (await jobs.ids())[DEDUP])
            before = await scene.pids(TASK_MANAGER)
            number, noted = await _until_complete(checkpoints, places)
            in_flight = await scene.busy()
            struck_at = time.monotonic()
            os.kill(before[0], signal.SIGKILL)
            # Transactions and offsets are committed at the same word.
            committed = await asyncio.to_thread(_noted, places) != noted
            after = await scene.until_replaced(TASK_MANAGER, before, until_ready=False)
        seen = f"checkpoint {number} of dedup complete and {'' if committed else 'not '}committed"
        return Evidence(
            "taskmanager SIGKILL", in_flight, struck_at, time.monotonic(), before, after, loses_reservations=False, seen=seen
        )


@dataclass(frozen=True)
class KilledAgain:
    """The TaskManager that has come for one that was killed is killed as well, as soon as dedup has come so far."""

    moment: Callable[[JobScene, str], Awaitable[None]]
    told: str

    async def strike(self, scene: Scene) -> Evidence:
        pid = (await scene.seen(TASK_MANAGER)).pid
        with job_scene(scene.stack) as jobs:
            await self.moment(jobs, DEDUP)
        before = processes.tree(pid)
        if not before:
            raise NotEffective(f"{TASK_MANAGER} {pid} has ended by itself")
        in_flight = await scene.busy()
        struck_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        after = await scene.until_replaced(TASK_MANAGER, before, until_ready=False)
        return Evidence("taskmanager SIGKILL", in_flight, struck_at, time.monotonic(), before, after, False, self.told)


@dataclass(frozen=True)
class WithCrowd:
    """While a fault is there, so many votes of another election (``votes.ELECTION``) come into the log, past the ingress."""

    fault: Fault
    votes: int

    async def strike(self, scene: Scene) -> Evidence:
        environment = scene.stack.environment()
        batch = votes.Batch(self.votes, duplicates=0.1)
        # Before the fault, which may take the registry's database away.
        schema = await asyncio.to_thread(votes.schema_id, environment["SCHEMA_REGISTRY_URL"])
        crowd = multiprocessing.get_context("spawn").Process(
            target=votes.append, args=(environment["KAFKA_BOOTSTRAP_SERVERS"], schema, batch)
        )
        crowd.start()
        try:
            evidence = await self.fault.strike(scene)
        finally:
            await asyncio.to_thread(crowd.join)
        if crowd.exitcode != 0:
            raise NotEffective("the crowd's votes did not get into the log")
        return replace(evidence, seen=f"{evidence.seen}, {self.votes:,} votes of a crowd meanwhile")


@dataclass(frozen=True)
class TotalsComeBack:
    """A fault after which Redis has to have, for every candidate, at least as many votes as it had before."""

    fault: Fault

    async def strike(self, scene: Scene) -> Evidence:
        before = await asyncio.to_thread(in_redis, scene.stack, scene.election_id)
        evidence = await self.fault.strike(scene)
        give_up_at = recovery_deadline()
        while not is_at_least(await asyncio.to_thread(in_redis, scene.stack, scene.election_id), before):
            await pause(give_up_at, "not all totals are in Redis again")
        recovered_at = time.monotonic()
        there = f"all totals there again {recovered_at - evidence.struck_at:.1f} s later"
        return replace(evidence, recovered_at=recovered_at, seen=f"{evidence.seen}, {there}")


async def counting_goes_on(scene: Scene) -> str:
    """Return once votes have been accepted and counted, and checkpoints completed, since this was called; how many, in words.

    Raises ``NotRecovered``.
    """
    with job_scene(scene.stack) as jobs, _positions(scene.stack) as places:
        ids = await jobs.ids()

        def progress() -> dict[str, int]:
            return {
                "records of votes-accepted": sum(places.ends("votes-accepted").values()),
                "votes in Redis": sum(in_redis(scene.stack, scene.election_id).values()),
                **{f"checkpoints of {name}": Checkpoints.of(scene.stack, name, ids[name]).completed() for name in COUNTING},
            }

        least = {"records of votes-accepted": 1, "votes in Redis": 1}
        give_up_at = recovery_deadline()
        before = now = await asyncio.to_thread(progress)
        while behind := [name for name in before if now[name] - before[name] < least.get(name, MORE_CHECKPOINTS)]:
            await pause(give_up_at, f"no more {behind[0]}")
            now = await asyncio.to_thread(progress)
    return ", ".join(f"{now[name] - before[name]:,} more {name}" for name in now)


async def _until_complete(checkpoints: Checkpoints, places: Positions) -> tuple[int, Offsets]:
    """Return when dedup has just completed a checkpoint: its number, and what was noted before. Raises ``NotRecovered``."""
    give_up_at = recovery_deadline()
    while True:
        last = checkpoints.begun()
        while (number := checkpoints.begun()) == last:
            await pause(give_up_at, "dedup begins no checkpoint", MOMENT_SECONDS)
        noted = await asyncio.to_thread(_noted, places)
        if checkpoints.completed() < number:
            break
    while checkpoints.completed() < number:
        await pause(give_up_at, f"dedup does not complete checkpoint {number}", MOMENT_SECONDS)
    return number, noted


def _noted(places: Positions) -> Offsets:
    return places.noted(guard.GROUP, guard.SOURCE)


def _positions(stack: Stack) -> Positions:
    return Positions(stack.environment()["KAFKA_BOOTSTRAP_SERVERS"])
