import logging
import pickle
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest

from jobs import ledger_functions
from jobs.ledger_functions import LONGEST_LIST, WriteTotals, WriteVotes
from jobs.ledger_rows import Position, Total, Vote
from jobs.postgres_writer import PostgresWriter

URL = "postgresql://voting:hush@db.invalid/voting"
VOTES = [Vote("election", "anna", "alice", 1, "vote-1", 0, 7), Vote("election", "ben", "bob", 2, "vote-2", 1, 8)]


class Counter:
    value = 0

    def inc(self, by: int) -> None:
        self.value += by


class Context:
    """What Flink opens a function with."""

    def __init__(self) -> None:
        self.counters: dict[str, Counter] = {}

    def get_metric_group(self) -> Any:
        return self

    def counter(self, name: str) -> Counter:
        return self.counters.setdefault(name, Counter())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The batches that are written; the first vote's position is given back as refused if its voter is called ``twice``."""
    batches: list[Any] = []

    def write_votes(_connection: Any, votes: list[Vote]) -> list[Position]:
        batches.append(votes)
        return [Position(vote.source_partition, vote.source_offset) for vote in votes if vote.voter_sub.startswith("twice")]

    def write_totals(_connection: Any, totals: list[Total]) -> None:
        batches.append(totals)

    monkeypatch.setattr(ledger_functions, "end_with_task_manager", lambda: None)
    monkeypatch.setattr(ledger_functions, "write_votes", write_votes)
    monkeypatch.setattr(ledger_functions, "write_totals", write_totals)
    monkeypatch.setattr(PostgresWriter, "write", lambda _, work: work(None))
    return batches


def called(function: Any, rows: list[Any], context: Context) -> Any:
    """What a function gives for rows, as Flink calls it: pickled, opened, with a series for each column, closed."""
    unpickled = pickle.loads(pickle.dumps(function))  # noqa: S301
    unpickled.open(context)
    try:
        return unpickled.eval(*(pd.Series(list(column)) for column in zip(*rows, strict=True)))
    finally:
        unpickled.close()


def test_every_row_of_a_batch_is_settled_once_it_is_written(written: list[Any]) -> None:
    settled = called(WriteVotes(URL), VOTES, Context())
    assert settled.tolist() == [True, True]
    assert written == [VOTES]
    assert {type(value) for vote in written[0] for value in vote} == {str, int}


def test_totals_are_written_alike(written: list[Any]) -> None:
    totals = [Total("election", "alice", 3, 1, 1), Total("election", "bob", 4, 2, 1)]
    assert called(WriteTotals(URL), totals, Context()).tolist() == [True, True]
    assert written == [totals]


def test_a_conflict_is_counted_and_said_without_voter_and_choice(written: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    context = Context()
    twice = [
        Vote("election", "twice-anna", "alice", 1, "vote-3", 2, 41),
        Vote("election", "twice-ben", "bob", 1, "vote-4", 2, 40),
    ]
    called(WriteVotes(URL), [*VOTES, *twice], context)
    assert len(written) == 1
    assert context.counters["ledger_conflicts"].value == 2
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith("Refused: partition:offset 2:41, 2:40")
    assert not any(word in record.getMessage() for word in ("anna", "alice", "vote-3"))


def test_of_many_conflicts_a_few_are_named(written: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    context = Context()
    called(WriteVotes(URL), [Vote("e", f"twice-{n}", "alice", 1, "v", 0, n) for n in range(5000)], context)
    assert len(written) == 1
    assert context.counters["ledger_conflicts"].value == 5000
    assert caplog.messages[0].endswith(f"0:19 and {5000 - LONGEST_LIST} more")


def test_without_conflicts_nothing_is_counted_or_said(written: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    context = Context()
    called(WriteVotes(URL), VOTES, context)
    assert len(written) == 1
    assert context.counters["ledger_conflicts"].value == 0
    assert caplog.records == []


@pytest.mark.parametrize("function", [WriteVotes(URL), WriteTotals(URL)], ids=["votes", "totals"])
def test_a_call_may_be_neither_left_out_nor_made_in_advance(function: Any) -> None:
    assert not function.is_deterministic()
