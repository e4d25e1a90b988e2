"""The database keeps its promises whatever the writers repeat, and shows nobody more than they need.

Runs on a migrated PostgreSQL of its own (fixture ``database_url``, the owner's). Each test rolls back what it did.
"""

# ruff: noqa: S608 (statements are put together from constants and fresh ids; cases have many columns)

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from schemas import migrations

NOON = datetime(2025, 1, 1, 12, 0, 30, tzinfo=UTC)
# Upserts a row at a time; jobs/sql/postgres writes batches.
LEDGER_COLUMNS = ("election_id", "voter_sub", "candidate_id", "voted_at", "vote_id", "source_partition", "source_offset")
TOTALS_COLUMNS = ("election_id", "candidate_id", "count", "updated_at", "generation")
AUDIT_COLUMNS = ("event_id", "occurred_at", "source", "action", "outcome")

Connection = psycopg.Connection[Any]


def upsert(connection: Connection, table: str, key: tuple[str, ...], columns: tuple[str, ...], row: tuple[object, ...]) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {table}({columns}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {assignments}").format(
            table=sql.Identifier(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
            key=sql.SQL(", ").join(map(sql.Identifier, key)),
            assignments=sql.SQL(", ").join(
                sql.SQL("{0}=EXCLUDED.{0}").format(sql.Identifier(column)) for column in columns if column not in key
            ),
        ),
        row,
    )


def upsert_vote(connection: Connection, row: tuple[object, ...]) -> None:
    upsert(connection, "votes_ledger", ("election_id", "voter_sub"), LEDGER_COLUMNS, row)


def upsert_total(connection: Connection, row: tuple[object, ...]) -> None:
    upsert(connection, "vote_totals", ("election_id", "candidate_id"), TOTALS_COLUMNS, row)


def write_version(
    connection: Connection, election_id: str, version: int = 1, status: str = "open", visibility: str = "live", batch: int = 1
) -> None:
    connection.execute(
        "INSERT INTO elections (election_id, version, title, status, opens_at, closes_at, results_visibility, results_batch)"
        " VALUES (%s, %s, 'Title', %s, %s, %s, %s, %s)",
        [election_id, version, status, NOON, NOON + timedelta(days=1), visibility, batch],
    )
    for position, candidate in enumerate(("alice", "bob"), start=1):
        connection.execute(
            "INSERT INTO candidates (election_id, version, candidate_id, name, position) VALUES (%s, %s, %s, %s, %s)",
            [election_id, version, candidate, candidate.title(), position],
        )


def publish(connection: Connection, election_id: str, version: int = 1) -> None:
    connection.execute("INSERT INTO election_publications (election_id, version) VALUES (%s, %s)", [election_id, version])


@contextmanager
def acting_as(connection: Connection, role: str) -> Iterator[None]:
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    yield
    connection.execute("RESET ROLE")


def refused(connection: Connection, statement: str, error: type[psycopg.Error] = psycopg.errors.InsufficientPrivilege) -> str:
    """The message with which the database refuses a statement; the transaction goes on after it."""
    with pytest.raises(error) as caught, connection.transaction():
        connection.execute(statement)
    return str(caught.value)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def election_id() -> str:
    return f"election-{uuid.uuid4()}"


def rows(connection: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, parameters or None).fetchall()


def test_a_repeated_write_of_a_vote_changes_nothing_and_is_no_conflict(connection: Connection, election_id: str) -> None:
    vote = (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17)
    for _ in range(3):
        upsert_vote(connection, vote)
    columns = ", ".join(LEDGER_COLUMNS)
    assert rows(connection, f"SELECT {columns} FROM votes_ledger WHERE election_id = %s", election_id) == [vote]
    assert rows(connection, "SELECT * FROM ledger_conflicts WHERE election_id = %s", election_id) == []


