"""The organisers' command line: what it says, and how it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from elections import __main__ as command
from elections import election_file
from elections.catalogue import UnknownElection
from elections.election import Status, Version
from elections.lifecycle import Step
from elections.publication import NotPublished
from elections.settings import Settings, SettingsError

DEMO = Path(election_file.__file__).parent / "demo" / "election-2025-01.yaml"
ID = "election-2025-01"


class CatalogueInMemory:
    """Keeps versions in a list, as the real one keeps them in PostgreSQL."""

    def __init__(self) -> None:
        self.all: list[Version] = []

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


@pytest.fixture
def catalogue() -> CatalogueInMemory:
    return CatalogueInMemory()


@pytest.fixture
def published() -> list[list[int]]:
    """The numbers of the versions that each run has published."""
    return []


def run(catalogue: CatalogueInMemory, published: list[list[int]], what: str) -> None:
    def publish(versions: list[Version]) -> None:
        published.append([version.version for version in versions])

    match what:
        case "create":
            command.create(catalogue, publish, DEMO, "ada")  # type: ignore[arg-type]
        case "open":
            command.open_(catalogue, publish, ID, "ada")  # type: ignore[arg-type]
        case _:
            command.close(catalogue, publish, ID, "ada", timedelta(seconds=10))  # type: ignore[arg-type]


def test_a_life_from_creation_to_close_publishes_all_versions_each_time(
    catalogue: CatalogueInMemory,
    published: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
            return moments[0]

    def sleep(seconds: float) -> None:
        moments[0] += timedelta(seconds=seconds)

    monkeypatch.setattr(command, "datetime", Clock)
    monkeypatch.setattr("elections.__main__.time.sleep", sleep)
    for what in ("create", "create", "open", "open", "close", "close"):
        run(catalogue, published, what)
    assert [version.status for version in catalogue.all] == [Status.DRAFT, Status.OPEN, Status.OPEN, Status.CLOSED]
    assert catalogue.all[-1].election.closes_at == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    assert published == [[1], [1], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]]
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"election {ID}: created as a draft (version 1, draft)",
        f"election {ID}: exists with this content (version 1, draft)",
        f"election {ID}: opened (version 2, open)",
        f"election {ID}: is open already (version 2, open)",
        f"election {ID}: closes at 2026-01-01T00:00:10Z (version 3, open); waiting for that",
        f"election {ID}: closed (version 4, closed)",
        f"election {ID}: is closed already (version 4, closed)",
    ]


def test_an_unknown_election_is_refused(catalogue: CatalogueInMemory, published: list[list[int]]) -> None:
    with pytest.raises(UnknownElection, match=ID):
        run(catalogue, published, "open")
    assert published == []


def test_what_is_committed_but_not_published_asks_to_be_run_again() -> None:
    assert "Run the same command again" in command._told(NotPublished("3 records are not acknowledged yet"))


def test_a_wrong_setting_ends_with_1_and_its_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ELECTIONS_CLOSE_NOTICE_SECONDS", "soon")
    assert command.main(["list"]) == 1
    assert "ELECTIONS_CLOSE_NOTICE_SECONDS is not a number" in capsys.readouterr().err


def test_showing_and_listing_change_nothing(
    catalogue: CatalogueInMemory, published: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    command.list_(catalogue)  # type: ignore[arg-type]
    assert capsys.readouterr().out == "no elections\n"
    run(catalogue, published, "create")
    command.list_(catalogue)  # type: ignore[arg-type]
    command.show(catalogue, ID)  # type: ignore[arg-type]
    output = capsys.readouterr().out
    assert "2025-01-01T00:00:00Z to 2035-01-01T00:00:00Z  Demo election 2025" in output
    assert "candidate:      carol (Carol)" in output
    assert len(catalogue.all) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "sqlite://x"),
        ("SCHEMA_REGISTRY_URL", "registry"),
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("ELECTIONS_CLOSE_NOTICE_SECONDS", "0.5"),
        ("ELECTIONS_CLOSE_NOTICE_SECONDS", "nan"),
    ],
)
def test_each_setting_is_checked_and_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_the_password_does_not_show() -> None:
    assert "hush" not in repr(Settings.from_environment({"DATABASE_URL": "postgresql://u:hush@h/d"}))


def test_an_election_can_be_open_from_its_first_version_on(
    catalogue: CatalogueInMemory, published: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    def publish(versions: list[Version]) -> None:
        published.append([version.version for version in versions])

    for _ in range(2):
        command.create(catalogue, publish, DEMO, "ada", open_at_once=True)  # type: ignore[arg-type]
    assert [version.status for version in catalogue.all] == [Status.OPEN]
    assert published == [[1], [1]]
    assert "opened" in capsys.readouterr().out.splitlines()[0]


def test_creating_it_open_opens_a_draft_and_leaves_a_closed_one_closed(
    catalogue: CatalogueInMemory, published: list[list[int]]
) -> None:
    run(catalogue, published, "create")
    for _ in range(2):
        command.create(catalogue, lambda _versions: None, DEMO, "ada", open_at_once=True)  # type: ignore[arg-type]
    assert [version.status for version in catalogue.all] == [Status.DRAFT, Status.OPEN]
    election = catalogue.all[-1].election
    catalogue.all.append(Version(election, 3, Status.CLOSED, datetime.now(UTC), "ada"))
    command.create(catalogue, lambda _versions: None, DEMO, "ada", open_at_once=True)  # type: ignore[arg-type]
    assert len(catalogue.all) == 3
