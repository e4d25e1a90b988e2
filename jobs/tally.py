"""Absolute counts of each candidate: votes-accepted → votes-agg → Redis.

The two halves are one job and two pipelines with the topic between them: Redis, however slow or gone, holds nothing up, and
what is written to it comes from the record that it is a projection of.
"""

import os
import sys

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment, Table, TableEnvironment

from jobs import engine, kafka_tables, redis_totals, statements
from jobs.settings import Settings, SettingsError

NAME = "tally"
TOPICS = ("votes-accepted", "votes-agg")
OPTIONS = {
    # Counts go out a few times a second and not for every vote; a hot candidate is first counted where its votes are read.
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "200 ms",
    "table.exec.mini-batch.size": "20000",
    "table.optimizer.agg-phase-strategy": "TWO_PHASE",
    "python.fn-execution.bundle.time": "50",
}


def build(table_env: TableEnvironment, settings: Settings, accepted_votes: Table) -> Table:
    """The totals of a table with the columns election_id, candidate_id, accepted_at; unique by total_key."""
    table_env.create_temporary_view("accepted_votes", accepted_votes)
    statements.define(table_env, "tally/totals", generation=settings.generation)
    return table_env.from_path("totals")


def main() -> None:
    settings = Settings.from_environment(os.environ)
    engine.require_topics(settings, *TOPICS)
    env = StreamExecutionEnvironment.get_execution_environment()
    table_env = StreamTableEnvironment.create(env)
    engine.set_options(table_env, NAME, OPTIONS)

    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.accepted_votes(settings, NAME))
    statements.define(table_env, "connectors/votes_agg_upserts", options=kafka_tables.total_upserts(settings))
    statements.define(table_env, "connectors/votes_agg_records", options=kafka_tables.total_records(settings, NAME))

    # The half that writes to Redis is one task with one Python worker: what it gets are a few changes a second of each
    # candidate, however many votes there are. (The planner hands the table's default on to the environment, hence the way back.)
    parallelism = str(env.get_parallelism())
    table_env.get_config().set("table.exec.resource.default-parallelism", "1")
    statements.define(table_env, "tally/newest_totals")
    redis_totals.keep(table_env.to_data_stream(table_env.from_path("newest_totals")), settings.redis_url)
    table_env.get_config().set("table.exec.resource.default-parallelism", parallelism)

    inserts = table_env.create_statement_set()
    inserts.add_insert("votes_agg_upserts", build(table_env, settings, table_env.from_path("votes_accepted")))
    inserts.attach_as_datastream()
    env.execute(NAME)


if __name__ == "__main__":
    try:
        main()
    except (SettingsError, engine.NotReady) as error:
        sys.exit(f"{NAME}: {error}")
