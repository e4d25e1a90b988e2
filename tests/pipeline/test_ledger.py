"""What ledger makes of accepted votes and totals: rows in a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from pyflink.common import Row
from pyflink.table import DataTypes

from jobs import ledger, statements
from jobs.settings import Settings

ELECTION = f"election-{uuid.uuid4().hex[:8]}"
SUMMER = datetime(2025, 7, 14, 23, 59, 59, 7_000, tzinfo=UTC)
BEYOND_INT = datetime(2038, 1, 19, 3, 14, 8, 1_000, tzinfo=UTC)
ACCEPTED = DataTypes.ROW(
    [
        DataTypes.FIELD("vote_id", DataTypes.STRING()),
        DataTypes.FIELD("election_id", DataTypes.STRING()),
        DataTypes.FIELD("voter_sub", DataTypes.STRING()),
        DataTypes.FIELD("candidate_id", DataTypes.STRING()),
        DataTypes.FIELD("accepted_at", DataTypes.TIMESTAMP(3)),
        DataTypes.FIELD("source_partition", DataTypes.INT()),
        DataTypes.FIELD("source_offset", DataTypes.BIGINT()),
    ]
)
TOTAL = DataTypes.ROW(
    [
        DataTypes.FIELD("election_id", DataTypes.STRING()),
        DataTypes.FIELD("candidate_id", DataTypes.STRING()),
        DataTypes.FIELD("generation", DataTypes.INT()),
        DataTypes.FIELD("count", DataTypes.BIGINT()),
        DataTypes.FIELD("as_of", DataTypes.TIMESTAMP(3)),
    ]
)


def without_zone(instant: Any) -> Any:
    """As tables hold it: TIMESTAMP has no zone and is UTC."""
    return instant.replace(tzinfo=None)


def a_vote(number: Any, voter: Any, candidate: Any, at: Any) -> Any:
    return Row(f"vote-{number}", ELECTION, voter, candidate, without_zone(at), number % 4, 8_000_000_000 + number)


VOTES = [
    a_vote(1, "anna", "alice", SUMMER),
    a_vote(2, "ben", "bob", BEYOND_INT),
    a_vote(3, "anna", "bob", SUMMER),
    a_vote(4, "cleo", "alice", SUMMER),
]
TOTALS = [
    Row(ELECTION, "alice", 1, 1, without_zone(SUMMER)),
    Row(ELECTION, "bob", 1, 5_000_000_000, without_zone(BEYOND_INT)),
    Row(ELECTION, "alice", 1, 2, without_zone(SUMMER)),
]


@pytest.fixture(scope="module")
def inserts(table_env: Any, database_url: str) -> Any:
    """The job's statements, on votes and totals that have an end."""
    for key, value in ledger.OPTIONS.items():
        table_env.get_config().set(key, value)
    table_env.create_temporary_view("votes_accepted", table_env.from_elements(VOTES, ACCEPTED))
    table_env.create_temporary_view("votes_agg_records", table_env.from_elements(TOTALS, TOTAL))
    ledger.define_rules(table_env, Settings.from_environment({"DATABASE_URL": database_url, "JOBS_FUNCTIONS_JAR": "/unused.jar"}))
    statement_set = table_env.create_statement_set()
    for table, view in ledger.INSERTS.items():
        statements.define(table_env, f"connectors/{table}")
        statement_set.add_insert(table, table_env.from_path(view))
    return statement_set


@pytest.fixture(scope="module")
def plan(inserts: Any) -> Any:
    """What the planner makes of them; it can be asked only before they run."""
    return inserts.explain().partition("== Optimized Execution Plan ==")[2]


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[Any]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def rows(inserts: Any, plan: Any, connection: Any) -> Any:
    """What is in a table after the job has run, in the columns that are named."""
    assert plan
    inserts.execute().wait()

    def selected(table: str, columns: str) -> Any:
        query = f"SELECT {columns} FROM {table} WHERE election_id = %s ORDER BY {columns}"  # noqa: S608
        return connection.execute(query, [ELECTION]).fetchall()

    return selected


def test_every_voters_first_vote_is_in_the_ledger_to_the_millisecond(rows: Any) -> None:
    assert rows("votes_ledger", "voter_sub, candidate_id, voted_at, vote_id, source_partition, source_offset") == [
        ("anna", "alice", SUMMER, "vote-1", 1, 8_000_000_001),
        ("ben", "bob", BEYOND_INT, "vote-2", 2, 8_000_000_002),
        ("cleo", "alice", SUMMER, "vote-4", 0, 8_000_000_004),
    ]


def test_a_second_vote_that_dedup_let_through_is_a_conflict(rows: Any) -> None:
    assert rows("ledger_conflicts", "voter_sub, kept_vote_id, refused_vote_id, refused_partition, refused_offset") == [
        ("anna", "vote-1", "vote-3", 3, 8_000_000_003)
    ]


def test_totals_are_those_that_are_furthest(rows: Any) -> None:
    assert rows("vote_totals", "candidate_id, count, updated_at, generation") == [
        ("alice", 2, SUMMER, 1),
        ("bob", 5_000_000_000, BEYOND_INT, 1),
    ]


def test_each_row_is_written_by_one_call_where_it_is_read(plan: Any) -> None:
    """The planner can double a Python function (a CASE among its arguments is enough), which would write a row twice."""
    assert plan.count("write_vote(") == 1
    assert plan.count("write_total(") == 1
    assert "Exchange(" not in plan