def test_a_second_vote_of_a_voter_is_kept_out_and_recorded_once(connection: Connection, election_id: str) -> None:
    upsert_vote(connection, (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17))
    for _ in range(3):
        upsert_vote(connection, (election_id, "voter-1", "bob", NOON, "vote-2", 3, 40))
    assert rows(connection, "SELECT candidate_id, vote_id FROM votes_ledger WHERE election_id = %s", election_id) == [
        ("alice", "vote-1")
    ]
    assert rows(
        connection,
        "SELECT voter_sub, kept_vote_id, refused_vote_id, refused_partition, refused_offset"
        " FROM ledger_conflicts WHERE election_id = %s",
        election_id,
    ) == [("voter-1", "vote-1", "vote-2", 3, 40)]


def test_the_same_vote_with_another_choice_is_a_conflict_too(connection: Connection, election_id: str) -> None:
    upsert_vote(connection, (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17))
    upsert_vote(connection, (election_id, "voter-1", "bob", NOON, "vote-1", 3, 17))
    assert rows(connection, "SELECT candidate_id FROM votes_ledger WHERE election_id = %s", election_id) == [("alice",)]
    assert len(rows(connection, "SELECT 1 FROM ledger_conflicts WHERE election_id = %s", election_id)) == 1


def test_a_conflict_without_a_position_in_the_log_is_recorded_once_as_well(connection: Connection, election_id: str) -> None:
    upsert_vote(connection, (election_id, "voter-1", "alice", NOON, None, None, None))
    for _ in range(2):
        upsert_vote(connection, (election_id, "voter-1", "bob", NOON, None, None, None))
    assert len(rows(connection, "SELECT 1 FROM ledger_conflicts WHERE election_id = %s", election_id)) == 1


@pytest.mark.parametrize(
    ("late", "why"),
    [
        ((9, 1), "a lower count"),
        ((10, 1), "the same count"),
        ((0, 1), "an empty count after a replay's start"),
    ],
)
def test_a_total_never_goes_back(connection: Connection, election_id: str, late: tuple[int, int], why: str) -> None:
    upsert_total(connection, (election_id, "alice", 10, NOON, 1))
    upsert_total(connection, (election_id, "alice", late[0], NOON + timedelta(hours=1), late[1]))
    found = rows(connection, "SELECT count, updated_at, generation FROM vote_totals WHERE election_id = %s", election_id)
    assert found == [(10, NOON, 1)], why


def test_a_higher_generation_replaces_a_higher_count_and_is_not_replaced_by_it(connection: Connection, election_id: str) -> None:
    upsert_total(connection, (election_id, "alice", 10, NOON, 1))
    upsert_total(connection, (election_id, "alice", 8, NOON, 2))
    upsert_total(connection, (election_id, "alice", 11, NOON, 1))
    assert rows(connection, "SELECT count, generation FROM vote_totals WHERE election_id = %s", election_id) == [(8, 2)]


