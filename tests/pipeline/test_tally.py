"""The counts of tally on a bounded stream of accepted votes."""

from datetime import datetime, timedelta
from typing import Any

from pyflink.common import Row, RowKind
from pyflink.table import DataTypes

from compose.toolchain import parts
from jobs import engine, statements, tally
from jobs.settings import Settings

NOON = datetime(2025, 1, 14, 12, 0, 0)  # noqa: DTZ001 (TIMESTAMP: the tables' times have no zone and are UTC)
VOTE = DataTypes.ROW(
    [
        DataTypes.FIELD("election_id", DataTypes.STRING()),
        DataTypes.FIELD("candidate_id", DataTypes.STRING()),
        DataTypes.FIELD("accepted_at", DataTypes.TIMESTAMP(3)),
    ]
)


def test_totals_are_absolute_by_candidate_and_as_fresh_as_their_newest_vote(table_env: Any) -> None:
    votes = [
        ("election-2025-01", "alice", 5),
        ("election-2025-01", "bob", 1),
        ("election-2025-01", "alice", 3),
        ("election-2026", "alice", 4),
        ("election-2025-01", "alice", 2),
    ]
    rows = [Row(election, candidate, NOON + timedelta(milliseconds=at)) for election, candidate, at in votes]
    jar = str(parts.FUNCTIONS.ensure() / "vote-functions.jar")
    settings = Settings.from_environment({"TALLY_GENERATION": "7", "JOBS_FUNCTIONS_JAR": jar})
    engine.set_options(table_env, "test", tally.OPTIONS, tally.parameters(settings))
    table_env.create_temporary_view("votes_accepted", table_env.from_elements(rows, VOTE))
    statements.define(table_env, "functions", jar=settings.functions_jar)
    tally.define_rules(table_env)
    totals = table_env.from_path(tally.INSERTS["votes_agg_upserts"])

    newest = {}
    with totals.execute().collect() as changes:
        for change in changes:
            assert change.get_row_kind() != RowKind.DELETE
            if change.get_row_kind() != RowKind.UPDATE_BEFORE:
                newest[change[0]] = tuple(change[1:])
    assert newest == {
        "election-2025-01:alice": ("election-2025-01", "alice", 7, 3, NOON + timedelta(milliseconds=5)),
        "election-2025-01:bob": ("election-2025-01", "bob", 7, 1, NOON + timedelta(milliseconds=1)),
        "election-2026:alice": ("election-2026", "alice", 7, 1, NOON + timedelta(milliseconds=4)),
    }
    plan = totals.explain().partition("== Optimized Execution Plan ==")[2]
    assert "LocalGroupAggregate(" in plan
    assert "GlobalGroupAggregate(" in plan
