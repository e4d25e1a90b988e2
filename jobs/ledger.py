"""The record in PostgreSQL: votes-accepted → votes_ledger, votes-agg → vote_totals.

Every write may be repeated at any time: the triggers of schemas/sql/migrations keep the first row of a voter and let totals
move forward only. PostgreSQL gone stops this job alone, and the log keeps what it has not written yet.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pyflink.table import EnvironmentSettings, Table, TableEnvironment

from jobs import engine, kafka_tables, statements
from jobs.settings import JdbcAddress, Settings, SettingsError

NAME = "ledger"
TOPICS = ("votes-accepted", "votes-agg")
LEDGER_BATCH_ROWS = 1000
FLUSH_INTERVAL = "500ms"
# The connector waits 1, 2, 3, … seconds between attempts (17 minutes for 45) as long as it gets a connection. One that it does
# not get fails the job, and the cluster's restart strategy tries again for ever. If rows wait in its buffer at that moment, its
# close() fails as well, which Flink 2.3 takes for a fatal error: the TaskManager ends, and its supervisor starts it again.
ATTEMPTS = 45


@dataclass(frozen=True)
class Rows:
    ledger: Table
    totals: Table


def build(table_env: TableEnvironment, accepted_votes: Table, candidate_totals: Table) -> Rows:
    """The rows of both tables, from tables with the columns of votes-accepted and votes-agg."""
    table_env.create_temporary_view("accepted_votes", accepted_votes)
    table_env.create_temporary_view("candidate_totals", candidate_totals)
    for view in ("ledger_rows", "total_rows"):
        statements.define(table_env, f"ledger/{view}")
    return Rows(ledger=table_env.from_path("ledger_rows"), totals=table_env.from_path("total_rows"))


def upserts(settings: Settings, table: str) -> Mapping[str, str]:
    """Options of a table in PostgreSQL that rows are upserted into, in batches."""
    address = JdbcAddress.of(settings.database_url)
    return {
        "connector": "jdbc",
        "url": address.url,
        "username": address.user,
        "password": address.password,
        "table-name": table,
        "sink.buffer-flush.max-rows": str(LEDGER_BATCH_ROWS),
        "sink.buffer-flush.interval": FLUSH_INTERVAL,
        "sink.max-retries": str(ATTEMPTS),
    }


def main() -> None:
    settings = Settings.from_environment(os.environ)
    engine.require_topics(settings, *TOPICS)
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(table_env, NAME, {})

    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.accepted_votes(settings, NAME))
    statements.define(table_env, "connectors/votes_agg_records", options=kafka_tables.total_records(settings, NAME))
    statements.define(table_env, "connectors/votes_ledger", options=upserts(settings, "votes_ledger"))
    statements.define(table_env, "connectors/vote_totals", options=upserts(settings, "vote_totals"))

    rows = build(table_env, table_env.from_path("votes_accepted"), table_env.from_path("votes_agg_records"))
    inserts = table_env.create_statement_set()
    inserts.add_insert("votes_ledger", rows.ledger)
    inserts.add_insert("vote_totals", rows.totals)
    inserts.execute()


if __name__ == "__main__":
    try:
        main()
    except (SettingsError, engine.NotReady) as error:
        sys.exit(f"{NAME}: {error}")
