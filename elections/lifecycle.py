"""What an organiser may do with an election, as functions of its versions and the time alone.

A step answers with the content and status of the next version, or ``None`` where what was asked for is so already.

What was written is seen by voters once it is published, which may fail, and be made up for by another run much later. For a close
it matters how much later: see ``next_seen``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from elections.election import Election, Status, Version

FEWEST_CANDIDATES = 2
# What the publication of an announced close may take at first: usually it takes less than one. Whoever finds that it took longer
# announces the close anew, with twice the time.
PUBLICATION_TIME = timedelta(seconds=5)


class RefusedStep(Exception):
    """The election is not in a state that allows this step; the message says why. Nothing was changed."""


@dataclass(frozen=True)
class Step:
    """The next version to write."""

    election: Election
    status: Status


def create(versions: Sequence[Version], election: Election, open_at_once: datetime | None = None) -> Step | None:
    """The first version of an election, as a draft. Raises ``RefusedStep`` if the id is taken by another content.

    With a time in ``open_at_once`` (the present) it is open from its first version on; one that is a draft already is opened.
    """
    if not versions:
        if open_at_once is None:
            return Step(election, Status.DRAFT)
        _require_fit_to_open(election, open_at_once)
        return Step(election, Status.OPEN)
    if versions[0].election != election:
        raise RefusedStep(
            f"election {election.election_id} exists with other content, and a version never changes:"
            f" {', '.join(_differences(versions[0].election, election))} would differ; choose another id"
        )
    if open_at_once is not None and versions[-1].status is Status.DRAFT:
        return open_(versions, open_at_once)
    return None


def open_(versions: Sequence[Version], now: datetime) -> Step | None:
    """Open a draft. Raises ``RefusedStep`` unless the draft is fit for voters."""
    current = versions[-1]
    if current.status is Status.OPEN:
        return None
    if current.status is not Status.DRAFT:
        raise RefusedStep(f"election {current.election.election_id} is {current.status}: only a draft can be opened")
    _require_fit_to_open(current.election, now)
    return Step(current.election, Status.OPEN)


def seen(versions: Sequence[Version]) -> Version | None:
    """The version that votes are checked against, which is the newest published one; ``None`` if there is none."""
    return next((version for version in reversed(versions) if version.published_at is not None), None)


def next_seen(versions: Sequence[Version], now: datetime, notice: timedelta) -> Version:
    """The version to be seen as soon as the log has all of them: the newest, unless it would come too late.

    A version that refuses votes which the one seen so far takes has to be seen for the time of ``notice`` before the first such
    vote: until then an ingress may still hold the former one, and go on by it. If it cannot be, nothing that it says holds.
    """
    newest, former = versions[-1], seen(versions)
    if former is None or former.status is not Status.OPEN:
        return newest
    opens_at, closes_at = former.election.opens_at, former.election.closes_at
    if newest.status is Status.OPEN:
        in_time = newest.election.closes_at >= closes_at or now + notice <= newest.election.closes_at
    else:
        in_time = now >= closes_at or now + notice <= opens_at
    return newest if in_time else former


def close(versions: Sequence[Version], now: datetime, notice: timedelta, publication: timedelta) -> Step | None:
    """Close an election, at once if its time is over or has not begun, else with notice.

    An early close takes two versions. The first announces it: the election stays open, ``closes_at`` is after the time that its
    publication may take and the notice. Votes name the version that they were checked against, so no ingress may still hold the
    former one when the close takes effect. The second, due when ``closes_at`` has passed, says closed. A run that dies in between
    is finished by the next one. What cannot be seen in time any more is written anew, from what is seen, so that the close is
    never later than voters were told.
    """
    current = next_seen(versions, now, notice)
    election = current.election
    if current.status is Status.DRAFT:
        raise RefusedStep(f"election {election.election_id} is a draft: it was never open")
    if current.status is not Status.OPEN:
        return None
    earliest = now + publication + notice
    if now >= election.closes_at or earliest < election.opens_at:
        return Step(election, Status.CLOSED)
    announced = _whole_milliseconds(max(earliest, election.opens_at + timedelta(milliseconds=1)))
    if announced >= election.closes_at and current is versions[-1]:
        return None
    return Step(replace(election, closes_at=min(announced, election.closes_at)), Status.OPEN)


def seal(versions: Sequence[Version], reasons: Sequence[str]) -> Step | None:
    """Make the totals of a closed election final. ``reasons`` are those against it (``elections.seal``)."""
    current = versions[-1]
    election_id = current.election.election_id
    if current.status in {Status.SEALED, Status.PUBLISHED}:
        return None
    if current.status is not Status.CLOSED or current.published_at is None:
        raise RefusedStep(f"election {election_id} is {current.status}: only one whose close voters have seen can be sealed")
    if reasons:
        raise RefusedStep(f"election {election_id} cannot be sealed: {'; '.join(reasons)}")
    return Step(current.election, Status.SEALED)


def publish(versions: Sequence[Version]) -> Step | None:
    """Show everybody the results of a sealed election."""
    current = versions[-1]
    if current.status is Status.PUBLISHED:
        return None
    if current.status is not Status.SEALED:
        raise RefusedStep(f"election {current.election.election_id} is {current.status}: only a sealed one can be published")
    return Step(current.election, Status.PUBLISHED)


def _require_fit_to_open(election: Election, now: datetime) -> None:
    problems = problems_before_opening(election, now)
    if problems:
        raise RefusedStep(f"election {election.election_id} cannot be opened: {'; '.join(problems)}")


def problems_before_opening(election: Election, now: datetime) -> list[str]:
    """Everything that keeps an election from being opened."""
    problems = []
    if len(election.candidates) < FEWEST_CANDIDATES:
        problems.append(f"it needs at least {FEWEST_CANDIDATES} candidates and has {len(election.candidates)}")
    if election.opens_at >= election.closes_at:
        problems.append("it would open after it closes")
    if election.closes_at <= now:
        problems.append(f"its close, {election.closes_at:%Y-%m-%dT%H:%M:%SZ}, is past")
    return problems


def action_of(version: Version, former: Version | None) -> str:
    """What the audit log calls the step from one version to the next."""
    if former is None:
        return "election.created" if version.status is Status.DRAFT else "election.created_open"
    if version.status is Status.OPEN and former.status is not Status.DRAFT:
        return "election.close_announced"
    return {Status.OPEN: "election.opened", Status.CLOSED: "election.closed"}.get(version.status, f"election.{version.status}")


def _differences(one: Election, other: Election) -> list[str]:
    return [name for name in Election.__dataclass_fields__ if getattr(one, name) != getattr(other, name)]


def _whole_milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
