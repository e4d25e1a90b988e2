"""Each 202 that is not kept is found."""

from proof.claims import Claim, check
from proof.findings import Kind
from proof.records import Accepted, Cast, LedgerRow, Position, Vote

CLAIM = Claim("election-2025-01", "voter-1", "vote-1")
VOTE = Vote("vote-1", "election-2025-01", "voter-1", "alice", 0, 2)
CAST = Cast(Position(0, 0), 0, b"", b"", VOTE)
ACCEPTED = Accepted(b"", VOTE, 0, Position(0, 0))
ROW = LedgerRow("election-2025-01", "voter-1", "alice", "vote-1", Position(0, 0))


def test_a_promise_that_was_kept_is_no_finding() -> None:
    assert not check([CLAIM], [CAST, CAST], [ACCEPTED], [ROW])


def test_a_202_without_a_vote_is_named_in_each_place() -> None:
    findings = list(check([CLAIM], [], [], []))
    assert [finding.kind for finding in findings] == [Kind.CLAIM] * 3
    assert "not in votes-in" in findings[0].text
    assert "votes-accepted 0 times" in findings[1].text
    assert "votes_ledger 0 times" in findings[2].text


def test_a_vote_that_is_accepted_twice_breaks_the_promise() -> None:
    (finding,) = check([CLAIM], [CAST], [ACCEPTED, ACCEPTED], [ROW])
    assert "votes-accepted 2 times" in finding.text


def test_the_vote_of_another_voter_keeps_no_promise() -> None:
    other = VOTE._replace(voter_sub="voter-2")
    findings = check([CLAIM], [CAST._replace(vote=other)], [ACCEPTED._replace(vote=other)], [ROW._replace(voter_sub="voter-2")])
    assert len(list(findings)) == 3


def test_records_that_cannot_be_read_keep_no_promise() -> None:
    assert len(list(check([CLAIM], [CAST._replace(vote=None)], [ACCEPTED], [ROW]))) == 1
