"""Reading a record of votes-in: the vote that it holds, or why it can never be counted.

What decides here is a function of the record alone (and of the registry's schemas, which never change), so that a replay
gives the same verdicts. The columns of a verdict are those of ``RESULT_TYPE``: the vote's fields, all null when ``error`` is set.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from fastavro.types import Schema
from pyflink.table import DataTypes
from pyflink.table.udf import FunctionContext, ScalarFunction, udf

from jobs.orphans import end_with_task_manager
from jobs.partitioning import partitions_of
from jobs.writer_schemas import PatientRegistry
from schemas import avro, ids
from schemas.registry import SchemaNotRegistered

COLUMNS = ("vote_key", "vote_id", "election_id", "voter_sub", "candidate_id", "cast_at_ms", "catalogue_version", "error")
RESULT_TYPE = DataTypes.ROW(
    [
        DataTypes.FIELD("vote_key", DataTypes.STRING()),
        DataTypes.FIELD("vote_id", DataTypes.STRING()),
        DataTypes.FIELD("election_id", DataTypes.STRING()),
        DataTypes.FIELD("voter_sub", DataTypes.STRING()),
        DataTypes.FIELD("candidate_id", DataTypes.STRING()),
        DataTypes.FIELD("cast_at_ms", DataTypes.BIGINT()),
        DataTypes.FIELD("catalogue_version", DataTypes.INT()),
        DataTypes.FIELD("error", DataTypes.STRING()),
    ]
)
Verdict = tuple[str | None, str | None, str | None, str | None, str | None, int | None, int | None, str | None]

# It goes into a header of the dead letter, which holds the whole record anyway.
LONGEST_ERROR = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class NotAVote(ValueError):
    """The record can never be counted, and its message says why without naming voter or choice: dead-letter it."""


def verdicts(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    partitions: Sequence[int],
    partition_count: int,
    writer_schema: Callable[[int], Schema],
) -> list[Verdict]:
    """One verdict for each record, in order.

    ``writer_schema`` raises ``SchemaNotRegistered`` for an id that does not exist; within one call it is asked once per id.
    Whatever else it raises comes out: that says nothing about the records.
    """
    reader = avro.latest("votes-in").parsed
    schemas: dict[int, Schema | None] = {}

    def schema_of(schema_id: int) -> Schema | None:
        if schema_id not in schemas:
            try:
                schemas[schema_id] = writer_schema(schema_id)
            except SchemaNotRegistered:
                schemas[schema_id] = None
        return schemas[schema_id]

    homes = partitions_of([key or b"" for key in keys], partition_count)
    return [
        _verdict(key, value, partition, int(home), schema_of, reader)
        for key, value, partition, home in zip(keys, values, partitions, homes, strict=True)
    ]


def _verdict(
    key: bytes | None,
    value: bytes | None,
    partition: int,
    home: int,
    schema_of: Callable[[int], Schema | None],
    reader: Schema,
) -> Verdict:
    try:
        vote = _vote(value, schema_of, reader)
        vote_key = _checked_key(vote, key, partition, home)
    except (NotAVote, avro.UndecodableValue) as error:
        return (None, None, None, None, None, None, None, str(error)[:LONGEST_ERROR])
    return (
        vote_key,
        vote["vote_id"],
        vote["election_id"],
        vote["voter_sub"],
        vote["candidate_id"],
        (vote["cast_at"] - _EPOCH) // _MILLISECOND,
        vote["catalogue_version"],
        None,
    )


def _vote(value: bytes | None, schema_of: Callable[[int], Schema | None], reader: Schema) -> dict[str, Any]:
    if value is None:
        raise NotAVote("no value")
    schema_id = avro.schema_id_of(value)
    writer = schema_of(schema_id)
    if writer is None:
        raise NotAVote(f"no schema has the id {schema_id}")
    vote = avro.decode(value, writer, None if writer == reader else reader)
    if not ids.VOTE_ID.fullmatch(vote["vote_id"]):
        raise NotAVote("vote_id is malformed")
    if not ids.ELECTION_ID.fullmatch(vote["election_id"]):
        raise NotAVote("election_id is malformed")
    if not ids.VOTER_SUB.fullmatch(vote["voter_sub"]):
        raise NotAVote("voter_sub is malformed")
    if not ids.CANDIDATE_ID.fullmatch(vote["candidate_id"]):
        raise NotAVote("candidate_id is malformed")
    return vote


def _checked_key(vote: dict[str, Any], key: bytes | None, partition: int, home: int) -> str:
    vote_key = ids.vote_key(vote["election_id"], vote["voter_sub"])
    if key is None or key != vote_key.encode():
        raise NotAVote("the key is not electionId:sub of the value")
    if partition != home:
        raise NotAVote(f"partition {partition} is not the key's: {home}")
    return vote_key


class ReadVotes(ScalarFunction):  # type: ignore[misc]
    """``read_vote(key, value, partition)`` of the SQL: whole Arrow batches in, one row of ``RESULT_TYPE`` out for each record."""

    def __init__(self, registry_url: str, partition_count: int) -> None:
        self._registry_url = registry_url
        self._partition_count = partition_count
        self._registry: PatientRegistry | None = None

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        end_with_task_manager()
        self._registry = PatientRegistry(self._registry_url)

    def close(self) -> None:
        if self._registry is not None:
            self._registry.close()

    def eval(self, keys: Iterable[bytes | None], values: Iterable[bytes | None], partitions: Iterable[int]) -> pd.DataFrame:
        if self._registry is None:
            raise RuntimeError("open() was not called")
        rows = verdicts(list(keys), list(values), list(partitions), self._partition_count, self._registry.writer_schema)
        # As objects: columns of numbers with gaps would become floats.
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def read_votes(registry_url: str, partition_count: int) -> Any:
    """The vectorised function for the Table API, bound to a registry and to the partition count of votes-in."""
    return udf(ReadVotes(registry_url, partition_count), result_type=RESULT_TYPE, func_type="pandas")
