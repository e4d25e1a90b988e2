"""Load from vegeta, an open-loop HTTP load generator, and what the attacked processes paid for it in CPU time."""

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compose.toolchain import parts

CONNECTIONS = 128
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Result:
    """What an attack came to. CPU seconds are those of the attacked processes alone."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    cpu_seconds: float

    @property
    def cpu_us_each(self) -> float:
        return self.cpu_seconds / self.requests * 1e6

    @property
    def each_second(self) -> float:
        return self.requests / self.seconds

    @property
    def each_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds


def target(token: str, ballot: bytes) -> bytes:
    """A request as vegeta reads it, one a line; where it goes is filled in when it is sent."""
    header = {"Authorization": [f"Bearer {token}"], "Content-Type": ["application/json"]}
    return json.dumps({"method": "POST", "url": "URL", "body": base64.b64encode(ballot).decode(), "header": header}).encode()


def attack(url: str, targets: Sequence[bytes], pids: Iterable[int], scratch: Path, rate: int | None = None) -> Result:
    """Send each request once: as fast as ``CONNECTIONS`` connections take them, or at a rate (requests a second)."""
    pids = tuple(pids)
    source, results = scratch / "targets", scratch / "results"
    place = f'"{url}"'.encode()
    source.write_bytes(b"\n".join(line.replace(b'"URL"', place, 1) for line in targets) + b"\n")
    pace = ["-rate=0", f"-max-workers={CONNECTIONS}"] if rate is None else [f"-rate={rate}/s", f"-workers={CONNECTIONS}"]
    vegeta = str(parts.VEGETA.ensure() / "vegeta")
    before = cpu_seconds(pids)
    subprocess.run([vegeta, "attack", "-format=json", "-lazy", *pace, f"-targets={source}", f"-output={results}"], check=True)
    paid = cpu_seconds(pids) - before
    told = subprocess.run([vegeta, "report", "-type=json", str(results)], check=True, capture_output=True)
    report = json.loads(told.stdout)
    # Workers that find no request left are counted by vegeta as requests with the status 0.
    statuses = {status: count for status, count in report["status_codes"].items() if status != "0"}
    nanoseconds = report["latencies"]
    return Result(
        requests=sum(statuses.values()),
        seconds=(report["duration"] + report["wait"]) / 1e9,
        p50_ms=nanoseconds["50th"] / 1e6,
        p99_ms=nanoseconds["99th"] / 1e6,
        statuses=statuses,
        cpu_seconds=paid,
    )


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, all threads (proc(5))."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]