def test_a_total_is_never_negative(connection: Connection, election_id: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        upsert_total(connection, (election_id, "alice", -1, NOON, 1))


def test_history_holds_the_last_count_of_each_minute_in_which_it_changed(connection: Connection, election_id: str) -> None:
    for count, seconds in ((1, 0), (2, 20), (3, 29), (3, 95), (4, 100), (2, 300)):
        upsert_total(connection, (election_id, "alice", count, NOON + timedelta(seconds=seconds), 1))
    minute = NOON.replace(second=0)
    assert rows(
        connection, "SELECT minute, count FROM vote_totals_history WHERE election_id = %s ORDER BY minute", election_id
    ) == [(minute, 3), (minute + timedelta(minutes=2), 4)]


def test_minutes_are_those_of_utc_whatever_the_session_has(connection: Connection, election_id: str) -> None:
    connection.execute("SET LOCAL TIME ZONE 'Africa/Monrovia'")  # -00:44:30 until 1972
    upsert_total(connection, (election_id, "alice", 1, datetime(1971, 1, 1, 12, 0, 45, tzinfo=UTC), 1))
    found = rows(connection, "SELECT minute FROM vote_totals_history WHERE election_id = %s", election_id)
    assert found == [(datetime(1971, 1, 1, 12, 0, tzinfo=UTC),)]


@pytest.mark.parametrize("table", ["elections", "candidates", "election_publications"])
@pytest.mark.parametrize("change", ["UPDATE {} SET election_id = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_catalogue_is_append_only(connection: Connection, election_id: str, table: str, change: str) -> None:
    write_version(connection, election_id)
    publish(connection, election_id)
    message = refused(connection, change.format(table), psycopg.errors.RestrictViolation)
    assert "append-only" in message


def current(connection: Connection, election_id: str) -> list[tuple[Any, ...]]:
    return rows(connection, "SELECT version, status FROM current_elections WHERE election_id = %s", election_id)


def test_the_newest_published_version_is_the_current_one(connection: Connection, election_id: str) -> None:
    write_version(connection, election_id, 1, "draft")
    assert current(connection, election_id) == []
    publish(connection, election_id, 1)
    write_version(connection, election_id, 2, "open")
    assert current(connection, election_id) == [(1, "draft")]
    publish(connection, election_id, 2)
    assert current(connection, election_id) == [(2, "open")]


def test_a_late_publication_of_an_older_version_brings_nothing_back(connection: Connection, election_id: str) -> None:
    write_version(connection, election_id, 1, "draft")
    write_version(connection, election_id, 2, "open")
    publish(connection, election_id, 2)
    publish(connection, election_id, 1)
    assert current(connection, election_id) == [(2, "open")]


def test_only_a_version_that_exists_can_be_published(connection: Connection, election_id: str) -> None:
    write_version(connection, election_id)
    refused(
        connection,
        f"INSERT INTO election_publications (election_id, version) VALUES ('{election_id}', 2)",
        psycopg.errors.ForeignKeyViolation,
    )


def test_versions_from_before_publications_were_noted_count_as_published(connection: Connection) -> None:
    """In a schema of their own, the catalogue's tables as they were, and the migration that came then."""
    numbered = {migration.name: migration.sql for migration in migrations.all_migrations()}
    connection.execute("CREATE SCHEMA before")
    connection.execute("SET LOCAL search_path = before")
    connection.execute(numbered["0001_elections"].encode())
    for version, status in ((1, "draft"), (2, "open")):
        connection.execute(
            "INSERT INTO elections (election_id, version, title, status, opens_at, closes_at)"
            " VALUES ('old', %s, 'Title', %s, %s, %s)",
            [version, status, NOON, NOON + timedelta(days=1)],
        )
    connection.execute(numbered["0006_election_publications"].encode())
    assert rows(connection, "SELECT version FROM before.election_publications ORDER BY 1") == [(1,), (2,)]
    assert rows(connection, "SELECT version, status FROM before.current_elections") == [(2, "open")]


def test_the_ingress_sees_published_versions_with_its_own_rights(connection: Connection, election_id: str) -> None:
    write_version(connection, election_id)
    with acting_as(connection, "voting_ingress"):
        assert current(connection, election_id) == []
    publish(connection, election_id)
    with acting_as(connection, "voting_ingress"):
        assert current(connection, election_id) == [(1, "open")]


def test_a_version_that_is_written_gets_no_further_candidate(database_url: str, election_id: str) -> None:
    """Needs a committed version; an election of its own name stays behind, as any election does."""
    with psycopg.connect(database_url) as connection:
        write_version(connection, election_id, 1, "draft")
        connection.commit()
        message = refused(
            connection,
            "INSERT INTO candidates (election_id, version, candidate_id, name, position)"
            f" VALUES ('{election_id}', 1, 'late', 'Late', 3)",
            psycopg.errors.RestrictViolation,
        )
        assert "write a new version" in message


@pytest.mark.parametrize(
    ("column", "value"),
    [("election_id", "'Not An Id'"), ("version", "0"), ("status", "'ajar'"), ("results_batch", "0"), ("closes_at", "opens_at")],
)
def test_the_catalogue_refuses_what_makes_no_sense(connection: Connection, column: str, value: str) -> None:
    values = {
        "election_id": f"'election-{uuid.uuid4()}'",
        "version": "1",
        "title": "'Title'",
        "status": "'draft'",
        "opens_at": "'2025-01-01Z'",
        "closes_at": "'2025-01-02Z'",
        "results_batch": "1",
        column: value.replace("opens_at", "'2025-01-01Z'"),
    }
    refused(
        connection,
        f"INSERT INTO elections ({', '.join(values)}) VALUES ({', '.join(values.values())})",
        psycopg.errors.CheckViolation,
    )


def test_an_audit_event_is_kept_as_it_came_first(connection: Connection) -> None:
    event_id = str(uuid.uuid4())
    for outcome in ("success", "failure"):
        upsert(connection, "audit_trail", ("event_id",), AUDIT_COLUMNS, (event_id, NOON, "elections", "election.opened", outcome))
    assert rows(connection, "SELECT outcome FROM audit_trail WHERE event_id = %s", event_id) == [("success",)]
    refused(connection, "DELETE FROM audit_trail", psycopg.errors.RestrictViolation)


def test_the_jobs_write_projections_and_their_triggers_do_the_rest(connection: Connection, election_id: str) -> None:
    with acting_as(connection, "voting_jobs"):
        upsert_vote(connection, (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17))
        upsert_vote(connection, (election_id, "voter-1", "bob", NOON, "vote-2", 3, 18))
        upsert_total(connection, (election_id, "alice", 1, NOON, 1))
        upsert_total(connection, (election_id, "alice", 2, NOON, 1))
        assert len(rows(connection, "SELECT 1 FROM ledger_conflicts WHERE election_id = %s", election_id)) == 1
        assert rows(connection, "SELECT count FROM vote_totals_history WHERE election_id = %s", election_id) == [(2,)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM votes_ledger",
        "TRUNCATE votes_ledger",
        "DELETE FROM vote_totals",
        "DELETE FROM ledger_conflicts",
        "UPDATE vote_totals_history SET count = 0",
        "INSERT INTO elections SELECT * FROM elections",
        "SELECT * FROM denylist",
        "CREATE TABLE mine ()",
    ],
)
def test_the_jobs_cannot_take_anything_away(connection: Connection, statement: str) -> None:
    with acting_as(connection, "voting_jobs"):
        refused(connection, statement)


def test_a_table_of_the_caller_cannot_take_the_place_of_ours(connection: Connection, election_id: str) -> None:
    connection.execute("CREATE TEMPORARY TABLE ledger_conflicts (LIKE public.ledger_conflicts) ON COMMIT DROP")
    connection.execute("SET LOCAL search_path = pg_temp, public")
    upsert_vote(connection, (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17))
    upsert_vote(connection, (election_id, "voter-1", "bob", NOON, "vote-2", 3, 18))
    assert len(rows(connection, "SELECT 1 FROM public.ledger_conflicts WHERE election_id = %s", election_id)) == 1


def test_the_ingress_sees_that_a_voter_voted_and_not_for_whom(connection: Connection, election_id: str) -> None:
    upsert_vote(connection, (election_id, "voter-1", "alice", NOON, "vote-1", 3, 17))
    with acting_as(connection, "voting_ingress"):
        found = rows(
            connection, "SELECT election_id, voter_sub, voted_at, vote_id FROM votes_ledger WHERE election_id = %s", election_id
        )
        assert found == [(election_id, "voter-1", NOON, "vote-1")]
        for statement in (
            "SELECT candidate_id FROM votes_ledger",
            "SELECT * FROM votes_ledger",
            "SELECT votes_ledger FROM votes_ledger",
            "SELECT to_jsonb(votes_ledger) FROM votes_ledger",
            "SELECT count(*) FROM votes_ledger WHERE candidate_id = 'alice'",
            "SELECT count(*) FROM votes_ledger GROUP BY candidate_id",
            "COPY votes_ledger TO STDOUT",
            "UPDATE votes_ledger SET voted_at = now()",
            "INSERT INTO vote_totals (election_id, candidate_id, count) VALUES ('a', 'b', 1)",
        ):
            refused(connection, statement)


def test_organisers_append_versions_and_nothing_else(connection: Connection, election_id: str) -> None:
    with acting_as(connection, "voting_elections"):
        write_version(connection, election_id)
        publish(connection, election_id)
        assert current(connection, election_id) == [(1, "open")]
        for statement in (
            "SELECT * FROM votes_ledger",
            "SELECT * FROM vote_totals",
            "UPDATE elections SET title = 'x'",
            "UPDATE election_publications SET version = 1",
            "DELETE FROM election_publications",
            "TRUNCATE election_publications",
        ):
            refused(connection, statement)


@pytest.mark.parametrize("role", ["voting_ingress", "voting_jobs", "voting_proof"])
def test_only_organisers_say_what_is_published(connection: Connection, election_id: str, role: str) -> None:
    write_version(connection, election_id)
    with acting_as(connection, role):
        refused(connection, f"INSERT INTO election_publications (election_id, version) VALUES ('{election_id}', 1)")


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO denylist (kind, value, reason) VALUES ('token', 'contract-token', 'case 7')",
        "UPDATE denylist SET expires_at = now() WHERE value = 'contract-voter'",
        "DELETE FROM denylist WHERE value = 'contract-voter'",
    ],
)
def test_every_change_of_the_denylist_can_be_seen_by_the_ingress(connection: Connection, change: str) -> None:
    state = "SELECT change_id FROM denylist_state"
    connection.execute("INSERT INTO denylist (kind, value, reason) VALUES ('subject', 'contract-voter', 'case 7')")
    before = rows(connection, state)
    with acting_as(connection, "voting_elections"):
        connection.execute(change)
    with acting_as(connection, "voting_ingress"):
        connection.execute("SELECT kind, value, expires_at FROM denylist")
        after = rows(connection, state)
    assert len(after) == 1
    assert after != before


