"""Reading the YAML file in which an organiser describes an election.

id: council-2025              # [a-z0-9][a-z0-9._-]{0,63}
title: City council 2025
opens_at: 2025-05-01T06:00:00Z
closes_at: 2025-05-01T18:00:00Z
candidates:                   # in the order of the ballot
  - {id: alice, name: Alice Ames}
  - {id: bob, name: Bob Barker}
jurisdictions: [north]        # whose voters may vote; left out: everybody's
required_aal: aal1            # or aal2
results: after_publication    # or live
results_batch: 50             # live results move in steps of at least this many votes
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from elections.election import Candidate, Election
from schemas.ids import CANDIDATE_ID, ELECTION_ID

_REQUIRED = {"id", "title", "opens_at", "closes_at", "candidates"}
_OPTIONAL = {"jurisdictions", "required_aal", "results", "results_batch"}
_JURISDICTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_TEXT = 200
# Above that a step hides more than it shows; the column and the Avro field hold 32 bits.
_LARGEST_BATCH = 1_000_000


class InvalidElectionFile(ValueError):
    """The file does not describe an election; the message lists everything that is wrong. Correct it and run again."""


def read(path: Path) -> Election:
    """Raises ``InvalidElectionFile``, also for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidElectionFile(f"{path}: {error}") from error
    try:
        return parse(text)
    except InvalidElectionFile as error:
        raise InvalidElectionFile(f"{path}: {error}") from None


def parse(text: str) -> Election:
    """Raises ``InvalidElectionFile``."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidElectionFile(f"not YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidElectionFile("not a mapping of names to values")
    problems = [f"{name} is missing" for name in sorted(_REQUIRED - document.keys())]
    problems += [f"{name} is not known here" for name in sorted(map(str, document.keys() - _REQUIRED - _OPTIONAL))]
    if problems:
        raise InvalidElectionFile("; ".join(problems))
    reader = _Reader(document)
    election = Election(
        election_id=reader.id("id", ELECTION_ID),
        title=reader.text("title"),
        opens_at=reader.instant("opens_at"),
        closes_at=reader.instant("closes_at"),
        candidates=reader.candidates(),
        jurisdictions=reader.jurisdictions(),
        required_aal=reader.choice("required_aal", ("aal1", "aal2")),
        results_visibility=reader.choice("results", ("after_publication", "live")),
        results_batch=reader.batch(),
    )
    if not reader.problems and election.opens_at >= election.closes_at:
        reader.problems.append("opens_at is not before closes_at")
    if reader.problems:
        raise InvalidElectionFile("; ".join(reader.problems))
    return election


class _Reader:
    """Reads members one by one and notes what is wrong with them, so that one run shows every mistake."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._checked_text(name, self._document[name])

    def id(self, name: str, pattern: re.Pattern[str]) -> str:
        return self._checked_id(name, self._document[name], pattern)

    def instant(self, name: str) -> datetime:
        value = self._document[name]
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = None
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.problems.append(f"{name} is not a time with its zone, such as 2025-05-01T06:00:00Z")
            return datetime.min.replace(tzinfo=UTC)
        if value.microsecond % 1000:
            self.problems.append(f"{name} is finer than a millisecond")
        return value.astimezone(UTC)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._document.get(name, allowed[0])
        if value not in allowed:
            self.problems.append(f"{name} is not one of {', '.join(allowed)}")
        return str(value)

    def batch(self) -> int:
        value = self._document.get("results_batch", 1)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_BATCH:
            self.problems.append(f"results_batch is not a whole number from 1 to {_LARGEST_BATCH}")
            return 1
        return value

    def jurisdictions(self) -> tuple[str, ...]:
        value = self._document.get("jurisdictions", [])
        if not isinstance(value, list):
            self.problems.append("jurisdictions is not a list")
            return ()
        found = tuple(self._checked_id("a jurisdiction", item, _JURISDICTION) for item in value)
        self._refuse_repeats("jurisdictions", found)
        return found

    def candidates(self) -> tuple[Candidate, ...]:
        value = self._document["candidates"]
        if not isinstance(value, list) or not all(isinstance(item, dict) and item.keys() == {"id", "name"} for item in value):
            self.problems.append("candidates is not a list of {id, name}")
            return ()
        found = tuple(
            Candidate(
                self._checked_id("a candidate's id", item["id"], CANDIDATE_ID),
                self._checked_text("a candidate's name", item["name"]),
            )
            for item in value
        )
        self._refuse_repeats("candidates", tuple(candidate.candidate_id for candidate in found))
        return found

    def _checked_text(self, what: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT or not value.isprintable():
            self.problems.append(f"{what} is not printable text of 1 to {_LONGEST_TEXT} characters")
        return str(value)

    def _checked_id(self, what: str, value: object, pattern: re.Pattern[str]) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.problems.append(f"{what} is not of the form {pattern.pattern}: {value!r}")
        return str(value)

    def _refuse_repeats(self, what: str, found: tuple[str, ...]) -> None:
        for item in sorted({item for item in found if found.count(item) > 1}):
            self.problems.append(f"{what} has {item} twice")
