"""Where votes-in ends at this moment."""

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

TOPIC = "votes-in"
REQUEST_TIMEOUT_SECONDS = 15.0


class EndsUnknown(Exception):
    """Kafka does not say where the log ends. Run the same command again."""


def ask(bootstrap_servers: str) -> dict[int, int]:
    """The offset after the last record of each partition. Blocks. Raises ``EndsUnknown``."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        known = admin.list_topics(TOPIC, timeout=REQUEST_TIMEOUT_SECONDS).topics[TOPIC]
        if known.error is not None:
            raise EndsUnknown(f"{TOPIC}: {known.error}")
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(TOPIC, partition): latest for partition in known.partitions}
        answers = admin.list_offsets(asked, request_timeout=REQUEST_TIMEOUT_SECONDS)
        return {place.partition: answer.result().offset for place, answer in answers.items()}
    except KafkaException as error:
        raise EndsUnknown(str(error)) from error
