"""What voters were told: each 202 is in the log, accepted once and in the ledger once."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import psycopg

from proof import projections
from proof.decoding import Decoder
from proof.findings import Findings, Kind
from proof.log import Log
from proof.records import Accepted, Cast, LedgerRow, Unreadable, Vote
from proof.settings import Settings
from schemas.registry import Registry


class Claim(NamedTuple):
    """An answer 202: this vote of this voter is in."""

    election_id: str
    voter_sub: str
    vote_id: str


def check(
    claims: Iterable[Claim], cast: Iterable[Cast], accepted: Iterable[Accepted | Unreadable], ledger: Iterable[LedgerRow]
) -> Findings:
    """Compare claims with everything that was read. In votes-in a vote may stand more than once: a retry sends it again."""
    wanted = set(claims)
    in_log = {claim for record in cast if record.vote is not None and (claim := _claim(record.vote)) in wanted}
    counted = Counter(claim for record in accepted if isinstance(record, Accepted) and (claim := _claim(record.vote)) in wanted)
    recorded = Counter(
        claim
        for row in ledger
        if row.vote_id is not None and (claim := Claim(row.election_id, row.voter_sub, row.vote_id)) in wanted
    )
    findings = Findings()
    for claim in sorted(wanted):
        name = f"vote {claim.vote_id}, answered with 202,"
        if claim not in in_log:
            findings.add(Kind.CLAIM, claim.election_id, f"{name} is not in votes-in")
        if counted[claim] != 1:
            findings.add(Kind.CLAIM, claim.election_id, f"{name} is in votes-accepted {counted[claim]} times, not once")
        if recorded[claim] != 1:
            findings.add(Kind.CLAIM, claim.election_id, f"{name} is in votes_ledger {recorded[claim]} times, not once")
    return findings


def check_running(settings: Settings, claims: Iterable[Claim]) -> Findings:
    """``check`` against the running system.

    Raises ``LogUnreadable``, ``RegistryUnavailable``, ``SchemaNotRegistered``, ``psycopg.Error``.
    """
    with (
        psycopg.connect(settings.database_url, autocommit=True) as database,
        Registry(settings.schema_registry_url) as registry,
        Log(settings.kafka_bootstrap_servers) as log,
    ):
        decoder = Decoder(registry)
        return check(
            claims,
            decoder.cast(log.messages("votes-in", log.ranges("votes-in"))),
            decoder.accepted(log.messages("votes-accepted", log.ranges("votes-accepted"))),
            projections.read_ledger(database),
        )


def _claim(vote: Vote) -> Claim:
    return Claim(vote.election_id, vote.voter_sub, vote.vote_id)
