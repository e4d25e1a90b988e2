"""The ingress with a queue in memory in place of Kafka: what the API costs by itself."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.types import ASGIApp

from ingress import parts
from ingress.__main__ import spare_the_garbage_collector
from ingress.app import create_app
from ingress.ballot_box import BallotBox
from ingress.settings import Settings
from ingress.stopping import on_stop
from ingress.vote import Vote

# About what a broker on the same machine takes.
ACKNOWLEDGED_AFTER_SECONDS = 0.005


class MemoryLog:
    """Acknowledges all that came within a few milliseconds at once, as a broker does."""

    ready = True

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[int]] = []

    def append(self, vote: Vote) -> asyncio.Future[int]:  # noqa: ARG002
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(ACKNOWLEDGED_AFTER_SECONDS, self._acknowledge)
        appended: asyncio.Future[int] = loop.create_future()
        self._waiting.append(appended)
        return appended

    def _acknowledge(self) -> None:
        waiting, self._waiting = self._waiting, []
        now_ms = time.time_ns() // 1_000_000
        for appended in waiting:
            appended.set_result(now_ms)


@asynccontextmanager
async def open_parts(settings: Settings, on_failure: Callable[[], None]) -> AsyncIterator[parts.Parts]:
    async with parts.open_parts(settings, on_failure) as real:
        log = MemoryLog()
        box = BallotBox(log, real.reservations, real.receipts, settings.deadlines, real.metrics, real.now_ms)
        yield replace(real, log=log, ballot_box=box)


def application() -> ASGIApp:
    app = create_app(Settings.from_environment(os.environ), open_parts, on_stop)
    spare_the_garbage_collector()
    return app
