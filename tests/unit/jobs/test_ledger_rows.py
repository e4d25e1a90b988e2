from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.ledger_rows import REFUSED_VOTES, VOTE_TOTALS, VOTES_LEDGER, Position, Total, Vote, each_once, write_totals, write_votes

ELECTION = "election-2025-01"
MINUTE_MS = 60_000


def a_vote(voter: str, offset: int, candidate: str = "alice") -> Vote:
    return Vote(ELECTION, voter, candidate, 1_736_857_815_123, f"vote-{offset}", 3, offset)


def a_total(votes: int, candidate: str = "alice", generation: int = 1, at_ms: int = 0) -> Total:
    return Total(ELECTION, candidate, votes, at_ms, generation)


class Recording:
    """A connection that keeps what it is asked; of votes it writes as many as it is told to."""

    def __init__(self, written: int = 0, refused: Any = ()) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.rowcount = written
        self.refused = refused

    def execute(self, statement: str, parameters: Any) -> Any:
        self.asked.append((statement, parameters))
        return self.refused if statement == REFUSED_VOTES else self


def test_a_batch_of_votes_is_one_statement_with_an_array_for_each_column() -> None:
    connection: Any = Recording(written=2)
    assert write_votes(connection, [a_vote("anna", 1), a_vote("ben", 2, "bob")]) == []
    assert connection.asked == [
        (
            VOTES_LEDGER,
            {
                "election_id": [ELECTION, ELECTION],
                "voter_sub": ["anna", "ben"],
                "candidate_id": ["alice", "bob"],
                "voted_at_ms": [1_736_857_815_123] * 2,
                "vote_id": ["vote-1", "vote-2"],
                "source_partition": [3, 3],
                "source_offset": [1, 2],
            },
        )
    ]


def test_the_conflicts_are_asked_for_only_if_a_vote_was_not_written() -> None:
    connection: Any = Recording(written=1, refused=[(3, 2)])
    assert write_votes(connection, [a_vote("anna", 1), a_vote("ben", 2)]) == [Position(3, 2)]
    assert [statement for statement, _ in connection.asked] == [VOTES_LEDGER, REFUSED_VOTES]


def test_a_second_vote_of_a_voter_goes_into_a_statement_of_its_own_after_the_first() -> None:
    connection: Any = Recording(written=1)
    write_votes(connection, [a_vote("anna", 1), a_vote("ben", 2), a_vote("anna", 3), a_vote("anna", 4)])
    written = [parameters["source_offset"] for statement, parameters in connection.asked if statement == VOTES_LEDGER]
    assert written == [[1, 2], [3], [4]]


def test_a_position_is_said_as_partition_and_offset() -> None:
    assert str(Position(3, 40)) == "3:40"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99))))
def test_batches_have_no_key_twice_lose_nothing_and_keep_the_order_of_a_key(votes: Any) -> None:
    rows = [a_vote(voter, offset) for voter, offset in votes]
    batches = each_once(rows, lambda vote: vote.voter_sub)
    for batch in batches:
        assert len({vote.voter_sub for vote in batch}) == len(batch)
    for voter in "abc":
        in_order = [vote for batch in batches for vote in batch if vote.voter_sub == voter]
        assert in_order == [vote for vote in rows if vote.voter_sub == voter]
    assert len(batches) == max((sum(vote.voter_sub == voter for vote in rows) for voter in "abc"), default=0)


def totals_asked(*totals: Total) -> Any:
    connection: Any = Recording()
    write_totals(connection, totals)
    assert {statement for statement, _ in connection.asked} == {VOTE_TOTALS}
    return [list(zip(asked["candidate_id"], asked["generation"], asked["votes"], strict=True)) for _, asked in connection.asked]


def test_of_the_totals_of_a_candidate_the_furthest_is_written() -> None:
    assert totals_asked(a_total(7), a_total(9), a_total(8), a_total(2, "bob")) == [[("bob", 1, 2), ("alice", 1, 9)]]


def test_a_higher_generation_is_further_than_a_higher_count() -> None:
    assert totals_asked(a_total(9), a_total(1, generation=2)) == [[("alice", 2, 1)]]


def test_each_minute_has_its_total_the_earlier_ones_first() -> None:
    totals = (a_total(9, at_ms=MINUTE_MS), a_total(5, at_ms=MINUTE_MS - 1), a_total(4), a_total(12, at_ms=MINUTE_MS + 1))
    assert totals_asked(*totals) == [[("alice", 1, 5)], [("alice", 1, 12)]]
