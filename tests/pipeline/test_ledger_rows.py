"""The statements that write the ledger and the totals, on a real PostgreSQL, with no more rights than the jobs have."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.ledger_rows import Position, Total, Vote, write_totals, write_votes
from jobs.postgres_writer import Connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON_MS = 1_736_856_000_007


def at(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.execute("SET ROLE voting_jobs")
        yield opened


class Election:
    """One election's rows and what the tables hold of it."""

    def __init__(self, connection: Connection) -> None:
        self.id = f"election-{uuid.uuid4()}"
        self._connection = connection

    def vote(self, voter: str, number: int, candidate: str = "alice", at_ms: int = NOON_MS) -> Vote:
        return Vote(self.id, voter, candidate, at_ms, f"vote-{number}", 3, number)

    def total(self, votes: int, candidate: str = "alice", at_ms: int = NOON_MS, generation: int = 1) -> Total:
        return Total(self.id, candidate, votes, at_ms, generation)

    def rows(self, table: str, columns: str) -> list[Any]:
        query = f"SELECT {columns} FROM {table} WHERE election_id = %s ORDER BY {columns}"  # noqa: S608
        return self._connection.execute(query.encode(), [self.id]).fetchall()

    def ledger(self) -> list[Any]:
        return self.rows("votes_ledger", "voter_sub, vote_id, candidate_id")

    def conflicts(self) -> list[Any]:
        return self.rows("ledger_conflicts", "voter_sub, kept_vote_id, refused_vote_id, refused_partition, refused_offset")


@pytest.fixture
def election(connection: Connection) -> Election:
    return Election(connection)


def test_votes_are_written_as_they_are(connection: Connection, election: Election) -> None:
    assert write_votes(connection, [election.vote("anna", 1), election.vote("ben", 2**40, "bob", NOON_MS + 1)]) == []
    assert election.rows("votes_ledger", "voter_sub, candidate_id, voted_at, vote_id, source_partition, source_offset") == [
        ("anna", "alice", at(NOON_MS), "vote-1", 3, 1),
        ("ben", "bob", at(NOON_MS + 1), f"vote-{2**40}", 3, 2**40),
    ]


def test_writing_a_batch_again_changes_nothing_and_is_no_conflict(connection: Connection, election: Election) -> None:
    votes = [election.vote("anna", 1), election.vote("ben", 2)]
    for batch in (votes, votes, [*votes, *votes, election.vote("cleo", 3)]):
        assert write_votes(connection, batch) == []
    assert election.ledger() == [("anna", "vote-1", "alice"), ("ben", "vote-2", "alice"), ("cleo", "vote-3", "alice")]
    assert election.conflicts() == []


def test_a_second_vote_in_the_same_batch_is_a_conflict(connection: Connection, election: Election) -> None:
    batch = [election.vote("anna", 1), election.vote("ben", 2), election.vote("anna", 3, "bob"), election.vote("anna", 4)]
    assert write_votes(connection, batch) == [Position(3, 3), Position(3, 4)]
    assert election.ledger() == [("anna", "vote-1", "alice"), ("ben", "vote-2", "alice")]
    assert election.conflicts() == [("anna", "vote-1", "vote-3", 3, 3), ("anna", "vote-1", "vote-4", 3, 4)]


def test_a_second_vote_in_a_later_batch_is_a_conflict_and_its_neighbours_are_written(
    connection: Connection, election: Election
) -> None:
    write_votes(connection, [election.vote("anna", 1)])
    for _ in range(2):
        assert write_votes(connection, [election.vote("ben", 2), election.vote("anna", 3, "bob")]) == [Position(3, 3)]
    assert election.ledger() == [("anna", "vote-1", "alice"), ("ben", "vote-2", "alice")]
    assert election.conflicts() == [("anna", "vote-1", "vote-3", 3, 3)]


def test_the_same_vote_with_another_choice_is_a_conflict_too(connection: Connection, election: Election) -> None:
    write_votes(connection, [election.vote("anna", 1, "alice")])
    assert write_votes(connection, [election.vote("anna", 1, "bob")]) == [Position(3, 1)]
    assert election.ledger() == [("anna", "vote-1", "alice")]


def test_a_conflict_of_another_batch_is_not_told_again(connection: Connection, election: Election) -> None:
    write_votes(connection, [election.vote("anna", 1), election.vote("anna", 2), election.vote("ben", 3)])
    assert write_votes(connection, [election.vote("anna", 1), election.vote("ben", 3)]) == []


def test_ids_that_sql_could_misread_are_kept_as_they_are(connection: Connection, election: Election) -> None:
    voters = ["NULL", "null", "a,b", 'a"b', "{a}", "a\\b", "%s", "ü"]
    write_votes(connection, [election.vote(voter, number) for number, voter in enumerate(voters)])
    assert sorted(row[0] for row in election.ledger()) == sorted(voters)


# Up to the year 2099. Every example has an election of its own, so that the connection may be shared.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 4_102_444_799_999), min_size=50, max_size=500))
def test_milliseconds_are_exact(connection: Connection, times: list[int]) -> None:
    election = Election(connection)
    write_votes(connection, [election.vote(f"voter-{n}", n, at_ms=at_ms) for n, at_ms in enumerate(times)])
    assert election.rows("votes_ledger", "source_offset, voted_at") == [(n, at(at_ms)) for n, at_ms in enumerate(times)]


def test_a_full_batch_is_one_statement_that_the_server_takes(connection: Connection, election: Election) -> None:
    write_votes(connection, [election.vote(str(uuid.uuid4()), n) for n in range(5000)])
    assert election.rows("votes_ledger", "count(*)") == [(5000,)]


def test_totals_move_forward_only_whatever_the_batch(connection: Connection, election: Election) -> None:
    write_totals(connection, [election.total(5), election.total(7), election.total(6), election.total(1, "bob")])
    write_totals(connection, [election.total(6), election.total(2, "bob", NOON_MS + 1)])
    assert election.rows("vote_totals", "candidate_id, count, updated_at, generation") == [
        ("alice", 7, at(NOON_MS), 1),
        ("bob", 2, at(NOON_MS + 1), 1),
    ]


def test_a_rebuild_replaces_higher_counts_of_the_former_one(connection: Connection, election: Election) -> None:
    write_totals(connection, [election.total(900)])
    write_totals(connection, [election.total(901), election.total(3, generation=2), election.total(2, generation=2)])
    write_totals(connection, [election.total(902)])
    assert election.rows("vote_totals", "count, generation") == [(3, 2)]


def test_the_history_has_every_minute_of_a_batch(connection: Connection, election: Election) -> None:
    minute = NOON_MS - NOON_MS % 60_000
    write_totals(connection, [election.total(n, at_ms=minute + n * 20_000) for n in range(10)])
    assert election.rows("vote_totals", "count") == [(9,)]
    assert election.rows("vote_totals_history", "minute, count") == [
        (at(minute), 2),
        (at(minute + 60_000), 5),
        (at(minute + 120_000), 8),
        (at(minute + 180_000), 9),
    ]
