"""Reading what is projected from the log: the tables in PostgreSQL and the totals in Redis."""

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import redis

from proof.records import Conflict, LedgerRow, Position, Totals

_ROWS_AT_A_TIME = 10_000
REDIS_TIMEOUT_SECONDS = 10.0


class TotalsUnreadable(Exception):
    """Redis holds something that is no total; the message names the field."""


def read_ledger(connection: psycopg.Connection[Any]) -> Iterator[LedgerRow]:
    """The whole ledger, a batch at a time."""
    with connection.transaction(), connection.cursor("proof_ledger") as cursor:
        cursor.itersize = _ROWS_AT_A_TIME
        cursor.execute("SELECT election_id, voter_sub, candidate_id, vote_id, source_partition, source_offset FROM votes_ledger")
        for election_id, voter_sub, candidate_id, vote_id, partition, offset in cursor:
            source = None if partition is None or offset is None else Position(partition, offset)
            yield LedgerRow(election_id, voter_sub, candidate_id, vote_id, source)


def read_conflicts(connection: psycopg.Connection[Any]) -> Iterator[Conflict]:
    """Every conflict that the ledger recorded."""
    rows = connection.execute("SELECT election_id, kept_vote_id, refused_vote_id FROM ledger_conflicts ORDER BY conflict_id")
    return (Conflict(*row) for row in rows)


def read_aurora_totals(connection: psycopg.Connection[Any]) -> Totals:
    """vote_totals."""
    rows = connection.execute("SELECT election_id, candidate_id, count FROM vote_totals")
    return {(election_id, candidate_id): count for election_id, candidate_id, count in rows}


def read_redis_totals(redis_url: str, elections: Iterable[str]) -> Totals:
    """The totals of these elections, by the contract of schemas/redis.yaml. Raises ``redis.RedisError``, ``TotalsUnreadable``."""
    totals = {}
    client = redis.Redis.from_url(redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)
    try:
        for election_id in elections:
            fields: dict[bytes, bytes] = client.hgetall(f"totals:{{{election_id}}}")  # type: ignore[assignment]
            for name, value in fields.items():
                if name.startswith(b"_"):
                    continue
                generation, _, count = value.partition(b":")
                if not (generation.isdigit() and count.isdigit()):
                    raise TotalsUnreadable(f"totals:{{{election_id}}} has {value!r} for {name!r}, not <generation>:<count>")
                totals[election_id, name.decode(errors="replace")] = int(count)
    finally:
        client.close()
    return totals
