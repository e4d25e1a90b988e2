"""Live results: votes-agg → Redis.

A job of its own: Redis, however slow or gone, holds nothing else up, and what is written to it comes from the record that it is a
projection of.
"""

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

from jobs import engine, kafka_tables, redis_totals, statements
from jobs.settings import Settings

NAME = "live"
TOPICS = ("votes-agg",)
OPTIONS = {
    "python.fn-execution.bundle.time": "50",
    # One task with one Python worker: what it gets are a few changes a second of each candidate, however many votes there are.
    "parallelism.default": "1",
    # No plan is compiled of a stream with a Python process function in it, but its operators have names that stay.
    "table.exec.uid.generation": "ALWAYS",
}


def start(settings: Settings) -> None:
    """Submit the job."""
    env = StreamExecutionEnvironment.get_execution_environment()
    table_env = StreamTableEnvironment.create(env)
    engine.set_options(table_env, NAME, OPTIONS)
    statements.define(table_env, "functions", jar=settings.functions_jar)
    env.set_parallelism(1)
    statements.define(table_env, "connectors/votes_agg_records", options=kafka_tables.total_records(settings, NAME))
    statements.define(table_env, "live/newest_totals")
    redis_totals.keep(table_env.to_data_stream(table_env.from_path("newest_totals")), settings.redis_url)
    env.execute(NAME)
