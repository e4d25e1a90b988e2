"""The writer on a real PostgreSQL that goes away, is read only, and hangs."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from compose.settings import Stack
from compose.supervisor import Supervisor
from jobs import postgres_writer
from jobs.postgres_writer import Connection, PostgresWriter, RowsRefused

Writing = Callable[..., Any]


@pytest.fixture
def writing(database_url: str) -> Iterator[Writing]:
    """Gives writers. What is to happen in a writer's first pause has happened at the end of the test, or the test fails."""
    writers: list[PostgresWriter] = []
    to_happen: list[Callable[[], object]] = []

    def sleep(seconds: float) -> None:
        if to_happen:
            to_happen.pop()()
        else:
            time.sleep(seconds)

    def new(in_the_first_pause: Callable[[], object] | None = None) -> PostgresWriter:
        to_happen.extend([in_the_first_pause] if in_the_first_pause else [])
        writers.append(PostgresWriter(database_url, sleep))
        return writers[-1]

    yield new
    for writer in writers:
        writer.close()
    assert to_happen == []


def backend(connection: Connection) -> int:
    """Asks something; the process that answers."""
    connection.execute("SELECT 1")
    return connection.info.backend_pid


def add_total(election_id: str) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        statement = "INSERT INTO vote_totals (election_id, candidate_id, count) VALUES (%s, 'alice', 1) ON CONFLICT DO NOTHING"
        return connection.execute(statement, [election_id]).rowcount

    return work


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_connection_knows_its_limits(writing: Writing) -> None:
    def limits(connection: Connection) -> Any:
        named = connection.info.get_parameters()
        row = connection.execute("SELECT current_setting('statement_timeout'), current_setting('application_name')").fetchone()
        return row, named["tcp_user_timeout"], named["target_session_attrs"]

    assert writing().write(limits) == (("15s", "ledger"), "10000", "read-write")


def test_what_the_url_says_goes_first(database_url: str) -> None:
    writer = PostgresWriter(f"{database_url}?application_name=mine&connect_timeout=3")
    assert writer.write(lambda connection: connection.info.get_parameters()["application_name"]) == "mine"
    writer.close()


def test_a_session_that_the_server_ended_is_replaced(writing: Writing, database_url: str) -> None:
    writer = writing()
    before = writer.write(backend)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert writer.write(backend) != before


def test_a_server_that_was_killed_is_waited_for(writing: Writing, postgres: Stack) -> None:
    writer = writing()
    pids = (Supervisor(postgres).processes()["postgres"].pid, writer.write(backend))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert writer.write(add_total("killed")) == 1
    assert Supervisor(postgres).processes()["postgres"].pid != pids[0]


def test_a_writer_that_became_a_reader_is_left(writing: Writing) -> None:
    """As after a failover: the session stays, and its server takes no more writes."""
    writer = writing()
    writer.write(lambda connection: connection.execute("SET default_transaction_read_only = on"))
    assert writer.write(add_total("reader")) == 1


def test_a_server_that_takes_no_writes_yet_is_waited_for(writing: Writing, database_url: str) -> None:
    def set_read_only(value: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SET default_transaction_read_only = off")
            other.execute(f"ALTER ROLE voting SET default_transaction_read_only = {value}".encode())

    set_read_only("on")
    try:
        assert writing(in_the_first_pause=lambda: set_read_only("off")).write(add_total("not-yet")) == 1
    finally:
        set_read_only("off")


def test_an_answer_that_does_not_come_is_not_waited_for(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_writer, "ANSWER_WITHIN_SECONDS", 0.5)
    writer = writing()
    hanging = writer.write(backend)
    with stopped(hanging):
        assert writer.write(backend) != hanging


def test_a_server_that_hangs_as_a_whole_is_waited_for(writing: Writing, postgres: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres_writer.PARAMETERS, "connect_timeout", 2)
    pid = Supervisor(postgres).processes()["postgres"].pid
    with stopped(pid):
        assert writing(in_the_first_pause=lambda: os.kill(pid, signal.SIGCONT)).write(add_total("hanging")) == 1


def test_a_lock_that_is_not_let_go_ends_the_statement_and_not_the_waiting(
    writing: Writing, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres_writer.PARAMETERS, "options", "-c statement_timeout=300")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE vote_totals")
        assert writing(in_the_first_pause=other.rollback).write(add_total("locked")) == 1


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        (
            "INSERT INTO votes_ledger (election_id, voter_sub, candidate_id, voted_at) VALUES ('e', 'anna', 'alice', NULL)",
            "23502",
        ),
        ("INSERT INTO votes_ledger (election_id, voter_sub, candidate_id) VALUES ('e', 'anna', ('alice' || 1/0))", "22012"),
        ("SELECT 'anna, alice'::integer", "22P02"),
    ],
)
def test_what_the_database_refuses_is_told_without_the_row(
    writing: Writing, caplog: pytest.LogCaptureFixture, statement: str, state: str
) -> None:
    with pytest.raises(RowsRefused, match=state) as raised:
        writing().write(lambda connection: connection.execute(statement.encode()))
    told = str(raised.value) + caplog.text
    assert raised.value.__context__ is None
    assert "anna" not in told
    assert "alice" not in told
    assert "DETAIL" not in "".join(traceback.format_exception(raised.value))
