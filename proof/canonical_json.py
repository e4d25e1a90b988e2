"""JSON of which there is one form only, so that it can be signed: RFC 8785, restricted to what needs no rule about fractions.

Numbers are whole and such that every reader sees the same one (RFC 7493: at most 2^53 - 1). What has another form, however small
the difference (a space, an escaped letter, another order, a member that stands twice), is refused and not read.
"""

import json
from typing import Any

LARGEST_NUMBER = 2**53 - 1


class NotCanonical(ValueError):
    """A value that has no canonical form, or bytes that are not one. The message tells which."""


def write(value: Any) -> bytes:
    """The canonical form of objects with text as names, arrays, text, whole numbers, truth values and ``None``.

    Raises ``NotCanonical`` for anything else.
    """
    try:
        return _text(value).encode()
    except UnicodeEncodeError:
        raise NotCanonical("text with half a character in it") from None
    except RecursionError:
        raise NotCanonical("nested too deeply") from None


def read(data: bytes) -> Any:
    """The value whose canonical form these bytes are. Raises ``NotCanonical``."""
    try:
        value = json.loads(data.decode())
        same = write(value) == data
    except RecursionError:
        raise NotCanonical("nested too deeply") from None
    except ValueError as error:
        raise NotCanonical(f"not canonical JSON: {error}") from None
    if not same:
        raise NotCanonical("JSON, but not in its canonical form")
    return value


def _text(value: Any) -> str:
    match value:
        case None | bool() | str():
            # json escapes what RFC 8785 (3.2.2.2) escapes, and in the same way.
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > LARGEST_NUMBER:
                raise NotCanonical(f"the number {value} is too large for some readers; write it as text")
            return str(int(value))
        case list() | tuple():
            return f"[{','.join(map(_text, value))}]"
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise NotCanonical("a member's name is not text")
            # RFC 8785 (3.2.3) orders by UTF-16 code units, which is not the order of code points.
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"
    raise NotCanonical(f"{type(value).__name__} has no canonical form")
