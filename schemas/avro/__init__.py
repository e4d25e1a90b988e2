"""Avro schemas by topic and version, and the Confluent wire format.

A schema file is ``<topic>.v<version>.avsc``. A published version never changes: a change is a new version, which must be
backward compatible with all former ones (BACKWARD_TRANSITIVE), so that a reader deployed first understands old and new records.

Wire format of a value: one zero byte, the schema's id in the registry as a 4-byte big-endian integer, then the Avro binary
encoding (Confluent, "Wire format", Schema Registry documentation).
"""

import io
import json
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.types import Schema

HERE = Path(__file__).parent
_FILE_NAME = re.compile(r"(?P<topic>[a-z-]+)\.v(?P<version>[0-9]+)\.avsc")
_HEADER = struct.Struct(">bI")


class UndecodableValue(ValueError):
    """These bytes are not a value of the schema they name, and never will be: dead-letter them."""


@dataclass(frozen=True)
class AvroSchema:
    """One published version of a topic's schema."""

    topic: str
    version: int
    text: str

    @property
    def subject(self) -> str:
        return f"{self.topic}-value"

    @property
    def parsed(self) -> Schema:
        return _parse(self.text)


@cache
def _parse(text: str) -> Schema:
    return fastavro.parse_schema(json.loads(text))


@cache
def all_versions() -> tuple[AvroSchema, ...]:
    """Every schema in this folder, ordered by topic and version."""
    found = []
    for path in HERE.glob("*.avsc"):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not named <topic>.v<version>.avsc")
        found.append(AvroSchema(match["topic"], int(match["version"]), path.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda schema: (schema.topic, schema.version)))


def latest(topic: str) -> AvroSchema:
    """The newest version of a topic's schema. Raises ``KeyError`` for a topic without one."""
    versions = [schema for schema in all_versions() if schema.topic == topic]
    if not versions:
        raise KeyError(f"no schema for topic {topic!r} in schemas/avro")
    return versions[-1]


def encoder(schema: AvroSchema, schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    """A function that encodes a datum in the wire format. Times are aware ``datetime`` or milliseconds since the epoch."""
    header = _HEADER.pack(0, schema_id)
    parsed = schema.parsed

    def encode(datum: Mapping[str, Any]) -> bytes:
        buffer = io.BytesIO()
        buffer.write(header)
        fastavro.schemaless_writer(buffer, parsed, datum)
        return buffer.getvalue()

    return encode


def schema_id_of(value: bytes) -> int:
    """The registry id that a value names. Raises ``UndecodableValue``."""
    if len(value) < _HEADER.size:
        raise UndecodableValue(f"{len(value)} bytes are too short for the wire format's header")
    magic, schema_id = _HEADER.unpack_from(value)
    if magic != 0:
        raise UndecodableValue(f"the first byte is {magic}, not 0")
    return int(schema_id)


def decode(value: bytes, writer: Schema, reader: Schema | None = None) -> dict[str, Any]:
    """Decode the body of a value with its writer's schema, resolved to the reader's. Raises ``UndecodableValue``.

    Bytes left over after the datum are an error too: they mean that the value was not written with this schema.
    """
    schema_id_of(value)
    body = io.BytesIO(value[_HEADER.size :])
    try:
        datum = fastavro.schemaless_reader(body, writer, reader)
    except (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, fastavro.read.SchemaResolutionError) as error:
        raise UndecodableValue(f"not a value of its schema: {error!r}") from error
    if body.read(1):
        raise UndecodableValue("bytes left over after the value")
    if not isinstance(datum, dict):
        raise UndecodableValue("not a record")
    return datum
