"""Everything the application says, as data: one catalogue for each language, each with the same keys and placeholders."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
DEFAULT = "en"
LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""Codes and how each language calls itself. The first is used where nobody asks for another."""

_GROUPING = {"en": ",", "de": "."}
_DECIMAL = {"en": ".", "de": ","}


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Texts by key. Raises ``KeyError`` for a language that there is not."""
    if language not in LANGUAGES:
        raise KeyError(language)
    texts: dict[str, str] = json.loads((HERE / f"{language}.json").read_text(encoding="utf-8"))
    return texts


class Translator:
    """What one language makes of keys, numbers and times."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = catalogue(language)

    def text(self, key: str, **values: object) -> str:
        """Raises ``KeyError`` for a key, or a placeholder's value, that is not there."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def count(self, key: str, number: int) -> str:
        """The text for so many of something: ``<key>.one`` or ``<key>.other``, with the placeholder ``n``."""
        return self.text(f"{key}.{'one' if number == 1 else 'other'}", n=self.number(number))

    def number(self, number: int) -> str:
        return f"{number:,}".replace(",", _GROUPING[self.language])

    def percent(self, share: float) -> str:
        return f"{share * 100:.1f}".replace(".", _DECIMAL[self.language]) + self._texts["percent"]

    def moment(self, time: datetime) -> str:
        """Day and time of day, in UTC and saying so. A script may show the reader's own time in its place."""
        month = self._texts[f"month.{time.month}"]
        return self.text("moment", day=time.day, month=month, year=time.year, time=f"{time:%H:%M}")


def best_of(accept_language: str) -> str | None:
    """The language of ours that a browser likes best (RFC 9110 12.5.4), or ``None`` if it asks for none of them."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:400].split(",")):
        tag, _, weight = part.strip().partition(";")
        code = tag.strip().partition("-")[0].lower()
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and quality > 0:
            wanted.append((-quality, place, code))
    return min(wanted)[2] if wanted else None


def known(tag: str | None) -> str | None:
    """The language of ours that a tag such as ``de-AT`` names."""
    code = (tag or "").partition("-")[0].lower()
    return code if code in LANGUAGES else None
