"""JSON without the parts in which two readers may see different things."""

import json
from typing import Any, NoReturn

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class MalformedJson(ValueError):
    """These bytes are not a JSON object that every reader understands alike."""


def read_object(data: bytes) -> dict[str, Any]:
    """Parse one JSON object in UTF-8. Raises ``MalformedJson`` for anything else, and for duplicate members and NaN.

    What programs write is compact; it is read by a reader that is five times as fast and lets duplicate members pass. If writing
    what it read gives the very bytes that came, there were none: the writer cannot have written a member twice.
    """
    value: Any = None
    try:
        value = _decode(data)
        same = _encode(value) == data
    except (ValueError, RecursionError):  # msgspec.DecodeError is a ValueError
        same = False
    if not same:
        value = _read_strictly(data)
    if not isinstance(value, dict):
        raise MalformedJson("not an object")
    return value


def _read_strictly(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedJson("not strict JSON") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a member stands twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")
