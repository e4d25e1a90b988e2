"""What a recount comes to, and how differences are named."""

from typing import Any

from proof.alarm import Alarm
from proof.cover import Balance, Interval
from proof.digests import BUCKETS, Cell, Sum, bucket_of, differing, digest_of, fingerprint
from proof.findings import Findings, Kind
from proof.records import Position
from proof.recounting import (
    LEDGER,
    VOTES_ACCEPTED,
    CountedVote,
    Differences,
    Result,
    compare_conservation,
    compare_totals,
    compare_votes,
    name,
    suspicious,
    unreadable,
)
from proof.watch import View

E = "election-2025-01"
ANNA = CountedVote(E, f"{E}:anna", "vote-1", "alice", 1_000, Position(0, 7))
BEN = CountedVote(E, f"{E}:ben", "vote-2", "bob", 1_001, Position(1, 3))


def test_rows_become_counts_outcomes_and_dead_letters() -> None:
    result = Result.of(
        [
            ["recount", E, "accepted", "alice", 1, 2, 99],
            ["recount", E, "accepted", "alice", 2, 1, 50],
            ["recount", E, "duplicate", "alice", 1, 4, 12],
            ["recount", "unknown", "dead_letter", "", 0, 1, 0],
            ["dead", "unknown", "", "", 3, 4711, 0],
            ["accepted", E, "accepted", "alice", 1, 2, 99],
            ["accepted", "unknown", "accepted", "", 0, 2, 0],
        ]
    )
    assert result.counts(E) == {"alice": 3}
    assert result.outcomes(E) == {"accepted": 3, "duplicate": 4}
    assert result.dead_letters == {Position(3, 4711): "unknown"}
    assert suspicious(result, dict(result.winners), [E]) == {2}
    findings = Findings()
    unreadable(result, findings)
    assert findings.counts == {(Kind.UNREADABLE, "unknown"): 1}


def test_sums_that_differ_name_their_bucket_and_change_the_fingerprint() -> None:
    one = {Cell(E, "alice", 1): Sum(2, 99), Cell(E, "bob", 5): Sum(1, 1)}
    for other in (
        {**one, Cell(E, "bob", 5): Sum(1, 2)},
        {Cell(E, "alice", 1): Sum(2, 99)},
        {**one, Cell(E, "bob", 5): Sum(2, 1)},
    ):
        assert differing(one, other, E) == {5}
        assert fingerprint(one, E) != fingerprint(other, E)
    assert differing(one, dict(reversed(one.items())), E) == set()
    assert fingerprint(one, E) == fingerprint(dict(reversed(one.items())), E)


def test_a_digest_depends_on_everything_that_is_recorded() -> None:
    vote = ("election:sub", "vote", "alice", 1, 2, 3)
    others = [("election:sut", *vote[1:]), ("election:sub", "votf", *vote[2:]), (*vote[:2], "bob", *vote[3:])]
    others += [(*vote[:3], 2, 2, 3), (*vote[:4], 3, 3), (*vote[:5], 4)]
    assert len({digest_of(*each) for each in [vote, *others]}) == 7
    assert all(0 <= digest_of(*each) < 2**60 for each in others)
    assert {bucket_of(f"e:{number}") for number in range(20_000)} == set(range(BUCKETS))


def test_the_same_votes_in_another_order_are_no_difference() -> None:
    assert compare_votes(E, [ANNA, BEN], [BEN, ANNA]) == Differences([], [], [])


def test_a_missing_an_extra_a_doubled_and_a_changed_vote_are_told_apart() -> None:
    changed = ANNA._replace(candidate_id="bob")
    stranger = BEN._replace(vote_key=f"{E}:zoe", vote_id="vote-9")
    assert compare_votes(E, [ANNA, BEN], [ANNA]) == Differences([BEN], [], [])
    assert compare_votes(E, [ANNA], [ANNA, stranger]) == Differences([], [stranger], [])
    assert compare_votes(E, [ANNA], [ANNA, ANNA]) == Differences([], [ANNA], [])
    assert compare_votes(E, [ANNA], [changed]) == Differences([], [], [(ANNA, changed)])
    assert compare_votes(E, [ANNA], [ANNA._replace(election_id="other")]) == Differences([ANNA], [], [])


def test_differences_are_named_without_a_voter_and_without_a_choice() -> None:
    changed = ANNA._replace(candidate_id="bob", source=None)
    findings = Findings()
    name(LEDGER, E, Differences([BEN], [ANNA], [(ANNA, changed)]), findings)
    name(VOTES_ACCEPTED, E, Differences([BEN], [ANNA], [(ANNA, changed)]), findings)
    assert {kind for kind, _ in findings.counts} == {
        Kind.LEDGER_MISSING,
        Kind.LEDGER_EXTRA,
        Kind.LEDGER_DIFFERS,
        Kind.LOST,
        Kind.INVENTED,
        Kind.ALTERED,
    }
    said = " ".join(found.text for found in findings)
    assert "vote vote-2 (votes-in 1@3) counts and is not in votes_ledger" in said
    assert "another choice and place in the log (None) in votes_ledger" in said
    for secret in ("anna", "ben", "alice", "bob"):
        assert secret not in said


def test_verdicts_that_come_to_something_else_than_the_recount_are_named() -> None:
    result = Result.of([["recount", E, "accepted", "alice", 1, 3, 9], ["recount", E, "duplicate", "alice", 1, 1, 9]])

    def found(balance: Balance, **changed: Any) -> list[str]:
        findings = Findings()
        view = View(**{"at": 0.0, "elections": {E: balance}, "behind": 0, "read": 9, "runs": 1, "settled_at": 0.0, **changed})
        compare_conservation(result, view, [E], frozenset(), findings)
        return [each.text for each in findings]

    right = Balance(cast=4, accepted=3, duplicates=1)
    assert found(right) == []
    assert found(Balance(cast=4, accepted=4)) == [
        "the verdicts have 4 accepted, the recount 3",
        "the verdicts have 0 duplicate, the recount 1",
    ]
    assert "is not the number" in found(Balance(cast=5, accepted=3, duplicates=1))[0]
    assert "have no verdict: votes-in 0@7" in found(right, gaps=[Interval(0, 7, 8)])[0]
    assert "more than one verdict" in found(right, wrong={Alarm.OVERLAP: 1})[0]


def test_totals_have_to_be_the_counts_exactly_unless_votes_came_in_since() -> None:
    def found(total: int, *, moving: bool = False) -> int:
        findings = Findings()
        compare_totals(
            E, {"alice": 3}, {(E, "alice"): total, ("other", "x"): 1}, Kind.AURORA_TOTAL, "Aurora", findings, moving=moving
        )
        return len(list(findings))

    assert (found(3), found(2), found(4)) == (0, 1, 1)
    assert (found(4, moving=True), found(2, moving=True)) == (0, 1)
    findings = Findings()
    compare_totals(E, {}, {(E, "ghost"): 1}, Kind.REDIS_TOTAL, "Redis", findings, moving=False)
    assert [each.text for each in findings] == ["Redis has 1 for ghost, the recount 0"]
