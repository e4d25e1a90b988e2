"""Letting go of what dedup remembers of elections that are over, by starting it anew behind their last vote.

What is remembered of a voter is there to tell a second vote. Once an election is closed every further vote is invalid, whoever
has voted, so nothing of it is needed any more. State cannot be let go of by age: a voter who came back after it would vote twice.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from jobs import guard, submission
from jobs.operations import Operations, say
from jobs.positions import Positions, text
from schemas.registry import Registry

# A broker's clock, which decides, and this machine's may differ by so much.
CLOCKS_DIFFER = dt.timedelta(seconds=5)


def retire(operations: Operations, positions: Positions, registry: Registry, now: dt.datetime) -> bool:
    """Start dedup with an empty memory if no election that it may know votes of is open. Whether it was done; why not is said."""
    versions = list(_versions(positions, registry))
    reasons = list(still_open(versions, now)) or list(_unread(positions, last_close(versions)))
    if reasons:
        say("dedup", f"FAILED: {'; '.join(reasons)}")
        return False
    if not operations.stop(["dedup"]):
        return False
    last = guard.covered(positions, registry)
    places = {**positions.starts(guard.SOURCE), **{partition: offset + 1 for partition, offset in last.items()}}
    positions.note(guard.GROUP, guard.SOURCE, places)
    say("dedup", "starts with an empty memory; the savepoint is what it remembered of elections that are over")
    with submission.code() as code:
        return operations.start("dedup", code, None, {"DEDUP_COVERED_OFFSETS": text(last)})


def still_open(versions: Iterable[dict[str, Any]], now: dt.datetime) -> Iterator[str]:
    """Elections of which a version takes votes now or later, in words. A vote is judged by whichever version it names."""
    latest: dict[str, dt.datetime] = {}
    for version in versions:
        if version["status"] == "open" and version["opens_at"] <= now + CLOCKS_DIFFER:
            election_id = version["election_id"]
            latest[election_id] = max(version["closes_at"], latest.get(election_id, version["closes_at"]))
    for election_id, closes_at in sorted(latest.items()):
        if closes_at + CLOCKS_DIFFER > now:
            yield f"election {election_id} takes votes until {closes_at:%Y-%m-%d %H:%M:%S}Z"


def last_close(versions: Iterable[dict[str, Any]]) -> dt.datetime | None:
    """When the last of the elections that took votes has closed."""
    return max((version["closes_at"] for version in versions if version["status"] == "open"), default=None)


def _unread(positions: Positions, closed_at: dt.datetime | None) -> Iterator[str]:
    """Votes of before the close that dedup has yet to judge: they need its memory."""
    if closed_at is None:
        return
    noted = positions.noted(guard.GROUP, guard.SOURCE)
    for partition, first in positions.first_after(guard.SOURCE, closed_at).items():
        reached = noted.get(partition, 0)
        if reached < first:
            yield f"votes of before the close are not judged yet: {guard.SOURCE}-{partition} from {reached} to {first}"


def _versions(positions: Positions, registry: Registry) -> Iterator[dict[str, Any]]:
    for message in positions.messages({"elections": positions.starts("elections")}):
        yield registry.decode(message.value() or b"")
