"""Bytes become records; what does not follow its contract is named and stops nothing."""

from typing import Any

import httpx
import pytest

from proof.decoding import Decoder
from proof.records import Accepted, DeadLetter, Position, Rejected, Unreadable, Vote
from schemas import avro
from schemas.registry import Registry, RegistryUnavailable

SCHEMAS = {1: "votes-in", 2: "votes-accepted", 3: "votes-rejected"}
VOTE = Vote("vote-1", "election-2025-01", "voter-1", "alice", 1_735_725_600_123, 2)
DATUM = {
    "vote_id": VOTE.vote_id,
    "election_id": VOTE.election_id,
    "voter_sub": VOTE.voter_sub,
    "candidate_id": VOTE.candidate_id,
    "cast_at": VOTE.cast_at_ms,
    "catalogue_version": VOTE.catalogue_version,
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
    topic = SCHEMAS.get(int(request.url.path.rpartition("/")[2]))
    if topic is None:
        return httpx.Response(404, json={"error_code": 40403})
    return httpx.Response(200, json={"schema": avro.latest(topic).text})


def message(topic: str, **fields: object) -> Any:
    schema_id = next(number for number, name in SCHEMAS.items() if name == topic)
    return FakeMessage(avro.encoder(avro.latest(topic), schema_id)({**DATUM, **fields}))


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
        (b"\x00\x00\x00\x00\x63rest", "no schema has the id 99"),
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