def test_an_emptied_denylist_is_a_change_too_and_its_state_cannot_be_lost(connection: Connection) -> None:
    before = rows(connection, "SELECT change_id FROM denylist_state")
    connection.execute("TRUNCATE denylist")
    assert rows(connection, "SELECT change_id FROM denylist_state") != before
    for statement in ("DELETE FROM denylist_state", "TRUNCATE denylist_state"):
        refused(connection, statement, psycopg.errors.RestrictViolation)
    refused(connection, "INSERT INTO denylist_state DEFAULT VALUES", psycopg.errors.UniqueViolation)


def test_the_denylist_takes_no_time_that_programs_cannot_hold(connection: Connection) -> None:
    for end in ("infinity", "10000-01-01 00:00Z"):
        statement = f"INSERT INTO denylist (kind, value, reason, expires_at) VALUES ('subject', 'contract-voter', 'x', '{end}')"
        refused(connection, statement, psycopg.errors.CheckViolation)


def test_who_was_denied_and_allowed_is_never_forgotten(connection: Connection) -> None:
    with acting_as(connection, "voting_elections"):
        connection.execute(
            "INSERT INTO denylist_changes (kind, value, number, reason) VALUES ('subject', 'contract-voter', 1, 'case 7')"
        )
        for statement in (
            "UPDATE denylist_changes SET reason = 'x'",
            "DELETE FROM denylist_changes",
            "TRUNCATE denylist_changes",
        ):
            refused(connection, statement)
    for statement in ("UPDATE denylist_changes SET reason = 'x'", "DELETE FROM denylist_changes"):
        assert "append-only" in refused(connection, statement, psycopg.errors.RestrictViolation)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("voting_ingress", "INSERT INTO denylist (kind, value, reason) VALUES ('subject', 'x', 'x')"),
        ("voting_ingress", "DELETE FROM denylist"),
        ("voting_ingress", "UPDATE denylist_state SET change_id = gen_random_uuid()"),
        ("voting_ingress", "SELECT * FROM denylist_changes"),
        ("voting_elections", "UPDATE denylist_state SET change_id = gen_random_uuid()"),
        ("voting_elections", "TRUNCATE denylist"),
        ("voting_elections", "ALTER TABLE denylist DISABLE TRIGGER ALL"),
        ("voting_jobs", "SELECT * FROM denylist_state"),
    ],
)
def test_only_organisers_change_the_denylist_and_nobody_unseen(connection: Connection, role: str, statement: str) -> None:
    with acting_as(connection, role):
        refused(connection, statement)


