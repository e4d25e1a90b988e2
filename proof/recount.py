"""One recount of a running system: what is read, in which order; what it comes to; and the reports that are left of it.

The end offsets are taken first. Then it waits until dedup has passed them, replays the log (``proof.replay``), and compares;
where a projection is still on its way, it looks again for as long as it may. It writes nothing but its reports; ``repair`` is
apart.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from proof import catalogue, display, ledger_sums, projections, recounting, watch
from proof.audit import CouldNotCheck
from proof.cover import Balance
from proof.decoding import Decoder
from proof.digests import Sums, votes_in
from proof.findings import Findings, Kind
from proof.log import Log, Range
from proof.records import UNKNOWN, Catalogue, Position, Totals
from proof.recounting import LEDGER, VOTES_ACCEPTED, Differences, Result
from proof.replay import Request
from proof.settings import Settings
from proof.sources import failing_as
from proof.watch import View
from schemas import avro, topics
from schemas.registry import Registry

LOOK_AGAIN_SECONDS = 2.0
# Votes are looked at one by one in so many buckets at most: of 300 million voters, a bucket has 300,000.
MOST_BUCKETS = 64
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Extent:
    """Offsets by partition: what was replayed, and where votes-accepted ended once dedup had passed it."""

    log: Mapping[int, Range]
    accepted: Mapping[int, Range]
    versions: Catalogue

    @property
    def ends(self) -> dict[int, int]:
        return {partition: found.end for partition, found in self.log.items()}


@dataclass(frozen=True)
class Projections:
    """What the projections say at a moment. ``moving``: elections that had votes after the recount's ends by then."""

    ledger: Sums
    aurora: Totals
    redis: Totals
    moving: frozenset[str]


@dataclass(frozen=True)
class Recount:
    """What was found. ``differences`` of an election are complete unless ``unlocated`` buckets are left."""

    report_id: str
    started_at: datetime
    finished_at: datetime
    extent: Extent
    result: Result
    projections: Projections
    conservation: View
    findings: Findings
    accepted_differences: Mapping[str, Differences]
    ledger_differences: Mapping[str, Differences]
    unlocated: int

    def elections(self) -> list[str]:
        return sorted({election_id for election_id, _ in (*self.extent.versions, *self.result.verdicts)} - {UNKNOWN})

    def agrees(self, election_id: str) -> bool:
        return not self.findings.of([election_id, UNKNOWN])


def run(settings: Settings, election_id: str | None, wait_seconds: float, parallelism: int) -> Recount:
    """Raises ``CouldNotCheck``. Blocks; says what it does."""
    with (
        failing_as(CouldNotCheck),
        psycopg.connect(settings.database_url, autocommit=True) as database,
        Registry(settings.schema_registry_url) as registry,
        Log(settings.kafka_bootstrap_servers) as log,
    ):
        return _run(settings, database, registry, log, election_id, wait_seconds, parallelism)


def _run(
    settings: Settings,
    database: "psycopg.Connection[Any]",
    registry: Registry,
    log: Log,
    wanted: str | None,
    wait_seconds: float,
    parallelism: int,
) -> Recount:
    started_at = datetime.now(UTC)
    source = log.ranges("votes-in")
    contract = topics.load(settings.topics_environment)["votes-in"].partitions
    if len(source) != contract:
        raise CouldNotCheck(f"votes-in has {len(source)} partitions, the contract says {contract}")
    _say(
        f"{sum(found.end - found.start for found in source.values()):,} records of votes-in; waiting until dedup has passed them"
    )
    _await_dedup(settings, log, source, wait_seconds)
    findings = Findings()
    versions = catalogue.collect(Decoder(registry).elections(log.messages("elections", log.ranges("elections"))), findings)
    extent = Extent(source, log.ranges("votes-accepted"), versions)
    elections = sorted({election_id for election_id, _ in versions})
    if wanted is not None and wanted not in elections:
        raise CouldNotCheck(f"there is no election {wanted}")
    request = request_for(settings, registry, extent, parallelism)
    result = Result.of(replay(request, []))
    recounting.unreadable(result, findings)

    deadline = time.monotonic() + wait_seconds
    looked = [wanted] if wanted is not None else elections
    while True:
        found = _projections(settings, database, log, extent, elections)
        told = Findings()
        _compare_totals(result, found, looked, told)
        buckets = sorted(recounting.suspicious(result, found.ledger, looked))
        if (not told and not buckets) or time.monotonic() >= deadline:
            break
        _say(f"the projections differ; looking again for at most {deadline - time.monotonic():.0f} s")
        time.sleep(LOOK_AGAIN_SECONDS)
    _compare_totals(result, found, looked, findings)
    _say("covering the offsets of votes-in with the verdicts")
    view = watch.once(settings, registry, max(LOOK_AGAIN_SECONDS, deadline - time.monotonic()))
    recounting.compare_conservation(result, view, looked, found.moving, findings)
    located = _locate(database, request, extent, buckets[:MOST_BUCKETS], looked, findings)
    for election_id in looked if len(buckets) > MOST_BUCKETS else ():
        findings.add(Kind.NOT_LOCATED, election_id, f"{len(buckets) - MOST_BUCKETS} more of 1024 buckets differ")
    return Recount(
        str(uuid.uuid4()),
        started_at,
        datetime.now(UTC),
        extent,
        result,
        found,
        view,
        findings,
        *located,
        max(0, len(buckets) - MOST_BUCKETS),
    )


