import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof import canonical_json
from proof.canonical_json import LARGEST_NUMBER, NotCanonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_NUMBER, LARGEST_NUMBER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_json_and_is_read_again(value: Any) -> None:
    data = canonical_json.write(value)
    assert json.loads(data) == value
    assert canonical_json.read(data) == value


@given(st.dictionaries(TEXT, st.integers(0, 9)))
def test_the_order_of_members_makes_no_difference(value: dict[str, int]) -> None:
    assert canonical_json.write(dict(reversed(value.items()))) == canonical_json.write(value)


def test_the_example_of_rfc_8785_comes_out_as_it_stands_there() -> None:
    """Section 3.2.3, without its fractions: members in the order of UTF-16 code units, and which letters are escaped."""
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical_json.write(value))) == ordered
    assert canonical_json.write("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/\u007f") == (
        b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'
    )


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        b"bytes",
        {1: "a number as a name"},
        {"deep": [LARGEST_NUMBER + 1]},
        -LARGEST_NUMBER - 1,
        "\ud800",
        {"\udc00": 1},
    ],
    ids=repr,
)
def test_what_readers_could_take_differently_has_no_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_json.write(value)


def test_nesting_without_an_end_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotCanonical):
        canonical_json.write(value)
    with pytest.raises(NotCanonical):
        canonical_json.read(b"[" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1] ",
        b"[1, 2]",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'["\\u0041"]',
        b'["\\/"]',
        b'["\\u000A"]',
        b"[01]",
        b"[-0]",
        b"[1.0]",
        b"[1e3]",
        b"[NaN]",
        b"[9007199254740992]",
        b"[" + b"9" * 5000 + b"]",
        b'["\xff"]',
        b"\xef\xbb\xbf[1]",
        "[1]".encode("utf-16"),
    ],
    ids=lambda data: data[:20],
)
def test_any_other_form_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical_json.read(data)
