"""The first vote of every key counts: votes-in → votes-unique, votes-accepted, votes-rejected, votes-dlq."""

import os
import sys
from dataclasses import dataclass

from pyflink.table import EnvironmentSettings, Table, TableEnvironment

from jobs import decode, engine, kafka_tables, statements
from jobs.settings import Settings, SettingsError
from schemas import topics

NAME = "dedup"
TOPICS = ("votes-in", "votes-unique", "votes-accepted", "votes-rejected", "votes-dlq")
OPTIONS = {
    # A batch of records goes to the Python worker when it is this old, or this long: a vote waits no longer than this.
    "python.fn-execution.bundle.time": "100",
    "python.fn-execution.bundle.size": "10000",
    "python.fn-execution.arrow.batch.size": "5000",
}


@dataclass(frozen=True)
class Verdicts:
    """What dedup says about every record; each record of votes-in is in exactly one of accepted, rejected, dead letters."""

    unique: Table
    accepted: Table
    rejected: Table
    dead_letters: Table


def build(table_env: TableEnvironment, settings: Settings, votes_in: Table) -> Verdicts:
    """The rules, on a table with the columns key, value, partition, offset, appended_at.

    Rows of one key must arrive in the order of their offsets. Each rule is a view of ``sql/dedup``.
    """
    partition_count = topics.load(settings.topics_environment)["votes-in"].partitions
    table_env.create_temporary_system_function("read_vote", decode.read_votes(settings.schema_registry_url, partition_count))
    table_env.create_temporary_view("records", votes_in)
    for view in ("read_records", "ranked_votes", "accepted", "unique_votes", "rejected", "dead_letters"):
        statements.define(table_env, f"dedup/{view}")
    return Verdicts(
        unique=table_env.from_path("unique_votes"),
        accepted=table_env.from_path("accepted"),
        rejected=table_env.from_path("rejected"),
        dead_letters=table_env.from_path("dead_letters"),
    )


def main() -> None:
    settings = Settings.from_environment(os.environ)
    engine.require_topics(settings, *TOPICS)
    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(table_env, NAME, OPTIONS)

    statements.define(table_env, "connectors/votes_in", options=kafka_tables.raw_votes(settings))
    statements.define(table_env, "connectors/votes_unique", options=kafka_tables.verdicts(settings, "votes-unique"))
    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.verdicts(settings, "votes-accepted"))
    statements.define(table_env, "connectors/votes_rejected", options=kafka_tables.verdicts(settings, "votes-rejected"))
    statements.define(table_env, "connectors/votes_dlq", options=kafka_tables.dead_letters(settings))

    verdicts = build(table_env, settings, table_env.from_path("votes_in"))
    inserts = table_env.create_statement_set()
    inserts.add_insert("votes_unique", verdicts.unique)
    inserts.add_insert("votes_accepted", verdicts.accepted)
    inserts.add_insert("votes_rejected", verdicts.rejected)
    inserts.add_insert("votes_dlq", verdicts.dead_letters)
    inserts.execute()


if __name__ == "__main__":
    try:
        main()
    except (SettingsError, engine.NotReady) as error:
        sys.exit(f"{NAME}: {error}")
