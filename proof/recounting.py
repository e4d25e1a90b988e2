"""What a recount comes to, and where everything else says something different. Pure: it is given what was read.

The recount's own figures come from votes-in and the catalogue alone. Everything else is compared with them: votes-accepted and
votes_ledger by sums of digests and then, where these differ, vote by vote; the totals candidate by candidate.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proof.alarm import MEANINGS
from proof.cover import Balance
from proof.digests import Cell, Sum, Sums, differing, fingerprint
from proof.findings import Findings, Kind
from proof.records import UNKNOWN, Position, Totals
from proof.watch import View

ACCEPTED, DEAD_LETTER = "accepted", "dead_letter"


class CountedVote(NamedTuple):
    """A vote that counts, wherever it is written down. ``source`` is ``None`` where a row does not name it."""

    election_id: str
    vote_key: str
    vote_id: str | None
    candidate_id: str
    appended_at_ms: int
    source: Position | None


@dataclass
class Result:
    """Of one replay: what the records of votes-in came to, by election and outcome, and the sums of both sides."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    winners: dict[Cell, Sum] = field(default_factory=dict)
    accepted: dict[Cell, Sum] = field(default_factory=dict)
    dead_letters: dict[Position, str] = field(default_factory=dict)

    @staticmethod
    def of(rows: Iterable[list[Any]]) -> "Result":
        """From the rows of sql/sums.sql."""
        found = Result()
        for side, election_id, outcome, candidate_id, bucket, votes, digest in rows:
            cell, total = Cell(election_id, candidate_id, bucket), Sum(votes, digest)
            if side == "dead":
                found.dead_letters[Position(bucket, votes)] = election_id
            elif side == "accepted":
                found.accepted[cell] = total
            else:
                found.verdicts[election_id, outcome] += votes
                if outcome == ACCEPTED:
                    found.winners[cell] = total
        return found

    def counts(self, election_id: str) -> dict[str, int]:
        """Votes that count, by candidate."""
        found: Counter[str] = Counter()
        for cell, total in self.winners.items():
            if cell.election_id == election_id:
                found[cell.candidate_id] += total.votes
        return dict(sorted(found.items()))

    def outcomes(self, election_id: str) -> dict[str, int]:
        """Records of votes-in by what became of them."""
        return {outcome: votes for (name, outcome), votes in sorted(self.verdicts.items()) if name == election_id}


def votes_of(rows: Iterable[list[Any]], side: str) -> list[CountedVote]:
    """From the rows of sql/votes_of_buckets.sql."""
    return [
        CountedVote(election_id, key, vote_id, candidate_id, at, Position(partition, offset))
        for found, election_id, key, vote_id, candidate_id, at, partition, offset, _ in rows
        if found == side
    ]


@dataclass(frozen=True)
class Side:
    """A record of votes that count, and what its differences are called."""

    name: str
    missing: Kind
    extra: Kind
    differs: Kind


VOTES_ACCEPTED = Side("votes-accepted", Kind.LOST, Kind.INVENTED, Kind.ALTERED)
LEDGER = Side("votes_ledger", Kind.LEDGER_MISSING, Kind.LEDGER_EXTRA, Kind.LEDGER_DIFFERS)


@dataclass(frozen=True)
class Differences:
    """Where a side differs from the recount, voter by voter: what it should have, and what it has."""

    missing: list[CountedVote]
    extra: list[CountedVote]
    changed: list[tuple[CountedVote, CountedVote]]
    """What counts, and what is there instead."""


def compare_votes(election_id: str, due: Iterable[CountedVote], found: Iterable[CountedVote]) -> Differences:
    """Two lists of the same buckets, of which the second may have a voter twice."""
    missing = {vote.vote_key: vote for vote in due if vote.election_id == election_id}
    there: defaultdict[str, list[CountedVote]] = defaultdict(list)
    for vote in found:
        if vote.election_id == election_id:
            there[vote.vote_key].append(vote)
    extra: list[CountedVote] = []
    changed: list[tuple[CountedVote, CountedVote]] = []
    for key, votes in there.items():
        winner = missing.pop(key, None)
        if winner is None:
            extra += votes
        elif winner in votes:
            others = list(votes)
            others.remove(winner)
            extra += others
        else:
            changed.append((winner, votes[0]))
            extra += votes[1:]
    return Differences(list(missing.values()), extra, changed)


