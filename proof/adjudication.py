"""What somebody rules about dead letters, each of which has to be looked at before its election is sealed."""

import re
from collections.abc import Iterable
from typing import Any

import psycopg

from proof.audit import CouldNotCheck
from proof.records import Position
from proof.settings import Settings

RULINGS = {"no-vote": "no_vote", "sent-again": "sent_again"}
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")


class InvalidPlace(ValueError):
    """Not a place in votes-in. Write it as partition:offset."""


def place(text: str) -> Position:
    """``partition:offset``. Raises ``InvalidPlace``."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise InvalidPlace(f"{text!r} is not partition:offset, such as 2:4711")
    return Position(int(found[1]), int(found[2]))


def pending(settings: Settings) -> list[tuple[Position, str]]:
    """Dead letters that nobody has ruled about, with their elections, as the last recount found them."""
    query = (
        "SELECT source_partition, source_offset, election_id FROM dead_letters"
        " WHERE NOT EXISTS (SELECT FROM adjudications AS known WHERE (known.source_partition, known.source_offset)"
        " = (dead_letters.source_partition, dead_letters.source_offset)) ORDER BY 1, 2"
    )
    return [(Position(partition, offset), election_id) for partition, offset, election_id in _execute(settings, query, {})]


def rule(settings: Settings, places: Iterable[Position], ruling: str, reason: str, actor: str) -> int:
    """Record a ruling about dead letters; how many of them are dead letters without one. The first ruling stays."""
    wanted = list(places)
    query = (
        "INSERT INTO adjudications (source_partition, source_offset, ruling, reason, ruled_by)"
        " SELECT source_partition, source_offset, %(ruling)s, %(reason)s, %(actor)s FROM dead_letters"
        " JOIN unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS wanted (source_partition, source_offset)"
        " USING (source_partition, source_offset) ON CONFLICT DO NOTHING RETURNING source_partition"
    )
    parameters = {
        "ruling": RULINGS[ruling],
        "reason": reason,
        "actor": actor,
        "partitions": [each.partition for each in wanted],
        "offsets": [each.offset for each in wanted],
    }
    return len(_execute(settings, query, parameters))


def _execute(settings: Settings, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        with psycopg.connect(settings.database_url) as database:
            return database.execute(query.encode(), parameters).fetchall()
    except psycopg.Error as error:
        raise CouldNotCheck(f"the database does not do it: {error}") from error