def test_the_proof_reads_everything_and_writes_reports_only(connection: Connection) -> None:
    with acting_as(connection, "voting_proof"):
        for table in (
            "votes_ledger",
            "vote_totals",
            "ledger_conflicts",
            "elections",
            "election_publications",
            "recount_reports",
            "audit_trail",
            "denylist",
            "denylist_state",
            "denylist_changes",
        ):
            connection.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(table)))
        for statement in ("UPDATE vote_totals SET count = 0", "DELETE FROM recount_reports", "DELETE FROM votes_ledger"):
            refused(connection, statement)


def test_analysts_read_every_analytics_view(connection: Connection) -> None:
    views = [name for (name,) in rows(connection, "SELECT viewname FROM pg_views WHERE schemaname = 'analytics' ORDER BY 1")]
    assert views == ["candidates", "elections", "results", "results_history", "turnout"]
    for view in views:
        comment = rows(connection, "SELECT obj_description(%s::regclass)", f"analytics.{view}")
        assert comment[0][0], f"{view} is not documented"
        with acting_as(connection, "analyst_ro"):
            connection.execute(sql.SQL("SELECT * FROM analytics.{}").format(sql.Identifier(view)))


def test_analysts_read_nothing_else(connection: Connection) -> None:
    relations = rows(
        connection,
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'analytics') AND n.nspname NOT LIKE 'pg\\_%'"
        " AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')",
    )
    assert len(relations) >= 10
    with acting_as(connection, "analyst_ro"):
        for (relation,) in relations:
            refused(connection, f"SELECT * FROM {relation}")


