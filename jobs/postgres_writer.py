"""Writing to PostgreSQL from a task that must outlast its outages.

PostgresUnavailable  nothing was taken for ``PATIENCE_SECONDS``: let the task fail, its restart tries again
RowsRefused          the same rows would be refused again: find out from the SQLSTATE what is wrong with them

Neither they nor the log ever say what was written: a row holds a voter beside a choice, and PostgreSQL quotes rows in its errors.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
# A task that waits can be neither checkpointed nor stopped. With the last attempt's time limits on top this stays below the
# checkpoint's timeout (2 min) and the time after which Flink ends a whole TaskManager for a task that does not stop (3 min).
PATIENCE_SECONDS = 60.0

CONNECT_WITHIN_SECONDS = 5
# A batch takes a tenth of a second. A server that hangs cannot keep its own time limit, hence one of ours above it.
STATEMENT_TIMEOUT_MS = 15_000
ANSWER_WITHIN_SECONDS = 20.0
PARAMETERS: dict[str, Any] = {
    "application_name": "ledger",
    "connect_timeout": CONNECT_WITHIN_SECONDS,
    # After a failover the name still leads to the former writer for a while, which is a reader now.
    "target_session_attrs": "read-write",
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
    # A server that vanished without a word is missed after 10 s when something was sent, after 10 + 2 × 5 s while nothing is.
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
_log = logging.getLogger(__name__)


class PostgresUnavailable(Exception):
    """PostgreSQL could not be written to for as long as patience lasts. Try again later."""


class RowsRefused(Exception):
    """PostgreSQL does not take these rows, or not from this role, and will not take them later."""


class PostgresWriter:
    """One connection, opened at the first write and again after every error. Blocking; not to be shared between threads."""

    def __init__(
        self,
        url: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        connect: Callable[[str], Connection] | None = None,
    ) -> None:
        self._url = url
        self._sleep = sleep
        self._clock = clock
        self._connect = connect or _connect
        self._connection: Connection | None = None

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` returns, once it has gone through; each of its statements commits by itself.

        ``work`` is called again after an error that may pass, when some or all of it may have been done: it must not matter if
        it is repeated. Raises ``PostgresUnavailable`` and ``RowsRefused``.
        """
        give_up_at = self._clock() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if self._connection is None:
                    self._connection = self._connect(self._url)
                return work(self._connection)
            except psycopg.Error as error:
                passes, told = _passes(error), _told(error)
            # From here on, so that what is raised does not carry the original with it.
            self.close()
            if not passes:
                raise RowsRefused(f"PostgreSQL refuses what it was given: {told}")
            if self._clock() + pause > give_up_at:
                raise PostgresUnavailable(f"PostgreSQL has taken nothing for {PATIENCE_SECONDS:.0f} s: {told}")
            _log.warning("PostgreSQL took nothing, next attempt in %.1f s: %s", pause, told)
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()


class _Impatient(psycopg.Connection[Any]):
    """A connection that fails when an answer takes longer than ``ANSWER_WITHIN_SECONDS``; it is of no use afterwards."""

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        return super().wait(gen, interval, ANSWER_WITHIN_SECONDS if timeout is None else timeout)


def _connect(url: str) -> Connection:
    """Open a connection. What the URL itself says goes before ``PARAMETERS``."""
    # Nothing is prepared: a pooler between here and the server would not know it, and planning is a small part of a batch.
    return _Impatient.connect(autocommit=True, prepare_threshold=None, **{**PARAMETERS, **conninfo_to_dict(url)})


def _passes(error: psycopg.Error) -> bool:
    """Whether the same write may go through later.

    Operational errors are those of connections (08), transactions (40), resources (53), operators (57) and the system (58).
    """
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction)


def _told(error: psycopg.Error) -> str:
    """What may be said of an error: nothing that can quote a row (DETAIL, CONTEXT) or a value of one (class 22)."""
    state = error.diag.sqlstate or error.sqlstate
    if state is None:  # not from the server: about the connection, or about what was to be sent
        return " ".join(str(error).split()) if isinstance(error, psycopg.OperationalError) else type(error).__name__
    message = type(error).__name__ if state.startswith("22") else error.diag.message_primary
    return f"{message} (SQLSTATE {state})"
