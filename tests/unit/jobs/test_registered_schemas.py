"""A job takes along what its topics are written and read with."""

import json

import httpx
import pytest

from jobs import registered_schemas
from jobs.settings import Settings
from schemas import avro
from schemas.registry import Registry, SchemaNotRegistered

SETTINGS = Settings.from_environment({"JOBS_FUNCTIONS_JAR": "/functions.jar"})
FIRST, SECOND = (schema for schema in avro.all_versions() if schema.topic == "votes-in")


def registry_with(monkeypatch: pytest.MonkeyPatch, ids: dict[avro.AvroSchema, int]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST":
            text = json.loads(request.content)["schema"]
            found = [schema_id for schema, schema_id in ids.items() if schema.text == text]
            return httpx.Response(200, json={"id": found[0]}) if found else httpx.Response(404)
        if path.endswith("/subjects/votes-in-value/versions"):
            return httpx.Response(200, json=[schema.version for schema in ids])
        [schema] = [schema for schema in ids if path.endswith(f"/{schema.version}")]
        # As some registries do, it gives the text back in a form of its own.
        return httpx.Response(200, json={"id": ids[schema], "schema": json.dumps(json.loads(schema.text))})

    monkeypatch.setattr(registered_schemas, "Registry", lambda url: Registry(url, transport=httpx.MockTransport(answer)))


def test_a_job_takes_every_version_of_its_topics_along(monkeypatch: pytest.MonkeyPatch) -> None:
    registry_with(monkeypatch, {FIRST: 4, SECOND: 7})
    settings = registered_schemas.look_up(SETTINGS, ["votes-in", "votes-dlq"])
    option = json.loads(registered_schemas.option(settings, "votes-in"))
    assert {schema_id: json.loads(text) for schema_id, text in option.items()} == {
        "4": json.loads(FIRST.text),
        "7": json.loads(SECOND.text),
    }
    # What is written is found by it.
    assert option["7"] == SECOND.text


def test_a_job_whose_own_version_is_not_registered_is_not_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    registry_with(monkeypatch, {FIRST: 4})
    with pytest.raises(SchemaNotRegistered, match="votes-in-value version 2"):
        registered_schemas.look_up(SETTINGS, ["votes-in"])


def test_a_job_that_is_only_looked_at_asks_nobody() -> None:
    assert registered_schemas.option(SETTINGS, "votes-in") == "{}"
