"""What the system holds of one election, read past its services: topics, tables and Redis; and what it tells those who ask."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import httpx
import psycopg

from compose.electorate import Mint
from compose.settings import Stack
from proof import audit, catalogue, projections, rule
from proof.decoding import Decoder
from proof.findings import Findings
from proof.log import Log
from proof.records import Accepted, Cast, Catalogue, LedgerRow, Rejected, Unreadable
from proof.settings import Settings
from schemas.registry import Registry
from tests.faults.history import ACCEPTED, History
from tests.faults.results import in_redis, of_election
from tests.integration.log_of_votes import read_topic

# One in so many voters is asked for besides those whose answer is in doubt.
ASKED_EVERY = 20
# The ingress reads the totals of an election at most twice a second.
SHOWN_WITHIN_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 1.0


class OwnVote(NamedTuple):
    """What ``GET /vote/{electionId}`` told a voter; ``status`` is the HTTP status and its reason where it was not 200."""

    status: str
    vote_id: str | None


@dataclass(frozen=True)
class Facts:
    """Everything that is known about one election once its votes are decided. Counts are by candidate."""

    election_id: str
    partitions: int
    catalogue: Catalogue
    cast: Sequence[Cast]
    """Records of votes-in, each partition in the order of its offsets."""
    accepted: Sequence[Accepted]
    rejected: Sequence[Rejected]
    ledger: Sequence[LedgerRow]
    vote_totals: Mapping[str, int]
    redis_totals: Mapping[str, int]
    announced: Mapping[str, int]
    """The newest record of each candidate in votes-agg."""
    shown: Mapping[str, int]
    """``GET /votes/{electionId}``."""
    own_votes: Mapping[str, OwnVote]
    """By voter, of some: at least of everybody who holds a 202 for a vote that is not the first in the log."""
    audit: Sequence[str] = ()
    """What ``proof.audit`` found, in words."""

    def counted(self) -> dict[str, Cast]:
        """By voter, the vote that counts: the first valid one of its key in the log."""
        return counted(self.cast, self.catalogue, self.partitions)


def counted(cast: Iterable[Cast], catalogue: Catalogue, partitions: int) -> dict[str, Cast]:
    """The rule of the election, applied to records of one election in the order of their partitions."""
    first: dict[str, Cast] = {}
    for record in cast:
        if record.vote is None or rule.unreadable_because(record, partitions) is not None:
            continue
        if rule.invalid_because(record.vote, record.jurisdiction, record.appended_at_ms, catalogue) is None:
            first.setdefault(record.vote.voter_sub, record)
    return first


def read_settled(
    stack: Stack, election_id: str, history: History, mint: Mint, within_seconds: float, also: Sequence[str] = ()
) -> Facts:
    """Read everything once nothing of the election is in flight and the audit agrees, or at the latest after so many seconds.

    The audit has to agree on the elections of ``also`` too. Raises ``audit.CouldNotCheck`` where even then something cannot be
    read.
    """
    settings = Settings.from_environment(stack.environment())
    give_up_at = time.monotonic() + within_seconds
    while True:
        try:
            whole = audit.run(settings)
            found = [finding.text for each in (election_id, *also) for finding in whole.of(each).findings]
        except audit.CouldNotCheck:
            if time.monotonic() > give_up_at:
                raise
        else:
            if not found or time.monotonic() > give_up_at:
                return _read(stack, settings, election_id, history, mint, found)
        time.sleep(PAUSE_SECONDS)


def _read(stack: Stack, settings: Settings, election_id: str, history: History, mint: Mint, audited: Sequence[str]) -> Facts:
    with (
        psycopg.connect(settings.database_url, autocommit=True) as database,
        Registry(settings.schema_registry_url) as registry,
        Log(settings.kafka_bootstrap_servers) as log,
        httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=REQUEST_TIMEOUT_SECONDS) as api,
    ):
        decoder = Decoder(registry)
        ranges = log.ranges("votes-in")
        # What is wrong with a record of the catalogue has been found by the audit.
        versions = catalogue.collect(decoder.elections(log.messages("elections", log.ranges("elections"))), Findings())
        cast = [
            record
            for record in decoder.cast(log.messages("votes-in", ranges))
            if rule.election_of(record, {election_id}) == election_id
        ]
        accepted = _of(decoder.accepted(log.messages("votes-accepted", log.ranges("votes-accepted"))), election_id)
        rejected = _of(decoder.rejected(log.messages("votes-rejected", log.ranges("votes-rejected"))), election_id)
        in_doubt = _in_doubt(history, counted(cast, versions, len(ranges)))
        return Facts(
            election_id=election_id,
            partitions=len(ranges),
            catalogue=versions,
            cast=cast,
            accepted=accepted,
            rejected=rejected,
            ledger=[row for row in projections.read_ledger(database) if row.election_id == election_id],
            vote_totals=of_election(projections.read_aurora_totals(database), election_id),
            redis_totals=in_redis(stack, election_id),
            announced=_announced(stack, election_id),
            shown=_shown(api, election_id, len(accepted)),
            own_votes={sub: _own_vote(api, election_id, mint.token(sub, time.time())) for sub in in_doubt},
            audit=audited,
        )


_Verdict = TypeVar("_Verdict", Accepted, Rejected)


def _of(records: Iterable[_Verdict | Unreadable], election_id: str) -> list[_Verdict]:
    """Those of the election. An unreadable record has been found by the audit."""
    return [record for record in records if not isinstance(record, Unreadable) and record.vote.election_id == election_id]


def _announced(stack: Stack, election_id: str) -> dict[str, int]:
    records = [value for _, value in read_topic(stack, "votes-agg") if value["election_id"] == election_id]
    return {value["candidate_id"]: value["count"] for value in records}


def _in_doubt(history: History, counts: Mapping[str, Cast]) -> Iterator[str]:
    for number, (sub, attempts) in enumerate(history.by_voter().items()):
        first = counts[sub].vote if sub in counts else None
        told = {attempt.vote_id for attempt in attempts if attempt.status == ACCEPTED}
        if number % ASKED_EVERY == 0 or told - {first.vote_id if first else None}:
            yield sub


def _shown(api: httpx.Client, election_id: str, total: int) -> dict[str, int]:
    give_up_at = time.monotonic() + SHOWN_WITHIN_SECONDS
    while True:
        answer = api.get(f"/votes/{election_id}")
        answer.raise_for_status()
        if answer.json()["total"] == total or time.monotonic() > give_up_at:
            counts: dict[str, int] = answer.json()["counts"]
            return counts
        time.sleep(0.25)


def _own_vote(api: httpx.Client, election_id: str, token: str) -> OwnVote:
    answer = api.get(f"/vote/{election_id}", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != httpx.codes.OK:
        return OwnVote(f"{answer.status_code} {answer.json().get('type')}", None)
    return OwnVote(answer.json()["status"], (answer.json()["receipt"] or {}).get("voteId"))
