"""Which topics to read first, so that a record and its verdict are read at about the same time.

Read one topic after the other, each record without its verdict would be a gap in the runs of offsets, by the million. Read at one
pace, the gaps stay as few as there are records between a vote and its verdict.
"""

from collections.abc import Mapping

# Far more than what the client has fetched in advance of a partition, so that it is hardly ever thrown away.
WINDOW = 500_000

Place = tuple[str, int]  # topic, partition


def ahead(reached: Mapping[Place, int], caught_up: frozenset[Place], window: int = WINDOW) -> set[Place]:
    """The partitions that should wait for others.

    ``reached`` is, for each partition of each topic, the offset in the same partition of votes-in that its last record was about:
    verdicts keep the key, and thereby the partition, of their vote. Who has read everything there is holds nobody up, and
    whoever is furthest behind never waits.
    """
    furthest_behind: dict[int, int] = {}
    for place, offset in reached.items():
        if place not in caught_up:
            furthest_behind[place[1]] = min(offset, furthest_behind.get(place[1], offset))
    return {
        place
        for place, offset in reached.items()
        if place not in caught_up and offset > furthest_behind.get(place[1], offset) + window
    }
