"""What voters were told, compared with what the system holds, voter by voter. Pure: it is given data and opens nothing.

It relies on no verdict of the jobs: which vote counts is worked out from the log, by the rule as ``proof.rule`` writes it down.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proof import claims
from proof.records import Cast, Vote
from tests.faults import readers
from tests.faults.facts import Facts
from tests.faults.history import ACCEPTED, ALREADY_VOTED, FINAL, UNAVAILABLE, Attempt, History
from tests.faults.nemesis import Evidence
from tests.faults.readers import Seen
from tests.faults.report import Report, p99_seconds
from tests.faults.results import Sample
from tests.faults.waits import Wait, ballots, wait_of

DUPLICATE = "duplicate"
# Beyond the time that a voter may have to wait for an undecided attempt: Retry-After counts whole seconds, the repeated vote
# has a request's time of its own (6 s), and the crowd that an outage leaves behind is served on a machine that is shared.
MARGIN_SECONDS = 15.0


class Kind(StrEnum):
    """What is wrong."""

    LOST = "answered 202 and not in votes-in"
    WRONG_WINNER = "not exactly the first vote of a voter is accepted"
    INVENTED = "accepted and never cast"
    CHANGED = "says something else than was cast"
    NOT_REJECTED = "answered 202, does not count, and is not rejected as a duplicate of the vote that does"
    OWN_VOTE = "a voter is not shown the receipt that counts"
    RECEIPT = "a 409 names a vote that is not the voter's, or does not count though no reservation was lost"
    TWO_RECEIPTS = "202 for two votes of one voter, though no reservation was lost"
    COUNTS = "counts differ"
    WENT_BACK = "a count that a reader saw went back"
    PROOF = "found by the auditors' own checks"
    LOCKED_OUT = "a voter who kept trying got no final answer in time"
    UNEXPECTED = "an answer that no voter should get"
    NOTHING_PROVED = "too little happened to prove anything"


class Breach(NamedTuple):
    """One thing that is wrong. The text names votes and voters, and never a voter beside a choice."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Limits:
    """``pending_seconds``: how long an undecided attempt may keep its voter waiting, as the ingress is set."""

    pending_seconds: float
    margin_seconds: float = MARGIN_SECONDS

    @property
    def locked_out_seconds(self) -> float:
        return self.pending_seconds + self.margin_seconds


def check(
    history: History,
    facts: Facts,
    evidence: Sequence[Evidence],
    limits: Limits,
    reservations_unavailable: int = 0,
    samples: Sequence[Sample] | None = None,
) -> Report:
    """Compare every voter and every count.

    ``reservations_unavailable`` is how often the ingress says that it went on without a reservation. For so many voters a
    second 202, or a 409 with another receipt, is what the design allows. ``samples`` are for faults of the jobs: no count in
    them may have gone back, and votes must have been on their way through the jobs whenever a fault struck.
    """
    voters = _Voters(history, facts)
    ballot_waits = [wait_of(attempts, evidence) for attempts in ballots(history).values()]
    voter_waits = [wait_of(attempts, evidence) for attempts in voters.attempts.values()]
    breaches = [
        *_lost_or_changed(voters),
        *_wrong_winners(voters, facts),
        *_not_rejected(voters, facts),
        *_not_shown(voters, facts),
        *_foreign_receipts(voters),
        *_different_counts(facts),
        *_proof(voters, facts),
        *_locked_out(ballot_waits, voter_waits, limits),
        *_unexpected(history),
        *_nothing_proved(history, evidence),
    ]
    seen = None if samples is None else readers.seen(history, samples, evidence)
    breaches += [] if seen is None else _seen_by_readers(seen, evidence)
    doubtful = (
        [] if any(fault.loses_reservations for fault in evidence) else [*_two_receipts(voters), *_uncounted_receipts(voters)]
    )
    explained = len(doubtful) <= reservations_unavailable
    breaches += [] if explained else doubtful
    return Report(
        election_id=facts.election_id,
        faults=[fault.text() for fault in evidence],
        breaches=breaches,
        voters=len(voters.attempts),
        attempts=len(history),
        answers=Counter(" ".join(filter(None, (str(each.status or "unknown"), each.problem))) for each in history),
        cast=len(facts.cast),
        accepted=len(facts.accepted),
        duplicates=sum(record.reason == DUPLICATE for record in facts.rejected),
        uncounted=sum(len(voters.uncounted(sub)) for sub in voters.attempts),
        broken=sum(each.status is None and _under_way(each, evidence) for each in history),
        accepted_during=sum(each.status == ACCEPTED and _during(each.ended_at, evidence) for each in history),
        reservations_unavailable=reservations_unavailable,
        explained=len(doubtful) if explained else 0,
        longest_wait_seconds=max((wait.seconds for wait in ballot_waits), default=0.0),
        longest_locked_out_seconds=max((wait.locked_out_seconds for wait in voter_waits), default=0.0),
        allowed_locked_out_seconds=limits.locked_out_seconds,
        p99_before_seconds=_p99(each for each in history if not any(each.ended_at >= fault.struck_at for fault in evidence)),
        p99_during_seconds=_p99(each for each in history if _during(each.began_at, evidence)),
        seen=seen,
    )


