"""The first valid vote of every key counts: votes-in → votes-unique, votes-accepted, votes-rejected, votes-dlq."""

from pyflink.table import TableEnvironment

from jobs import kafka_tables, positions, registered_schemas, statements
from jobs.settings import Settings
from schemas import avro, topics

NAME = "dedup"
TOPICS = ("votes-in", "votes-unique", "votes-accepted", "votes-rejected", "votes-dlq", "elections")
OPTIONS: dict[str, str] = {}
# What each record of votes-in becomes: it is in exactly one of accepted, rejected, dead_letters.
INSERTS = {
    "votes_unique": "unique_votes",
    "votes_accepted": "accepted",
    "votes_rejected": "rejected",
    "votes_dlq": "dead_letters",
}


def parameters(settings: Settings) -> dict[str, str]:
    """What ``read_vote`` asks the job for (jobs/functions, ReadVote)."""
    return {
        "votes-in.partitions": str(topics.load(settings.topics_environment)["votes-in"].partitions),
        "votes-in.schema": avro.latest("votes-in").text,
        "votes-in.schemas": registered_schemas.option(settings, "votes-in"),
        "votes-in.covered": positions.text(settings.covered_offsets),
        "votes-in.settled": positions.text(settings.settled_offsets),
        "elections.schema": avro.latest("elections").text,
        "elections.schemas": registered_schemas.option(settings, "elections"),
        "schema-registry.url": settings.schema_registry_url,
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
    }


def define_rules(table_env: TableEnvironment) -> None:
    """The views of ``INSERTS``, on a table ``records`` with the columns key, value, partition, offset, appended_at.

    Rows of one key must arrive in the order of their offsets. Each rule is a view of ``sql/dedup``.
    """
    for statement in (
        "read_vote",
        "is_settled",
        "read_records",
        "ranked_votes",
        "accepted",
        "unique_votes",
        "rejected",
        "dead_letters",
    ):
        statements.define(table_env, f"dedup/{statement}")


def define(table_env: TableEnvironment, settings: Settings) -> None:
    """The tables in Kafka and the rules between them."""
    statements.define(table_env, "connectors/votes_in", options=kafka_tables.votes_to_judge(settings))
    statements.define(table_env, "connectors/votes_unique", options=kafka_tables.verdicts(settings, "votes-unique"))
    statements.define(table_env, "connectors/votes_accepted", options=kafka_tables.verdicts(settings, "votes-accepted"))
    statements.define(table_env, "connectors/votes_rejected", options=kafka_tables.verdicts(settings, "votes-rejected"))
    statements.define(table_env, "connectors/votes_dlq", options=kafka_tables.dead_letters(settings))
    define_rules(table_env)
