"""What a vote costs the jobs, beside what reading the log costs by itself, in one run: ``make bench-jobs``.

The figure that counts is CPU time of the TaskManager with its Python workers for each record, in steady state, and its ratio to
the ceiling, since machines differ and this one is shared. Kafka runs on the same cores. Every setting is the demo's, except where
a line says otherwise; every measurement begins with a new TaskManager, empty outputs and no state.
"""

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from compose.electorate import Mint, subjects
from compose.settings import Stack
from tests.load import attack, bench_ingress, steps
from tests.load.engine import Engine, Rate, steady
from tests.load.votes import Batch, append, schema_id
from tests.stacks import mint_of, running_stack

NEEDED = ("taskmanager", "jobmanager", "topics", "schemas", "elections", "redis", "signing-keys")
# Progress shows at checkpoints, and what has next to no state is through within seconds.
OFTEN = {"execution.checkpointing.interval": "200ms", "execution.checkpointing.min-pause": "50ms"}
ALTERNATIVES = {
    "dedup, records not copied between operators": {"pipeline.object-reuse": "true"},
    "dedup, levelled compaction": {"state.backend.rocksdb.compaction.style": "LEVEL"},
    "dedup, a checkpoint every 0.5 s": {"execution.checkpointing.interval": "500ms"},
    "dedup, a checkpoint every 2 s": {"execution.checkpointing.interval": "2s"},
    "dedup, a checkpoint every 5 s": {"execution.checkpointing.interval": "5s"},
    "dedup, state on the heap": {"state.backend.type": "hashmap"},
}
PROBE_ELECTION = """\
id: probes
title: Votes whose way to the result is timed
opens_at: 2025-01-01T00:00:00Z
closes_at: 2035-01-01T00:00:00Z
results: live
candidates:
  - {id: one, name: One}
  - {id: two, name: Two}
"""
STEADY_VOTES_A_SECOND = 300
WARM_UP_SECONDS = 10
# What a probe takes at most on average, for the load to outlast them.
SECONDS_A_PROBE = 1.5
PROBE_SECONDS = 30.0
POLL_SECONDS = 0.02


def main() -> int:
    options = _options()
    with running_stack("bench-jobs", _say, NEEDED) as stack:
        engine = Engine(stack)
        rows = _throughput(engine, options)
        waits = _latency(engine, stack, options.probes) if options.probes else []
    _print(rows, options.votes, waits)
    return 0