class _Voters:
    """By voter: the attempts, the votes that the log has, and the one that counts."""

    def __init__(self, history: History, facts: Facts) -> None:
        self.attempts: Mapping[str, Sequence[Attempt]] = history.by_voter()
        self.counted: Mapping[str, Cast] = facts.counted()
        self.logged: defaultdict[str, dict[str, set[Vote]]] = defaultdict(dict)
        """The votes in votes-in by voter and vote id. A vote may stand there more than once, and says the same each time."""
        for record in facts.cast:
            if record.vote is not None:
                self.logged[record.vote.voter_sub].setdefault(record.vote.vote_id, set()).add(record.vote)

    def counted_id(self, sub: str) -> str | None:
        record = self.counted.get(sub)
        return record.vote.vote_id if record is not None and record.vote is not None else None

    def told(self, sub: str, status: int) -> list[Attempt]:
        return [attempt for attempt in self.attempts[sub] if attempt.status == status]

    def promised(self, sub: str) -> set[str]:
        """The votes that the voter holds a 202 for."""
        return {attempt.vote_id for attempt in self.told(sub, ACCEPTED) if attempt.vote_id is not None}

    def uncounted(self, sub: str) -> set[str]:
        """Those of them that do not count, though they are in the log."""
        return (self.promised(sub) & self.logged[sub].keys()) - {self.counted_id(sub)}


def _lost_or_changed(voters: _Voters) -> Iterator[Breach]:
    for sub in voters.attempts:
        for attempt in voters.told(sub, ACCEPTED):
            votes = voters.logged[sub].get(attempt.vote_id or "")
            if votes is None:
                yield Breach(Kind.LOST, f"vote {attempt.vote_id} of {sub}")
            elif {vote.candidate_id for vote in votes} != {attempt.candidate_id}:
                yield Breach(Kind.CHANGED, f"vote {attempt.vote_id} in votes-in")


def _wrong_winners(voters: _Voters, facts: Facts) -> Iterator[Breach]:
    accepted = defaultdict(list)
    for record in facts.accepted:
        accepted[record.vote.voter_sub].append(record)
    for sub, first in voters.counted.items():
        found = accepted.get(sub, [])
        if [record.source for record in found] != [first.position]:
            places = ", ".join(str(record.source) for record in found) or "nothing"
            yield Breach(Kind.WRONG_WINNER, f"{sub}: accepted is {places}, first in the log is {first.position}")
        elif found[0].vote != first.vote:
            yield Breach(Kind.CHANGED, f"{first.position} in votes-accepted")
    for sub, found in accepted.items():
        choices = {attempt.candidate_id for attempt in voters.attempts.get(sub, ())}
        for record in found:
            if sub not in voters.counted or not choices:
                yield Breach(Kind.INVENTED, f"vote {record.vote.vote_id} ({record.source}) of {sub}")
            elif record.vote.candidate_id not in choices:
                yield Breach(Kind.CHANGED, f"vote {record.vote.vote_id} ({record.source}) is for nobody whom its voter chose")


def _not_rejected(voters: _Voters, facts: Facts) -> Iterator[Breach]:
    verdicts = {(record.vote.vote_id, record.reason, record.first_vote_id) for record in facts.rejected}
    for sub in voters.attempts:
        for vote_id in sorted(voters.uncounted(sub)):
            if (vote_id, DUPLICATE, voters.counted_id(sub)) not in verdicts:
                yield Breach(Kind.NOT_REJECTED, f"vote {vote_id} of {sub}")


def _not_shown(voters: _Voters, facts: Facts) -> Iterator[Breach]:
    for sub in voters.attempts:
        if voters.uncounted(sub) and sub not in facts.own_votes:
            yield Breach(Kind.OWN_VOTE, f"{sub} holds a 202 for a vote that does not count, and nobody asked what is shown")
    for sub, shown in facts.own_votes.items():
        counts = voters.counted_id(sub)
        if (shown.status, shown.vote_id) != ("counted", counts) and not (counts is None and shown.status in {"none", "pending"}):
            yield Breach(Kind.OWN_VOTE, f"{sub} is shown {shown.status} {shown.vote_id}, not {counts}")


def _foreign_receipts(voters: _Voters) -> Iterator[Breach]:
    for sub in voters.attempts:
        for attempt in voters.told(sub, ALREADY_VOTED):
            if attempt.vote_id not in voters.logged[sub]:
                yield Breach(Kind.RECEIPT, f"{attempt.vote_id} is no vote of {sub} in votes-in")


