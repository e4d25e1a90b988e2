"""The organisers' command line: what it says, and how it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from elections import __main__ as command
from elections import election_file
from elections.catalogue import UnknownElection
from elections.election import Status, Version
from elections.publication import NotPublished
from elections.release import Release
from elections.settings import Settings, SettingsError
from tests.unit.elections.in_memory import CatalogueInMemory, Clock, LogInMemory

DEMO = Path(election_file.__file__).parent / "demo" / "election-2025-01.yaml"
ID = "election-2025-01"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NOTICE = timedelta(seconds=10)


@pytest.fixture
def catalogue() -> Any:
    return CatalogueInMemory()


@pytest.fixture
def log() -> LogInMemory:
    return LogInMemory()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(NEW_YEAR, monkeypatch)


def run(catalogue: Any, log: LogInMemory, what: str) -> None:
    release = Release(catalogue, log.publish, NOTICE)
    match what:
        case "create":
            command.create(catalogue, release, DEMO, "ada")
        case "create open":
            command.create(catalogue, release, DEMO, "ada", open_at_once=True)
        case "open":
            command.open_(catalogue, release, ID, "ada")
        case _:
            command.close(catalogue, release, ID, "ada")


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_life_from_creation_to_close_publishes_all_versions_each_time(
    catalogue: Any, log: LogInMemory, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for what in ("create", "create", "open", "open", "close", "close"):
        run(catalogue, log, what)
    assert [version.status for version in catalogue.all] == [Status.DRAFT, Status.OPEN, Status.OPEN, Status.CLOSED]
    assert catalogue.all[-1].election.closes_at == clock.now == datetime(2026, 1, 1, 0, 0, 15, tzinfo=UTC)
    assert log.runs == [[1], [1], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert catalogue.published() == [1, 2, 3, 4]
    assert said(capsys) == [
        f"election {ID}: created as a draft (version 1, draft)",
        f"election {ID}: exists with this content (version 1, draft)",
        f"election {ID}: opened (version 2, open)",
        f"election {ID}: is open already (version 2, open)",
        f"election {ID}: closes at 2026-01-01T00:00:15Z (version 3, open); waiting for that",
        f"election {ID}: closed (version 4, closed)",
        f"election {ID}: is closed already (version 4, closed)",
    ]


def test_an_unknown_election_is_refused(catalogue: Any, log: LogInMemory) -> None:
    with pytest.raises(UnknownElection, match=ID):
        run(catalogue, log, "open")
    assert log.runs == []


@pytest.mark.parametrize("what", ["create", "create open", "open", "close"])
def test_what_is_not_in_the_log_is_not_seen_until_another_run_has_published_it(
    catalogue: Any,
    log: LogInMemory,
    clock: Clock,  # noqa: ARG001 (it stands still)
    what: str,
) -> None:
    before = {"open": ["create"], "close": ["create", "open"]}.get(what, [])
    for step in before:
        run(catalogue, log, step)
    log.away = True
    with pytest.raises(NotPublished):
        run(catalogue, log, what)
    assert len(catalogue.all) == len(before) + 1
    assert catalogue.published() == list(range(1, len(before) + 1))
    log.away = False
    run(catalogue, log, what)
    assert catalogue.published() == [version.version for version in catalogue.all] == log.runs[-1]


@pytest.mark.parametrize("what", ["create", "open"])
def test_any_command_that_publishes_makes_up_for_a_run_that_died_after_the_log_had_it(
    catalogue: Any, log: LogInMemory, what: str
) -> None:
    run(catalogue, log, "create")
    catalogue.away = True
    with pytest.raises(ConnectionError):
        run(catalogue, log, "open")
    assert log.runs == [[1], [1, 2]]
    assert catalogue.published() == [1]
    catalogue.away = False
    run(catalogue, log, what)
    assert catalogue.published() == [1, 2]


def test_a_close_whose_publication_took_too_long_is_announced_anew_and_seen_for_the_whole_notice(
    catalogue: Any, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run(catalogue, LogInMemory(), "create open")
    run(catalogue, LogInMemory(clock, 6, 9), "close")
    assert [version.status for version in catalogue.all] == [Status.OPEN, Status.OPEN, Status.OPEN, Status.CLOSED]
    # The second announcement is made six seconds later, with ten of them for its publication.
    assert catalogue.all[-1].election.closes_at == datetime(2026, 1, 1, 0, 0, 26, tzinfo=UTC)
    assert catalogue.published() == [1, 2, 3, 4]
    late = "version 2 came too late, and no voter sees it; the command close announces the close anew"
    assert said(capsys)[1:] == [
        f"election {ID}: {late}",
        f"election {ID}: closes at 2026-01-01T00:00:26Z (version 3, open); waiting for that",
        f"election {ID}: closed (version 4, closed)",
    ]


@pytest.mark.parametrize("seconds", [0.0, 40.0])
def test_however_slow_the_log_is_an_election_closes_in_the_end(catalogue: Any, clock: Clock, seconds: float) -> None:
    run(catalogue, LogInMemory(), "create open")
    run(catalogue, LogInMemory(clock, *[seconds] * 100), "close")
    assert catalogue.all[-1].status is Status.CLOSED
    assert clock.now < NEW_YEAR + timedelta(minutes=6)


@pytest.mark.parametrize("what", ["create", "create open", "open"])
def test_a_close_that_was_announced_long_ago_and_never_seen_stays_unseen_until_close_is_run_again(
    catalogue: Any, log: LogInMemory, clock: Clock, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    run(catalogue, log, "create")
    run(catalogue, log, "open")
    log.away = True
    with pytest.raises(NotPublished):
        run(catalogue, log, "close")
    log.away = False
    clock.sleep(3600)
    capsys.readouterr()
    run(catalogue, log, what)
    assert catalogue.published() == [1, 2]
    late, done = said(capsys)
    assert late == f"election {ID}: version 3 came too late, and no voter sees it; the command close announces the close anew"
    assert done.endswith("(version 2, open)")
    run(catalogue, log, "close")
    assert [version.election.closes_at for version in catalogue.all[-2:]] == [datetime(2026, 1, 1, 1, 0, 15, tzinfo=UTC)] * 2
    assert catalogue.published() == [1, 2, 3, 4, 5]


def test_two_organisers_who_close_at_once_announce_one_close(catalogue: Any, clock: Clock) -> None:
    run(catalogue, LogInMemory(), "create open")
    other = LogInMemory()

    class SlowLog(LogInMemory):
        """While its first publication is under way, another organiser closes the same election."""

        def publish(self, versions: Any) -> None:
            if not self.runs:
                self.runs.append([])
                clock.sleep(2)
                run(catalogue, other, "close")
            super().publish(versions)

    run(catalogue, SlowLog(), "close")
    assert [version.status for version in catalogue.all] == [Status.OPEN, Status.OPEN, Status.CLOSED]
    assert other.runs == [[1, 2], [1, 2, 3]]
    assert catalogue.published() == [1, 2, 3]
    assert clock.now == datetime(2026, 1, 1, 0, 0, 15, tzinfo=UTC)


def test_a_version_that_another_organiser_adds_meanwhile_is_left_for_them_to_publish(catalogue: Any) -> None:
    run(catalogue, LogInMemory(), "create")
    other = LogInMemory()
    other.away = True

    class SlowLog(LogInMemory):
        """While it publishes, another organiser opens the election and does not reach the log."""

        def publish(self, versions: Any) -> None:
            with pytest.raises(NotPublished):
                run(catalogue, other, "open")
            super().publish(versions)

    run(catalogue, SlowLog(), "create")
    assert len(catalogue.all) == 2
    assert catalogue.published() == [1]


def test_what_is_committed_but_not_published_is_told_apart_from_what_voters_see_and_asks_to_be_run_again() -> None:
    told = command._told(NotPublished("3 records are not acknowledged yet"), "open")
    assert "no voter sees what is new: 3 records are not acknowledged yet" in told
    assert "Run the same command again" in told


def test_a_wrong_setting_ends_with_1_and_its_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ELECTIONS_CLOSE_NOTICE_SECONDS", "soon")
    assert command.main(["list"]) == 1
    assert "ELECTIONS_CLOSE_NOTICE_SECONDS is not a number" in capsys.readouterr().err


def test_showing_and_listing_change_nothing(catalogue: Any, log: LogInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    command.list_(catalogue)
    assert capsys.readouterr().out == "no elections\n"
    run(catalogue, log, "create")
    command.list_(catalogue)
    command.show(catalogue, ID)
    output = capsys.readouterr().out
    assert "2025-01-01T00:00:00Z to 2035-01-01T00:00:00Z  Demo election 2025" in output
    assert "candidate:      carol (Carol)" in output
    assert "not published" not in output
    assert len(catalogue.all) == 1


def test_organisers_are_shown_what_is_not_published_yet_and_told_so(
    catalogue: Any, log: LogInMemory, capsys: pytest.CaptureFixture[str]
) -> None:
    run(catalogue, log, "create")
    log.away = True
    with pytest.raises(NotPublished):
        run(catalogue, log, "open")
    capsys.readouterr()
    command.list_(catalogue)
    [line] = said(capsys)
    assert line.startswith(f"{ID}  open ")
    assert line.endswith("Demo election 2025 (not published yet)")
    command.show(catalogue, ID)
    lines = said(capsys)
    assert "status:         open (not published yet)" in lines
    first, second = lines[-2:]
    assert first.endswith("by ada")
    assert second.endswith("by ada (not published yet)")


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
    catalogue: Any, log: LogInMemory, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        run(catalogue, log, "create open")
    assert [version.status for version in catalogue.all] == [Status.OPEN]
    assert log.runs == [[1], [1]]
    assert "opened" in said(capsys)[0]


def test_creating_it_open_opens_a_draft_and_leaves_a_closed_one_closed(catalogue: Any, log: LogInMemory) -> None:
    run(catalogue, log, "create")
    for _ in range(2):
        run(catalogue, log, "create open")
    assert [version.status for version in catalogue.all] == [Status.DRAFT, Status.OPEN]
    election = catalogue.all[-1].election
    catalogue.all.append(Version(election, 3, Status.CLOSED, datetime.now(UTC), "ada"))
    run(catalogue, log, "create open")
    assert len(catalogue.all) == 3
