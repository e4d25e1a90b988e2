"""What a recount takes: ``make bench-recount``. Votes are appended past the ingress, then replayed; no other job runs.

It measures the replay: reading, judging, the first-vote rule, sums. Without dedup nothing is accepted: a whole recount also reads
votes-accepted, a record for each vote that counts, and has PostgreSQL sum up the ledger.
"""

import argparse
import os
import sys
import time
from datetime import UTC, datetime

from proof import catalogue, recount
from proof.decoding import Decoder
from proof.findings import Findings
from proof.log import Log
from proof.recounting import Result
from proof.settings import Settings
from schemas.registry import Registry
from tests.load.bench_ingress import processor
from tests.load.votes import Batch, append, schema_id
from tests.stacks import running_stack

VOTERS = 300_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-recount", description=__doc__)
    parser.add_argument("--votes", type=int, default=5_000_000, help="votes, a tenth of them duplicates (default 5000000)")
    votes = parser.parse_args().votes
    with running_stack("bench-recount", _say, ["elections"]) as stack:
        environment = stack.environment()
        os.environ.update(environment)
        settings = Settings.from_environment(environment)
        schema = schema_id(settings.schema_registry_url)
        rate = append(settings.kafka_bootstrap_servers, schema, Batch(votes, duplicates=0.1))
        _say(f"{votes:,} votes appended, {rate:,.0f} a second")
        with Registry(settings.schema_registry_url) as registry, Log(settings.kafka_bootstrap_servers) as log:
            versions = catalogue.collect(
                Decoder(registry).elections(log.messages("elections", log.ranges("elections"))), Findings()
            )
            extent = recount.Extent(log.ranges("votes-in"), log.ranges("votes-accepted"), versions)
            request = recount.request_for(settings, registry, extent, os.cpu_count() or 1)
        began = time.monotonic()
        result = Result.of(recount.replay(request, []))
        seconds = time.monotonic() - began
    if sum(result.verdicts.values()) != votes:
        raise SystemExit(f"bench: {sum(result.verdicts.values()):,} records judged, not {votes:,}")
    cores = os.cpu_count() or 1
    print(f"\n{datetime.now(UTC).date()} · {cores} cores ({processor()}), shared with Kafka · {votes:,} votes, 10 % duplicates")
    print(f"{seconds:.1f} s with the start, {votes / seconds:,.0f} votes a second")
    hours = VOTERS * seconds / votes / 3600
    print(f"at this rate {VOTERS:,} votes take {hours:.1f} h, {hours * cores:.1f} core hours")
    return 0


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
