"""An experiment: an election of its own, a steady load of votes, faults in the middle of it, and everything that was seen."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from compose.electorate import Mint
from compose.settings import CHECKOUT, Stack
from tests.faults.connections import Broken, Connections
from tests.faults.history import History
from tests.faults.load import Behaviour, Load, voters
from tests.faults.nemesis import Evidence, Fault
from tests.faults.results import ResultsWatch
from tests.faults.scene import Scene

CANDIDATES = ("alice", "bob", "carol")
_ELECTION_FILE = """\
id: {id}
title: Votes under faults
opens_at: 2025-01-01T00:00:00Z
closes_at: 2035-01-01T00:00:00Z
results: live
candidates:
  - {{id: alice, name: Alice}}
  - {{id: bob, name: Bob}}
  - {{id: carol, name: Carol}}
"""
# The ingress reads the catalogue once a second.
KNOWN_WITHIN_SECONDS = 20.0
METRICS_EVERY_SECONDS = 0.25
METRICS_TIMEOUT_SECONDS = 2.0
_WITHOUT_RESERVATION = re.compile(rb'^ingress_reservations_total\{outcome="unavailable"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Schedule:
    """Seconds of load before the first fault, between two, and after the recovery of the last; and at least in all."""

    before_seconds: float = 3.0
    between_seconds: float = 5.0
    after_seconds: float = 3.0
    least_seconds: float = 10.0


@dataclass(frozen=True)
class Observed:
    history: History
    evidence: Sequence[Evidence]
    reservations_unavailable: int
    """How often the ingress says that it went on without a reservation. What it said last before it was killed is missing."""
    lag_seconds: float
    """How late the load itself was at most."""


def open_election(stack: Stack, election_id: str, folder: Path) -> None:
    """Create and open an election with ``CANDIDATES`` through the organisers' command line; return when voters can vote in it."""
    file = folder / f"{election_id}.yaml"
    file.write_text(_ELECTION_FILE.format(id=election_id))
    environment = {**os.environ, **stack.environment()}
    command = [environment["PYTHON"], "-m", "elections", "create", "--open", str(file)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    give_up_at = time.monotonic() + KNOWN_WITHIN_SECONDS
    while httpx.get(f"{stack.url('INGRESS_PORT')}/elections/{election_id}").status_code != httpx.codes.OK:
        assert time.monotonic() < give_up_at, f"the ingress does not know {election_id}"
        time.sleep(0.25)


async def run(
    stack: Stack,
    election_id: str,
    faults: Sequence[Fault],
    mint: Mint,
    schedule: Schedule | None = None,
    behaviour: Behaviour | None = None,
    watch: ResultsWatch | None = None,
) -> Observed:
    """Let voters arrive, strike with one fault after the other, and return when every voter has an answer or has given up.

    ``watch`` takes its samples for as long. Raises ``NotEffective`` and ``NotRecovered``: then nothing is proved.
    """
    schedule = schedule or Schedule()
    history = History()
    evidence: list[Evidence] = []
    async with Connections(stack.bind_host, stack.ports["INGRESS_PORT"]) as connections:
        load = Load(election_id, behaviour or Behaviour(CANDIDATES), voters(mint), connections, history)
        scene = Scene(stack, election_id, lambda: load.in_flight)
        reservations = _ReservationsWatch(connections)
        began_at = time.monotonic()
        under_way = [asyncio.create_task(load.run()), asyncio.create_task(reservations.run())]
        watching = asyncio.create_task(watch.run() if watch is not None else asyncio.sleep(0))
        try:
            await asyncio.sleep(schedule.before_seconds)
            for number, fault in enumerate(faults):
                await asyncio.sleep(schedule.between_seconds if number else 0)
                evidence.append(await fault.strike(scene))
            await asyncio.sleep(max(schedule.after_seconds, began_at + schedule.least_seconds - time.monotonic()))
            load.stop()
            await under_way[0]
            await reservations.look()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            if watch is not None:
                watch.stop()
            await watching
    return Observed(history, evidence, reservations.total, load.lag_seconds)


class _ReservationsWatch:
    """Adds up a counter of the ingress, which begins anew with each of its processes."""

    def __init__(self, connections: Connections) -> None:
        self.total = 0
        self._connections = connections
        self._last: int | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(METRICS_EVERY_SECONDS)

    async def look(self) -> None:
        try:
            answer = await self._connections.ask("GET", "/metrics", METRICS_TIMEOUT_SECONDS)
        except Broken:
            return
        found = _WITHOUT_RESERVATION.search(answer.body)
        now = int(float(found.group(1))) if found else 0
        if self._last is not None:
            self.total += now - self._last if now >= self._last else now
        self._last = now
