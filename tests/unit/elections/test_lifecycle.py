"""What organisers may do, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from elections import lifecycle
from elections.election import Candidate, Election, Status, Version

OPENS = datetime(2025, 5, 1, 6, tzinfo=UTC)
CLOSES = datetime(2025, 5, 1, 18, tzinfo=UTC)
DURING = datetime(2025, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOTICE = timedelta(seconds=10)
ELECTION = Election("council-2025", "City council 2025", OPENS, CLOSES, (Candidate("alice", "Alice"), Candidate("bob", "Bob")))


def history(*statuses: Status, election: Election = ELECTION) -> list[Version]:
    return [Version(election, number, status, OPENS, "ada") for number, status in enumerate(statuses, start=1)]


def test_a_new_election_begins_as_a_draft() -> None:
    assert lifecycle.create([], ELECTION) == lifecycle.Step(ELECTION, Status.DRAFT)


@pytest.mark.parametrize("statuses", [(Status.DRAFT,), (Status.DRAFT, Status.OPEN)])
def test_the_same_content_again_is_nothing_new(statuses: tuple[Status, ...]) -> None:
    assert lifecycle.create(history(*statuses), ELECTION) is None


def test_the_same_content_is_nothing_new_after_an_early_close_either() -> None:
    versions = history(Status.DRAFT, Status.OPEN)
    versions.append(Version(replace(ELECTION, closes_at=DURING), 3, Status.CLOSED, DURING, "ada"))
    assert lifecycle.create(versions, ELECTION) is None


def test_other_content_under_a_taken_id_is_refused_and_says_what_differs() -> None:
    other = replace(ELECTION, title="Another", results_batch=5)
    with pytest.raises(lifecycle.RefusedStep, match="title, results_batch would differ"):
        lifecycle.create(history(Status.DRAFT), other)


def test_a_sound_draft_opens_and_an_open_election_stays_so() -> None:
    assert lifecycle.open_(history(Status.DRAFT), DURING) == lifecycle.Step(ELECTION, Status.OPEN)
    assert lifecycle.open_(history(Status.DRAFT, Status.OPEN), DURING) is None


@pytest.mark.parametrize("status", [Status.CLOSED, Status.SEALED, Status.PUBLISHED])
def test_what_was_closed_does_not_open_again(status: Status) -> None:
    with pytest.raises(lifecycle.RefusedStep, match=f"is {status}: only a draft"):
        lifecycle.open_(history(Status.DRAFT, Status.OPEN, status), DURING)


@pytest.mark.parametrize(
    ("election", "now", "why"),
    [
        (replace(ELECTION, candidates=ELECTION.candidates[:1]), DURING, "at least 2 candidates and has 1"),
        (replace(ELECTION, candidates=()), DURING, "at least 2 candidates and has 0"),
        (replace(ELECTION, opens_at=CLOSES), DURING, "open after it closes"),
        (ELECTION, CLOSES, "is past"),
    ],
)
def test_a_draft_that_is_not_fit_for_voters_says_why(election: Election, now: datetime, why: str) -> None:
    with pytest.raises(lifecycle.RefusedStep, match=why):
        lifecycle.open_(history(Status.DRAFT, election=election), now)


def test_an_early_close_is_announced_first_and_closed_when_it_is_due() -> None:
    versions = history(Status.DRAFT, Status.OPEN)
    announced = lifecycle.close(versions, DURING, NOTICE)
    assert announced is not None
    assert announced.status is Status.OPEN
    due = announced.election.closes_at
    assert due == (DURING + NOTICE).replace(microsecond=123000)
    versions.append(Version(announced.election, 3, announced.status, DURING, "ada"))
    assert lifecycle.close(versions, DURING + timedelta(seconds=5), NOTICE) is None, "announced already"
    assert lifecycle.close(versions, due, NOTICE) == lifecycle.Step(announced.election, Status.CLOSED)


def test_an_election_whose_time_is_over_closes_at_once() -> None:
    assert lifecycle.close(history(Status.DRAFT, Status.OPEN), CLOSES, NOTICE) == lifecycle.Step(ELECTION, Status.CLOSED)


def test_an_election_that_has_not_begun_closes_at_once() -> None:
    early = OPENS - timedelta(hours=1)
    assert lifecycle.close(history(Status.DRAFT, Status.OPEN), early, NOTICE) == lifecycle.Step(ELECTION, Status.CLOSED)


def test_an_election_about_to_begin_or_end_is_never_left_with_an_impossible_time() -> None:
    for now in (OPENS - NOTICE, OPENS, CLOSES - NOTICE, CLOSES - timedelta(milliseconds=1)):
        step = lifecycle.close(history(Status.DRAFT, Status.OPEN), now, NOTICE)
        if step is not None:
            assert OPENS < step.election.closes_at <= CLOSES


def test_a_draft_cannot_be_closed_and_a_closed_election_stays_so() -> None:
    with pytest.raises(lifecycle.RefusedStep, match="never open"):
        lifecycle.close(history(Status.DRAFT), DURING, NOTICE)
    for status in (Status.CLOSED, Status.SEALED, Status.PUBLISHED):
        assert lifecycle.close(history(Status.DRAFT, Status.OPEN, status), DURING, NOTICE) is None


def test_each_step_has_its_name_in_the_audit_log() -> None:
    created, opened, announced, closed = history(Status.DRAFT, Status.OPEN, Status.OPEN, Status.CLOSED)
    assert lifecycle.action_of(created, None) == "election.created"
    assert lifecycle.action_of(opened, created) == "election.opened"
    assert lifecycle.action_of(announced, opened) == "election.close_announced"
    assert lifecycle.action_of(closed, announced) == "election.closed"
