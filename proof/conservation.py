"""Conservation by exact cover: every record of votes-in has exactly one verdict, the right one, and the projections say the same.

Pure: it is given iterators of what was read and answers with figures and findings. The verdicts come first, then votes-in, then
the projections. It holds one entry for each vote between its verdict and its place in votes-in, and one for each voter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proof import rule
from proof.findings import Figures, Findings, Kind
from proof.records import (
    UNKNOWN,
    Accepted,
    Cast,
    Catalogue,
    Conflict,
    DeadLetter,
    LedgerRow,
    Position,
    Rejected,
    Totals,
    Unreadable,
    Vote,
)
from schemas import ids


class Extent(NamedTuple):
    """How much of a partition of votes-in an audit covers: records below ``end``; those below ``decided`` must have a verdict."""

    decided: int
    end: int


class _Verdict(NamedTuple):
    outcome: str  # accepted, dead letter, or the reason of a rejection
    fingerprint: int
    first_vote_id: str | None = None

    def __str__(self) -> str:
        return _in_words(self.outcome, self.first_vote_id)


class _Winner(NamedTuple):
    vote_id: str
    candidate_id: str
    source: Position


ACCEPTED = "accepted"
DEAD_LETTER = "dead letter"
DUPLICATE = "duplicate"


class Conservation:
    """One audit. Call ``verdicts``, ``votes_in``, then the projections' checks; then read ``figures`` and ``findings``."""

    def __init__(self, catalogue: Catalogue, extents: Mapping[int, Extent], findings: Findings) -> None:
        self.findings = findings
        self.figures: defaultdict[str, Figures] = defaultdict(Figures)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._catalogue = catalogue
        self._elections = {election_id for election_id, _ in catalogue}
        self._extents = extents
        self._verdicts: dict[Position, _Verdict] = {}
        self._accepted: dict[str, _Winner] = {}

    def verdicts(self, records: Iterable[Accepted | Rejected | DeadLetter | Unreadable]) -> None:
        """Take records of votes-accepted, votes-rejected and votes-dlq in any order; leave out those beyond the audit's end."""
        for record in records:
            if isinstance(record, Unreadable):
                self.findings.add(Kind.UNREADABLE, UNKNOWN, str(record))
                continue
            if not self._covers(record.source):
                continue
            if record.source in self._verdicts:
                election_id = UNKNOWN if isinstance(record, DeadLetter) else record.vote.election_id
                outcome = self._verdicts[record.source].outcome
                self.findings.add(
                    Kind.DOUBLED, election_id, f"{record.source} has a second verdict: {_verdict(record).outcome} after {outcome}"
                )
                continue
            self._verdicts[record.source] = _verdict(record)
            if isinstance(record, Accepted):
                self._count(record)

    def votes_in(self, records: Iterable[Cast]) -> None:
        """Take all records of votes-in within the extents, each partition in the order of its offsets."""
        first: dict[str, _Winner] = {}
        partitions = len(self._extents)
        for record in records:
            election_id = rule.election_of(record, self._elections)
            figures = self.figures[election_id]
            figures.cast += 1
            verdict = self._verdicts.pop(record.position, None)
            if verdict is None:
                self._undecided(record, election_id, figures)
            else:
                _add_to(figures, verdict.outcome)
            unreadable = rule.unreadable_because(record, partitions)
            vote = record.vote
            if unreadable is not None or vote is None:
                if verdict is not None:
                    self._check_unreadable(record, election_id, verdict, str(unreadable))
                continue
            invalid = rule.invalid_because(vote, record.jurisdiction, record.appended_at_ms, self._catalogue)
            if invalid is not None:
                due: tuple[str, str | None] = invalid, None
            else:
                winner = _Winner(vote.vote_id, vote.candidate_id, record.position)
                counts = first.setdefault(ids.vote_key(vote.election_id, vote.voter_sub), winner)
                due = (ACCEPTED, None) if counts is winner else (DUPLICATE, counts.vote_id)
            if verdict is not None:
                self._check_verdict(record, vote, election_id, verdict, *due)
        for source, verdict in self._verdicts.items():
            self.findings.add(Kind.INVENTED, UNKNOWN, f"{source} is {verdict.outcome} and has no record in votes-in")

    def ledger(self, rows: Iterable[LedgerRow], conflicts: Iterable[Conflict]) -> None:
        """Compare votes_ledger with what was accepted, voter by voter."""
        missing = dict(self._accepted)
        for row in rows:
            if row.source is not None and not self._covers(row.source):
                continue
            self.figures[row.election_id].ledger_rows += 1
            winner = missing.pop(ids.vote_key(row.election_id, row.voter_sub), None)
            if winner is None:
                self.findings.add(
                    Kind.LEDGER_EXTRA, row.election_id, f"vote {row.vote_id} is in the ledger and was never accepted"
                )
                continue
            for what, found, accepted in (
                ("id", row.vote_id, winner.vote_id),
                ("place in the log", row.source, winner.source),
                ("choice", row.candidate_id, winner.candidate_id),
            ):
                if found != accepted:
                    told = "" if what == "choice" else f": {found}"
                    self.findings.add(
                        Kind.LEDGER_DIFFERS, row.election_id, f"vote {winner.vote_id} has another {what} in the ledger{told}"
                    )
        for key, winner in missing.items():
            election_id = key.partition(":")[0]
            self.findings.add(
                Kind.LEDGER_MISSING, election_id, f"vote {winner.vote_id} ({winner.source}) was accepted and is not in the ledger"
            )
        for conflict in conflicts:
            self.findings.add(
                Kind.LEDGER_CONFLICT,
                conflict.election_id,
                f"vote {conflict.refused_vote_id} reached the ledger after vote {conflict.kept_vote_id} of the same voter",
            )

    def totals(self, aurora: Totals, redis: Totals) -> None:
        """Compare vote_totals and the totals in Redis with the number of accepted votes of each candidate."""
        for kind, name, totals in ((Kind.AURORA_TOTAL, "Aurora", aurora), (Kind.REDIS_TOTAL, "Redis", redis)):
            for election_id, candidate_id in sorted({*totals, *self.counts}):
                total, accepted = totals.get((election_id, candidate_id), 0), self.counts[election_id, candidate_id]
                if total != accepted:
                    self.findings.add(kind, election_id, f"{name} has {total} for {candidate_id}, accepted were {accepted}")
        for (election_id, _), count in aurora.items():
            self.figures[election_id].aurora_total += count
        for (election_id, _), count in redis.items():
            self.figures[election_id].redis_total += count

    def _covers(self, source: Position) -> bool:
        """Whether the audit reaches as far; a partition that votes-in does not have is left to be found as invented."""
        extent = self._extents.get(source.partition)
        return extent is None or source.offset < extent.end

    def _count(self, record: Accepted) -> None:
        """One vote for each voter, whatever else was accepted: that is what the totals have to be."""
        vote = record.vote
        key = ids.vote_key(vote.election_id, vote.voter_sub)
        other = self._accepted.get(key)
        if other is None:
            self._accepted[key] = _Winner(vote.vote_id, vote.candidate_id, record.source)
            self.counts[vote.election_id, vote.candidate_id] += 1
            return
        self.findings.add(
            Kind.TWO_VOTES,
            vote.election_id,
            f"vote {vote.vote_id} ({record.source}) and vote {other.vote_id} ({other.source}) are accepted for one voter",
        )

    def _undecided(self, record: Cast, election_id: str, figures: Figures) -> None:
        if record.position.offset < self._extents[record.position.partition].decided:
            name = f"vote {record.vote.vote_id} ({record.position})" if record.vote else str(record.position)
            self.findings.add(Kind.LOST, election_id, f"{name} has no verdict, though dedup has passed it")
        else:
            figures.in_flight += 1
            self.findings.add(Kind.IN_FLIGHT, election_id, f"{record.position} is not decided yet")

    def _check_unreadable(self, record: Cast, election_id: str, verdict: _Verdict, why: str) -> None:
        if verdict.outcome != DEAD_LETTER:
            self.findings.add(
                Kind.WRONG_VERDICT, election_id, f"{record.position} is {verdict}, and should be a dead letter: {why}"
            )
        elif verdict.fingerprint != hash((record.key, record.value)):
            self.findings.add(Kind.ALTERED, election_id, f"the dead letter of {record.position} has other bytes than the record")

    def _check_verdict(
        self, record: Cast, vote: Vote, election_id: str, verdict: _Verdict, outcome: str, first_vote_id: str | None
    ) -> None:
        """Of a readable vote, for which the rule gives this outcome and, where that is a duplicate, the vote that counts."""
        name = f"vote {vote.vote_id} ({record.position})"
        if verdict.outcome == DEAD_LETTER:
            self.findings.add(Kind.WRONG_VERDICT, election_id, f"{name} is a dead letter, and can be read")
            return
        if verdict.fingerprint != hash((record.key, vote, record.appended_at_ms)):
            self.findings.add(Kind.ALTERED, election_id, f"{name} says something else where it is {verdict.outcome}")
        if (verdict.outcome, verdict.first_vote_id) != (outcome, first_vote_id):
            due = _in_words(outcome, first_vote_id)
            self.findings.add(Kind.WRONG_VERDICT, election_id, f"{name} is {verdict}, and should be {due}")


def _verdict(record: Accepted | Rejected | DeadLetter) -> _Verdict:
    match record:
        case Accepted():
            return _Verdict(ACCEPTED, hash((record.key, record.vote, record.appended_at_ms)))
        case Rejected():
            return _Verdict(record.reason, hash((record.key, record.vote, record.appended_at_ms)), record.first_vote_id)
        case DeadLetter():
            return _Verdict(DEAD_LETTER, hash((record.key, record.value)))


def _in_words(outcome: str, first_vote_id: str | None) -> str:
    if outcome in {ACCEPTED, DEAD_LETTER}:
        return outcome
    return f"rejected ({outcome})" if first_vote_id is None else f"rejected ({outcome}, first vote {first_vote_id})"


def _add_to(figures: Figures, outcome: str) -> None:
    if outcome == ACCEPTED:
        figures.accepted += 1
    elif outcome == DEAD_LETTER:
        figures.dead_letters += 1
    elif outcome == DUPLICATE:
        figures.duplicates += 1
    else:
        figures.rejected_otherwise += 1
