"""The schemas of the topics as a job takes them with it when it is submitted.

What a task reads and writes it must be able to read and write after every restart, though the registry is away. It asks the
registry for schemas alone that are newer than the job.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from jobs.settings import Settings
from schemas import avro, topics
from schemas.registry import Registry


def look_up(settings: Settings, names: Iterable[str]) -> Settings:
    """The settings with all schemas of these topics. Blocks. Raises ``RegistryUnavailable``, ``SchemaNotRegistered``."""
    contract = topics.load(settings.topics_environment)
    found = {}
    with Registry(settings.schema_registry_url) as registry:
        for name in names:
            if contract[name].value is not None:
                newest = avro.latest(name)
                found[name] = {**registry.texts_of(newest.subject), registry.id_of(newest): newest.text}
    return replace(settings, schemas=found)


def option(settings: Settings, topic: str) -> str:
    """The schemas of a topic as jobs/functions want them (Registry): JSON, texts by id. None in a job that is only looked at."""
    return json.dumps({str(schema_id): text for schema_id, text in settings.schemas.get(topic, {}).items()})
