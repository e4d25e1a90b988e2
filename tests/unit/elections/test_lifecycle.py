"""What organisers may do, and when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from elections import lifecycle
from elections.election import Candidate, Election, Status, Version

OPENS = datetime(2025, 5, 1, 6, tzinfo=UTC)
CLOSES = datetime(2025, 5, 1, 18, tzinfo=UTC)
DURING = datetime(2025, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOTICE = timedelta(seconds=10)
PUBLICATION = timedelta(seconds=5)
ELECTION = Election("council-2025", "City council 2025", OPENS, CLOSES, (Candidate("alice", "Alice"), Candidate("bob", "Bob")))


def history(*statuses: Status, election: Election = ELECTION) -> list[Version]:
    """Versions that are all published."""
    return [Version(election, number, status, OPENS, "ada", OPENS) for number, status in enumerate(statuses, start=1)]


def unpublished(versions: Sequence[Version], step: lifecycle.Step | None) -> list[Version]:
    """The versions and the one that the step leads to, which is not published."""
    assert step is not None
    return [*versions, Version(step.election, len(versions) + 1, step.status, DURING, "ada")]


def close(versions: Sequence[Version], now: datetime) -> lifecycle.Step | None:
    return lifecycle.close(versions, now, NOTICE, PUBLICATION)


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
    announced = close(versions, DURING)
    assert announced is not None
    assert announced.status is Status.OPEN
    due = announced.election.closes_at
    assert due == (DURING + PUBLICATION + NOTICE).replace(microsecond=123000)
    versions.append(Version(announced.election, 3, announced.status, DURING, "ada", DURING))
    assert close(versions, DURING + timedelta(seconds=14)) is None, "announced already"
    assert close(versions, due) == lifecycle.Step(announced.election, Status.CLOSED)


def test_an_election_whose_time_is_over_closes_at_once() -> None:
    assert close(history(Status.DRAFT, Status.OPEN), CLOSES) == lifecycle.Step(ELECTION, Status.CLOSED)


def test_an_election_that_has_not_begun_closes_at_once() -> None:
    assert close(history(Status.DRAFT, Status.OPEN), OPENS - timedelta(hours=1)) == lifecycle.Step(ELECTION, Status.CLOSED)


def test_an_election_about_to_begin_or_end_is_never_left_with_an_impossible_time() -> None:
    for now in (OPENS - NOTICE - PUBLICATION, OPENS - NOTICE, OPENS, CLOSES - NOTICE, CLOSES - timedelta(milliseconds=1)):
        step = close(history(Status.DRAFT, Status.OPEN), now)
        if step is not None:
            assert OPENS < step.election.closes_at <= CLOSES


def test_a_draft_cannot_be_closed_and_a_closed_election_stays_so() -> None:
    with pytest.raises(lifecycle.RefusedStep, match="never open"):
        close(history(Status.DRAFT), DURING)
    for status in (Status.CLOSED, Status.SEALED, Status.PUBLISHED):
        assert close(history(Status.DRAFT, Status.OPEN, status), DURING) is None


def test_what_is_seen_is_the_newest_published_version() -> None:
    versions = history(Status.DRAFT, Status.OPEN)
    assert lifecycle.seen([]) is None
    assert lifecycle.seen(unpublished([], lifecycle.create([], ELECTION))) is None
    assert lifecycle.seen(versions) is versions[1]
    assert lifecycle.seen(unpublished(versions, close(versions, DURING))) is versions[1]


def test_a_version_that_refuses_no_vote_may_be_seen_at_any_time() -> None:
    draft = unpublished([], lifecycle.create([], ELECTION))
    opened = unpublished(history(Status.DRAFT), lifecycle.open_(history(Status.DRAFT), DURING))
    both = unpublished(draft, lifecycle.open_(draft, DURING))
    closed = unpublished(history(Status.OPEN), close(history(Status.OPEN), CLOSES))
    for versions in (draft, opened, both, closed):
        assert lifecycle.next_seen(versions, CLOSES + timedelta(days=1), NOTICE) is versions[-1]


def test_an_announced_close_is_seen_for_the_whole_notice_or_not_at_all() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    announced = unpublished(open_, close(open_, DURING))
    last = announced[-1].election.closes_at - NOTICE
    assert lifecycle.next_seen(announced, last, NOTICE) is announced[-1]
    for late in (last + timedelta(microseconds=1), announced[-1].election.closes_at, CLOSES):
        assert lifecycle.next_seen(announced, late, NOTICE) is open_[-1]


def test_a_close_before_the_begin_is_seen_for_the_whole_notice_or_not_at_all() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    closed = unpublished(open_, close(open_, OPENS - timedelta(minutes=1)))
    assert closed[-1].status is Status.CLOSED
    assert lifecycle.next_seen(closed, OPENS - NOTICE, NOTICE) is closed[-1]
    for late in (OPENS - NOTICE + timedelta(microseconds=1), DURING):
        assert lifecycle.next_seen(closed, late, NOTICE) is open_[-1]
    assert lifecycle.next_seen(closed, CLOSES, NOTICE) is closed[-1]


def test_once_published_a_version_stays_the_one_that_is_seen() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    announced = unpublished(open_, close(open_, DURING))
    published = [*open_, replace(announced[-1], published_at=DURING)]
    assert lifecycle.next_seen(published, CLOSES, NOTICE) is published[-1]


def test_a_close_that_can_be_seen_in_time_is_not_announced_twice() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    announced = unpublished(open_, close(open_, DURING))
    assert close(announced, DURING + timedelta(seconds=4)) is None


@pytest.mark.parametrize("delay", [timedelta(seconds=6), timedelta(hours=1)])
def test_a_close_that_cannot_be_seen_in_time_any_more_is_announced_anew(delay: timedelta) -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    again = close(unpublished(open_, close(open_, DURING)), DURING + delay)
    assert again is not None
    assert again.status is Status.OPEN
    assert again.election.closes_at == (DURING + delay + PUBLICATION + NOTICE).replace(microsecond=123000)


def test_a_close_before_the_begin_that_cannot_be_seen_in_time_any_more_is_announced() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    again = close(unpublished(open_, close(open_, OPENS - timedelta(minutes=1))), DURING)
    assert again == close(open_, DURING)


def test_a_close_is_never_later_than_voters_were_told() -> None:
    open_ = history(Status.DRAFT, Status.OPEN)
    announced = unpublished(open_, close(open_, CLOSES - timedelta(seconds=16)))
    kept = close(announced, CLOSES - timedelta(seconds=9))
    assert kept == lifecycle.Step(ELECTION, Status.OPEN), "too late to announce anything, so that the own close stays"
    assert close(unpublished(announced, kept), CLOSES - timedelta(seconds=5)) is None
    assert close(announced, CLOSES) == lifecycle.Step(ELECTION, Status.CLOSED), "and not at the time that nobody has seen"


def test_each_step_has_its_name_in_the_audit_log() -> None:
    created, opened, announced, closed = history(Status.DRAFT, Status.OPEN, Status.OPEN, Status.CLOSED)
    assert lifecycle.action_of(created, None) == "election.created"
    assert lifecycle.action_of(opened, created) == "election.opened"
    assert lifecycle.action_of(announced, opened) == "election.close_announced"
    assert lifecycle.action_of(closed, announced) == "election.closed"
    again = Version(ELECTION, 5, Status.OPEN, OPENS, "ada")
    assert lifecycle.action_of(again, announced) == lifecycle.action_of(again, closed) == "election.close_announced"


def test_only_a_closed_election_without_reasons_against_it_is_sealed() -> None:
    closed = history(Status.OPEN, Status.CLOSED)
    assert lifecycle.seal(closed, []) == lifecycle.Step(ELECTION, Status.SEALED)
    with pytest.raises(lifecycle.RefusedStep, match="cannot be sealed: one thing; another"):
        lifecycle.seal(closed, ["one thing", "another"])
    for versions in (
        history(Status.DRAFT),
        history(Status.OPEN),
        unpublished(history(Status.OPEN), close(history(Status.OPEN), CLOSES)),
    ):
        with pytest.raises(lifecycle.RefusedStep, match="only one whose close voters have seen"):
            lifecycle.seal(versions, [])


def test_a_sealed_election_stays_sealed_whatever_turns_up_later() -> None:
    for statuses in ((Status.OPEN, Status.CLOSED, Status.SEALED), (Status.CLOSED, Status.SEALED, Status.PUBLISHED)):
        assert lifecycle.seal(history(*statuses), ["too late"]) is None
        assert close(history(*statuses), CLOSES) is None


def test_only_a_sealed_election_is_published_and_once() -> None:
    sealed = history(Status.OPEN, Status.CLOSED, Status.SEALED)
    assert lifecycle.publish(sealed) == lifecycle.Step(ELECTION, Status.PUBLISHED)
    assert lifecycle.publish([*sealed, *history(Status.PUBLISHED)]) is None
    for status in (Status.DRAFT, Status.OPEN, Status.CLOSED):
        with pytest.raises(lifecycle.RefusedStep, match="only a sealed one"):
            lifecycle.publish(history(status))
