"""One audit of a running system: what is read, in which order, and what it comes to."""

from dataclasses import dataclass

import psycopg

from proof import catalogue, projections
from proof.conservation import Conservation, Extent
from proof.decoding import Decoder
from proof.findings import Figures, Findings
from proof.log import Log
from proof.records import UNKNOWN
from proof.settings import Settings
from proof.sources import failing_as
from schemas import topics
from schemas.registry import Registry


class CouldNotCheck(Exception):
    """A part of the system cannot be read, so nothing is proved either way. The message names it; try again."""


@dataclass(frozen=True)
class Audit:
    """The figures of each election and everything that does not agree."""

    figures: dict[str, Figures]
    findings: Findings

    @property
    def agrees(self) -> bool:
        return not self.findings

    def of(self, election_id: str) -> "Audit":
        """The part of one election, and what may be part of it: records whose election can't be told.

        Raises ``CouldNotCheck`` for an election that is neither in the catalogue nor in the log.
        """
        if election_id not in self.figures:
            raise CouldNotCheck(f"there is no election {election_id}")
        shown = [name for name in (election_id, UNKNOWN) if name in self.figures]
        return Audit({name: self.figures[name] for name in shown}, self.findings.of([election_id, UNKNOWN]))


def run(settings: Settings) -> Audit:
    """Read everything once and compare. Raises ``CouldNotCheck``.

    What dedup has noted as done is asked first, then the ends of votes-in, then those of the verdicts and of the catalogue (which
    has a version before any vote can name it), then the projections: each is at least as far as the one before. Under load a
    projection may be ahead of the verdicts read, and in flight or differing figures pass by themselves; an audit after the load
    is exact.
    """
    with (
        failing_as(CouldNotCheck),
        psycopg.connect(settings.database_url, autocommit=True) as database,
        Registry(settings.schema_registry_url) as registry,
        Log(settings.kafka_bootstrap_servers) as log,
    ):
        return _run(settings, database, Decoder(registry), log)


def _run(settings: Settings, database: "psycopg.Connection[tuple[object, ...]]", decoder: Decoder, log: Log) -> Audit:
    cast_ranges = log.ranges("votes-in")
    contract = topics.load(settings.topics_environment)["votes-in"].partitions
    if len(cast_ranges) != contract:
        raise CouldNotCheck(f"votes-in has {len(cast_ranges)} partitions, the contract says {contract}")
    decided = log.committed(settings.dedup_group, "votes-in", cast_ranges)
    cast_ranges = log.ranges("votes-in")
    accepted_ranges, rejected_ranges, dead_ranges, election_ranges = (
        log.ranges(topic) for topic in ("votes-accepted", "votes-rejected", "votes-dlq", "elections")
    )

    findings = Findings()
    versions = catalogue.collect(decoder.elections(log.messages("elections", election_ranges)), findings)
    extents = {partition: Extent(decided[partition], found.end) for partition, found in cast_ranges.items()}
    conservation = Conservation(versions, extents, findings)
    conservation.verdicts(decoder.accepted(log.messages("votes-accepted", accepted_ranges)))
    conservation.verdicts(decoder.rejected(log.messages("votes-rejected", rejected_ranges)))
    conservation.verdicts(decoder.dead_letters(log.messages("votes-dlq", dead_ranges)))
    conservation.votes_in(decoder.cast(log.messages("votes-in", cast_ranges)))
    conservation.ledger(projections.read_ledger(database), projections.read_conflicts(database))
    elections = {election_id for election_id, _ in versions}
    aurora = projections.read_aurora_totals(database)
    counted = {election_id for election_id, _ in (*aurora, *conservation.counts)}
    conservation.totals(aurora, projections.read_redis_totals(settings.redis_url, sorted(elections | counted)))
    figures = {election_id: conservation.figures[election_id] for election_id in sorted({*conservation.figures, *elections})}
    return Audit(figures, findings)
