"""Bytes become records; what does not follow its contract is named and stops nothing."""

from typing import Any

import httpx
import pytest

from proof.decoding import Decoder
from proof.records import Accepted, DeadLetter, ElectionVersion, Position, Published, Rejected, Unreadable, Vote
from schemas import avro
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

# By id, as a registry has them.
SCHEMAS = dict(enumerate(avro.all_versions(), start=1))
VOTE = Vote("vote-1", "election-2025-01", "voter-1", "alice", 1_735_725_600_123, 2)
DATUM = {
    "vote_id": VOTE.vote_id,
    "election_id": VOTE.election_id,
    "voter_sub": VOTE.voter_sub,
    "candidate_id": VOTE.candidate_id,
    "cast_at": VOTE.cast_at_ms,
    "catalogue_version": VOTE.catalogue_version,
}
ELECTION = {
    "election_id": "election-2025-01",
    "version": 2,
    "title": "Regional",
    "status": "open",
    "opens_at": 1_735_689_600_001,
    "closes_at": 1_735_776_000_002,
    "jurisdictions": ["north", "east"],
    "required_aal": "aal1",
    "results_visibility": "live",
    "results_batch": 1,
    "candidates": [{"candidate_id": "alice", "name": "Alice"}, {"candidate_id": "bob", "name": "Bob"}],
}


class FakeMessage:
    """The part of ``confluent_kafka.Message`` that decoding reads."""

    def __init__(self, value: bytes | None, headers: list[tuple[str, bytes]] | None = None, key: bytes | None = b"key") -> None:
        self._value, self._headers, self._key = value, headers, key

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self._headers

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 17

    def timestamp(self) -> tuple[int, int]:
        return (2, 1_735_725_600_130)


def answer(request: httpx.Request) -> httpx.Response:
    """Every published schema is registered under its own subject."""
    match request.url.path.strip("/").split("/"):
        case ["subjects", subject, "versions"]:
            return httpx.Response(200, json=[schema.version for schema in SCHEMAS.values() if schema.subject == subject])
        case ["subjects", subject, "versions", version]:
            for schema_id, schema in SCHEMAS.items():
                if (schema.subject, schema.version) == (subject, int(version)):
                    return httpx.Response(200, json={"id": schema_id, "schema": schema.text})
    return httpx.Response(404, json={"error_code": 40401})


def value_of(schema: avro.AvroSchema, datum: dict[str, object]) -> bytes:
    schema_id = next(schema_id for schema_id, known in SCHEMAS.items() if known == schema)
    return avro.encoder(schema, schema_id)(datum)


def message(topic: str, **fields: object) -> Any:
    return FakeMessage(value_of(avro.latest(topic), {**DATUM, **fields}))


def published(**fields: object) -> Any:
    return FakeMessage(value_of(avro.latest("elections"), {**ELECTION, **fields}), key=b"election-2025-01:2")


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(Registry("http://registry.test", transport=httpx.MockTransport(answer)))


def test_a_record_of_votes_in_has_its_vote_its_place_and_the_brokers_time(decoder: Decoder) -> None:
    (cast,) = decoder.cast([message("votes-in")])
    assert (cast.vote, cast.position, cast.appended_at_ms, cast.key) == (VOTE, Position(3, 17), 1_735_725_600_130, b"key")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no value"),
        (b"", "too short"),
        (b"junk bytes", "first byte"),
        (b"\x00\x00\x00\x00\x63rest", "no schema of this topic has the id 99"),
        (value_of(avro.latest("votes-in"), DATUM) + b"more", "left over"),
        (value_of(avro.latest("votes-in"), DATUM)[:-1], "ends too soon"),
    ],
)
def test_what_cannot_be_decoded_is_a_record_all_the_same(decoder: Decoder, value: bytes | None, why: str) -> None:
    (cast,) = decoder.cast([FakeMessage(value)])  # type: ignore[list-item]
    assert cast.vote is None
    assert why in str(cast.error)
    (accepted,) = decoder.accepted([FakeMessage(value)])  # type: ignore[list-item]
    assert isinstance(accepted, Unreadable)
    (rejected,) = decoder.rejected([FakeMessage(value)])  # type: ignore[list-item]
    assert isinstance(rejected, Unreadable)


def test_a_schema_of_another_topic_decodes_nothing(decoder: Decoder) -> None:
    place = {"source_partition": 1, "source_offset": 5}
    foreign = message("votes-accepted", accepted_at=7, **place)
    (cast,) = decoder.cast([foreign])
    assert cast.vote is None
    assert "no schema of this topic" in str(cast.error)
    (accepted,) = decoder.accepted([message("votes-in")])
    assert isinstance(accepted, Unreadable)
    (election,) = decoder.elections([message("votes-in")])
    assert isinstance(election, Unreadable)


