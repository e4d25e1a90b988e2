"""Whether dedup may start from a state, so that no vote is counted twice.

Its outputs are transactions: what they hold of votes-in is settled. A state that is behind them would judge the same records
again, without knowing who has voted since; no state at all would know nobody. The job itself refuses to read what its outputs
cover (jobs/functions, CoveredOffsets); what that is, and what can be seen before it is submitted, is found out here.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from jobs.positions import Offsets, Positions
from schemas.registry import Registry

SOURCE = "votes-in"
GROUP = "dedup"
OUTPUTS = ("votes-unique", "votes-accepted", "votes-rejected", "votes-dlq")
# The transactions of one checkpoint lie beside each other at the end of a partition. One record of the newest is enough.
TAIL_RECORDS = 1_000


class StartRefused(Exception):
    """Starting dedup so would count votes twice, or leave some out. The message says what would, and what to do instead."""


class Places(Protocol):
    """The part of ``jobs.positions.Positions`` that is needed."""

    def starts(self, topic: str) -> Offsets: ...

    def ends(self, topic: str) -> Offsets: ...

    def noted(self, group: str, topic: str) -> Offsets: ...

    def note(self, group: str, topic: str, offsets: Offsets) -> None: ...


def require_start(places: Places, state: Path | None) -> None:
    """Raise ``StartRefused`` unless dedup may start from a state, or from the start of the log if there is none.

    A job without state begins where its group stands, which this sets: a source that has lost its place must not begin somewhere.
    """
    starts = places.starts(SOURCE)
    if state is not None:
        behind = [
            f"{SOURCE}-{p} at {o}, the log begins at {starts[p]}" for p, o in places.noted(GROUP, SOURCE).items() if o < starts[p]
        ]
        if behind:
            raise StartRefused(f"the log has lost records that dedup has not read: {'; '.join(behind)}. Restore the topic first")
        return
    written = [topic for topic in OUTPUTS if any(places.ends(topic).values())]
    if written:
        raise StartRefused(
            f"there is no state to start from, but {', '.join(written)} hold what it had made of the log, and every vote would be"
            " counted again. Restore a savepoint or checkpoint below FLINK_STATE_DIR, or rebuild it: replay dedup"
        )
    begin(places, GROUP)


def begin(places: Places, group: str) -> None:
    """Place a group at the start of the log. Raises ``StartRefused`` if there is more of the log than there is left."""
    starts = places.starts(SOURCE)
    missing = [f"{SOURCE}-{partition} begins at {start}" for partition, start in starts.items() if start > 0]
    if missing:
        raise StartRefused(f"votes are missing at the start of the log: {'; '.join(missing)}. Restore the topic first")
    places.note(group, SOURCE, starts)


def covered(positions: Positions, registry: Registry, suffix: str = "") -> dict[int, int]:
    """The last offset of each partition of votes-in that the outputs cover, or those of a rebuild. Blocks.

    What the group has noted alone may be too little: of a job that was stopped the last note is lost now and then. Raises as
    ``positions_at_the_end``.
    """
    return last_covered(positions.noted(GROUP + suffix, SOURCE), positions_at_the_end(positions, registry, suffix))


def last_covered(noted: Offsets, outputs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The last covered offset of each partition of votes-in, of what the group has noted and the positions found in outputs."""
    last = {partition: offset - 1 for partition, offset in noted.items() if offset > 0}
    for partition, offset in outputs:
        last[partition] = max(offset, last.get(partition, -1))
    return last


def positions_at_the_end(positions: Positions, registry: Registry, suffix: str = "") -> Iterator[tuple[int, int]]:
    """Partition and offset in votes-in of the last records of the outputs. Blocks. Raises ``KafkaUnavailable``."""
    tails = {
        topic + suffix: {partition: max(0, end - TAIL_RECORDS) for partition, end in positions.ends(topic + suffix).items()}
        for topic in OUTPUTS
    }
    for message in positions.messages(tails):
        if message.topic() == "votes-dlq" + suffix:
            headers = dict(message.headers() or [])
            yield int(headers["partition"] or b""), int(headers["offset"] or b"")
        else:
            value = message.value() or b""
            datum = registry.decode(value)
            yield datum["source_partition"], datum["source_offset"]
