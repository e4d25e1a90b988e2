"""The checker finds each fault that is planted in its inputs, and nothing in an election that was run as it should be."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from proof.records import Accepted, Cast, ElectionVersion, LedgerRow, Position, Rejected, Vote
from proof.rule import home_partition
from schemas.ids import vote_key
from tests.faults.checker import Kind, Limits, check
from tests.faults.facts import Facts, OwnVote
from tests.faults.history import Attempt, History
from tests.faults.nemesis import Evidence
from tests.faults.report import Report
from tests.faults.results import Counts, Sample

ELECTION = "fault-planted"
PARTITIONS = 4
VERSION = 2
STRUCK_AT, RECOVERED_AT = 100.0, 105.0
LIMITS = Limits(pending_seconds=10.0, margin_seconds=5.0)
FAULT = Evidence("kafka SIGKILL", 3, STRUCK_AT, RECOVERED_AT, (10,), (11,), loses_reservations=False)
CATALOGUE = {(ELECTION, VERSION): ElectionVersion("open", 0, 1_000_000, frozenset({"alice", "bob"}))}


@dataclass
class Election:
    """Attempts and the facts that follow from them, as lists in which a test plants its fault."""

    attempts: list[Attempt] = field(default_factory=list)
    cast: list[Cast] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    vote_totals: dict[str, int] = field(default_factory=dict)
    redis_totals: dict[str, int] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    own_votes: dict[str, OwnVote] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=lambda: [FAULT])
    reservations_unavailable: int = 0
    samples: list[Sample] | None = None

    def attempt(
        self, sub: str, candidate_id: str, status: int | None, vote_id: str | None = None, at: float = 99.0, ballot: int = 0
    ) -> None:
        """What a voter was told, two seconds after asking."""
        problem = {202: None, 409: "already-voted", 503: "outcome-undecided"}.get(status or 0, "TimeoutError")
        self.attempts.append(Attempt(sub, ballot, candidate_id, at, at + 2, status, problem, vote_id, None))

    def log(self, sub: str, candidate_id: str, vote_id: str) -> Cast:
        """A record of votes-in, at the end of its partition."""
        key = vote_key(ELECTION, sub).encode()
        partition = home_partition(key, PARTITIONS)
        offset = sum(record.position.partition == partition for record in self.cast)
        vote = Vote(vote_id, ELECTION, sub, candidate_id, 1000 + len(self.cast), VERSION)
        record = Cast(Position(partition, offset), 2000, key, b"", vote)
        self.cast.append(record)
        return record

    def accept(self, record: Cast) -> None:
        """A vote's way into everything that counts."""
        vote = record.vote
        assert vote is not None
        self.accepted.append(Accepted(record.key, vote, record.appended_at_ms, record.position))
        self.ledger.append(LedgerRow(ELECTION, vote.voter_sub, vote.candidate_id, vote.vote_id, record.position))
        for counts in (self.vote_totals, self.redis_totals, self.announced, self.shown):
            counts[vote.candidate_id] = counts.get(vote.candidate_id, 0) + 1

    def reject(self, record: Cast, first_vote_id: str) -> None:
        assert record.vote is not None
        self.rejected.append(
            Rejected(record.key, record.vote, record.appended_at_ms, record.position, "duplicate", first_vote_id)
        )

    def check(self) -> Report:
        history = History()
        for attempt in self.attempts:
            history.add(attempt)
        facts = Facts(
            election_id=ELECTION,
            partitions=PARTITIONS,
            catalogue=CATALOGUE,
            cast=self.cast,
            accepted=self.accepted,
            rejected=self.rejected,
            ledger=self.ledger,
            vote_totals=self.vote_totals,
            redis_totals=self.redis_totals,
            announced=self.announced,
            shown=self.shown,
            own_votes=self.own_votes,
            audit=self.audit,
        )
        return check(history, facts, self.evidence, LIMITS, self.reservations_unavailable, self.samples)

    def found(self) -> set[str]:
        return {kind for kind, _ in self.check().breaches}


def sound() -> Election:
    """Ann votes and is refused a second time. Bea is left undecided, sends again, and two of her votes are in the log."""
    election = Election()
    election.accept(election.log("ann", "alice", "ann-1"))
    election.attempt("ann", "alice", 202, "ann-1")
    election.attempt("ann", "bob", 409, "ann-1", at=102.0, ballot=1)
    election.accept(election.log("bea", "bob", "bea-1"))
    election.reject(election.log("bea", "bob", "bea-2"), "bea-1")
    election.attempt("bea", "bob", 503)
    election.attempt("bea", "bob", 202, "bea-2", at=111.0)
    election.own_votes["bea"] = OwnVote("counted", "bea-1")
    return election


