"""Totals in Redis: the newest of each candidate, written soon after it changes and again every few seconds.

Redis may be slow, gone, or have lost its last writes in a failover: nothing here waits for it but a thread of its own, and what
it does not have is written again from the job's state. A write takes effect only if it moves a total forward.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from pyflink.common import Row, Types
from pyflink.datastream import DataStream, KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor

from jobs.orphans import end_with_task_manager

LUA = (Path(__file__).parent / "move_totals_forward.lua").read_text(encoding="utf-8")
# Totals that change meanwhile go out together. With the 200 ms of the mini-batch and the checkpoint's second, far below three.
LINGER_SECONDS = 0.05
REWRITE_MS = 5_000
REDIS_TIMEOUT_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Total:
    """The count of one candidate; ``as_of_ms`` tells how fresh it is and never orders."""

    election_id: str
    candidate_id: str
    generation: int
    count: int
    as_of_ms: int

    def is_ahead_of(self, other: "Total | None") -> bool:
        return other is None or (self.generation, self.count) > (other.generation, other.count)


class Pending:
    """Totals that wait to be written: the newest of each candidate, by election. Not safe to share between threads."""

    def __init__(self) -> None:
        self._elections: dict[str, dict[str, Total]] = {}

    def __bool__(self) -> bool:
        return bool(self._elections)

    def add(self, totals: Iterable[Total]) -> None:
        """Add totals; one that is behind what waits already is dropped."""
        for total in totals:
            election = self._elections.setdefault(total.election_id, {})
            if total.is_ahead_of(election.get(total.candidate_id)):
                election[total.candidate_id] = total

    def take(self) -> dict[str, list[Total]]:
        """All that waits, by election; nothing waits afterwards."""
        taken = {election_id: list(totals.values()) for election_id, totals in self._elections.items()}
        self._elections = {}
        return taken


def redis_key(election_id: str) -> str:
    """As in schemas/redis.yaml: the braces keep an election's totals in one slot of a cluster."""
    return f"totals:{{{election_id}}}"


def script_arguments(totals: Iterable[Total]) -> list[str]:
    """The arguments of the script for the totals of one election, of which there is at least one."""
    totals = list(totals)
    arguments = [str(max(total.as_of_ms for total in totals))]
    for total in totals:
        arguments += [total.candidate_id, str(total.generation), str(total.count)]
    return arguments


class TotalsWriter:
    """A thread that writes totals to Redis, and tries again, with growing pauses, for as long as it takes.

    ``put`` never blocks on Redis. A total that is put while an older one of the candidate waits replaces it.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._script = client.register_script(LUA)
        self._pending = Pending()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="totals-writer", daemon=True)
        self._thread.start()

    def put(self, totals: Iterable[Total]) -> None:
        if not self._thread.is_alive():
            raise RuntimeError("the thread that writes totals to Redis has died")
        with self._changed:
            self._pending.add(totals)
            self._changed.notify()

    def close(self) -> None:
        """Stop. What still waits is in the job's state and is written after its restart."""
        self._stopped.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(REDIS_TIMEOUT_SECONDS)
        with contextlib.suppress(redis.RedisError):
            self._client.close()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause or LINGER_SECONDS):
            with self._changed:
                self._changed.wait_for(lambda: bool(self._pending) or self._stopped.is_set())
                waiting = self._pending.take()
            try:
                self._write(waiting)
            except redis.RedisError as error:
                with self._changed:
                    self._pending.add(total for totals in waiting.values() for total in totals)
                pause = min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
                _log.warning("Redis took no totals, next attempt in %.1f s: %s", pause, error)
            else:
                pause = 0.0

    def _write(self, elections: dict[str, list[Total]]) -> None:
        for election_id, totals in elections.items():
            self._script(keys=[redis_key(election_id)], args=script_arguments(totals))


class KeepTotals(KeyedProcessFunction):  # type: ignore[misc]
    """Keyed by election: keeps the newest totals in state; the writer gets every change, and all totals every few seconds."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url

    def open(self, runtime_context: RuntimeContext) -> None:
        end_with_task_manager()
        # A tuple: the coder of a row needs the Java gateway, which workers do not have.
        state = MapStateDescriptor("totals", Types.STRING(), Types.TUPLE([Types.INT(), Types.LONG(), Types.LONG()]))
        self._totals = runtime_context.get_map_state(state)
        client = redis.Redis.from_url(
            self._redis_url,
            decode_responses=True,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._writer = TotalsWriter(client)

    def close(self) -> None:
        self._writer.close()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        total = Total(*value)
        known = self._totals.get(total.candidate_id)
        if total.is_ahead_of(None if known is None else Total(total.election_id, total.candidate_id, *known)):
            self._totals.put(total.candidate_id, (total.generation, total.count, total.as_of_ms))
            self._writer.put([total])
        self._rewrite_later(ctx)
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:  # noqa: ARG002
        election_id = ctx.get_current_key()
        self._writer.put(Total(election_id, candidate_id, *known) for candidate_id, known in self._totals.items())
        self._rewrite_later(ctx)
        yield from ()

    def _rewrite_later(self, ctx: Any) -> None:
        """All timers of an election between two multiples of the interval are one."""
        now = ctx.timer_service().current_processing_time()
        ctx.timer_service().register_processing_time_timer((now // REWRITE_MS + 1) * REWRITE_MS)


def keep(totals: DataStream, redis_url: str) -> None:
    """Keep the totals of a stream of rows with the fields of ``Total`` in Redis."""
    (
        totals.key_by(lambda row: row[0], key_type=Types.STRING())
        .process(KeepTotals(redis_url), output_type=Types.STRING())
        .name("totals in Redis")
        .uid("totals-in-redis")
    )
