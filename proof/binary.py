"""Avro's binary encoding, read by the schema that a value was written with (Avro 1.11 specification, "Binary encoding").

fastavro is lenient where the verdict about a record hangs on it: branch -1 of a union is its last one, an int may have any
size, a number any length. Here bytes are either exactly a value of the schema or none, and logical types are left alone: a
timestamp-millis is a number of milliseconds.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastavro.types import Schema

from schemas.avro import UndecodableValue

# Reads a value that begins at a place of the bytes; answers with it and the place after it. Raises ``UndecodableValue``, and
# ``IndexError`` where the bytes end too soon.
Read = Callable[[bytes, int], tuple[Any, int]]
Types = dict[str, Read]

_LONGEST_NUMBER_BITS = 70  # ten bytes of seven bits, of which 64 count
_INT_BITS, _LONG_BITS = 32, 64


def reader_of(schema: Schema) -> Read:
    """A reader for a schema as ``fastavro.parse_schema`` gives it."""
    return _reader(schema, dict(_PRIMITIVES))


def read(value: bytes, start: int, reader: Read) -> Any:
    """The one value that begins at ``start`` and ends with the bytes. Raises ``UndecodableValue``."""
    try:
        datum, end = reader(value, start)
    except IndexError:
        raise UndecodableValue("it ends too soon") from None
    if end != len(value):
        raise UndecodableValue("bytes left over after the value")
    return datum


def _reader(schema: Schema, types: Types) -> Read:
    if isinstance(schema, list):
        return _union([_reader(branch, types) for branch in schema])
    if isinstance(schema, str):
        return types[schema] if schema in types else _later(schema, types)
    match schema["type"]:
        case "record":
            reader = _record([(field["name"], _reader(field["type"], types)) for field in schema["fields"]])
        case "enum":
            reader = _enum(schema["symbols"])
        case "fixed":
            reader = _fixed(schema["size"])
        case "array":
            return _array(_reader(schema["items"], types))
        case "map":
            return _map(_reader(schema["values"], types))
        case other:
            return _reader(other, types)
    types[schema["name"]] = reader
    return reader


def _later(name: str, types: Types) -> Read:
    """Of a type that is not known yet, for it holds itself."""

    def read_named(data: bytes, at: int) -> tuple[Any, int]:
        return types[name](data, at)

    return read_named


def _number(data: bytes, at: int, bits: int = _LONG_BITS) -> tuple[int, int]:
    """A zigzag varint."""
    byte = data[at]
    encoded, shift = byte & 0x7F, 7
    while byte > 0x7F:
        if shift == _LONGEST_NUMBER_BITS:
            raise UndecodableValue("a number that does not end")
        at += 1
        byte = data[at]
        encoded |= (byte & 0x7F) << shift
        shift += 7
    encoded &= (1 << _LONG_BITS) - 1
    if encoded >> bits:
        raise UndecodableValue("an int that is too long")
    return (encoded >> 1) ^ -(encoded & 1), at + 1


def _int(data: bytes, at: int) -> tuple[int, int]:
    return _number(data, at, _INT_BITS)


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _number(data, at)
    return _slice(data, at, length)


def _slice(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if not 0 <= length <= len(data) - at:
        raise UndecodableValue("a length beyond the end")
    return data[at : at + length], at + length


def _string(data: bytes, at: int) -> tuple[str, int]:
    text, at = _bytes(data, at)
    try:
        return text.decode(), at
    except UnicodeDecodeError:
        raise UndecodableValue("a string that is not UTF-8") from None


def _boolean(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] == 1, at + 1


def _packed(form: str) -> Read:
    size, unpack = struct.calcsize(form), struct.Struct(form).unpack

    def read_packed(data: bytes, at: int) -> tuple[float, int]:
        found, end = _slice(data, at, size)
        return unpack(found)[0], end

    return read_packed


def _fixed(size: int) -> Read:
    return lambda data, at: _slice(data, at, size)


def _record(fields: Sequence[tuple[str, Read]]) -> Read:
    def read_record(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        datum = {}
        for name, read_field in fields:
            datum[name], at = read_field(data, at)
        return datum, at

    return read_record


def _chosen(options: Sequence[Any], data: bytes, at: int) -> tuple[Any, int]:
    index, at = _int(data, at)
    if not 0 <= index < len(options):
        raise UndecodableValue(f"there is no branch or symbol {index}")
    return options[index], at


def _union(branches: Sequence[Read]) -> Read:
    def read_union(data: bytes, at: int) -> tuple[Any, int]:
        branch, at = _chosen(branches, data, at)
        found: tuple[Any, int] = branch(data, at)
        return found

    return read_union


def _enum(symbols: Sequence[str]) -> Read:
    return lambda data, at: _chosen(symbols, data, at)


def _array(item: Read) -> Read:
    def read_array(data: bytes, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            count, at = _number(data, at)
            if count == 0:
                return items, at
            if count < 0:  # the block's size in bytes follows, for those who skip it
                count = -count
                _, at = _number(data, at)
            # Nothing that stands in our arrays takes less than a byte.
            if count > len(data) - at:
                raise UndecodableValue("a length beyond the end")
            for _ in range(count):
                found, at = item(data, at)
                items.append(found)

    return read_array


def _map(value: Read) -> Read:
    read_entries = _array(_record([("key", _string), ("value", value)]))

    def read_map(data: bytes, at: int) -> tuple[Mapping[str, Any], int]:
        entries, at = read_entries(data, at)
        return {entry["key"]: entry["value"] for entry in entries}, at

    return read_map


_PRIMITIVES: Types = {
    "null": lambda _, at: (None, at),
    "boolean": _boolean,
    "int": _int,
    "long": _number,
    "float": _packed("<f"),
    "double": _packed("<d"),
    "bytes": _bytes,
    "string": _string,
}
