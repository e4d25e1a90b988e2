"""The Kafka topics of ``topics.yaml``: loading them, creating them, checking that a cluster keeps the contract."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

HERE = Path(__file__).parent
ADMIN_TIMEOUT_SECONDS = 30.0


class TopicMismatch(Exception):
    """A topic is missing or is not what the contract says. Nothing that depends on the log's order may start."""


@dataclass(frozen=True)
class Topic:
    """A topic as one environment has it. ``value`` is the name of its schema, or ``None`` where values are plain bytes."""

    name: str
    key: str
    value: str | None
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@cache
def document() -> Mapping[str, Any]:
    """``topics.yaml`` as it stands, with what only people read: writers and readers."""
    loaded: dict[str, Any] = yaml.safe_load((HERE / "topics.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def load(environment: str) -> Mapping[str, Topic]:
    """All topics by name. Raises ``KeyError`` for an environment that ``topics.yaml`` does not have."""
    contract = document()
    try:
        defaults = contract["environments"][environment]
    except KeyError:
        known = ", ".join(contract["environments"])
        raise KeyError(f"topics.yaml has no environment {environment!r}; it has {known}") from None
    return {
        name: Topic(
            name=name,
            key=entry["key"],
            value=None if entry["value"] == "bytes" else entry["value"],
            partitions=entry.get("partitions", defaults["partitions"]),
            replication_factor=defaults["replication_factor"],
            config={"min.insync.replicas": str(defaults["min_insync_replicas"]), **contract["config"], **entry["config"]},
        )
        for name, entry in contract["topics"].items()
    }


def create_missing(admin: AdminClient, topics: Iterable[Topic]) -> list[str]:
    """Create the topics that do not exist yet, wait until they can be seen, and return their names. Safe to repeat.

    Raises ``KafkaException``, and ``TopicMismatch`` if a topic that was created does not appear.
    """
    created = []
    requests = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication_factor,
            config=dict(topic.config),
        )
        for topic in topics
    ]
    for name, future in admin.create_topics(requests, operation_timeout=ADMIN_TIMEOUT_SECONDS).items():
        try:
            future.result(ADMIN_TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            created.append(name)
    # A broker answers from metadata that follow the controller's.
    give_up = time.monotonic() + ADMIN_TIMEOUT_SECONDS
    while missing := set(created) - admin.list_topics(timeout=ADMIN_TIMEOUT_SECONDS).topics.keys():
        if time.monotonic() > give_up:
            raise TopicMismatch(f"created, but not to be seen: {', '.join(sorted(missing))}")
        time.sleep(0.1)
    return created


def check_partitions(admin: AdminClient, topics: Iterable[Topic]) -> None:
    """Raise ``TopicMismatch`` unless each topic exists with the partition count of the contract.

    With another count the keys would lie in other partitions, and the log would no longer tell which vote is a voter's first.
    """
    existing = admin.list_topics(timeout=ADMIN_TIMEOUT_SECONDS).topics
    for topic in topics:
        if topic.name not in existing:
            raise TopicMismatch(f"topic {topic.name} does not exist: create it with 'python -m schemas topics'")
        count = len(existing[topic.name].partitions)
        if count != topic.partitions:
            raise TopicMismatch(f"topic {topic.name} has {count} partitions, the contract says {topic.partitions}")


def check_config(admin: AdminClient, topics: Iterable[Topic]) -> None:
    """Raise ``TopicMismatch`` unless each topic has the settings of the contract."""
    wanted = {topic.name: topic for topic in topics}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    for resource, future in admin.describe_configs(resources).items():
        entries = future.result(ADMIN_TIMEOUT_SECONDS)
        for setting, value in wanted[resource.name].config.items():
            if entries[setting].value != value:
                raise TopicMismatch(f"topic {resource.name} has {setting}={entries[setting].value}, the contract says {value}")