def name(side: Side, election_id: str, differences: Differences, findings: Findings) -> None:
    """Tell each difference, with a vote's id and place, never a voter beside a choice."""
    for vote in differences.missing:
        findings.add(side.missing, election_id, f"vote {vote.vote_id} ({vote.source}) counts and is not in {side.name}")
    for vote in differences.extra:
        findings.add(side.extra, election_id, f"vote {vote.vote_id} ({vote.source}) is in {side.name} and does not count there")
    for due, found in differences.changed:
        what = [
            text
            for text, one, other in (
                (f"id ({found.vote_id})", due.vote_id, found.vote_id),
                ("choice", due.candidate_id, found.candidate_id),
                ("time", due.appended_at_ms, found.appended_at_ms),
                (f"place in the log ({found.source})", due.source, found.source),
            )
            if one != other
        ]
        findings.add(
            side.differs, election_id, f"vote {due.vote_id} ({due.source}) has another {' and '.join(what)} in {side.name}"
        )


def compare_totals(
    election_id: str, counts: Mapping[str, int], totals: Totals, kind: Kind, where: str, findings: Findings, *, moving: bool
) -> None:
    """``moving``: votes came in after the recount's ends, which the totals may have and the recount has not."""
    candidates = sorted({*counts, *(candidate_id for name, candidate_id in totals if name == election_id)})
    for candidate_id in candidates:
        due, total = counts.get(candidate_id, 0), totals.get((election_id, candidate_id), 0)
        if total < due or (total > due and not moving):
            findings.add(kind, election_id, f"{where} has {total} for {candidate_id}, the recount {due}")


def compare_conservation(
    result: Result, view: View, elections: Iterable[str], moving: Container[str], findings: Findings
) -> None:
    """Whether the verdicts cover the log exactly, and come to what the recount came to."""
    for alarm in view.alarms:
        where = ", ".join(view.words.get(alarm, []))
        findings.add(Kind.CONSERVATION, UNKNOWN, f"{view.wrong[alarm]} records: {MEANINGS[alarm]}. {where}")
    if view.gaps:
        where = ", ".join(map(str, view.gaps[:20]))
        findings.add(Kind.CONSERVATION, UNKNOWN, f"{view.unaccounted} records that dedup has passed have no verdict: {where}")
    for election_id in elections:
        balance, outcomes = view.elections.get(election_id, Balance()), result.outcomes(election_id)
        if election_id in moving:
            continue
        if not balance.is_exact:
            findings.add(Kind.CONSERVATION, election_id, "the sum of its verdicts is not the number of its records in votes-in")
        told = {"accepted": balance.accepted, "duplicate": balance.duplicates, **balance.rejected}
        for outcome in sorted({*told, *outcomes} - {DEAD_LETTER}):
            if told.get(outcome, 0) != outcomes.get(outcome, 0):
                findings.add(
                    Kind.CONSERVATION,
                    election_id,
                    f"the verdicts have {told.get(outcome, 0)} {outcome}, the recount {outcomes.get(outcome, 0)}",
                )


def unreadable(result: Result, findings: Findings) -> None:
    """Records of votes-accepted that do not follow their contract, which the recount counts under ``unknown``."""
    number = sum(total.votes for cell, total in result.accepted.items() if cell.election_id == UNKNOWN)
    if number:
        findings.add(Kind.UNREADABLE, UNKNOWN, f"{number} records of votes-accepted do not follow their contract")


def suspicious(result: Result, ledger: Sums, elections: Iterable[str]) -> set[int]:
    """The buckets to look into vote by vote."""
    found: set[int] = set()
    for election_id in elections:
        found |= differing(result.winners, result.accepted, election_id)
        found |= differing(result.winners, ledger, election_id)
    return found


def hashes(result: Result, ledger: Sums, election_id: str) -> dict[str, str]:
    """One hash for each record of the votes that count: equal where they say the same."""
    return {
        "recount": fingerprint(result.winners, election_id),
        "votesAccepted": fingerprint(result.accepted, election_id),
        "votesLedger": fingerprint(ledger, election_id),
    }
