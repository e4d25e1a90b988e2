"""The registry itself keeps out a version that could not read what former versions have written."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas import avro
from schemas.registry import IncompatibleSchema, Registry, SchemaNotRegistered

Fields = list[dict[str, Any]]


def a_field_without_a_default(fields: Fields) -> None:
    fields.append({"name": "added", "type": "string"})


def a_field_of_another_type(fields: Fields) -> None:
    fields[0]["type"] = "long"


def a_later_field_without_its_default(fields: Fields) -> None:
    """Reads what the newest version wrote, but not what the first one did."""
    del next(field for field in fields if field["name"] == "jurisdiction")["default"]


@pytest.mark.parametrize("change", [a_field_without_a_default, a_field_of_another_type, a_later_field_without_its_default])
def test_the_registry_refuses_an_incompatible_version(environment: dict[str, str], change: Callable[[Fields], None]) -> None:
    newest = avro.latest("votes-in")
    document = json.loads(newest.text)
    change(document["fields"])
    incompatible = avro.AvroSchema("votes-in", newest.version + 1, json.dumps(document))
    with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry:
        with pytest.raises(IncompatibleSchema):
            registry.register(incompatible)
        with pytest.raises(SchemaNotRegistered):
            registry.id_of(incompatible)
        assert registry.register(newest) == registry.id_of(newest), "a version that it has is no new one"
