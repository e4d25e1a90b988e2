"""The ledger as a recount compares it: sums of digests, and single rows of buckets. Blocking; raises ``psycopg.Error``."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from proof.digests import Cell, Sum
from proof.records import Position
from proof.recounting import CountedVote
from proof.replay import SQL

_DIGESTS = (SQL / "ledger_digests.sql").read_bytes()
_ROWS = (SQL / "ledger_rows.sql").read_bytes()


def sums(connection: psycopg.Connection[Any], ends: Mapping[int, int]) -> dict[Cell, Sum]:
    rows = connection.execute(_DIGESTS, _log(ends))
    return {
        Cell(election_id, candidate_id, bucket): Sum(votes, int(digest))
        for election_id, candidate_id, bucket, votes, digest in rows
    }


def rows(connection: psycopg.Connection[Any], ends: Mapping[int, int], buckets: Iterable[int]) -> list[CountedVote]:
    found = connection.execute(_ROWS, {**_log(ends), "buckets": list(buckets)})
    return [
        CountedVote(
            election_id,
            key,
            vote_id,
            candidate_id,
            at,
            None if partition is None or offset is None else Position(partition, offset),
        )
        for election_id, key, vote_id, candidate_id, at, partition, offset in found
    ]


def _log(ends: Mapping[int, int]) -> dict[str, Any]:
    return {"partitions": list(ends), "ends": list(ends.values())}
