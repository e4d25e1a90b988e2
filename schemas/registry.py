"""A small client for the schema registry's Confluent-compatible API, and the step that registers every schema.

Only set-up registers. Services and jobs look ids up: a writer whose schema nobody has published must not start.
"""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any, Self

import fastavro
import httpx
from fastavro.types import Schema

from schemas import avro
from schemas.avro import AvroSchema

COMPATIBILITY = "BACKWARD_TRANSITIVE"
REQUEST_TIMEOUT_SECONDS = 10.0


class RegistryUnavailable(Exception):
    """The registry cannot answer now. Retry; never dead-letter a record because of it."""


class SchemaNotRegistered(Exception):
    """The registry answers, and does not know this schema. Register it first (``python -m schemas registry``)."""


class IncompatibleSchema(Exception):
    """The registry refuses this version: a reader of it could not read what former versions wrote, or it is no schema at all."""


class Registry:
    """Client of one registry. Blocking; safe to share between threads.

    ``url`` is the root of the Confluent-compatible API, for example ``http://127.0.0.1:8085/apis/ccompat/v7``.
    ``transport`` takes the place of the network, for tests.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS, transport=transport)
        self.schema_by_id = cache(self._fetch_schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def id_of(self, schema: AvroSchema) -> int:
        """The id under which a schema is registered. Raises ``SchemaNotRegistered``, ``RegistryUnavailable``."""
        answer = self._request("POST", f"/subjects/{schema.subject}", {"schema": schema.text})
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise SchemaNotRegistered(f"{schema.subject} version {schema.version} is not in the schema registry")
        return int(self._member(answer, "id"))

    def schemas_of(self, subject: str) -> dict[int, Schema]:
        """The parsed schemas that a subject has now, by id.

        Raises as ``id_of`` does: ``SchemaNotRegistered`` for a subject without a schema, or with one that is not Avro.
        """
        texts = self.texts_of(subject)
        return {schema_id: _parsed(text, f"the schema {schema_id} of {subject}") for schema_id, text in texts.items()}

    def texts_of(self, subject: str) -> dict[int, str]:
        """As ``schemas_of``, unparsed."""
        path = f"/subjects/{subject}/versions"
        found = {}
        for version in self._versions(subject, self._request("GET", path)):
            answer = self._request("GET", f"{path}/{version}")
            found[int(self._member(answer, "id"))] = self._member(answer, "schema")
        return found

    def decode(self, value: bytes, reader: Schema | None = None) -> dict[str, Any]:
        """A value decoded with the schema that it names. Raises as ``avro.decode`` and ``id_of`` do."""
        return avro.decode(value, self.schema_by_id(avro.schema_id_of(value)), reader)

    def register(self, schema: AvroSchema) -> int:
        """Register a schema, or find it registered. Raises ``IncompatibleSchema``, ``RegistryUnavailable``."""
        answer = self._request("POST", f"/subjects/{schema.subject}/versions", {"schema": schema.text})
        if answer.status_code in {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}:
            raise IncompatibleSchema(f"{schema.subject} version {schema.version}: {answer.text}")
        return int(self._member(answer, "id"))

    def set_compatibility(self, subject: str) -> None:
        """Refuse, from now on, versions of this subject that are not ``BACKWARD_TRANSITIVE``."""
        # Apicurio names the member of its answer otherwise than Confluent does; the status says enough.
        self._accepted(self._request("PUT", f"/config/{subject}", {"compatibility": COMPATIBILITY}))

    def _fetch_schema(self, schema_id: int) -> Schema:
        """The parsed schema of an id, kept for ever: an id never changes its meaning. Raises as ``id_of`` does."""
        answer = self._request("GET", f"/schemas/ids/{schema_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise SchemaNotRegistered(f"no schema has the id {schema_id}")
        return _parsed(self._member(answer, "schema"), f"the schema with the id {schema_id}")

    def _versions(self, subject: str, answer: httpx.Response) -> list[int]:
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise SchemaNotRegistered(f"{subject} is not in the schema registry")
        try:
            return [int(version) for version in self._accepted(answer).json()]
        except (ValueError, TypeError) as error:
            raise RegistryUnavailable(f"{answer.request.url}: the answer is no list of versions: {answer.text[:200]}") from error

    def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body)
        except httpx.RequestError as error:
            raise RegistryUnavailable(f"{self._client.base_url}: {error}") from error

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise RegistryUnavailable(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _member(self, answer: httpx.Response, name: str) -> str:
        """A member of the answer's JSON object. An error page of a proxy in between counts as an absent registry."""
        try:
            return str(self._accepted(answer).json()[name])
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryUnavailable(f"{answer.request.url}: the answer has no {name}: {answer.text[:200]}") from error


def _parsed(text: str, name: str) -> Schema:
    try:
        return fastavro.parse_schema(json.loads(text))
    except (ValueError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        raise SchemaNotRegistered(f"{name} is not Avro") from error


def register_all(registry: Registry, schemas: Iterable[AvroSchema]) -> dict[AvroSchema, int]:
    """Register every schema, oldest version first, each subject under its compatibility level. Safe to repeat."""
    ids = {}
    for schema in schemas:
        ids[schema] = registry.register(schema)
        registry.set_compatibility(schema.subject)
    return ids