def test_no_search_path_brings_an_analyst_to_a_table(connection: Connection) -> None:
    with acting_as(connection, "analyst_ro"):
        connection.execute("SET LOCAL search_path = public, analytics, pg_temp")
        for table in ("votes_ledger", "vote_totals", "ledger_conflicts", "denylist"):
            # A schema that one may not use is passed over, as if it were not there.
            refused(connection, f"SELECT * FROM {table}", psycopg.errors.UndefinedTable)


def test_analysts_can_call_no_function_of_ours_and_make_none(connection: Connection) -> None:
    callable_by_analysts = rows(
        connection,
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('public', 'analytics') AND has_function_privilege('analyst_ro', p.oid, 'EXECUTE')",
    )
    assert callable_by_analysts == []
    with acting_as(connection, "analyst_ro"):
        for statement in (
            "CREATE FUNCTION pg_temp.peek() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION analytics.peek() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE VIEW analytics.mine AS SELECT 1",
            "CREATE SCHEMA mine",
            "SELECT pg_read_file('postgresql.conf')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
        ):
            refused(connection, statement)


def test_analysts_can_take_on_no_other_role(connection: Connection) -> None:
    memberships = rows(
        connection,
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'analyst_ro'",
    )
    assert memberships == []


def test_analysts_read_no_large_object_of_others(connection: Connection) -> None:
    (oid,) = rows(connection, "SELECT lo_from_bytea(0, 'secret')")[0]
    with acting_as(connection, "analyst_ro"):
        refused(connection, f"SELECT lo_get({oid})")
        refused(connection, f"SELECT lo_open({oid}, 262144)")
        refused(connection, "SELECT lo_import('/etc/hostname')")


def test_analysts_change_nothing(connection: Connection) -> None:
    with acting_as(connection, "analyst_ro"):
        for view in ("elections", "candidates", "results", "results_history", "turnout"):
            for statement in (f"DELETE FROM analytics.{view}", f"UPDATE analytics.{view} SET election_id = 'x'"):
                with pytest.raises(psycopg.Error), connection.transaction():
                    connection.execute(statement)