@pytest.mark.parametrize(("schema", "jurisdiction"), [(1, None), (2, "north"), (2, ""), (2, None)])
def test_a_vote_comes_with_its_voters_jurisdiction_unless_the_record_does_not_say(
    decoder: Decoder, schema: int, jurisdiction: str | None
) -> None:
    version = next(each for each in avro.all_versions() if (each.topic, each.version) == ("votes-in", schema))
    (cast,) = decoder.cast([FakeMessage(value_of(version, {**DATUM, "jurisdiction": jurisdiction}))])  # type: ignore[list-item]
    assert (cast.vote, cast.jurisdiction) == (VOTE, jurisdiction)


@pytest.mark.parametrize("cast_at_ms", [-(2**63), -1, 253_402_300_800_000, 2**63 - 1])
def test_a_time_that_no_calendar_has_is_a_number_all_the_same(decoder: Decoder, cast_at_ms: int) -> None:
    (cast,) = decoder.cast([message("votes-in", cast_at=cast_at_ms)])
    assert cast.vote == VOTE._replace(cast_at_ms=cast_at_ms)


def test_a_version_of_an_election_has_its_terms_to_the_millisecond(decoder: Decoder) -> None:
    found = list(decoder.elections([published(), published(jurisdictions=[], status="draft")]))
    terms = ElectionVersion(
        "open", 1_735_689_600_001, 1_735_776_000_002, frozenset({"alice", "bob"}), frozenset({"north", "east"})
    )
    everybody = terms._replace(status="draft", jurisdictions=frozenset())
    assert found == [Published(b"election-2025-01:2", 17, "election-2025-01", 2, each) for each in (terms, everybody)]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (FakeMessage(None), "no value"),
        (FakeMessage(b"junk bytes"), "first byte"),
        (published(election_id="An Election"), "election_id is malformed"),
    ],
)
def test_what_is_no_version_of_an_election_is_named(decoder: Decoder, record: Any, why: str) -> None:
    (found,) = decoder.elections([record])
    assert isinstance(found, Unreadable)
    assert (found.topic, found.offset) == ("elections", 17)
    assert why in found.error


def test_a_schema_without_what_a_vote_needs_makes_no_votes() -> None:
    lacking = '{"type": "record", "name": "Vote", "fields": [{"name": "vote_id", "type": "string"}]}'

    def registry(request: httpx.Request) -> httpx.Response:
        listed = request.url.path.endswith("/versions")
        return httpx.Response(200, json=[1] if listed else {"id": 1, "schema": lacking})

    decoder = Decoder(Registry("http://registry.test", transport=httpx.MockTransport(registry)))
    (cast,) = decoder.cast([FakeMessage(b"\x00\x00\x00\x00\x01\x02v")])  # type: ignore[list-item]
    assert (cast.vote, cast.error) == (None, "its schema has no election_id")


def test_verdicts_name_their_source(decoder: Decoder) -> None:
    place = {"source_partition": 1, "source_offset": 5}
    (accepted,) = decoder.accepted([message("votes-accepted", accepted_at=7, **place)])
    assert accepted == Accepted(b"key", VOTE, 7, Position(1, 5))
    (rejected,) = decoder.rejected(
        [message("votes-rejected", appended_at=7, reason="duplicate", first_vote_id="vote-0", **place)]
    )
    assert rejected == Rejected(b"key", VOTE, 7, Position(1, 5), "duplicate", "vote-0")


def test_a_dead_letter_has_its_source_in_its_headers(decoder: Decoder) -> None:
    headers = [("error", b"no"), ("partition", b"2"), ("offset", b"9000000000")]
    (dead,) = decoder.dead_letters([FakeMessage(b"junk", headers, key=None)])  # type: ignore[list-item]
    assert dead == DeadLetter(None, b"junk", Position(2, 9_000_000_000))


@pytest.mark.parametrize("headers", [None, [], [("partition", b"1")], [("partition", b"1"), ("offset", b"-1")]])
def test_a_dead_letter_without_its_source_does_not_follow_the_contract(
    decoder: Decoder, headers: list[tuple[str, bytes]] | None
) -> None:
    (dead,) = decoder.dead_letters([FakeMessage(b"junk", headers)])  # type: ignore[list-item]
    assert isinstance(dead, Unreadable)


def test_a_registry_that_is_away_is_no_verdict_about_a_record() -> None:
    decoder = Decoder(Registry("http://registry.test", transport=httpx.MockTransport(lambda _: httpx.Response(503))))
    with pytest.raises(RegistryUnavailable):
        list(decoder.cast([message("votes-in")]))


def test_a_registry_without_the_topics_schemas_is_no_verdict_about_a_record_either() -> None:
    decoder = Decoder(Registry("http://registry.test", transport=httpx.MockTransport(lambda _: httpx.Response(404))))
    with pytest.raises(SchemaNotRegistered, match="votes-in-value"):
        list(decoder.cast([message("votes-in")]))
