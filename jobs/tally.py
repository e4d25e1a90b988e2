"""Absolute counts of each candidate: votes-accepted → votes-agg."""

from pyflink.table import TableEnvironment

from jobs import kafka_tables, statements
from jobs.settings import Settings

NAME = "tally"
TOPICS = ("votes-accepted", "votes-agg")
OPTIONS = {
    # Counts go out a few times a second and not for every vote; a hot candidate is first counted where its votes are read.
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "200 ms",
    "table.exec.mini-batch.size": "20000",
    "table.optimizer.agg-phase-strategy": "TWO_PHASE",
}
INSERTS = {"votes_agg_upserts": "totals"}


def parameters(settings: Settings) -> dict[str, str]:
    """What ``generation()`` asks the job for (jobs/functions, Generation)."""
    return {"generation": str(settings.generation)}


def define_rules(table_env: TableEnvironment) -> None:
    """The view of ``INSERTS``, on a table ``votes_accepted`` with the columns election_id, candidate_id, accepted_at."""
    statements.define(table_env, "tally/generation")
    statements.define(table_env, "tally/totals")


def define(table_env: TableEnvironment, settings: Settings) -> None:
    """The tables in Kafka and the rule between them."""
    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.records(settings, "votes-accepted", NAME))
    statements.define(table_env, "connectors/votes_agg_upserts", options=kafka_tables.total_upserts(settings))
    define_rules(table_env)