def _await_dedup(settings: Settings, log: Log, source: Mapping[int, Range], wait_seconds: float) -> None:
    """Raises ``CouldNotCheck``: what dedup has not decided yet cannot be compared."""
    deadline = time.monotonic() + wait_seconds
    while True:
        noted = log.committed(settings.dedup_group, "votes-in", source)
        left = sum(max(0, found.end - noted[partition]) for partition, found in source.items())
        if not left:
            return
        if time.monotonic() >= deadline:
            raise CouldNotCheck(
                f"dedup has {left:,} records of votes-in to decide still; try again when it has, or give it --wait"
            )
        time.sleep(LOOK_AGAIN_SECONDS)


def request_for(settings: Settings, registry: Registry, extent: Extent, parallelism: int) -> Request:
    def schemas(topic: str) -> dict[int, str]:
        return {number: json.dumps(each) for number, each in registry.schemas_of(avro.latest(topic).subject).items()}

    return Request(
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        starts={partition: found.start for partition, found in extent.log.items()},
        ends=extent.ends,
        accepted_starts={partition: found.start for partition, found in extent.accepted.items()},
        accepted_ends={partition: found.end for partition, found in extent.accepted.items()},
        vote_schemas=schemas("votes-in"),
        accepted_schemas=schemas("votes-accepted"),
        catalogue=[
            (*version, terms.status, terms.opens_at_ms, terms.closes_at_ms, sorted(terms.candidates), sorted(terms.jurisdictions))
            for version, terms in extent.versions.items()
        ],
        parallelism=parallelism,
        buckets=[],
    )