def _throughput(engine: Engine, options: argparse.Namespace) -> dict[str, Rate]:
    kafka = engine.environment["KAFKA_BOOTSTRAP_SERVERS"]
    schema = schema_id(engine.environment["SCHEMA_REGISTRY_URL"])
    half = options.votes
    total = 2 * half
    for batch in (Batch(half, duplicates=0.1), Batch(half, duplicates=0.1, hot=0.9)):
        _say(f"{batch.votes:,} votes, {batch.duplicates:.0%} duplicates, {batch.hot:.0%} for one candidate")
        _say(f"appended at {append(kafka, schema, batch):,.0f} a second")
    rows = _Rows()

    _say("the ceiling")
    engine.start("ceiling", OFTEN)
    rows["votes-in to nowhere"] = steady(engine.watch("ceiling", "votes-in", total), 0, total)

    engine.fresh()
    _say("dedup")
    engine.start("dedup")
    samples = engine.watch("dedup", "votes-in", total)
    rows["dedup"] = steady(samples, 0, half)
    rows["dedup, 90% for one candidate"] = steady(samples, half, total)
    engine.cancel()

    _say("tally")
    engine.start("tally", OFTEN)
    samples = engine.watch("tally", "votes-accepted", int(0.85 * total))
    accepted = samples[-1].records
    rows["tally"] = steady(samples, 0, accepted // 2)
    rows["tally, 90% for one candidate"] = steady(samples, accepted // 2, accepted)

    for what, changed in ALTERNATIVES.items() if options.alternatives else ():
        engine.fresh()
        _say(what)
        engine.start("dedup", changed)
        rows[what] = steady(engine.watch("dedup", "votes-in", total), 0, half)
    return rows


class _Rows(dict[str, Rate]):
    """Rates by what was measured; each is told at once."""

    def __setitem__(self, name: str, rate: Rate) -> None:
        super().__setitem__(name, rate)
        _say(f"{name}: {rate.us_each:.1f} µs a record, {rate.each_second:,.0f} records/s")


def _latency(engine: Engine, stack: Stack, probes: int) -> list[float]:
    """Seconds from the 202 for a vote to ``GET /votes`` that has it, at a steady load, with all jobs at work."""
    engine.fresh()
    _say("all jobs")
    engine.run("jobs", "submit")
    engine.catch_up()
    file = stack.run_dir / "probes.yaml"
    file.write_text(PROBE_ELECTION)
    engine.run("elections", "create", "--open", str(file))
    mint = mint_of(stack)
    load_seconds = WARM_UP_SECONDS + int(probes * SECONDS_A_PROBE)
    tokens = bench_ingress.tokens(stack, STEADY_VOTES_A_SECOND * load_seconds)
    targets = [attack.target(token, steps.BALLOT) for token in tokens]
    _say(f"{STEADY_VOTES_A_SECOND} votes a second for {load_seconds} s, {probes} probes between them")
    with bench_ingress.serving(stack, "ingress") as (url, pids), tempfile.TemporaryDirectory(dir=stack.run_dir) as scratch:
        load = threading.Thread(target=attack.attack, args=(url, targets, pids, Path(scratch), STEADY_VOTES_A_SECOND))
        load.start()
        time.sleep(WARM_UP_SECONDS)
        waits = [_probe(url.removesuffix("/vote"), mint, number) for number in range(1, probes + 1)]
        load.join()
    return waits


def _probe(url: str, mint: Mint, number: int) -> float:
    """Cast the vote with this number in the election of the probes, and wait until it shows."""
    (sub,) = subjects(1)
    headers = {"authorization": f"Bearer {mint.token(sub, time.time())}"}
    answer = httpx.post(f"{url}/vote", json={"electionId": "probes", "candidateId": "one"}, headers=headers, timeout=30)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise SystemExit(f"bench: a probe was answered {answer.status_code}: {answer.text}")
    began = time.monotonic()
    while time.monotonic() - began < PROBE_SECONDS:
        if httpx.get(f"{url}/votes/probes", timeout=30).json()["total"] >= number:
            return time.monotonic() - began
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"bench: a vote did not show within {PROBE_SECONDS:.0f} s")


def _print(rows: dict[str, Rate], votes: int, waits: list[float]) -> None:
    ceiling = rows["votes-in to nowhere"]
    print(
        f"\n{dt.datetime.now(dt.UTC).date()} · {os.cpu_count()} cores ({bench_ingress.processor()}), shared with Kafka ·"
        f" 2 × {votes:,} votes, 10% duplicates\n"
    )
    print("| job | CPU µs a record | of them in the JVM | records per CPU-second | cost, of the ceiling's | records/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, rate in rows.items():
        print(
            f"| {name} | {rate.us_each:.1f} | {rate.jvm_us_each:.1f} | {rate.each_cpu_second:,.0f} "
            f"| {rate.us_each / ceiling.us_each:.1f} × | {rate.each_second:,.0f} |"
        )
    if waits:
        p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
        print(
            f"\nFrom the 202 to GET /votes, at {STEADY_VOTES_A_SECOND} votes a second: p50 {p50:.2f} s, p99 {p99:.2f} s,"
            f" longest {max(waits):.2f} s ({len(waits)} votes)."
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-jobs", description=__doc__)
    parser.add_argument("--votes", type=int, default=2_000_000, help="votes of each of the two loads (default 2000000)")
    parser.add_argument("--probes", type=int, default=100, help="votes whose way to the result is timed (default 100)")
    parser.add_argument("--alternatives", action="store_true", help="measure other settings too (about two minutes each)")
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
