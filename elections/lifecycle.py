"""What an organiser may do with an election, as functions of its versions and the time alone.

A step answers with the content and status of the next version, or ``None`` where what was asked for is so already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from elections.election import Election, Status, Version

FEWEST_CANDIDATES = 2


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


def close(versions: Sequence[Version], now: datetime, notice: timedelta) -> Step | None:
    """Close an election, at once if its time is over or has not begun, else with notice.

    An early close takes two versions. The first announces it: the election stays open, ``closes_at`` is now + notice. Votes name
    the version that they were checked against, so no ingress may still hold the former one when the close takes effect. The
    second, due when ``closes_at`` has passed, says closed. A run that dies in between is finished by the next one.
    """
    current = versions[-1]
    election = current.election
    if current.status is Status.DRAFT:
        raise RefusedStep(f"election {election.election_id} is a draft: it was never open")
    if current.status is not Status.OPEN:
        return None
    if now >= election.closes_at or now + notice < election.opens_at:
        return Step(election, Status.CLOSED)
    earliest = _whole_milliseconds(max(now + notice, election.opens_at + timedelta(milliseconds=1)))
    if earliest >= election.closes_at:
        return None
    return Step(replace(election, closes_at=earliest), Status.OPEN)


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
    if version.status is former.status is Status.OPEN:
        return "election.close_announced"
    return {Status.OPEN: "election.opened", Status.CLOSED: "election.closed"}.get(version.status, f"election.{version.status}")


def _differences(one: Election, other: Election) -> list[str]:
    return [name for name in Election.__dataclass_fields__ if getattr(one, name) != getattr(other, name)]


def _whole_milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
