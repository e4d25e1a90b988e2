"""The rows that ledger writes."""

from datetime import datetime
from typing import Any

from pyflink.common import Row
from pyflink.table import DataTypes

from jobs import ledger

SUMMER = datetime(2025, 7, 14, 23, 59, 59, 7_000)  # noqa: DTZ001 (TIMESTAMP: the tables' times have no zone and are UTC)
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


def rows_of(table: Any) -> Any:
    names = table.get_resolved_schema().get_column_names()
    with table.execute().collect() as results:
        return [dict(zip(names, row, strict=True)) for row in results]


def test_rows_carry_their_times_as_instants_in_utc(table_env: Any) -> None:
    accepted = table_env.from_elements([Row("v1", "election-2025-01", "anna", "alice", SUMMER, 2, 41)], ACCEPTED)
    totals = table_env.from_elements([Row("election-2025-01", "alice", 1, 5, SUMMER)], TOTAL)
    rows = ledger.build(table_env, accepted, totals)
    assert rows_of(rows.ledger) == [
        {
            "election_id": "election-2025-01",
            "voter_sub": "anna",
            "candidate_id": "alice",
            "voted_at": "2025-07-14 23:59:59.007+00",
            "vote_id": "v1",
            "source_partition": 2,
            "source_offset": 41,
        }
    ]
    assert rows_of(rows.totals) == [
        {
            "election_id": "election-2025-01",
            "candidate_id": "alice",
            "count": 5,
            "updated_at": "2025-07-14 23:59:59.007+00",
            "generation": 1,
        }
    ]
