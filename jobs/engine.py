"""What every job asks of the engine and of the topics before it starts."""

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pyflink.table import TableEnvironment

from jobs.settings import Settings
from schemas import topics


class NotReady(Exception):
    """Something that the job stands on is not as it must be. Correct it, then submit the job again."""


def require_topics(settings: Settings, *names: str) -> None:
    """Raise ``NotReady`` unless these topics are there with the partition counts of the contract."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    try:
        contract = topics.load(settings.topics_environment)
        topics.check_partitions(admin, [contract[name] for name in names])
    except (KeyError, topics.TopicMismatch) as error:
        raise NotReady(error.args[0]) from error
    except KafkaException as error:
        raise NotReady(f"Kafka at {settings.kafka_bootstrap_servers} does not answer: {error}") from error


def set_options(
    table_env: TableEnvironment, job: str, tuning: Mapping[str, str], parameters: Mapping[str, str] | None = None
) -> None:
    """Set the job's name, what its results depend on, its own ``tuning``, and the parameters that its functions ask for.

    The rest is the cluster's configuration.
    """
    options = {
        "pipeline.name": job,
        # Times without a zone are UTC in every table: the machine's zone must not move a vote.
        "table.local-time-zone": "UTC",
        # Nothing is forgotten while an election runs: a voter that came back after a time to live would have a second vote.
        "table.exec.state.ttl": "0",
        # The same rows for several sinks are computed once.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        # Keys of tables are those of the rows by construction (the first vote of a voter, the total of a candidate), and what a
        # repeat does is the table's affair. Flink would keep a copy of every row to find out.
        "table.exec.sink.require-on-conflict": "false",
        "table.exec.sink.upsert-materialize": "NONE",
        "pipeline.global-job-parameters": ",".join(
            _quoted(f"{key}:{_quoted(value)}") for key, value in (parameters or {}).items()
        ),
        **tuning,
    }
    for key, value in options.items():
        table_env.get_config().set(key, value)


def _quoted(text: str) -> str:
    """As Flink's options of type map want text with commas and colons in it."""
    return "'" + text.replace("'", "''") + "'"
