import string

import pytest

from identity.flows import Field, Message
from identity.wording import LANGUAGES, preferred_language, wording


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, de;q=0.9, en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("en;q=0.1, de;q=0.2", "de"),
        ("de;q=nonsense", "en"),
        (";;;,,,", "en"),
        ("DE-at", "de"),
    ],
)
def test_the_browser_says_which_language(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_every_language_says_everything_with_the_same_values() -> None:
    first, *others = (wording(language) for language in LANGUAGES)
    for other in others:
        for mine, theirs in ((first._texts, other._texts), (first._messages, other._messages), (first._fields, other._fields)):
            assert {key: _values(text) for key, text in mine.items()} == {key: _values(text) for key, text in theirs.items()}
            assert all(text.strip() for text in theirs.values())


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_what_kratos_says_is_said_in_our_words_with_its_values() -> None:
    message = Message(4000032, "The password must be at least 8 characters long", is_error=True, context={"min_length": 8})

    assert wording("de").message(message) == "Das Passwort ist zu kurz. Es braucht mindestens 8 Zeichen."


def test_a_value_that_kratos_leaves_out_breaks_nothing() -> None:
    assert "“”" in wording("en").message(Message(1050020, "Remove passkey"))


def test_what_has_no_words_of_ours_stays_as_kratos_says_it() -> None:
    assert wording("de").message(Message(4999999, "Something new {0}")) == "Something new {0}"


def test_a_field_is_named_after_what_it_is() -> None:
    document = {"group": "default", "attributes": {"name": "traits.email", "type": "email"}, "meta": {}}

    assert wording("de").label(Field.from_json(document)) == "E-Mail-Adresse"


def test_an_unknown_text_of_ours_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        wording("en")("no.such.text")
