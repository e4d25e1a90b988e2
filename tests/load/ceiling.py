"""What reading the log costs by itself: votes-in to nowhere, as bytes. The baseline of ``make bench-jobs``."""

import os

from pyflink.table import EnvironmentSettings, TableEnvironment

from jobs import engine, kafka_tables, statements
from jobs.settings import Settings

NAME = "ceiling"

if __name__ == "__main__":
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(table_env, NAME, {})
    settings = Settings.from_environment(os.environ)
    statements.define(table_env, "connectors/votes_in", options=kafka_tables.raw_votes(settings, NAME))
    table_env.execute_sql("CREATE TEMPORARY TABLE nowhere (a BYTES, b BYTES, c INT, d BIGINT) WITH ('connector' = 'blackhole')")
    table_env.execute_sql("INSERT INTO nowhere SELECT `key`, `value`, `partition`, `offset` FROM votes_in")
