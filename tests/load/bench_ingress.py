"""What a vote costs the ingress, beside what it is compared with, in one run: ``make bench-ingress``.

The figure that counts is CPU time of the attacked processes for each vote, since noise moves it less than votes a second, and the
ratio to the bare server, since machines differ. Each application is attacked in turn, in rounds; of the rounds the median is
shown. Each process sees each token once. Kafka, Redis, PostgreSQL and Hydra are real, on ports and data of their own, and every
setting is the demo's.
"""

import argparse
import contextlib
import datetime as dt
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import redis

from compose import electorate
from compose.settings import CHECKOUT, Stack
from tests.load import attack, reservation_size, steps
from tests.load.attack import Result
from tests.stacks import free_ports, running_stack

APPLICATIONS = {
    "bare": "bare Granian + Starlette, uvloop",
    "naive": "naive: joserfc, redis-py, one produce and one await a vote",
    "in_memory": "the ingress with a queue in memory in place of Kafka",
    "ingress": "the ingress with everything on",
}
NEEDED = ("signing-keys", "elections", "redis")
WARM_UP_VOTES = 2_000
STEADY_SHARE = 0.7
VOTES_A_SECOND_AT_THE_PEAK = 250_000
ELECTORATE = 300_000_000
START_SECONDS = 60.0
STOP_SECONDS = 30.0


def main() -> int:
    options = _options()
    with running_stack("bench-ingress", _say, NEEDED) as stack:
        voters = tokens(stack, WARM_UP_VOTES + 2 * options.votes)
        results: dict[str, list[Result]] = {name: [] for name in APPLICATIONS}
        steady: list[Result] = []
        for number in range(options.rounds):
            for name, what in APPLICATIONS.items():
                _say(f"round {number + 1} of {options.rounds}: {what}")
                measured, at_rate = _attack(stack, name, voters, options.votes)
                results[name].append(measured)
                steady += [at_rate] if at_rate is not None else []
        _say(f"{reservation_size.RESERVATIONS:,} reservations")
        with redis.Redis(port=stack.ports["REDIS_PORT"]) as client:
            reservation_bytes = reservation_size.bytes_each(client)
        each_step = steps.measure(voters[: options.votes], stack.url("HYDRA_PUBLIC_PORT"))
    _print(options, results, steady, each_step)
    gigabytes = ELECTORATE * reservation_bytes / 1e9
    print(f"\nA reservation takes {reservation_bytes:.0f} bytes in Redis; those of {ELECTORATE:,} voters {gigabytes:.0f} GB.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-ingress", description=__doc__)
    parser.add_argument("--votes", type=int, default=20_000, help="votes of each measured attack (default 20000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of attacks (default 3)")
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def tokens(stack: Stack, count: int) -> list[str]:
    _say(f"minting {count} tokens")
    key_file = stack.data_dir / "test-voters-key.json"
    hydra, issuer = stack.url("HYDRA_ADMIN_PORT"), stack.url("HYDRA_PUBLIC_PORT")
    electorate.mint(key_file, hydra, issuer)
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        shares = [count // cores + (number < count % cores) for number in range(cores)]
        return [token for share in pool.map(partial(_mint, key_file, hydra, issuer), shares) for token in share]


def _mint(key_file: Path, hydra: str, issuer: str, count: int) -> list[str]:
    mint = electorate.mint(key_file, hydra, issuer)
    now = time.time()
    return [mint.token(sub, now) for sub in electorate.subjects(count)]


def _attack(stack: Stack, name: str, voters: Sequence[str], votes: int) -> tuple[Result, Result | None]:
    """One application under as many votes as it takes, and the ingress besides at a steady rate below that."""
    with redis.Redis(port=stack.ports["REDIS_PORT"]) as client:
        client.flushall()  # the application before this one has taken the same voters' reservations
    targets = [attack.target(token, steps.BALLOT) for token in voters]
    with serving(stack, name) as (url, pids), tempfile.TemporaryDirectory(dir=stack.run_dir) as scratch:
        attack.attack(url, targets[:WARM_UP_VOTES], pids, Path(scratch))
        fastest = _whole(name, attack.attack(url, targets[WARM_UP_VOTES:][:votes], pids, Path(scratch)))
        if name != "ingress":
            return fastest, None
        rate = round(fastest.each_second * STEADY_SHARE)
        return fastest, _whole(name, attack.attack(url, targets[WARM_UP_VOTES + votes :], pids, Path(scratch), rate))


def _whole(name: str, result: Result) -> Result:
    if set(result.statuses) != {"202"}:
        raise SystemExit(f"bench: {name} answered {result.statuses}; only 202 counts")
    return result


@contextlib.contextmanager
def serving(stack: Stack, name: str) -> Iterator[tuple[str, list[int]]]:
    """Start an application and give its address and the ids of its processes."""
    [port] = free_ports(1)
    module = ["ingress"] if name == "ingress" else ["tests.load.serve", name]
    environment = {**os.environ, **stack.environment(), "INGRESS_PORT": str(port)}
    with (stack.log_dir / f"bench-{name}.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-m", *module], cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, Path(log.name))
        yield f"{url}/vote", attack.family(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise SystemExit(f"bench: it did not start:\n{log.read_text()[-2000:]}")


def _print(
    options: argparse.Namespace, results: dict[str, list[Result]], steady: list[Result], each_step: dict[str, float]
) -> None:
    day = dt.datetime.now(dt.UTC).date()
    print(
        f"\n{day} · {os.cpu_count()} cores ({processor()}), Python {platform.python_version()} · load generator, Kafka and Redis"
    )
    print(f"on the same cores · {attack.CONNECTIONS} connections, {options.rounds} rounds of {options.votes} votes, medians\n")
    bare = _median(results["bare"], "cpu_us_each")
    print("| application | CPU µs a vote | votes per CPU-second | of the bare server | votes/s | p50 ms | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, found in results.items():
        each = _median(found, "cpu_us_each")
        print(
            f"| {APPLICATIONS[name]} | {each:.0f} | {1e6 / each:,.0f} | {bare / each:.0%} | {_median(found, 'each_second'):,.0f} "
            f"| {_median(found, 'p50_ms'):.0f} | {_median(found, 'p99_ms'):.0f} |"
        )
    each = _median(steady, "cpu_us_each")
    print(
        f"| the ingress at {STEADY_SHARE:.0%} of that | {each:.0f} | {1e6 / each:,.0f} | {bare / each:.0%} "
        f"| {_median(steady, 'each_second'):,.0f} | {_median(steady, 'p50_ms'):.0f} | {_median(steady, 'p99_ms'):.0f} |"
    )
    print("\n| step, by itself | CPU µs |\n| --- | --- |")
    for name, microseconds in each_step.items():
        print(f"| {name} | {microseconds:.1f} |")
    print(f"| the server and ASGI (bare, with Starlette) | {bare:.0f} |")
    fastest = _median(results["ingress"], "cpu_us_each")
    cores = VOTES_A_SECOND_AT_THE_PEAK * fastest / 1e6
    print(
        f"\n{VOTES_A_SECOND_AT_THE_PEAK:,} votes a second × {fastest:.0f} µs = {cores:.0f} cores busy; "
        f"at {STEADY_SHARE:.0%} load {cores / STEADY_SHARE:.0f} cores."
    )


def _median(results: Sequence[Result], figure: str) -> float:
    return float(statistics.median(getattr(result, figure) for result in results))


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