def replay(request: Request, buckets: list[int]) -> list[list[Any]]:
    """The rows of sql/sums.sql; with buckets, those of sql/votes_of_buckets.sql. Raises ``CouldNotCheck``."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="recount-") as folder:
        asked, answer, output = (Path(folder) / name for name in ("request.json", "rows.jsonl", "output.log"))
        asked.write_text(Request(**{**vars(request), "buckets": buckets}).as_json(), encoding="utf-8")
        with output.open("w", encoding="utf-8") as log:
            command = [sys.executable, "-m", "proof.replay", str(asked), str(answer)]
            # It is a Flink of its own, with the distribution's settings and not those of the cluster that runs the jobs.
            environ = {name: text for name, text in os.environ.items() if name != "FLINK_CONF_DIR"} | {"FLINK_LOG_DIR": folder}
            done = subprocess.run(  # noqa: S603
                command, cwd=ROOT, env=environ, stdout=log, stdin=subprocess.DEVNULL, check=False
            )
        if done.returncode != 0:
            lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
            raise CouldNotCheck(f"the replay failed (see above): {lines[-1] if lines else 'without a word'}")
        found = [json.loads(line) for line in answer.read_text(encoding="utf-8").splitlines()]
    records = sum(request.ends.values()) - sum(request.starts.values())
    seconds = time.monotonic() - began
    _say(f"{records:,} records replayed in {seconds:.1f} s, {records / seconds:,.0f} a second with its start")
    return found


def _projections(
    settings: Settings, database: "psycopg.Connection[Any]", log: Log, extent: Extent, elections: Iterable[str]
) -> Projections:
    """The totals are read after the ledger, and what came in meanwhile after that."""
    ledger = ledger_sums.sums(database, extent.ends)
    aurora = projections.read_aurora_totals(database)
    totals = projections.read_redis_totals(settings.redis_url, elections)
    later = {
        partition: Range(extent.ends[partition], found.end)
        for partition, found in log.ranges("votes-in").items()
        if found.end > extent.ends[partition]
    }
    keys = (message.key() for message in log.messages("votes-in", later))
    moving = {
        (key if isinstance(key, bytes) else (key or "").encode()).partition(b":")[0].decode(errors="replace") for key in keys
    }
    return Projections(ledger, aurora, totals, frozenset(moving))


def _compare_totals(result: Result, found: Projections, elections: Iterable[str], findings: Findings) -> None:
    for election_id in elections:
        counts, moving = result.counts(election_id), election_id in found.moving
        for totals, kind, where in ((found.aurora, Kind.AURORA_TOTAL, "Aurora"), (found.redis, Kind.REDIS_TOTAL, "Redis")):
            recounting.compare_totals(election_id, counts, totals, kind, where, findings, moving=moving)
        if moving:
            findings.add(Kind.IN_FLIGHT, election_id, "votes came in after the end offsets, so that its totals prove nothing")


def _locate(
    database: "psycopg.Connection[Any]",
    request: Request,
    extent: Extent,
    buckets: list[int],
    elections: Iterable[str],
    findings: Findings,
) -> tuple[dict[str, Differences], dict[str, Differences]]:
    """Look at the votes of differing buckets one by one."""
    if not buckets:
        return {}, {}
    _say(f"{len(buckets)} of 1024 buckets differ; replaying to look at their votes one by one")
    rows = replay(request, buckets)
    due, accepted = recounting.votes_of(rows, "recount"), recounting.votes_of(rows, "accepted")
    ledger = ledger_sums.rows(database, extent.ends, buckets)
    found: tuple[dict[str, Differences], dict[str, Differences]] = {}, {}
    for election_id in elections:
        for place, side, votes in ((0, VOTES_ACCEPTED, accepted), (1, LEDGER, ledger)):
            differences = recounting.compare_votes(election_id, due, votes)
            found[place][election_id] = differences
            recounting.name(side, election_id, differences, findings)
    return found


def manifest(recount: Recount, election_id: str) -> dict[str, Any]:
    """What is reported of one election, and signed: offsets, counts, hashes, findings. Nothing in it tells who voted."""
    result, found = recount.result, recount.projections
    findings = recount.findings.of([election_id, UNKNOWN])
    return {
        "kind": "recount",
        "reportId": recount.report_id,
        "electionId": election_id,
        "startedAt": _time(recount.started_at),
        "finishedAt": _time(recount.finished_at),
        "votesIn": {
            str(partition): {"start": each.start, "end": each.end} for partition, each in sorted(recount.extent.log.items())
        },
        "agrees": recount.agrees(election_id),
        "counts": result.counts(election_id),
        "outcomes": result.outcomes(election_id),
        "hashes": recounting.hashes(result, found.ledger, election_id),
        "votesAccepted": votes_in(result.accepted, election_id),
        "ledgerRows": votes_in(found.ledger, election_id),
        "conservation": display.figures(recount.conservation.elections.get(election_id, Balance())),
        "auroraTotals": _of(found.aurora, election_id),
        "redisTotals": _of(found.redis, election_id),
        "deadLetters": sum(name in {election_id, UNKNOWN} for name in result.dead_letters.values()),
        "discrepancies": [
            {"kind": str(kind), "electionId": name, "count": count} for (kind, name), count in findings.counts.items()
        ],
        "findings": [{"kind": str(each.kind), "text": each.text} for each in findings],
    }


def record(settings: Settings, recount: Recount, elections: Iterable[str]) -> None:
    """Write the reports, and the places of the dead letters, into PostgreSQL. Raises ``CouldNotCheck``."""
    letters: dict[Position, str] = recount.result.dead_letters
    try:
        with psycopg.connect(settings.database_url) as database:
            database.execute(
                "INSERT INTO dead_letters (source_partition, source_offset, election_id)"
                " SELECT * FROM unnest(%s::integer[], %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
                [[place.partition for place in letters], [place.offset for place in letters], list(letters.values())],
            )
            for election_id in elections:
                database.execute(
                    "INSERT INTO recount_reports (report_id, election_id, started_at, finished_at, agrees, manifest)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    [
                        f"{recount.report_id}:{election_id}",
                        election_id,
                        recount.started_at,
                        recount.finished_at,
                        recount.agrees(election_id),
                        Jsonb(manifest(recount, election_id)),
                    ],
                )
    except psycopg.Error as error:
        raise CouldNotCheck(f"the report cannot be written: {error}") from error


def _of(totals: Totals, election_id: str) -> dict[str, int]:
    return {candidate_id: count for (name, candidate_id), count in sorted(totals.items()) if name == election_id}


def _time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _say(text: str) -> None:
    print(f"recount: {text}", file=sys.stderr, flush=True)