def test_an_election_as_it_should_be_is_sound() -> None:
    report = sound().check()
    assert report.sound, report.text()
    assert (report.voters, report.attempts, report.accepted, report.duplicates, report.uncounted) == (2, 4, 2, 1, 1)
    assert (report.broken, report.accepted_during) == (0, 1)
    assert report.answers == {"202": 2, "409 already-voted": 1, "503 outcome-undecided": 1}
    assert report.longest_wait_seconds == 14.0
    assert report.longest_locked_out_seconds == 8.0
    assert "kafka SIGKILL: 3 in flight, pids 10 → 11, recovered 5.0 s later" in report.text()


def lose_a_202(election: Election) -> None:
    election.attempt("eve", "bob", 202, "eve-1")


def accept_twice(election: Election) -> None:
    election.accept(election.cast[2])


def accept_the_second(election: Election) -> None:
    election.accepted[1] = Accepted(b"", election.cast[2].vote, 2000, election.cast[2].position)  # type: ignore[arg-type]


def accept_none(election: Election) -> None:
    del election.accepted[0]


def accept_what_was_never_cast(election: Election) -> None:
    election.accept(election.log("nobody", "alice", "nobody-1"))


def accept_what_is_not_in_the_log(election: Election) -> None:
    vote = Vote("ghost-1", ELECTION, "ghost", "alice", 0, VERSION)
    election.attempt("ghost", "alice", None)
    election.accept(Cast(Position(0, 99), 2000, b"", b"", vote))


def change_a_choice_in_the_log(election: Election) -> None:
    vote = election.cast[0].vote
    assert vote is not None
    election.cast[0] = election.cast[0]._replace(vote=vote._replace(candidate_id="bob"))


def change_a_choice_at_its_acceptance(election: Election) -> None:
    vote = election.accepted[0].vote
    election.accepted[0] = election.accepted[0]._replace(vote=vote._replace(candidate_id="bob"))


def count_a_choice_that_nobody_made(election: Election) -> None:
    election.accept(election.log("eve", "alice", "eve-1"))
    election.attempt("eve", "bob", None)
    election.attempt("eve", "bob", 409, "eve-1")


def forget_to_reject(election: Election) -> None:
    election.rejected.clear()


def reject_for_another_vote(election: Election) -> None:
    election.rejected[0] = election.rejected[0]._replace(first_vote_id="ann-1")


def show_the_wrong_receipt(election: Election) -> None:
    election.own_votes["bea"] = OwnVote("counted", "bea-2")


def ask_nobody(election: Election) -> None:
    election.own_votes.clear()


def refuse_with_a_foreign_receipt(election: Election) -> None:
    election.attempt("bea", "bob", 409, "ann-1", at=120.0)


def refuse_without_a_receipt(election: Election) -> None:
    election.attempt("ann", "bob", 409, None, at=120.0)


def refuse_with_a_vote_that_does_not_count(election: Election) -> None:
    election.reject(election.log("ann", "bob", "ann-2"), "ann-1")
    election.attempt("ann", "bob", 409, "ann-2", at=120.0)


def promise_twice(election: Election) -> None:
    election.reject(election.log("ann", "bob", "ann-2"), "ann-1")
    election.attempt("ann", "bob", 202, "ann-2", at=103.0)
    election.own_votes["ann"] = OwnVote("counted", "ann-1")


def add_to_vote_totals(election: Election) -> None:
    election.vote_totals["alice"] += 1


def add_to_redis(election: Election) -> None:
    election.redis_totals["carol"] = 1


def announce_an_older_count(election: Election) -> None:
    election.announced["bob"] -= 1


def show_a_count_that_shrinks(election: Election) -> None:
    election.samples = [Sample(99, 99, {"alice": 1}, None, None), Sample(109, 109, {}, None, None)]


def have_counted_everything_when_the_fault_strikes(election: Election) -> None:
    election.samples = [Sample(99, 99, {"alice": 1, "bob": 1}, None, None)]


def forget_a_total(election: Election) -> None:
    election.shown.clear()


def double_a_row(election: Election) -> None:
    election.ledger.append(election.ledger[0])


def disagree_with_the_audit(election: Election) -> None:
    election.audit.append("votes-in 0@7 has no verdict, though dedup has passed it")


def wait_too_long(election: Election) -> None:
    election.attempt("cat", "bob", 503, at=101.0)
    election.accept(election.log("cat", "bob", "cat-1"))
    election.attempt("cat", "bob", 202, "cat-1", at=119.0)


def give_up(election: Election) -> None:
    election.attempt("cat", "bob", 503, at=101.0)
    election.attempt("cat", "bob", None, at=103.0)


def refuse_a_token(election: Election) -> None:
    election.attempt("cat", "bob", 401)


def strike_nobody(election: Election) -> None:
    election.evidence = [replace(FAULT, struck_at=300.0, recovered_at=301.0)]


