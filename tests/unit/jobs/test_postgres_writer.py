import traceback
from typing import Any

import psycopg
import pytest
from psycopg import errors

from jobs import postgres_writer
from jobs.postgres_writer import PostgresUnavailable, PostgresWriter, RowsRefused

URL = "postgresql://voting@db.invalid/voting"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Server:
    """Gives connections, and fails as often as it is told to: when it is connected to, or when it is asked for something."""

    def __init__(self, *failures: psycopg.Error, refuses_connections: bool = False) -> None:
        self.failures = list(failures)
        self.refuses_connections = refuses_connections
        self.connections: list[Connection] = []

    def connect(self, _url: str) -> Any:
        if self.refuses_connections:
            self.fail()
        self.connections.append(Connection())
        return self.connections[-1]

    def fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def answer(self, connection: Any) -> str:
        assert not connection.closed
        self.fail()
        return "done"


class Connection:
    closed = False

    def close(self) -> None:
        self.closed = True


def writing_to(server: Server, clock: Clock) -> PostgresWriter:
    return PostgresWriter(URL, clock.sleep, clock, server.connect)


PASSING = [
    psycopg.OperationalError("server closed the connection unexpectedly"),
    psycopg.InterfaceError("the connection is closed"),
    errors.ReadOnlySqlTransaction(),
    errors.AdminShutdown(),
    errors.CrashShutdown(),
    errors.CannotConnectNow(),
    errors.QueryCanceled(),
    errors.SerializationFailure(),
    errors.DeadlockDetected(),
    errors.ConnectionFailure(),
    errors.SqlclientUnableToEstablishSqlconnection(),
    errors.TooManyConnections(),
    errors.DiskFull(),
    errors.OutOfMemory(),
    errors.IoError(),
    errors.LockNotAvailable(),
]


@pytest.mark.parametrize("failure", PASSING, ids=lambda failure: type(failure).__name__)
def test_what_may_pass_is_tried_again_on_a_new_connection(failure: psycopg.Error) -> None:
    clock, server = Clock(), Server(failure)
    assert writing_to(server, clock).write(server.answer) == "done"
    assert clock.pauses == [0.2]
    assert [connection.closed for connection in server.connections] == [True, False]


REFUSALS = [
    errors.NotNullViolation(),
    errors.CheckViolation(),
    errors.UniqueViolation(),
    errors.CardinalityViolation(),
    errors.NumericValueOutOfRange(),
    errors.UndefinedTable(),
    errors.InsufficientPrivilege(),
    errors.RaiseException(),
    psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
    psycopg.ProgrammingError("the query has 2 placeholders but 1 parameters were passed"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_what_would_be_refused_again_fails_at_once(refusal: psycopg.Error) -> None:
    clock, server = Clock(), Server(refusal)
    with pytest.raises(RowsRefused):
        writing_to(server, clock).write(server.answer)
    assert clock.pauses == []
    assert server.connections[0].closed


def test_a_connection_is_opened_at_the_first_write_and_kept() -> None:
    server = Server()
    writer = writing_to(server, Clock())
    assert server.connections == []
    writer.write(server.answer)
    writer.write(server.answer)
    assert len(server.connections) == 1


def test_pauses_grow_to_a_limit_and_patience_ends() -> None:
    clock = Clock()
    server = Server(*[psycopg.OperationalError("refused")] * 1000, refuses_connections=True)
    with pytest.raises(PostgresUnavailable, match="taken nothing for 60 s"):
        writing_to(server, clock).write(server.answer)
    assert clock.pauses[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert max(clock.pauses) == postgres_writer.LONGEST_PAUSE_SECONDS
    assert (
        postgres_writer.PATIENCE_SECONDS - postgres_writer.LONGEST_PAUSE_SECONDS <= clock.now <= postgres_writer.PATIENCE_SECONDS
    )


def test_patience_begins_anew_with_every_write() -> None:
    clock = Clock()
    server = Server(*[psycopg.OperationalError("refused")] * 10, refuses_connections=True)
    writer = writing_to(server, clock)
    writer.write(server.answer)
    server.failures = [psycopg.OperationalError("gone")] * 10
    writer.write(server.answer)
    assert clock.now > postgres_writer.PATIENCE_SECONDS


def test_an_attempt_and_all_patience_end_before_the_checkpoint_does() -> None:
    longest = postgres_writer.PATIENCE_SECONDS + postgres_writer.CONNECT_WITHIN_SECONDS + postgres_writer.ANSWER_WITHIN_SECONDS
    assert longest < 120
    assert postgres_writer.STATEMENT_TIMEOUT_MS / 1000 < postgres_writer.ANSWER_WITHIN_SECONDS


class Quoting(errors.NotNullViolation):
    """As PostgreSQL raises it: the text of the error, unlike its primary message, holds the row."""

    def __str__(self) -> str:
        return "null value violates constraint\nDETAIL:  Failing row contains (election, anna, alice)."


class QuotingAndPassing(errors.DeadlockDetected):
    def __str__(self) -> str:
        return "deadlock detected\nCONTEXT:  while updating (election, anna, alice)"


class QuotingAValue(errors.InvalidTextRepresentation):
    """Its primary message quotes a value."""


def test_neither_exception_nor_log_holds_what_was_written(caplog: pytest.LogCaptureFixture) -> None:
    for failures in ([Quoting()], [QuotingAndPassing()] * 1000, [QuotingAValue('malformed array literal: "{anna,alice}"')]):
        server = Server(*failures)
        with pytest.raises((RowsRefused, PostgresUnavailable)) as raised:
            writing_to(server, Clock()).write(server.answer)
        assert raised.value.__context__ is None
        told = "".join(traceback.format_exception(raised.value)) + caplog.text
        assert failures[0].sqlstate
        assert f"SQLSTATE {failures[0].sqlstate}" in told
        assert "anna" not in told
        assert "alice" not in told


def test_a_server_that_cannot_be_reached_is_named(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    writer = PostgresWriter("postgresql://voting:hush@127.0.0.1:9/voting", clock.sleep, clock)
    with pytest.raises(PostgresUnavailable, match=r"127\.0\.0\.1.*[Cc]onnection refused") as raised:
        writer.write(lambda _: None)
    assert "\n" not in str(raised.value)
    assert "hush" not in caplog.text + str(raised.value)


def test_closing_a_writer_that_never_wrote_is_fine() -> None:
    PostgresWriter(URL).close()
