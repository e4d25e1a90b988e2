"""What dedup remembers of each voter, and how fast it is with many of them: ``make bench-state``."""

import argparse
import datetime as dt
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.load import bench_ingress
from tests.load.engine import Engine, steady
from tests.load.votes import Batch, append, schema_id
from tests.stacks import running_stack

NEEDED = ("taskmanager", "jobmanager", "topics", "schemas", "elections")
MILLION = 1_000_000
# So many at once are appended and read before the next, so that the disk holds no more than it must.
STEP = 1 * MILLION
ELECTORATE = 300 * MILLION
VOTES_A_SECOND_AT_THE_PEAK = 250_000
LOAD = 0.7


def main() -> int:
    options = _options()
    rows = []
    with running_stack("bench-state", _say, NEEDED) as stack, ThreadPoolExecutor(1) as background:
        engine = Engine(stack)
        kafka = engine.environment["KAFKA_BOOTSTRAP_SERVERS"]
        schema = schema_id(engine.environment["SCHEMA_REGISTRY_URL"])
        known, step = 0, 0
        for goal in options.voters:
            samples = []
            while known < goal * MILLION:
                step = min(STEP, goal * MILLION - known)
                appended = background.submit(append, kafka, schema, Batch(step))
                if known == 0:
                    appended.result()
                    engine.start("dedup")
                # From the first record on: what is appended is read meanwhile.
                samples = engine.watch("dedup", "votes-in", known + step)
                appended.result()
                known += step
                _say(f"{known:,} voters")
            rate = steady(samples, known - step, known)
            rows.append((known, engine.state_bytes("dedup"), _size(stack.data_dir / "taskmanager"), rate))
    print(f"\n{dt.datetime.now(dt.UTC).date()} · {os.cpu_count()} cores ({bench_ingress.processor()}), shared with Kafka\n")
    columns = ("voters", "bytes a voter in the checkpoint", "bytes a voter on disk", "CPU µs a vote", "votes/s")
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")
    for voters, state, disk, rate in rows:
        print(f"| {voters:,} | {state / voters:.0f} | {disk / voters:.0f} | {rate.us_each:.1f} | {rate.each_second:,.0f} |")
    voters, state, disk, rate = rows[-1]
    slots = VOTES_A_SECOND_AT_THE_PEAK * rate.us_each / 1e6 / LOAD
    print(
        f"\n{ELECTORATE:,} voters: {state / voters * ELECTORATE / 1e9:.0f} GB of state in a checkpoint,"
        f" {disk / voters * ELECTORATE / 1e9:.0f} GB on the TaskManagers' disks. {VOTES_A_SECOND_AT_THE_PEAK:,} votes a second"
        f" × {rate.us_each:.0f} µs: {slots:.0f} task slots of one core at {LOAD:.0%} load,"
        f" {disk / voters * ELECTORATE / 1e9 / slots:.1f} GB of disk each."
    )
    return 0


def _size(folder: Path) -> int:
    """Bytes of RocksDB's files: what a TaskManager's disk has to hold."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() and "db" in path.parts else 0
        except FileNotFoundError:
            continue  # compacted away meanwhile
    return total


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-state", description=__doc__)
    parser.add_argument(
        "--voters", type=int, nargs="+", default=[1, 5, 20], metavar="MILLIONS", help="measure at so many (default 1 5 20)"
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