def _two_receipts(voters: _Voters) -> Iterator[Breach]:
    for sub in voters.attempts:
        if len(voters.promised(sub)) > 1:
            yield Breach(Kind.TWO_RECEIPTS, f"{sub}: {', '.join(sorted(voters.promised(sub)))}")


def _uncounted_receipts(voters: _Voters) -> Iterator[Breach]:
    """Of voters none of whose attempts was left undecided: after one that was, the reservation may be a later vote's."""
    for sub, attempts in voters.attempts.items():
        if all(attempt.final for attempt in attempts):
            for attempt in voters.told(sub, ALREADY_VOTED):
                if attempt.vote_id != voters.counted_id(sub):
                    yield Breach(Kind.RECEIPT, f"{sub} is told of {attempt.vote_id}, and {voters.counted_id(sub)} counts")


def _different_counts(facts: Facts) -> Iterator[Breach]:
    accepted = Counter(record.vote.candidate_id for record in facts.accepted)
    for name, counts in (
        ("votes_ledger", Counter(row.candidate_id for row in facts.ledger)),
        ("vote_totals", facts.vote_totals),
        ("Redis", facts.redis_totals),
        ("votes-agg", facts.announced),
        ("GET /votes", facts.shown),
    ):
        for candidate_id in sorted({*accepted, *counts}):
            if counts.get(candidate_id, 0) != accepted[candidate_id]:
                told = f"{name} has {counts.get(candidate_id, 0)} for {candidate_id}, accepted are {accepted[candidate_id]}"
                yield Breach(Kind.COUNTS, told)


def _proof(voters: _Voters, facts: Facts) -> Iterator[Breach]:
    """``proof.claims`` knows no 202 that may be rejected: it is asked about those that count."""
    kept = [
        claims.Claim(facts.election_id, sub, vote_id)
        for sub in voters.attempts
        for vote_id in voters.promised(sub) & {voters.counted_id(sub)}
    ]
    for finding in claims.check(kept, facts.cast, facts.accepted, facts.ledger):
        yield Breach(Kind.PROOF, finding.text)
    for text in facts.audit:
        yield Breach(Kind.PROOF, text)


def _locked_out(of_ballots: Sequence[Wait], of_voters: Sequence[Wait], limits: Limits) -> Iterator[Breach]:
    """A voter who knows that a vote is in is not locked out; still, whatever is asked for has to be answered in the end."""
    for wait in of_ballots:
        last = wait.last
        if not last.final:
            told = f"last told {last.status} {last.problem}, Retry-After {last.retry_after_seconds}"
            yield Breach(Kind.LOCKED_OUT, f"{last.voter_sub} gave up after {wait.seconds:.1f} s, {told}")
    for wait in of_voters:
        if wait.last.final and wait.locked_out_seconds > limits.locked_out_seconds:
            waited = f"waited for {wait.locked_out_seconds:.1f} s after the fault had ended"
            yield Breach(Kind.LOCKED_OUT, f"{wait.last.voter_sub} {waited}")


def _unexpected(history: History) -> Iterator[Breach]:
    for attempt in history:
        if attempt.status is not None and attempt.status not in {*FINAL, UNAVAILABLE}:
            yield Breach(Kind.UNEXPECTED, f"{attempt.status} {attempt.problem} for {attempt.voter_sub}")
        elif attempt.final and attempt.vote_id is None:
            yield Breach(Kind.UNEXPECTED, f"{attempt.status} without a receipt for {attempt.voter_sub}")


def _nothing_proved(history: History, evidence: Sequence[Evidence]) -> Iterator[Breach]:
    for status in (ACCEPTED, ALREADY_VOTED):
        if not any(attempt.status == status for attempt in history):
            yield Breach(Kind.NOTHING_PROVED, f"nobody was answered {status}")
    if not evidence:
        yield Breach(Kind.NOTHING_PROVED, "there was no fault")
    for fault in evidence:
        if not any(_under_way(attempt, [fault]) for attempt in history):
            yield Breach(Kind.NOTHING_PROVED, f"no request was under way: {fault.text()}")


def _seen_by_readers(seen: Seen, evidence: Sequence[Evidence]) -> Iterator[Breach]:
    for text in seen.went_back:
        yield Breach(Kind.WENT_BACK, text)
    for fault, uncounted in zip(evidence, seen.uncounted, strict=True):
        if uncounted <= 0:
            yield Breach(Kind.NOTHING_PROVED, f"no vote was on its way through the jobs: {fault.text()}")


def _under_way(attempt: Attempt, evidence: Sequence[Evidence]) -> bool:
    return any(attempt.began_at < fault.struck_at < attempt.ended_at for fault in evidence)


def _during(at: float, evidence: Sequence[Evidence]) -> bool:
    return any(fault.struck_at <= at <= fault.recovered_at for fault in evidence)


def _p99(attempts: Iterator[Attempt]) -> float | None:
    return p99_seconds([attempt.ended_at - attempt.began_at for attempt in attempts if attempt.status == ACCEPTED])
