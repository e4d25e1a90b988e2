from datetime import timedelta

import pytest

from ingress.clock import rfc3339_of
from ingress.own_vote import decide, own_vote
from ingress.problems import UNAVAILABLE, Problem
from ingress.record import CountedVote
from ingress.reservation import Reservation, State
from tests.unit.ingress.factories import ELECTION, NOW, NOW_MS, election
from tests.unit.ingress.in_memory import World

PENDING = Reservation(State.PENDING, "vote-1", NOW_MS)
CONFIRMED = Reservation(State.CONFIRMED, "vote-1", NOW_MS)
COUNTED = CountedVote("vote-1", NOW + timedelta(seconds=1))
OTHER_COUNTED = CountedVote("vote-2", NOW - timedelta(seconds=30))
CAST_AT = "2025-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("status", "counted", "reservation", "expected"),
    [
        ("open", None, None, ("none", None, None)),
        ("open", None, PENDING, ("pending", None, None)),
        ("open", None, CONFIRMED, ("accepted", "vote-1", CAST_AT)),
        ("closed", None, CONFIRMED, ("accepted", "vote-1", CAST_AT)),
        ("sealed", None, CONFIRMED, ("rejected", "vote-1", CAST_AT)),
        ("published", None, CONFIRMED, ("rejected", "vote-1", CAST_AT)),
        ("open", COUNTED, CONFIRMED, ("counted", "vote-1", CAST_AT)),
        ("open", COUNTED, PENDING, ("counted", "vote-1", CAST_AT)),
        ("open", COUNTED, None, ("counted", "vote-1", "2025-06-01T12:00:01Z")),
        ("open", OTHER_COUNTED, CONFIRMED, ("counted", "vote-2", "2025-06-01T11:59:30Z")),
        ("sealed", OTHER_COUNTED, CONFIRMED, ("counted", "vote-2", "2025-06-01T11:59:30Z")),
    ],
)
def test_the_ledger_has_the_last_word(
    status: str, counted: CountedVote | None, reservation: Reservation | None, expected: tuple[str, str | None, str | None]
) -> None:
    decided, receipt = decide(election(status=status), counted, reservation)
    told = (None, None) if receipt is None else (receipt.vote_id, rfc3339_of(receipt.cast_at_ms))
    assert (decided, *told) == expected


async def test_what_one_source_settles_needs_no_other() -> None:
    world = World()
    world.record.counted[ELECTION, "voter-1"] = COUNTED
    world.reservations.away = True
    assert (await own_vote(election(), "voter-1", world.record, world.reservations, world.receipts))["status"] == "counted"
    world.reservations.away = False
    world.record.away = True
    world.reservations.held[ELECTION, "voter-1"] = (CONFIRMED, "alice", NOW_MS + 1000)
    assert (await own_vote(election(), "voter-1", world.record, world.reservations, world.receipts))["status"] == "accepted"


@pytest.mark.parametrize(("record_away", "reservations_away"), [(True, False), (False, True), (True, True)])
async def test_none_is_never_said_without_having_seen_both(record_away: bool, reservations_away: bool) -> None:
    world = World()
    world.record.away = record_away
    world.reservations.away = reservations_away
    with pytest.raises(Problem) as refused:
        await own_vote(election(), "voter-1", world.record, world.reservations, world.receipts)
    assert refused.value.kind is UNAVAILABLE
