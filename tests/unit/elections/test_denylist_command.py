"""The operators' commands deny, allow and denied: what they change, say and publish."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from elections import __main__ as command
from elections import denial
from elections.denial import Change, Denial, Entry, Kind, Target
from elections.publication import AuditEvent, NotPublished

VOTER = Target(Kind.SUBJECT, "voter-1")
CLIENT = Target(Kind.CLIENT, "voter-app")
FOR_GOOD = Denial("case 7", None)


class DenylistInMemory:
    """Keeps entries and changes, as the real one keeps them in PostgreSQL."""

    def __init__(self) -> None:
        self.all: dict[Target, Entry] = {}
        self.done: list[Change] = []

    @contextmanager
    def changing(self, which: Target) -> Iterator[None]:  # noqa: ARG002
        yield

    def find(self, which: Target) -> Entry | None:
        return self.all.get(which)

    def entries(self) -> list[Entry]:
        return list(self.all.values())

    def put(self, which: Target, wanted: Denial, actor: str) -> None:
        now = datetime.now(UTC)
        self.all[which] = Entry(which, wanted, now, actor)
        self.done.append(Change(which, wanted, uuid4(), now, actor))

    def remove(self, which: Target, actor: str) -> None:
        del self.all[which]
        self.done.append(Change(which, None, uuid4(), datetime.now(UTC), actor))

    def changes(self, which: Target) -> list[Change]:
        return [change for change in self.done if change.target == which]


class AuditLog:
    """Keeps what was published; ``away`` refuses everything."""

    def __init__(self) -> None:
        self.runs: list[list[AuditEvent]] = []
        self.away = False

    def publish(self, events: Sequence[AuditEvent]) -> None:
        if self.away:
            raise NotPublished("Local: Message timed out")
        self.runs.append(list(events))

    def actions(self) -> list[list[str]]:
        return [[event["action"] for event in run] for run in self.runs]


@pytest.fixture
def denylist() -> Any:
    return DenylistInMemory()


@pytest.fixture
def log() -> AuditLog:
    return AuditLog()


def test_denying_and_allowing_publishes_every_change_of_the_entry_each_time(
    denylist: Any, log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        command.deny(denylist, log.publish, VOTER, FOR_GOOD, "ada")
    for _ in range(2):
        command.allow(denylist, log.publish, VOTER, "ben")
    assert log.actions() == [["subject.denied"]] * 2 + [["subject.denied", "subject.allowed"]] * 2
    assert log.runs[0] == log.runs[1]
    assert log.runs[2] == log.runs[3]
    assert [event["actor"] for event in log.runs[3]] == ["ada", "ben"]
    assert denylist.all == {}
    assert capsys.readouterr().out.splitlines() == [
        "subject voter-1: denied without an end; every ingress refuses it within 2 s",
        "subject voter-1: has this entry already, without an end",
        "subject voter-1: allowed again, in every ingress within 2 s (before: denied without an end, case 7)",
        "subject voter-1: is not on the denylist",
    ]


def test_a_denial_is_in_force_before_it_is_published_and_the_next_run_makes_up_for_it(
    denylist: Any, log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log.away = True
    with pytest.raises(NotPublished) as failed:
        command.deny(denylist, log.publish, VOTER, FOR_GOOD, "ada")
    assert "denied without an end" in capsys.readouterr().out
    told = command._told(failed.value, "deny")
    assert "Run the same command again" in told
    assert "voter" not in told
    assert VOTER in denylist.all
    log.away = False
    command.deny(denylist, log.publish, VOTER, FOR_GOOD, "ada")
    assert log.actions() == [["subject.denied"]]


def test_an_end_to_a_denial_that_was_not_published_is_published_by_the_next_run(denylist: Any, log: AuditLog) -> None:
    command.deny(denylist, log.publish, VOTER, FOR_GOOD, "ada")
    log.away = True
    with pytest.raises(NotPublished):
        command.allow(denylist, log.publish, VOTER, "ada")
    log.away = False
    command.allow(denylist, log.publish, VOTER, "ada")
    assert log.actions()[-1] == ["subject.denied", "subject.allowed"]


def test_another_reason_replaces_the_entry_and_tells_what_was_there(
    denylist: Any, log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    command.deny(denylist, log.publish, VOTER, FOR_GOOD, "ada")
    soon = datetime.now(UTC) + timedelta(hours=1)
    command.deny(denylist, log.publish, VOTER, Denial("case 8", soon), "ben")
    assert denylist.all[VOTER].denial == Denial("case 8", soon)
    said = capsys.readouterr().out.splitlines()[-1]
    assert f"denied until {soon:%Y-%m-%dT%H:%M:%SZ}" in said
    assert "(before: denied without an end, case 7)" in said


def test_what_was_never_denied_is_no_event(denylist: Any, log: AuditLog) -> None:
    command.allow(denylist, log.publish, VOTER, "ada")
    assert log.runs == []


def test_a_refused_denial_changes_and_publishes_nothing(denylist: Any, log: AuditLog) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(denial.InvalidDenial, match="is past"):
        command.deny(denylist, log.publish, VOTER, Denial("case 7", past), "ada")
    assert (denylist.all, log.runs) == ({}, [])


def test_denying_a_client_says_what_that_means_and_how_to_end_it(
    denylist: Any, log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    command.deny(denylist, log.publish, CLIENT, FOR_GOOD, "ada")
    said = capsys.readouterr().out
    assert "stops every vote through this client" in said
    assert "python -m elections allow client voter-app" in said


def test_the_list_tells_what_is_in_force_and_what_has_expired(
    denylist: Any, log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    command.denied(denylist)
    assert capsys.readouterr().out == "nothing is denied\n"
    command.deny(denylist, log.publish, CLIENT, FOR_GOOD, "ada")
    denylist.put(VOTER, Denial("case 9", datetime(2025, 5, 1, 12, tzinfo=UTC)), "ben")
    capsys.readouterr()
    command.denied(denylist)
    in_force, expired = capsys.readouterr().out.splitlines()
    assert in_force.startswith("client voter-app  without an end, since ")
    assert in_force.endswith(" by ada: case 7")
    assert expired.startswith("subject voter-1   expired at 2025-05-01T12:00:00Z, since ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["deny", "voter", "x", "--reason", "case 7"], "invalid choice: 'voter'"),
        (["deny", "subject", "x"], "required: --reason"),
        (["allow", "subject"], "required: VALUE"),
    ],
)
def test_a_command_that_is_not_complete_says_what_is_missing(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert why in capsys.readouterr().err