@pytest.mark.parametrize(
    ("status", "visibility", "batch", "shown"),
    [
        ("open", "live", 1, True),
        ("open", "live", 50, False),
        ("open", "after_publication", 1, False),
        ("closed", "after_publication", 1, False),
        ("sealed", "after_publication", 1, False),
        ("published", "after_publication", 50, True),
    ],
)
def test_analysts_see_results_that_may_be_seen(
    connection: Connection, election_id: str, status: str, visibility: str, batch: int, shown: bool
) -> None:
    write_version(connection, election_id, 1, status, visibility, batch)
    publish(connection, election_id)
    upsert_total(connection, (election_id, "alice", 41, NOON, 1))
    with acting_as(connection, "analyst_ro"):
        results = rows(
            connection, "SELECT candidate_id, count FROM analytics.results WHERE election_id = %s ORDER BY 1", election_id
        )
        history = rows(connection, "SELECT count FROM analytics.results_history WHERE election_id = %s", election_id)
    assert results == ([("alice", 41), ("bob", 0)] if shown else [])
    assert history == ([(41,)] if shown else [])


def test_analysts_see_no_version_that_is_not_published(connection: Connection, election_id: str) -> None:
    """Results that are published before the log has the version that says so would be shown to nobody else."""
    write_version(connection, election_id, 1, "closed", "after_publication")
    publish(connection, election_id, 1)
    write_version(connection, election_id, 2, "published", "after_publication")
    upsert_total(connection, (election_id, "alice", 41, NOON, 1))
    views = ("elections", "results", "results_history")
    with acting_as(connection, "analyst_ro"):
        found = [rows(connection, f"SELECT 1 FROM analytics.{view} WHERE election_id = %s", election_id) for view in views]
        assert found == [[(1,)], [], []]
        status = rows(connection, "SELECT version, status FROM analytics.elections WHERE election_id = %s", election_id)
        assert status == [(1, "closed")]


def test_an_error_message_does_not_tell_a_hidden_count(connection: Connection, election_id: str) -> None:
    write_version(connection, election_id, 1, "open", "after_publication")
    publish(connection, election_id)
    upsert_total(connection, (election_id, "alice", 4711, NOON, 1))
    with acting_as(connection, "analyst_ro"):
        for view in ("results", "results_history"):
            # Would fail with "division by zero" for exactly the right guess, or name the count, if it saw the hidden row.
            for condition in ("1 / (count - 4711) = 0", "('x' || count)::int = 0"):
                query = f"SELECT * FROM analytics.{view} WHERE election_id = %s AND {condition}"
                assert rows(connection, query, election_id) == []


def test_turnout_counts_votes_and_names_nobody(connection: Connection, election_id: str) -> None:
    for voter in range(3):
        upsert_vote(connection, (election_id, f"voter-{voter}", "alice", NOON, f"vote-{voter}", 0, voter))
    with acting_as(connection, "analyst_ro"):
        assert rows(connection, "SELECT * FROM analytics.turnout WHERE election_id = %s", election_id) == [
            (election_id, NOON.replace(minute=0, second=0), 3)
        ]


def test_no_analytics_view_has_a_column_that_names_a_voter(connection: Connection) -> None:
    columns = {
        name
        for (name,) in rows(connection, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'analytics'")
    }
    assert columns & {"voter_sub", "vote_id", "source_offset", "subject"} == set()


def test_every_view_of_the_analysts_is_a_security_barrier(connection: Connection) -> None:
    open_views = rows(
        connection,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'analytics'"
        " AND NOT coalesce(c.reloptions @> ARRAY['security_barrier=true'], false)",
    )
    assert open_views == []


def test_nobody_connects_or_makes_temporary_objects_by_default(connection: Connection) -> None:
    granted = rows(
        connection,
        "SELECT privilege_type FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND grantee = 0",
    )
    assert granted == []
