"""What operators see of the process: metrics, logs, and how it starts and stops."""

import asyncio
import json
import logging
import os
import re
import signal
import threading
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingress.app import create_app
from ingress.logs import JsonFormatter
from ingress.metrics import METRICS, Metrics
from ingress.parts import CannotStart, Parts, open_parts
from ingress.settings import Settings
from ingress.starting import with_plain_start
from ingress.stopping import on_stop


def test_every_metric_of_the_list_is_exposed() -> None:
    metrics = Metrics()
    for metric in METRICS:
        if metric.kind == "gauge":
            metrics.watch(metric, lambda: 1.0)
    exposed = {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}
    for metric in METRICS:
        family = exposed[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.documentation)
        assert re.fullmatch("ingress_[a-z_]+", metric.name)


def test_a_log_line_is_one_json_object() -> None:
    error = ValueError("first line\nsecond line")
    record = logging.LogRecord("ingress", logging.WARNING, "", 0, "the %s is away", ("log",), (ValueError, error, None))
    line = JsonFormatter().format(record)
    assert "\n" not in line
    read = json.loads(line)
    assert (read["level"], read["logger"], read["message"]) == ("warning", "ingress", "the log is away")
    assert "second line" in read["exception"]
    assert read["time"].endswith("+00:00")


DESCRIPTORS = Path("/proc/self/fd")


async def start(error: Exception) -> list[dict[str, Any]]:
    class Failing(AbstractAsyncContextManager[Parts]):
        async def __aenter__(self) -> Parts:
            raise error

        async def __aexit__(self, *_: object) -> None: ...

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    await with_plain_start(create_app(Settings(bytes(16)), lambda _settings, _on_failure: Failing()))(
        {"type": "lifespan"}, receive, send
    )
    return sent


async def test_a_start_that_fails_says_why_in_one_line() -> None:
    assert await start(CannotStart("topic votes-in has 3 partitions, the contract says 4")) == [
        {
            "type": "lifespan.startup.failed",
            "message": "the ingress cannot start: topic votes-in has 3 partitions, the contract says 4",
        }
    ]


async def test_without_a_key_for_receipts_it_does_not_start() -> None:
    with pytest.raises(CannotStart, match="RECEIPT_SIGNING_KEY is missing"):
        async with open_parts(Settings(bytes(16)), lambda: None):
            pass


async def test_an_error_of_ours_at_the_start_keeps_its_trace() -> None:
    with pytest.raises(ZeroDivisionError):
        await start(ZeroDivisionError())


def test_importing_and_creating_opens_nothing() -> None:
    before, threads = len(list(DESCRIPTORS.iterdir())), threading.active_count()
    create_app(Settings(bytes(16)))
    assert (len(list(DESCRIPTORS.iterdir())), threading.active_count()) == (before, threads)


async def test_a_stop_is_noticed_beside_the_servers_own_handler() -> None:
    loop = asyncio.get_running_loop()
    heard: list[str] = []
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    loop.add_signal_handler(signal.SIGTERM, heard.append, "server")
    try:
        on_stop(lambda: heard.append("application"))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        for number, handler in previous.items():
            signal.signal(number, handler)
    assert sorted(heard) == ["application", "server"]
