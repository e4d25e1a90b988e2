"""The seal in a real PostgreSQL: what it asks for, what it refuses afterwards; and the ledger's digests there and in Python."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from elections.seal import reasons_against
from elections.sealing import SealingRecord
from jobs.ledger_rows import Total, Vote, write_totals, write_votes
from proof import ledger_sums
from proof.digests import Cell, Sum, bucket_of, digest_of
from proof.records import Position

AT_MS = 1_746_122_400_123


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def election_id() -> str:
    return f"sealed-{uuid.uuid4().hex[:8]}"


def a_vote(election_id: str, number: int, candidate: str = "alice") -> Vote:
    return Vote(election_id, f"voter-{number}", candidate, AT_MS + number, f"vote-{number}", number % 4, number)


def report(
    database: psycopg.Connection[Any], election_id: str, counts: dict[str, int], started_at: datetime | None = None
) -> str:
    manifest = {"votesIn": {"0": {"start": 0, "end": 9}}, "counts": counts, "conservation": {"exact": True}}
    report_id = str(uuid.uuid4())
    started = started_at or datetime.now(UTC)
    database.execute(
        "INSERT INTO recount_reports VALUES (%s, %s, %s, %s, true, %s)",
        [report_id, election_id, started, started, Jsonb(manifest)],
    )
    return report_id


def sealed(database: psycopg.Connection[Any], election_id: str) -> None:
    record = SealingRecord(database)
    record.note_ends(election_id, {0: 9})
    report(database, election_id, {"alice": 2})
    with database.transaction():
        evidence = record.evidence(election_id)
        assert reasons_against(evidence) == []
        assert evidence.report is not None
        record.seal(election_id, evidence.report, "ada")


def voted(database: psycopg.Connection[Any], election_id: str) -> None:
    write_votes(database, [a_vote(election_id, 1), a_vote(election_id, 2)])
    write_totals(database, [Total(election_id, "alice", 2, AT_MS, 1)])


def rows(database: psycopg.Connection[Any], query: str, election_id: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode(), [election_id]).fetchall()


def test_the_record_tells_what_is_against_a_seal(database: psycopg.Connection[Any], election_id: str) -> None:
    record = SealingRecord(database)
    voted(database, election_id)

    def reasons() -> list[str]:
        with database.transaction():
            return reasons_against(record.evidence(election_id))

    assert "is not noted" in reasons()[0]
    assert not record.has_ends(election_id)
    record.note_ends(election_id, {0: 9})
    record.note_ends(election_id, {0: 100})
    assert record.has_ends(election_id)
    assert "no recount" in reasons()[0]
    report(database, election_id, {"alice": 2}, datetime.now(UTC) - timedelta(hours=1))
    assert "before its close" in reasons()[0]
    report(database, election_id, {"alice": 1, "bob": 1})
    assert "totals have changed" in reasons()[0]
    offset = uuid.uuid4().int % 2**40
    database.execute("INSERT INTO dead_letters VALUES (0, %s, %s)", [offset, election_id])
    report(database, election_id, {"alice": 2, "bob": 0})
    assert reasons() == ["1 dead letters have no ruling: python -m proof adjudicate"]
    database.execute("INSERT INTO adjudications VALUES (0, %s, 'no_vote', 'noise', 'ada')", [offset])
    assert reasons() == []


def test_after_the_seal_repeats_change_nothing_and_are_no_late_writes(
    database: psycopg.Connection[Any], election_id: str
) -> None:
    voted(database, election_id)
    sealed(database, election_id)
    voted(database, election_id)
    write_totals(database, [Total(election_id, "alice", 1, AT_MS, 1)])
    assert rows(database, "SELECT * FROM late_writes WHERE election_id = %s", election_id) == []
    assert rows(database, "SELECT * FROM ledger_conflicts WHERE election_id = %s", election_id) == []


def test_after_the_seal_a_late_write_is_refused_and_remembered(database: psycopg.Connection[Any], election_id: str) -> None:
    voted(database, election_id)
    sealed(database, election_id)
    for _ in range(2):
        write_votes(database, [a_vote(election_id, 3), a_vote(election_id, 1, "bob")])
        write_totals(database, [Total(election_id, "alice", 3, AT_MS, 1), Total(election_id, "bob", 1, AT_MS, 2)])
    assert rows(database, "SELECT voter_sub, candidate_id FROM votes_ledger WHERE election_id = %s ORDER BY 1", election_id) == [
        ("voter-1", "alice"),
        ("voter-2", "alice"),
    ]
    assert rows(database, "SELECT candidate_id, count FROM vote_totals WHERE election_id = %s", election_id) == [("alice", 2)]
    late = rows(database, "SELECT table_name, what FROM late_writes WHERE election_id = %s ORDER BY 1, 2", election_id)
    assert late == [
        ("vote_totals", "alice 3 in generation 1"),
        ("vote_totals", "bob 1 in generation 2"),
        ("votes_ledger", "vote vote-1"),
        ("votes_ledger", "vote vote-3"),
    ]
    moved_away = b"UPDATE vote_totals SET election_id = election_id || '-x', generation = generation + 1"
    emptied = (b"DELETE FROM votes_ledger", b"DELETE FROM vote_totals", b"TRUNCATE votes_ledger", b"TRUNCATE vote_totals")
    for statement in (*emptied, moved_away):
        with pytest.raises(psycopg.errors.RestrictViolation):
            database.execute(statement)


def test_other_elections_go_on(database: psycopg.Connection[Any], election_id: str) -> None:
    voted(database, election_id)
    sealed(database, election_id)
    other = f"{election_id}-2"
    write_votes(database, [a_vote(other, 1)])
    database.execute("DELETE FROM votes_ledger WHERE election_id = %s", [other])
    assert rows(database, "SELECT * FROM late_writes WHERE election_id = %s", other) == []


def test_organisers_seal_with_their_own_rights_and_see_no_total(database: psycopg.Connection[Any], election_id: str) -> None:
    voted(database, election_id)
    with database.transaction():
        database.execute("SET LOCAL ROLE voting_proof")
        report(database, election_id, {"alice": 2})
    record = SealingRecord(database)
    with database.transaction():
        database.execute("SET LOCAL ROLE voting_elections")
        record.note_ends(election_id, {0: 9})
    with database.transaction():
        database.execute("SET LOCAL ROLE voting_elections")
        assert "before its close" in reasons_against(record.evidence(election_id))[0]
    report(database, election_id, {"alice": 2})
    with database.transaction():
        database.execute("SET LOCAL ROLE voting_elections")
        evidence = record.evidence(election_id)
        assert evidence.report is not None
        record.seal(election_id, evidence.report, "ada")
        assert record.counts(election_id) == {"alice": 2}
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE voting_elections")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("SELECT * FROM vote_totals")


def test_digests_are_the_same_in_postgresql_and_in_python(database: psycopg.Connection[Any], election_id: str) -> None:
    votes = [a_vote(election_id, number, "alice" if number % 3 else "bob") for number in range(60)]
    write_votes(database, votes)
    expected: dict[Cell, Sum] = {}
    for vote in votes[:40]:
        key = f"{election_id}:{vote.voter_sub}"
        place = vote.source_partition, vote.source_offset
        cell = Cell(election_id, vote.candidate_id, bucket_of(key))
        digest = digest_of(key, vote.vote_id, vote.candidate_id, vote.voted_at_ms, *place)
        expected[cell] = expected.get(cell, Sum(0, 0)) + Sum(1, digest)
    found = ledger_sums.sums(database, dict.fromkeys(range(4), 40))
    assert {cell: total for cell, total in found.items() if cell.election_id == election_id} == expected
    first = votes[0]
    (row,) = [
        row
        for row in ledger_sums.rows(database, dict.fromkeys(range(4), 40), [bucket_of(f"{election_id}:voter-0")])
        if row.vote_key == f"{election_id}:voter-0"
    ]
    assert row[2:] == (first.vote_id, "bob", first.voted_at_ms, Position(0, 0))
