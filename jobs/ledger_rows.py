"""The rows of votes_ledger and vote_totals, and the statements that write a batch of them.

Writing rows again changes nothing: triggers keep the first row of a voter and let totals move forward only.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from jobs import statements
from jobs.postgres_writer import Connection

VOTES_LEDGER = statements.read("postgres/votes_ledger")
REFUSED_VOTES = statements.read("postgres/refused_votes")
VOTE_TOTALS = statements.read("postgres/vote_totals")
MINUTE_MS = 60_000


class Vote(NamedTuple):
    """A vote that counts; its time in milliseconds since the epoch, its place in votes-in."""

    election_id: str
    voter_sub: str
    candidate_id: str
    voted_at_ms: int
    vote_id: str
    source_partition: int
    source_offset: int


class Total(NamedTuple):
    """How many votes a candidate has; the time in milliseconds since the epoch."""

    election_id: str
    candidate_id: str
    votes: int
    updated_at_ms: int
    generation: int


class Position(NamedTuple):
    """A place in votes-in: all that may be said of a vote aloud."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


Row = TypeVar("Row", Vote, Total)


def write_votes(connection: Connection, votes: Sequence[Vote]) -> list[Position]:
    """Write votes, the earlier ones first; where those stand that were refused because their voter has another vote.

    A second vote of a voter is recorded in ledger_conflicts, be the first one in the table or in the same batch. The table is
    only looked at if a vote was not written, which a repeat isn't either.
    """
    written = 0
    for batch in each_once(votes, lambda vote: (vote.election_id, vote.voter_sub)):
        written += connection.execute(VOTES_LEDGER, _columns(batch)).rowcount
    if written == len(votes):
        return []
    return [Position(*row) for row in connection.execute(REFUSED_VOTES, _columns(votes))]


def write_totals(connection: Connection, totals: Iterable[Total]) -> None:
    """Write the totals that matter: the furthest of each candidate in each minute, for the history has one for every minute."""
    furthest: dict[Hashable, Total] = {}
    for total in totals:
        minute = (total.election_id, total.candidate_id, total.updated_at_ms // MINUTE_MS)
        if minute not in furthest or _place(total) > _place(furthest[minute]):
            furthest[minute] = total
    for batch in each_once(sorted(furthest.values(), key=_place), lambda total: (total.election_id, total.candidate_id)):
        connection.execute(VOTE_TOTALS, _columns(batch))


def each_once(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """The rows in as few batches as have no key twice, those of a key in their order: a statement cannot touch a row twice."""
    batches: list[list[Row]] = []
    seen: Counter[Hashable] = Counter()
    for row in rows:
        place = seen[key(row)]
        seen[key(row)] += 1
        if place == len(batches):
            batches.append([])
        batches[place].append(row)
    return batches


def _place(total: Total) -> tuple[int, int]:
    """What orders the totals of a candidate; a time never does."""
    return total.generation, total.votes


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    """The parameters of a statement: an array for each column."""
    return dict(zip(type(rows[0])._fields, map(list, zip(*rows, strict=True)), strict=True))
