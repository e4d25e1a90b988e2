"""Bytes are exactly a value of their schema, or they are none."""

import io
import struct
from collections.abc import Callable
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof import binary
from schemas import avro

VOTE = avro.latest("votes-in").parsed
EVERY_TYPE = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Everything",
        "fields": [
            {"name": "boolean", "type": "boolean"},
            {"name": "int", "type": "int"},
            {"name": "long", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "float", "type": "float"},
            {"name": "double", "type": "double"},
            {"name": "bytes", "type": "bytes"},
            {"name": "string", "type": "string"},
            {"name": "fixed", "type": {"type": "fixed", "name": "Four", "size": 4}},
            {"name": "again", "type": "Four"},
            {"name": "enum", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green"]}},
            {"name": "array", "type": {"type": "array", "items": "string"}},
            {"name": "map", "type": {"type": "map", "values": "int"}},
            {"name": "union", "type": ["null", "string", "int"]},
            {"name": "itself", "type": ["null", "Everything"]},
        ],
    }
)
INTS = st.integers(min_value=-(2**31), max_value=2**31 - 1)
LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
FOUR = st.binary(min_size=4, max_size=4)
FIELDS = {
    "boolean": st.booleans(),
    "int": INTS,
    "long": LONGS,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(),
    "string": st.text(),
    "fixed": FOUR,
    "again": FOUR,
    "enum": st.sampled_from(["red", "green"]),
    "array": st.lists(st.text()),
    "map": st.dictionaries(st.text(), INTS),
    "union": st.one_of(st.none(), st.text(), INTS),
}
LEAVES = st.fixed_dictionaries({**FIELDS, "itself": st.none()})
DATA = st.fixed_dictionaries({**FIELDS, "itself": st.one_of(st.none(), LEAVES)})


def written(schema: Any, datum: Any) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, datum)
    return buffer.getvalue()


def read(value: bytes, schema: Any = VOTE) -> Any:
    return binary.read(value, 0, binary.reader_of(schema))


def number(value: int) -> bytes:
    """A zigzag varint, of any length."""
    value = value << 1 if value >= 0 else ~value << 1 | 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def text(value: bytes) -> bytes:
    return number(len(value)) + value


NAMES = text(b"vote-1") + text(b"election-1") + text(b"voter-1") + text(b"alice")


def vote(cast_at: bytes = number(5), version: bytes = number(2), jurisdiction: bytes = number(1) + text(b"north")) -> bytes:
    return NAMES + cast_at + version + jurisdiction


@given(datum=DATA)
def test_every_type_is_read_as_another_implementation_wrote_it(datum: dict[str, Any]) -> None:
    assert read(written(EVERY_TYPE, datum), EVERY_TYPE) == datum


@given(value=LONGS)
def test_a_time_is_its_number_of_milliseconds(value: int) -> None:
    assert read(vote(cast_at=number(value)))["cast_at"] == value


@given(datum=DATA, extra=st.binary(min_size=1, max_size=8))
def test_bytes_after_the_value_are_an_error(datum: dict[str, Any], extra: bytes) -> None:
    with pytest.raises(avro.UndecodableValue, match="left over"):
        read(written(EVERY_TYPE, datum) + extra, EVERY_TYPE)


@given(datum=DATA, data=st.data())
def test_a_value_cut_short_is_an_error(datum: dict[str, Any], data: st.DataObject) -> None:
    whole = written(EVERY_TYPE, datum)
    with pytest.raises(avro.UndecodableValue):
        read(whole[: data.draw(st.integers(min_value=0, max_value=len(whole) - 1))], EVERY_TYPE)


@given(value=st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_error_and_nothing_else(value: bytes) -> None:
    for schema in (EVERY_TYPE, VOTE, avro.latest("elections").parsed):
        try:
            datum = read(value, schema)
        except avro.UndecodableValue:
            continue
        assert isinstance(datum, dict)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (vote(version=number(2**31)), "int that is too long"),
        (vote(version=number(-(2**31) - 1)), "int that is too long"),
        (vote(cast_at=b"\x80" * 10 + b"\x00"), "does not end"),
        (vote(jurisdiction=number(-1) + text(b"north")), "no branch or symbol -1"),
        (vote(jurisdiction=number(-2)), "no branch or symbol -2"),
        (vote(jurisdiction=number(2) + text(b"north")), "no branch or symbol 2"),
        (vote(jurisdiction=number(2**32 + 1) + text(b"north")), "int that is too long"),
        (vote(jurisdiction=number(1) + number(-1) + b"north"), "length beyond the end"),
        (vote(jurisdiction=number(1) + number(2**40) + b"north"), "length beyond the end"),
        (number(2**62) + b"v", "length beyond the end"),
        (vote(jurisdiction=number(1) + text(b"nor\xffth")), "not UTF-8"),
        (vote(jurisdiction=number(1) + text(b"\xed\xa0\x80")), "not UTF-8"),
        (b"", "ends too soon"),
    ],
)
def test_what_a_lenient_reader_might_take_for_a_vote_is_none(value: bytes, why: str) -> None:
    with pytest.raises(avro.UndecodableValue, match=why):
        read(value)


@pytest.mark.parametrize("version", [-(2**31), 2**31 - 1])
def test_an_int_has_32_bits(version: int) -> None:
    assert read(vote(version=number(version)))["catalogue_version"] == version


def test_a_number_may_be_longer_than_it_needs_to_be() -> None:
    assert read(vote(cast_at=b"\x8a" + b"\x80" * 8 + b"\x00"))["cast_at"] == 5


@pytest.mark.parametrize(
    ("blocks", "found"),
    [
        (lambda a, b: number(2) + a + b + number(0), ["a", "b"]),
        (lambda a, b: number(1) + a + number(1) + b + number(0), ["a", "b"]),
        (lambda a, b: number(-2) + number(len(a + b)) + a + b + number(0), ["a", "b"]),
        (lambda _a, _b: number(0), []),
    ],
)
def test_an_array_comes_in_blocks_with_or_without_their_sizes(blocks: Callable[[bytes, bytes], bytes], found: list[str]) -> None:
    assert read(blocks(text(b"a"), text(b"b")), {"type": "array", "items": "string"}) == found


def test_an_array_cannot_ask_for_more_memory_than_it_has_bytes() -> None:
    with pytest.raises(avro.UndecodableValue, match="length beyond the end"):
        read(number(2**40) + struct.pack("8x"), {"type": "array", "items": "string"})
