"""The registry client tells "not now" from "never" and asks for each id once."""

import json
from collections.abc import Callable

import httpx
import pytest

from schemas import avro, registry

URL = "http://registry.test/apis/ccompat/v7"
VOTE = avro.latest("votes-in")


class FakeRegistry:
    """Keeps schemas in memory and answers as the Confluent-compatible API does."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.compatibility: dict[str, str] = {}
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/apis/ccompat/v7")
        self.requests.append(f"{request.method} {path}")
        parts = path.strip("/").split("/")
        match request.method, *parts:
            case "POST", "subjects", subject, "versions":
                return httpx.Response(200, json={"id": self._keep(subject, json.loads(request.content)["schema"])})
            case "POST", "subjects", subject:
                text = json.loads(request.content)["schema"]
                if text in self.texts and self.texts.index(text) + 1 in self.subjects.get(subject, []):
                    return httpx.Response(200, json={"id": self.texts.index(text) + 1, "version": 1})
                return httpx.Response(404, json={"error_code": 40403})
            case "PUT", "config", subject:
                self.compatibility[subject] = json.loads(request.content)["compatibility"]
                return httpx.Response(200, json={"compatibility": self.compatibility[subject]})
            case "GET", *_:
                return self._get(parts)
            case _:
                return httpx.Response(404, json={"error_code": 40403})

    def _get(self, parts: list[str]) -> httpx.Response:
        match parts:
            case "schemas", "ids", schema_id if 1 <= int(schema_id) <= len(self.texts):
                return httpx.Response(200, json={"schema": self.texts[int(schema_id) - 1]})
            case "subjects", subject, "versions" if subject in self.subjects:
                return httpx.Response(200, json=list(range(1, len(self.subjects[subject]) + 1)))
            case "subjects", subject, "versions", version:
                found = self.subjects[subject][int(version) - 1]
                return httpx.Response(200, json={"id": found, "schema": self.texts[found - 1]})
            case _:
                return httpx.Response(404, json={"error_code": 40403})

    def _keep(self, subject: str, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        schema_id = self.texts.index(text) + 1
        if schema_id not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(schema_id)
        return schema_id


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> registry.Registry:
    return registry.Registry(URL, transport=httpx.MockTransport(answer))


def answering(status: int, **content: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **content)  # type: ignore[arg-type]


def test_all_schemas_are_registered_under_their_compatibility_level() -> None:
    fake = FakeRegistry()
    with client_of(fake) as client:
        first = registry.register_all(client, avro.all_versions())
        again = registry.register_all(client, avro.all_versions())
        assert {schema.subject for schema in avro.all_versions()} == set(fake.subjects)
        assert set(fake.compatibility.values()) == {"BACKWARD_TRANSITIVE"}
        assert first == again
        assert client.id_of(VOTE) == first[VOTE]


def test_the_schema_of_an_id_is_fetched_once_and_decodes() -> None:
    fake = FakeRegistry()
    with client_of(fake) as client:
        schema_id = client.register(VOTE)
        fake.requests.clear()
        assert client.schema_by_id(schema_id) == client.schema_by_id(schema_id) == VOTE.parsed
        assert fake.requests == [f"GET /schemas/ids/{schema_id}"]


def test_the_schemas_of_a_subject_are_all_its_versions_and_no_others() -> None:
    with client_of(FakeRegistry()) as client:
        ids = registry.register_all(client, avro.all_versions())
        assert client.schemas_of("votes-in-value") == {
            ids[schema]: schema.parsed for schema in avro.all_versions() if schema.topic == "votes-in"
        }


def test_a_subject_that_nobody_registered_is_told_apart_from_a_registry_that_is_away() -> None:
    with client_of(FakeRegistry()) as client, pytest.raises(registry.SchemaNotRegistered, match="moon-value"):
        client.schemas_of("moon-value")
    with client_of(answering(503)) as client, pytest.raises(registry.RegistryUnavailable, match="503"):
        client.schemas_of("votes-in-value")


@pytest.mark.parametrize("body", ["<html>", '{"error": 1}', '["x"]', "[[]]", "1"])
def test_an_answer_that_is_no_list_of_versions_is_no_empty_one(body: str) -> None:
    with client_of(answering(200, text=body)) as client, pytest.raises(registry.RegistryUnavailable, match="no list of versions"):
        client.schemas_of("votes-in-value")


def test_a_subject_with_something_that_is_not_avro_is_refused_whole() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        listed = request.url.path.endswith("/versions")
        return httpx.Response(200, json=[1] if listed else {"id": 7, "schema": '{"type": "moon"}'})

    with client_of(answer) as client, pytest.raises(registry.SchemaNotRegistered, match="of votes-in-value is not Avro"):
        client.schemas_of("votes-in-value")


def test_a_schema_that_nobody_registered_is_told_apart_from_a_registry_that_is_away() -> None:
    with client_of(FakeRegistry()) as client:
        with pytest.raises(registry.SchemaNotRegistered, match=f"votes-in-value version {VOTE.version}"):
            client.id_of(VOTE)
        with pytest.raises(registry.SchemaNotRegistered, match="id 4711"):
            client.schema_by_id(4711)


@pytest.mark.parametrize("status", [409, 422])
def test_a_refused_version_says_why(status: int) -> None:
    with (
        client_of(answering(status, json={"message": "x has no default"})) as client,
        pytest.raises(registry.IncompatibleSchema, match="x has no default"),
    ):
        client.register(VOTE)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_an_error_of_the_registry_is_no_verdict_about_the_schema(status: int) -> None:
    with client_of(answering(status, text="later")) as client:
        for call in (client.id_of, client.register):
            with pytest.raises(registry.RegistryUnavailable, match=str(status)):
                call(VOTE)
        with pytest.raises(registry.RegistryUnavailable):
            client.schema_by_id(1)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '"text"', ""])
def test_an_answer_of_something_else_is_no_verdict_either(body: str) -> None:
    with client_of(answering(200, text=body)) as client, pytest.raises(registry.RegistryUnavailable, match="has no"):
        client.id_of(VOTE)


def test_a_failure_is_not_remembered() -> None:
    fake = FakeRegistry()
    broken = iter([True, False])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and next(broken):
            raise httpx.ConnectError("refused", request=request)
        return fake(request)

    with client_of(answer) as client:
        schema_id = client.register(VOTE)
        with pytest.raises(registry.RegistryUnavailable, match="refused"):
            client.schema_by_id(schema_id)
        assert client.schema_by_id(schema_id) == VOTE.parsed
