"""What a voter is told about the own vote: whether it is in and whether it counts, never the choice."""

from typing import Any

from ingress.clock import to_ms
from ingress.election import Election
from ingress.postgres import RecordUnavailable
from ingress.problems import UNAVAILABLE, Problem
from ingress.receipt import Receipt, ReceiptSigner
from ingress.record import CountedVote, Record
from ingress.reservation import Reservation, Reservations, ReservationsUnavailable, State

STATUSES = ("none", "pending", "accepted", "counted", "rejected")


async def own_vote(
    election: Election, voter_sub: str, record: Record, reservations: Reservations, receipts: ReceiptSigner
) -> dict[str, Any]:
    """The voter's status and receipt. Raises ``Problem`` (503) when what can be read does not settle it."""
    counted: CountedVote | None = None
    reservation: Reservation | None = None
    complete = True
    try:
        counted = await record.counted_vote(election.election_id, voter_sub)
    except RecordUnavailable:
        complete = False
    try:
        reservation = await reservations.read(election.election_id, voter_sub)
    except ReservationsUnavailable:
        complete = False
    status, receipt = decide(election, counted, reservation)
    if not complete and status in {"none", "rejected"}:
        raise Problem(UNAVAILABLE, "Whether there is a vote cannot be told now.", retry_after_seconds=1)
    return {
        "electionId": election.election_id,
        "status": status,
        "receipt": None if receipt is None else receipts.members(receipt),
    }


def decide(election: Election, counted: CountedVote | None, reservation: Reservation | None) -> tuple[str, Receipt | None]:
    """The rule. The ledger has the last word: its vote counts, whatever the reservation says.

    An acknowledged vote that is not in the ledger by the time the election is sealed does not count: sealing waits until every
    vote in the log has been decided.
    """
    reserved = None
    if reservation is not None:
        reserved = Receipt(reservation.vote_id, election.election_id, reservation.cast_at_ms)
    if counted is not None:
        if reserved is not None and reserved.vote_id == counted.vote_id:
            return "counted", reserved
        # The ledger does not keep when the vote was cast; it was appended at most the message time-out later.
        return "counted", Receipt(counted.vote_id, election.election_id, to_ms(counted.voted_at))
    if reservation is None:
        return "none", None
    if reservation.state is not State.CONFIRMED:
        return "pending", None
    if election.status in {"sealed", "published"}:
        return "rejected", reserved
    return "accepted", reserved
