"""A catalogue, a log and a clock in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from elections.election import Version
from elections.lifecycle import Step
from elections.publication import NotPublished


class CatalogueInMemory:
    """Keeps versions in a list, as the real one keeps them in PostgreSQL. ``away`` fails when something is to be released."""

    def __init__(self) -> None:
        self.all: list[Version] = []
        self.away = False

    @contextmanager
    def changing(self, election_id: str) -> Iterator[None]:  # noqa: ARG002
        yield

    def versions(self, election_id: str) -> list[Version]:
        return [version for version in self.all if version.election.election_id == election_id]

    def current(self) -> list[Version]:
        return self.all[-1:]

    def append(self, versions: list[Version], step: Step, actor: str) -> Version:
        self.all.append(Version(step.election, len(versions) + 1, step.status, datetime.now(UTC), actor))
        return self.all[-1]

    def note_published(self, newest: Version) -> None:
        if self.away:
            raise ConnectionError("the database is away")
        now = datetime.now(UTC)
        self.all = [
            replace(version, published_at=version.published_at or now) if version.version <= newest.version else version
            for version in self.all
        ]

    def published(self) -> list[int]:
        return [version.version for version in self.all if version.published_at is not None]


class LogInMemory:
    """Keeps the numbers of the versions of each publication.

    ``away`` refuses everything. Each publication takes the next of ``seconds``, as far as they go, and no time after that.
    """

    def __init__(self, clock: "Clock | None" = None, *seconds: float) -> None:
        self.runs: list[list[int]] = []
        self.away = False
        self._clock = clock
        self._seconds = list(seconds)

    def publish(self, versions: Sequence[Version]) -> None:
        if self.away:
            raise NotPublished("Local: Message timed out")
        if self._clock is not None and self._seconds:
            self._clock.sleep(self._seconds.pop(0))
        self.runs.append([version.version for version in versions])


class Clock:
    """The time of the commands, which passes only while somebody sleeps."""

    def __init__(self, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = now
        clock = self

        class Stopped(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
                return clock.now

        for module in ("elections.__main__", "elections.release"):
            monkeypatch.setattr(f"{module}.datetime", Stopped)
        monkeypatch.setattr("elections.__main__.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
