"""Published schemas stay as they are, newer versions read older values, and the examples fit."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas import avro, ids, topics

EXAMPLES = Path(avro.HERE).parent / "examples"
PUBLISHED = {
    name: digest for digest, name in (line.split() for line in (avro.HERE / "CHECKSUMS").read_text(encoding="utf-8").splitlines())
}
VERSIONS = {f"{schema.topic}.v{schema.version}": schema for schema in avro.all_versions()}
EXAMPLE_FILES = sorted(path.stem for path in EXAMPLES.glob("*.json"))
FORBIDDEN = re.compile(r"e-?mail|(^|_)ip($|_)|address|phone|token|user_?agent|cookie")
EARLIER_AND_LATER = [
    pair for _, group in groupby(avro.all_versions(), key=lambda schema: schema.topic) for pair in combinations(group, 2)
]


def examples_of(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def fields_of(schema: Any) -> list[dict[str, Any]]:
    """Every field in a schema, those of nested records too."""
    if isinstance(schema, list):
        return [field for member in schema for field in fields_of(member)]
    if not isinstance(schema, dict):
        return []
    own = [dict(field) for field in schema.get("fields", [])]
    nested = [schema.get("items"), schema.get("values"), *(field["type"] for field in own)]
    if isinstance(schema.get("type"), dict | list):
        nested.append(schema["type"])
    return own + [field for member in nested for field in fields_of(member)]


def enums_of(schema: Any) -> list[dict[str, Any]]:
    """Every enum in a schema."""
    found = [schema] if isinstance(schema, dict) and schema.get("type") == "enum" else []
    children = schema if isinstance(schema, list) else [field["type"] for field in fields_of(schema)]
    for child in children:
        if isinstance(child, dict | list):
            found.extend(enums_of(child))
    return found


def millis(datum: Any) -> Any:
    """A decoded datum with its times as milliseconds, as the examples have them."""
    if isinstance(datum, dict):
        return {name: millis(member) for name, member in datum.items()}
    if isinstance(datum, list):
        return [millis(member) for member in datum]
    return round(datum.timestamp() * 1000) if hasattr(datum, "timestamp") else datum


@pytest.mark.parametrize("name", VERSIONS)
def test_a_published_schema_has_not_changed(name: str) -> None:
    digest = hashlib.sha256(VERSIONS[name].text.encode()).hexdigest()
    assert PUBLISHED.get(f"{name}.avsc") == digest, (
        "a published schema never changes: put it back and write the next version; a new one gets its line in CHECKSUMS"
    )


def test_no_published_schema_is_gone() -> None:
    assert {name.removesuffix(".avsc") for name in PUBLISHED} == set(VERSIONS)


def test_versions_are_numbered_without_a_gap() -> None:
    for topic, group in groupby(avro.all_versions(), key=lambda schema: schema.topic):
        versions = [schema.version for schema in group]
        assert versions == list(range(1, len(versions) + 1)), topic


def test_a_later_version_reads_what_an_earlier_one_wrote() -> None:
    for earlier, later in EARLIER_AND_LATER:
        for example in examples_of(f"{earlier.topic}.v{earlier.version}"):
            avro.decode(avro.encoder(earlier, 1)(example["value"]), earlier.parsed, later.parsed)


@pytest.mark.parametrize("name", VERSIONS)
def test_every_enum_has_a_default_for_symbols_that_come_later(name: str) -> None:
    for enum in enums_of(json.loads(VERSIONS[name].text)):
        assert enum.get("default") in enum["symbols"], enum["name"]


@pytest.mark.parametrize("name", VERSIONS)
def test_no_schema_has_room_for_an_address_or_a_credential(name: str) -> None:
    names = [field["name"] for field in fields_of(json.loads(VERSIONS[name].text))]
    assert names
    assert [field for field in names if FORBIDDEN.search(field)] == []


def test_metadata_of_accepted_votes_does_not_tell_the_choice() -> None:
    assert "candidate_id" not in {field["name"] for field in fields_of(json.loads(avro.latest("votes-unique").text))}


@pytest.mark.parametrize("name", VERSIONS)
def test_types_are_those_that_the_design_allows(name: str) -> None:
    schema = json.loads(VERSIONS[name].text)
    assert schema["namespace"] == "voting"
    for field in fields_of(schema):
        if field["name"].endswith(("_id", "_sub")):
            assert field["type"] in ("string", ["null", "string"]), field["name"]
        if field["name"].endswith(("_at", "as_of", "window_start", "window_end")):
            assert field["type"] == {"type": "long", "logicalType": "timestamp-millis"}, field["name"]


def test_every_schema_and_every_topic_has_examples() -> None:
    assert set(EXAMPLE_FILES) == {*VERSIONS, "votes-dlq.v1"}
    assert {name.partition(".")[0] for name in EXAMPLE_FILES} == set(topics.load("local"))


@pytest.mark.parametrize("name", VERSIONS)
def test_each_example_encodes_and_decodes_to_itself(name: str) -> None:
    encode = avro.encoder(VERSIONS[name], 7)
    for example in examples_of(name):
        value = encode(example["value"])
        assert avro.schema_id_of(value) == 7
        assert millis(avro.decode(value, VERSIONS[name].parsed)) == example["value"]


@pytest.mark.parametrize("name", VERSIONS)
def test_each_example_is_complete_and_strictly_typed(name: str) -> None:
    for example in examples_of(name):
        assert fastavro.validation.validate(example["value"], VERSIONS[name].parsed, strict=True)


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_the_key_of_each_example_fits_its_topic(name: str) -> None:
    topic = topics.load("local")[name.partition(".")[0]]
    for example in examples_of(name):
        value = example.get("value", {})
        election_id, _, rest = example["key"].partition(":")
        match topic.key:
            case "electionId:sub":
                assert ids.ELECTION_ID.fullmatch(election_id)
                assert ids.VOTER_SUB.fullmatch(rest)
                assert example["key"] == ids.vote_key(value.get("election_id", election_id), value.get("voter_sub", rest))
            case "electionId:candidateId":
                assert example["key"] == f"{value['election_id']}:{value['candidate_id']}"
            case "electionId:version":
                assert example["key"] == f"{value['election_id']}:{value['version']}"
            case "electionId:kind":
                assert example["key"] == f"{value['election_id']}:{value['kind']}"
            case "eventId":
                assert example["key"] == value["event_id"]
            case "as it came":
                assert base64.b64decode(example["value_base64"], validate=True)
                assert set(example["headers"]) == {"error", "partition", "offset"}
                assert example["headers"]["partition"].isdecimal()
                assert example["headers"]["offset"].isdecimal()
            case unknown:
                pytest.fail(f"no rule for keys of the form {unknown}")


def without_a_default(fields: list[dict[str, Any]]) -> None:
    fields.append({"name": "added", "type": "string"})


def of_another_type(fields: list[dict[str, Any]]) -> None:
    fields[0]["type"] = "long"


def under_another_name(fields: list[dict[str, Any]]) -> None:
    fields[0]["name"] = "renamed"


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize("change", [without_a_default, of_another_type, under_another_name])
def test_the_compatibility_check_would_notice_a_field(name: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    earlier = VERSIONS[name]
    changed = json.loads(earlier.text)
    change(changed["fields"])
    with pytest.raises(avro.UndecodableValue):
        avro.decode(avro.encoder(earlier, 1)(examples_of(name)[0]["value"]), earlier.parsed, fastavro.parse_schema(changed))


def test_a_vote_of_the_first_version_says_nothing_about_the_jurisdiction() -> None:
    first, second = VERSIONS["votes-in.v1"], VERSIONS["votes-in.v2"]
    old = examples_of("votes-in.v1")[0]["value"]
    assert millis(avro.decode(avro.encoder(first, 1)(old), first.parsed, second.parsed)) == old | {"jurisdiction": None}
    assert millis(avro.decode(avro.encoder(second, 1)(old), second.parsed)) == old | {"jurisdiction": None}


def test_a_reader_of_the_first_version_reads_votes_of_the_second() -> None:
    first, second = VERSIONS["votes-in.v1"], VERSIONS["votes-in.v2"]
    for example in examples_of("votes-in.v2"):
        new = example["value"]
        read = avro.decode(avro.encoder(second, 1)(new), second.parsed, first.parsed)
        assert millis(read) == {name: value for name, value in new.items() if name != "jurisdiction"}


def test_a_symbol_that_a_reader_does_not_know_reads_as_the_default() -> None:
    later = json.loads(avro.latest("votes-rejected").text)
    reason = next(field for field in later["fields"] if field["name"] == "reason")
    reason["type"]["symbols"].append("from_the_future")
    writer = fastavro.parse_schema(later)
    buffer = io.BytesIO(b"\x00\x00\x00\x00\x01")
    buffer.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(buffer, writer, {**examples_of("votes-rejected.v1")[0]["value"], "reason": "from_the_future"})
    assert avro.decode(buffer.getvalue(), writer, avro.latest("votes-rejected").parsed)["reason"] == "other"
