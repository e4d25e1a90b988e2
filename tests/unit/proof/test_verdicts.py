"""What became of every vote, by the log alone: the same as what a faultless system said of it."""

from collections import Counter

from hypothesis import given

from proof import rule, verdicts
from proof.commitments import Verdict
from proof.records import Cast, Position
from tests.unit.proof.test_conservation import CATALOGUE, ELECTION, OPENS, PARTITIONS, VOTES, Ballot, World, world_of


def decided(world: World, election_id: str = ELECTION) -> list[tuple[str, Verdict]]:
    return [
        found
        for partition in range(PARTITIONS)
        for found in verdicts.of_partition(
            (record for record in world.cast if record.position.partition == partition), PARTITIONS, CATALOGUE, election_id
        )
    ]


@given(VOTES)
def test_every_vote_has_the_verdict_that_the_jobs_must_give(votes: list[Ballot | bytes]) -> None:
    world = world_of(*votes)
    due = Counter((record.vote.vote_id, Verdict.COUNTED) for record in world.accepted)
    due.update((record.vote.vote_id, Verdict[record.reason.upper()]) for record in world.rejected)
    assert Counter(decided(world)) == due


def test_a_vote_that_was_sent_again_counts_once() -> None:
    world = world_of(("ann", "alice"), ("ben", "bob"))
    first = next(record for record in world.cast if record.vote and record.vote.voter_sub == "ann")
    world.cast.append(first._replace(position=Position(first.position.partition, 7)))
    assert first.vote is not None
    of_ann = [verdict for vote_id, verdict in decided(world) if vote_id == first.vote.vote_id]
    assert of_ann == [Verdict.COUNTED, Verdict.DUPLICATE]


def test_a_vote_whose_record_is_not_as_it_must_be_is_a_dead_letter_and_takes_nobodys_place() -> None:
    world = world_of(("ann", "alice"))
    [good] = world.cast
    assert good.vote is not None
    misplaced = good._replace(key=f"{ELECTION}:ben".encode(), vote=good.vote._replace(vote_id="misplaced"))
    world.cast.insert(0, misplaced)
    assert decided(world) == [("misplaced", Verdict.DEAD_LETTER), (good.vote.vote_id, Verdict.COUNTED)]


def test_what_tells_no_vote_id_and_votes_of_other_elections_are_left_out() -> None:
    world = world_of(("ann", "alice"), b"junk")
    [good, _] = world.cast
    assert good.vote is not None
    world.cast.append(Cast(Position(0, 9), OPENS + 1, good.key, b"", good.vote._replace(vote_id="two\nlines")))
    assert [verdict for _, verdict in decided(world)] == [Verdict.COUNTED]
    assert decided(world, "another") == []
    assert rule.home_partition(good.key or b"", PARTITIONS) == good.position.partition
