"""What became of every vote, decided by the log alone with the proof's own rule."""

from collections.abc import Iterable, Iterator

from proof import rule
from proof.commitments import Verdict
from proof.records import Cast, Catalogue
from schemas import ids


def of_partition(
    records: Iterable[Cast], partitions: int, catalogue: Catalogue, election_id: str
) -> Iterator[tuple[str, Verdict]]:
    """The id and the verdict of each vote of an election in one partition of votes-in, given its records in their order.

    A record that tells no vote id has none, whatever it was. All votes of a voter lie in one partition, so that nothing need be
    remembered of the others: here one entry for each voter whose vote counts.
    """
    voted: set[str] = set()
    for record in records:
        vote = record.vote
        if vote is None or vote.election_id != election_id or not ids.VOTE_ID.fullmatch(vote.vote_id):
            continue
        if rule.unreadable_because(record, partitions) is not None:
            verdict = Verdict.DEAD_LETTER
        elif (reason := rule.invalid_because(vote, record.jurisdiction, record.appended_at_ms, catalogue)) is not None:
            verdict = Verdict[reason.upper()]
        elif vote.voter_sub in voted:
            verdict = Verdict.DUPLICATE
        else:
            voted.add(vote.voter_sub)
            verdict = Verdict.COUNTED
        yield vote.vote_id, verdict
