"""Any value goes through the wire format unchanged; any bytes either decode or raise ``UndecodableValue``."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro

SCHEMAS = st.sampled_from(avro.all_versions())
SCHEMA_IDS = st.integers(min_value=0, max_value=2**32 - 1)
TEXT = st.text(max_size=40)
INSTANTS = st.integers(min_value=0, max_value=4_102_444_800_000).map(
    lambda millis: datetime.fromtimestamp(millis / 1000, tz=UTC).replace(microsecond=millis % 1000 * 1000)
)
VOTES = st.fixed_dictionaries(
    {
        "vote_id": TEXT,
        "election_id": TEXT,
        "voter_sub": TEXT,
        "candidate_id": TEXT,
        "cast_at": INSTANTS,
        "catalogue_version": st.integers(min_value=-(2**31), max_value=2**31 - 1),
        "jurisdiction": st.none() | TEXT,
    }
)
VOTE = avro.latest("votes-in")


@given(vote=VOTES, schema_id=SCHEMA_IDS)
def test_a_vote_comes_back_as_it_was(vote: dict[str, Any], schema_id: int) -> None:
    value = avro.encoder(VOTE, schema_id)(vote)
    assert value[0] == 0
    assert int.from_bytes(value[1:5]) == schema_id == avro.schema_id_of(value)
    assert avro.decode(value, VOTE.parsed) == vote


@given(vote=VOTES, extra=st.binary(min_size=1, max_size=8))
def test_bytes_after_the_value_are_an_error(vote: dict[str, Any], extra: bytes) -> None:
    with pytest.raises(avro.UndecodableValue, match="left over"):
        avro.decode(avro.encoder(VOTE, 1)(vote) + extra, VOTE.parsed)


@given(vote=VOTES, data=st.data())
def test_a_value_cut_short_is_undecodable(vote: dict[str, Any], data: st.DataObject) -> None:
    value = avro.encoder(VOTE, 1)(vote)
    with pytest.raises(avro.UndecodableValue):
        avro.decode(value[: data.draw(st.integers(min_value=0, max_value=len(value) - 1))], VOTE.parsed)


@given(schema=SCHEMAS, value=st.binary(max_size=200))
def test_any_bytes_decode_or_are_undecodable_and_nothing_else(schema: avro.AvroSchema, value: bytes) -> None:
    for candidate in (value, b"\x00\x00\x00\x00\x01" + value):
        try:
            datum = avro.decode(candidate, schema.parsed)
        except avro.UndecodableValue:
            continue
        assert isinstance(datum, dict)


@given(vote=VOTES, position=st.integers(min_value=0), byte=st.integers(min_value=0, max_value=255))
def test_a_damaged_byte_never_raises_anything_else(vote: dict[str, Any], position: int, byte: int) -> None:
    value = bytearray(avro.encoder(VOTE, 1)(vote))
    value[position % len(value)] = byte
    try:
        avro.decode(bytes(value), VOTE.parsed, VOTE.parsed)
    except avro.UndecodableValue:
        return


def test_a_header_of_another_format_is_undecodable() -> None:
    with pytest.raises(avro.UndecodableValue, match="first byte is 1"):
        avro.schema_id_of(b"\x01\x00\x00\x00\x01rest")
    with pytest.raises(avro.UndecodableValue, match="too short"):
        avro.schema_id_of(b"\x00\x00")


def test_a_topic_without_a_schema_is_named() -> None:
    with pytest.raises(KeyError, match="votes-dlq"):
        avro.latest("votes-dlq")