def strike_never(election: Election) -> None:
    election.evidence = []


def refuse_nobody(election: Election) -> None:
    election.attempts = [attempt for attempt in election.attempts if attempt.status != 409]


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (lose_a_202, {Kind.LOST}),
        (accept_twice, {Kind.WRONG_WINNER}),
        (accept_the_second, {Kind.WRONG_WINNER}),
        (accept_none, {Kind.WRONG_WINNER}),
        (accept_what_was_never_cast, {Kind.INVENTED}),
        (accept_what_is_not_in_the_log, {Kind.INVENTED}),
        (change_a_choice_in_the_log, {Kind.CHANGED}),
        (change_a_choice_at_its_acceptance, {Kind.CHANGED}),
        (count_a_choice_that_nobody_made, {Kind.CHANGED}),
        (forget_to_reject, {Kind.NOT_REJECTED}),
        (reject_for_another_vote, {Kind.NOT_REJECTED}),
        (show_the_wrong_receipt, {Kind.OWN_VOTE}),
        (ask_nobody, {Kind.OWN_VOTE}),
        (refuse_with_a_foreign_receipt, {Kind.RECEIPT}),
        (refuse_without_a_receipt, {Kind.RECEIPT, Kind.UNEXPECTED}),
        (refuse_with_a_vote_that_does_not_count, {Kind.RECEIPT}),
        (promise_twice, {Kind.TWO_RECEIPTS}),
        (add_to_vote_totals, {Kind.COUNTS}),
        (add_to_redis, {Kind.COUNTS}),
        (announce_an_older_count, {Kind.COUNTS}),
        (show_a_count_that_shrinks, {Kind.WENT_BACK}),
        (have_counted_everything_when_the_fault_strikes, {Kind.NOTHING_PROVED}),
        (forget_a_total, {Kind.COUNTS}),
        (double_a_row, {Kind.COUNTS, Kind.PROOF}),
        (disagree_with_the_audit, {Kind.PROOF}),
        (wait_too_long, {Kind.LOCKED_OUT}),
        (give_up, {Kind.LOCKED_OUT}),
        (refuse_a_token, {Kind.UNEXPECTED}),
        (strike_nobody, {Kind.NOTHING_PROVED}),
        (strike_never, {Kind.NOTHING_PROVED}),
        (refuse_nobody, {Kind.NOTHING_PROVED}),
    ],
)
def test_a_planted_fault_is_found(plant: Callable[[Election], None], kinds: set[Kind]) -> None:
    election = sound()
    plant(election)
    assert kinds <= election.found()


def test_what_readers_saw_is_told() -> None:
    election = sound()
    election.attempt("cat", "bob", 202, "cat-1", at=90.0)
    election.accept(election.log("cat", "bob", "cat-1"))
    counts: tuple[Counts, ...] = ({}, {"bob": 1}, {"bob": 1}, {"alice": 1, "bob": 2})
    election.samples = [Sample(at, at, shown, shown, None) for at, shown in zip((99, 101, 104, 106), counts, strict=True)]
    report = election.check()
    assert report.sound, report.text()
    assert "not counted yet when a fault struck: 1 · counts stood still for at most 5.0 s · 4 samples" in report.text()


def test_a_second_202_is_allowed_when_reservations_were_lost() -> None:
    election = sound()
    promise_twice(election)
    election.evidence = [replace(FAULT, loses_reservations=True)]
    assert election.check().sound


def test_as_many_are_explained_as_went_without_a_reservation_and_no_more() -> None:
    election = sound()
    promise_twice(election)
    election.reservations_unavailable = 1
    report = election.check()
    assert report.sound
    assert report.explained == 1
    refuse_with_a_vote_that_does_not_count(election)
    assert election.found() == {Kind.TWO_RECEIPTS, Kind.RECEIPT}


def test_a_vote_that_stands_in_the_log_twice_is_one_vote() -> None:
    election = sound()
    copy = election.log("ann", "alice", "ann-1")
    election.cast[-1] = copy._replace(vote=election.cast[0].vote)
    election.reject(copy, "ann-1")
    assert election.check().sound


def test_an_invalid_vote_takes_nobodys_place() -> None:
    election = sound()
    late = election.log("cat", "bob", "cat-1")
    election.cast[-1] = late._replace(appended_at_ms=2_000_000)
    election.accept(election.log("cat", "bob", "cat-2"))
    election.attempt("cat", "bob", 202, "cat-2")
    assert election.check().sound


def test_a_report_tells_a_voters_choice_to_nobody() -> None:
    election = sound()
    for plant in (lose_a_202, accept_twice, accept_what_was_never_cast, promise_twice, count_a_choice_that_nobody_made):
        plant(election)
    for _, text in election.check().breaches:
        assert "alice" not in text or not any(sub in text for sub in ("ann", "bea", "eve", "nobody"))
