"""The words of every page, by language: ``wording/<language>.yaml``. English is the language of whoever asks for no other."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from identity.flows import Field, Message

HERE = Path(__file__).parent / "wording"
LANGUAGES = ("en", "de")
DEFAULT = LANGUAGES[0]


def preferred_language(accept_language: str) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110, 12.5.4). Anything unreadable is passed over."""
    best, best_quality = DEFAULT, 0.0
    for entry in accept_language.split(","):
        name, _, parameter = entry.strip().partition(";")
        language = name.strip().lower().split("-")[0]
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and best_quality < quality <= 1.0:
            best, best_quality = language, quality
    return best


@dataclass(frozen=True)
class Wording:
    """The words of one language."""

    language: str
    _texts: Mapping[str, str]
    _messages: Mapping[int, str]
    _fields: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """A text of our own. Raises ``KeyError`` for one that is not in the catalogue."""
        return self._texts[key].format_map(values)

    def message(self, message: Message) -> str:
        """What Kratos says, in our words; in its own (English) if we have none."""
        text = self._messages.get(message.id)
        if text is None:
            return message.text
        return text.format_map(defaultdict(str, {name: str(value) for name, value in message.context.items()}))

    def label(self, field: Field) -> str:
        """What stands beside a field or on a button."""
        if field.name in self._fields:
            return self._fields[field.name]
        return self.message(field.label) if field.label else field.name


@cache
def wording(language: str) -> Wording:
    document: dict[str, Any] = yaml.safe_load((HERE / f"{language}.yaml").read_text(encoding="utf-8"))
    return Wording(language, document["texts"], document["messages"], document["fields"])
