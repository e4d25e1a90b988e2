"""Where faults strike: a running stack under load, and what can be seen of its processes.

NotEffective   the fault hit nothing: the run proves nothing, whatever the checker says
NotRecovered   what was hit did not come back: a finding of its own
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from compose.settings import Stack
from compose.supervisor import Process, Supervisor, SupervisorGone
from tests.faults import processes

# A steady load has this many requests in flight every few milliseconds.
LEAST_IN_FLIGHT = 2
BUSY_WITHIN_SECONDS = 10.0
# On a busy machine a probe of the supervisor fails now and then.
READY_WITHIN_SECONDS = 20.0
TURNS_TO_TAKE_ANSWERS = 3
STOPPED_WITHIN_SECONDS = 2.0
# A JVM that starts beside everything else on two busy cores takes its time, and a job that waits for it restarts every 15 s.
RECOVERED_WITHIN_SECONDS = 180.0
POLL_SECONDS = 0.1
METADATA_TIMEOUT_SECONDS = 2.0


class NotEffective(Exception):
    """The fault hit nothing, or not what it was meant to hit: the run is invalid. Run again, or correct the experiment."""


class NotRecovered(Exception):
    """What was hit is not back in time. The message names it."""


@dataclass(frozen=True)
class Scene:
    """A running stack under a load of votes in one election; ``in_flight`` tells how many requests are in flight just now."""

    stack: Stack
    election_id: str
    in_flight: Callable[[], int]

    async def busy(self) -> int:
        """Wait for a moment with requests in flight and return how many.

        Whoever goes on without awaiting strikes at that moment. Raises ``NotEffective``.
        """
        give_up_at = time.monotonic() + BUSY_WITHIN_SECONDS
        while time.monotonic() < give_up_at:
            await asyncio.sleep(0.0005)
            # Answers that have arrived while this process did not run are taken first: their requests are in flight no more.
            for _ in range(TURNS_TO_TAKE_ANSWERS):
                await asyncio.sleep(0)
            if (count := self.in_flight()) >= LEAST_IN_FLIGHT:
                return count
        raise NotEffective(f"fewer than {LEAST_IN_FLIGHT} requests in flight at any time in {BUSY_WITHIN_SECONDS:g} s")

    async def seen(self, name: str) -> Process:
        """The process as its supervisor sees it."""
        return (await asyncio.to_thread(Supervisor(self.stack).processes))[name]

    async def pids(self, name: str) -> tuple[int, ...]:
        """The process and its children, once it is ready. Raises ``NotEffective`` if it is not."""
        give_up_at = time.monotonic() + READY_WITHIN_SECONDS
        while True:
            if await self.ready(name) and (pids := processes.tree((await self.seen(name)).pid)):
                return pids
            if time.monotonic() > give_up_at:
                raise NotEffective(f"{name} is not ready, and cannot be hit")
            await asyncio.sleep(POLL_SECONDS)

    async def ready(self, name: str) -> bool:
        """Whether the process does its work."""
        try:
            settled = (await self.seen(name)).settled
        except SupervisorGone:  # it is busy; it is asked again
            return False
        # The supervisor's probe is content with a port that is open.
        return settled and (name != "kafka" or await asyncio.to_thread(self._leads))

    async def until_ready(self, name: str) -> None:
        """Raises ``NotRecovered``."""
        give_up_at = recovery_deadline()
        while not await self.ready(name):
            await pause(give_up_at, f"{name} is not ready")

    async def until_replaced(self, name: str, before: tuple[int, ...], *, until_ready: bool = True) -> tuple[int, ...]:
        """The new processes, once they are ready and every old one has ended. Raises ``NotEffective``, ``NotRecovered``.

        Without ``until_ready`` it is enough that they run.
        """
        give_up_at = recovery_deadline()
        while True:
            left = [pid for pid in before if processes.state(pid) is not None]
            if not left and (not until_ready or await self.ready(name)):
                after = processes.tree((await self.seen(name)).pid)
                if after and not set(before) & set(after):
                    return after
            if time.monotonic() > give_up_at and before[0] in left:
                raise NotEffective(f"{name} still runs as process {before[0]}")
            await pause(give_up_at, f"{name} is not back" + (f", and process {left} has not ended" if left else ""))

    async def halt(self, name: str) -> None:
        """Have its supervisor leave a process alone once it has ended, or end it."""
        await asyncio.to_thread(Supervisor(self.stack).halt, name)

    async def resume(self, name: str) -> None:
        """Have its supervisor start a process again that was halted."""
        await asyncio.to_thread(Supervisor(self.stack).resume, name)

    async def answers(self, port: str) -> bool:
        """Whether somebody takes connections there."""
        try:
            _, writer = await asyncio.open_connection(self.stack.bind_host, self.stack.ports[port])
        except OSError:
            return False
        writer.close()
        return True

    def _leads(self) -> bool:
        """Whether every partition of votes-in has a leader, so that votes can be appended."""
        client = AdminClient({"bootstrap.servers": self.stack.environment()["KAFKA_BOOTSTRAP_SERVERS"], "log_level": 0})
        try:
            partitions = client.list_topics("votes-in", timeout=METADATA_TIMEOUT_SECONDS).topics["votes-in"].partitions
        except KafkaException:
            return False
        return bool(partitions) and all(partition.leader >= 0 for partition in partitions.values())


async def until_stopped(pids: tuple[int, ...]) -> None:
    """Return when the kernel has stopped each of them. Raises ``NotEffective``."""
    give_up_at = time.monotonic() + STOPPED_WITHIN_SECONDS
    while any(processes.state(pid) != processes.STOPPED for pid in pids):
        if time.monotonic() > give_up_at:
            raise NotEffective(f"not all of {pids} can be stopped")
        await asyncio.sleep(0.005)


def recovery_deadline() -> float:
    """Until when what is hit now has to be back, by ``time.monotonic``."""
    return time.monotonic() + RECOVERED_WITHIN_SECONDS


async def pause(give_up_at: float, what: str, seconds: float = POLL_SECONDS) -> None:
    """Wait a little before looking again. Raises ``NotRecovered`` when it is too late for that."""
    if time.monotonic() > give_up_at:
        raise NotRecovered(f"{what} after {RECOVERED_WITHIN_SECONDS:g} s")
    await asyncio.sleep(seconds)
