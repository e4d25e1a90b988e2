"""The record in PostgreSQL: votes-accepted → votes_ledger, votes-agg → vote_totals.

Every write may be repeated at any time: the triggers of schemas/sql/migrations keep the first row of a voter and let totals
move forward only. While PostgreSQL is away this job waits, and restarts its own tasks now and then; the log keeps what it has
not written yet. (The JDBC connector's sink throws when it is closed meanwhile, for which Flink ends the whole TaskManager.)
"""

from pyflink.table import TableEnvironment

from jobs import kafka_tables, ledger_functions, statements
from jobs.settings import Settings

NAME = "ledger"
TOPICS = ("votes-accepted", "votes-agg")
OPTIONS = {
    # What came within this time is one batch and one statement: a row waits no longer than this.
    "python.fn-execution.bundle.time": "200",
    # One batch each, so that a task which waits for PostgreSQL waits once and not for one batch after the other.
    "python.fn-execution.bundle.size": "5000",
    "python.fn-execution.arrow.batch.size": "5000",
}
# Views whose rows are written to PostgreSQL as they are read, and tables that keep nothing of them.
INSERTS = {"settled_votes": "written_votes", "settled_totals": "written_totals"}


def parameters(settings: Settings) -> dict[str, str]:  # noqa: ARG001
    """The functions have what they need in them."""
    return {}


def define_rules(table_env: TableEnvironment, settings: Settings) -> None:
    """The views of ``INSERTS``, on tables ``votes_accepted`` and ``votes_agg_records`` with the columns of their topics."""
    table_env.create_temporary_system_function("write_vote", ledger_functions.write_vote(settings.database_url))
    table_env.create_temporary_system_function("write_total", ledger_functions.write_total(settings.database_url))
    for view in INSERTS.values():
        statements.define(table_env, f"ledger/{view}")


def define(table_env: TableEnvironment, settings: Settings) -> None:
    """The tables in Kafka, and the views and tables of ``INSERTS``."""
    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.records(settings, "votes-accepted", NAME))
    statements.define(table_env, "connectors/votes_agg_records", options=kafka_tables.total_records(settings, NAME))
    for table in INSERTS:
        statements.define(table_env, f"connectors/{table}")
    define_rules(table_env, settings)
