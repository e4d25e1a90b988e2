"""Rewriting projections from a recount: ``python -m proof recount --repair``.

Every write is compare-and-set: it replaces what the recount saw, and nothing else. Whatever a job wrote meanwhile stays, and a
job's next write moves on from what was repaired, for totals are absolute and a vote's row says the same each time. So it may run
beside the jobs, once they have passed the recount's ends, which the recount waits for. It never touches a topic: a fault in
votes-accepted is dedup's, and needs a rebuild. A generation is kept: a higher one would shut the running tally out.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
import redis

from proof.audit import CouldNotCheck
from proof.projections import REDIS_TIMEOUT_SECONDS
from proof.recount import Recount
from proof.recounting import CountedVote
from proof.settings import Settings

# The field as the recount saw it, or none, becomes what it has to be, and keeps its generation.
_REPLACE = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
local generation, count = string.match(known or '1:0', '^(%d+):(%d+)$')
if not count or tonumber(count) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], generation .. ':' .. ARGV[3])
return 1
"""


class NotRepairable(Exception):
    """The recount has found what rewriting projections does not mend, or cannot be done now. The message says what."""


def require(recount: Recount, election_id: str) -> None:
    """Raise ``NotRepairable`` unless this election's projections can be rewritten from a recount."""
    if election_id in recount.projections.moving:
        raise NotRepairable("votes have come in since the recount's ends; repair when none do, best after the close")
    differences = recount.accepted_differences.get(election_id)
    if differences and (differences.missing or differences.extra or differences.changed):
        raise NotRepairable("votes-accepted itself is wrong: that is dedup's record, and only a rebuild mends it")


def run(settings: Settings, recount: Recount, election_id: str) -> list[str]:
    """Rewrite what differs; what was done, in words. Safe to repeat. Raises ``NotRepairable`` and ``CouldNotCheck``."""
    require(recount, election_id)
    try:
        with psycopg.connect(settings.database_url) as database:
            done = [*_ledger(database, recount, election_id), *_aurora(database, recount, election_id)]
        return [*done, *_redis(settings, recount, election_id)]
    except psycopg.Error as error:
        # Not the whole error: PostgreSQL quotes rows.
        raise CouldNotCheck(f"the database refused the repair, and nothing was changed: {type(error).__name__}") from None
    except redis.RedisError as error:
        raise CouldNotCheck(f"PostgreSQL is repaired, Redis is not: {error}") from error


def _ledger(database: "psycopg.Connection[Any]", recount: Recount, election_id: str) -> list[str]:
    differences = recount.ledger_differences.get(election_id)
    if differences is None:
        return []
    wrong = [*differences.extra, *(found for _, found in differences.changed)]
    due = [*differences.missing, *(vote for vote, _ in differences.changed)]
    with database.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM votes_ledger WHERE election_id = %s AND voter_sub = %s AND vote_id IS NOT DISTINCT FROM %s"
            " AND candidate_id = %s AND source_partition IS NOT DISTINCT FROM %s AND source_offset IS NOT DISTINCT FROM %s",
            [(vote.election_id, _sub(vote), vote.vote_id, vote.candidate_id, *(vote.source or (None, None))) for vote in wrong],
        )
        removed = max(0, cursor.rowcount)
        cursor.executemany(
            "INSERT INTO votes_ledger"
            " (election_id, voter_sub, vote_id, candidate_id, voted_at, source_partition, source_offset)"
            " VALUES (%s, %s, %s, %s, to_timestamp(%s / 1000.0), %s, %s) ON CONFLICT DO NOTHING",
            [
                (
                    vote.election_id,
                    _sub(vote),
                    vote.vote_id,
                    vote.candidate_id,
                    vote.appended_at_ms,
                    *(vote.source or (None, None)),
                )
                for vote in due
            ],
        )
        written = max(0, cursor.rowcount)
    return [f"votes_ledger: {removed} rows removed, {written} written"] if wrong or due else []


def _aurora(database: "psycopg.Connection[Any]", recount: Recount, election_id: str) -> list[str]:
    """A row is replaced and not updated, for the trigger lets nothing go back."""
    done = []
    for candidate_id, (seen, due) in _wrong(recount, recount.projections.aurora, election_id).items():
        row = database.execute(
            "DELETE FROM vote_totals WHERE election_id = %s AND candidate_id = %s AND count = %s"
            " RETURNING generation, updated_at",
            [election_id, candidate_id, seen],
        ).fetchone()
        if row is None and seen:
            continue
        database.execute(
            "INSERT INTO vote_totals (election_id, candidate_id, count, generation, updated_at)"
            " VALUES (%s, %s, %s, coalesce(%s, 1), coalesce(%s, now())) ON CONFLICT DO NOTHING",
            [election_id, candidate_id, due, *(row or (None, None))],
        )
        done.append(f"vote_totals: {candidate_id} from {seen} to {due}")
    return done


def _redis(settings: Settings, recount: Recount, election_id: str) -> list[str]:
    done = []
    client = redis.Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
    )
    try:
        for candidate_id, (seen, due) in _wrong(recount, recount.projections.redis, election_id).items():
            if client.eval(_REPLACE, 1, f"totals:{{{election_id}}}", candidate_id, str(seen), str(due)):
                done.append(f"Redis: {candidate_id} from {seen} to {due}")
    finally:
        client.close()
    return done


def _wrong(recount: Recount, totals: Mapping[tuple[str, str], int], election_id: str) -> dict[str, tuple[int, int]]:
    """What was seen and what is due, of each candidate whose total is wrong."""
    counts = recount.result.counts(election_id)
    seen = {candidate_id: count for (name, candidate_id), count in totals.items() if name == election_id}
    both = {candidate_id: (seen.get(candidate_id, 0), counts.get(candidate_id, 0)) for candidate_id in sorted({*seen, *counts})}
    return {candidate_id: pair for candidate_id, pair in both.items() if pair[0] != pair[1]}


def _sub(vote: CountedVote) -> str:
    return vote.vote_key.partition(":")[2]
