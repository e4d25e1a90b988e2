"""The functions of the ledger's SQL: each writes whole batches to PostgreSQL and gives TRUE for every row that is settled there.

A batch is written before the barrier of a checkpoint passes it, so that what a checkpoint has behind it is in PostgreSQL. A row
may be written again after a restart.
"""

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from pyflink.table import DataTypes
from pyflink.table.udf import FunctionContext, ScalarFunction, udf

from jobs.ledger_rows import Position, Total, Vote, write_totals, write_votes
from jobs.orphans import end_with_task_manager
from jobs.postgres_writer import PostgresWriter

CONFLICTS = "ledger_conflicts"
LONGEST_LIST = 20
_log = logging.getLogger(__name__)


class _WritesRows(ScalarFunction):  # type: ignore[misc]
    """A function with a writer of its own, from the task's start to its end."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        end_with_task_manager()
        self._writer = PostgresWriter(self._database_url)

    def close(self) -> None:
        self._writer.close()

    def is_deterministic(self) -> bool:
        """No: what it does to the table is all that it is called for, so no call may be left out or made in advance."""
        return False


class WriteVotes(_WritesRows):
    """``write_vote``: its arguments are the fields of ``Vote``. Counts the votes that PostgreSQL refuses as conflicts."""

    def open(self, function_context: FunctionContext) -> None:
        super().open(function_context)
        self._conflicts = function_context.get_metric_group().counter(CONFLICTS)

    def eval(self, *columns: pd.Series) -> pd.Series:
        votes = [Vote(*row) for row in _rows(columns)]
        refused = self._writer.write(partial(write_votes, votes=votes))
        if refused:
            self._conflicts.inc(len(refused))
            _log.error("dedup let a second vote of a voter through; the ledger keeps the first. Refused: %s", _listed(refused))
        return _settled(len(votes))


class WriteTotals(_WritesRows):
    """``write_total``: its arguments are the fields of ``Total``."""

    def eval(self, *columns: pd.Series) -> pd.Series:
        totals = [Total(*row) for row in _rows(columns)]
        self._writer.write(partial(write_totals, totals=totals))
        return _settled(len(totals))


def write_vote(database_url: str) -> Any:
    """The vectorised function for the Table API."""
    return udf(WriteVotes(database_url), result_type=DataTypes.BOOLEAN(), func_type="pandas")


def write_total(database_url: str) -> Any:
    """The vectorised function for the Table API."""
    return udf(WriteTotals(database_url), result_type=DataTypes.BOOLEAN(), func_type="pandas")


def _rows(columns: tuple[pd.Series, ...]) -> Iterator[tuple[Any, ...]]:
    """With Python's own numbers in them, not numpy's."""
    return zip(*(column.tolist() for column in columns), strict=True)


def _settled(count: int) -> pd.Series:
    return pd.Series(True, index=range(count))


def _listed(refused: list[Position]) -> str:
    more = f" and {len(refused) - LONGEST_LIST} more" if len(refused) > LONGEST_LIST else ""
    return f"partition:offset {', '.join(map(str, refused[:LONGEST_LIST]))}{more}"
