"""A clean log agrees, and every planted fault is found and named."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof import rule
from proof.conservation import Conservation, Extent
from proof.findings import Figures, Findings, Kind
from proof.records import (
    Accepted,
    Cast,
    Catalogue,
    Conflict,
    DeadLetter,
    ElectionVersion,
    LedgerRow,
    Position,
    Rejected,
    Unreadable,
    Vote,
)

PARTITIONS = 4
ELECTION = "election-2025-01"
OPENS, CLOSES = 1_000_000, 2_000_000
CATALOGUE: Catalogue = {
    (ELECTION, 1): ElectionVersion("draft", OPENS, CLOSES, frozenset({"alice", "bob"})),
    (ELECTION, 2): ElectionVersion("open", OPENS, CLOSES, frozenset({"alice", "bob"})),
    (ELECTION, 3): ElectionVersion("open", OPENS, CLOSES, frozenset({"alice", "bob"}), frozenset({"north"})),
    (ELECTION, 4): ElectionVersion("closed", OPENS, CLOSES, frozenset({"alice", "bob"})),
}


class Ballot(NamedTuple):
    """A vote as it reaches the log; ``reason`` is that of its rejection if it is invalid."""

    voter: str
    candidate: str = "alice"
    reason: str | None = None
    version: int = 2
    jurisdiction: str | None = "north"
    appended_at_ms: int = OPENS + 1


INVALID = [
    Ballot("ann", reason="unknown_election", version=9),
    Ballot("ann", "mallory", reason="unknown_candidate"),
    Ballot("ann", reason="election_not_open", version=1),
    Ballot("ann", reason="election_not_open", version=4),
    Ballot("ann", reason="election_not_open", appended_at_ms=OPENS - 1),
    Ballot("ann", reason="election_not_open", appended_at_ms=CLOSES),
    Ballot("ann", reason="wrong_jurisdiction", version=3, jurisdiction="south"),
]


@dataclass
class World:
    """Everything that an audit reads, as a faultless system would have written it."""

    cast: list[Cast] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    aurora: dict[tuple[str, str], int] = field(default_factory=dict)
    redis: dict[tuple[str, str], int] = field(default_factory=dict)
    extents: dict[int, Extent] = field(default_factory=dict)

    def audit(self) -> Conservation:
        conservation = Conservation(CATALOGUE, self.extents, Findings())
        conservation.verdicts([*self.accepted, *self.rejected, *self.dead_letters, *self.unreadable])
        conservation.votes_in(self.cast)
        conservation.ledger(self.ledger, self.conflicts)
        conservation.totals(self.aurora, self.redis)
        return conservation

    def kinds(self) -> set[Kind]:
        return {kind for kind, _ in self.audit().findings.counts}

    def texts(self) -> str:
        return "\n".join(finding.text for finding in self.audit().findings)


def vote_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def world_of(*votes: Ballot | tuple[str, str] | bytes) -> World:
    """A faultless system after these votes, valid ones as (voter, candidate), in the order of the log; bytes cannot be read."""
    world = World()
    ends = dict.fromkeys(range(PARTITIONS), 0)
    first: dict[str, Accepted] = {}
    for number, item in enumerate(votes):
        if isinstance(item, bytes):
            source = Position(0, ends[0])
            world.cast.append(Cast(source, OPENS + 1, b"junk", item, None, "the first byte is not 0"))
            world.dead_letters.append(DeadLetter(b"junk", item, source))
            ends[0] += 1
            continue
        voter, candidate, reason, version, jurisdiction, appended_at_ms = Ballot(*item)
        key = f"{ELECTION}:{voter}".encode()
        partition = rule.home_partition(key, PARTITIONS)
        source = Position(partition, ends[partition])
        ends[partition] += 1
        vote = Vote(vote_id(number), ELECTION, voter, candidate, OPENS, version)
        world.cast.append(Cast(source, appended_at_ms, key, b"value", vote, jurisdiction=jurisdiction))
        if reason is not None:
            world.rejected.append(Rejected(key, vote, appended_at_ms, source, reason, None))
            continue
        if voter in first:
            world.rejected.append(Rejected(key, vote, appended_at_ms, source, "duplicate", first[voter].vote.vote_id))
            continue
        first[voter] = Accepted(key, vote, appended_at_ms, source)
        world.accepted.append(first[voter])
        world.ledger.append(LedgerRow(ELECTION, voter, candidate, vote.vote_id, source))
        for totals in (world.aurora, world.redis):
            totals[ELECTION, candidate] = totals.get((ELECTION, candidate), 0) + 1
    world.extents = {partition: Extent(end, end) for partition, end in ends.items()}
    return world


def small_world() -> World:
    invalid = Ballot("dan", "mallory", reason="unknown_candidate")
    return world_of(("ann", "alice"), ("ben", "bob"), ("ann", "bob"), b"junk", invalid, ("cat", "alice"))


def test_a_faultless_system_agrees_and_every_figure_is_counted() -> None:
    found = small_world().audit()
    assert not found.findings, list(found.findings)
    assert found.figures[ELECTION] == Figures(
        cast=5, accepted=3, duplicates=1, rejected_otherwise=1, redis_total=3, aurora_total=3, ledger_rows=3
    )
    assert found.figures["unknown"] == Figures(cast=1, dead_letters=1)


VOTERS = st.sampled_from([f"voter-{number}" for number in range(8)])
BALLOTS = st.one_of(
    st.tuples(VOTERS, st.sampled_from(["alice", "bob"])).map(lambda valid: Ballot(*valid)),
    st.builds(lambda voter, ballot: ballot._replace(voter=voter), VOTERS, st.sampled_from(INVALID)),
)
VOTES = st.lists(st.one_of(BALLOTS, st.binary(max_size=4)), max_size=40)


@given(votes=VOTES)
def test_any_faultless_history_agrees(votes: list[Ballot | bytes]) -> None:
    world = world_of(*votes)
    found = world.audit()
    assert not found.findings
    assert sum(figures.cast for figures in found.figures.values()) == len(votes)
    verdicts = (each.accepted + each.duplicates + each.rejected_otherwise + each.dead_letters for each in found.figures.values())
    assert sum(verdicts) == len(votes)


@given(votes=VOTES, data=st.data())
def test_any_verdict_that_is_lost_or_doubled_is_found(votes: list[Ballot | bytes], data: st.DataObject) -> None:
    world = world_of(*votes)
    verdicts: list[Accepted | Rejected | DeadLetter] = [*world.accepted, *world.rejected, *world.dead_letters]
    if not verdicts:
        return
    chosen = data.draw(st.sampled_from(verdicts))
    lists: tuple[list[Accepted], list[Rejected], list[DeadLetter]] = (world.accepted, world.rejected, world.dead_letters)
    home = next(some for some in lists if chosen in some)
    if data.draw(st.booleans()):
        home.remove(chosen)  # type: ignore[arg-type]
        assert Kind.LOST in world.kinds()
    else:
        home.append(chosen)  # type: ignore[arg-type]
        assert Kind.DOUBLED in world.kinds()
    assert str(chosen.source) in world.texts()


@given(votes=VOTES, data=st.data())
def test_any_rejection_for_another_reason_is_found(votes: list[Ballot | bytes], data: st.DataObject) -> None:
    world = world_of(*votes)
    if not world.rejected:
        return
    index = data.draw(st.integers(min_value=0, max_value=len(world.rejected) - 1))
    right = world.rejected[index]
    wrong = data.draw(st.sampled_from(["duplicate", *sorted({ballot.reason for ballot in INVALID if ballot.reason}), "other"]))
    world.rejected[index] = right._replace(reason=wrong)
    assert world.kinds() == ({Kind.WRONG_VERDICT} if wrong != right.reason else set())


def lose_an_accepted_vote(world: World) -> None:
    del world.accepted[1]


def lose_a_rejection(world: World) -> None:
    world.rejected.clear()


def lose_a_dead_letter(world: World) -> None:
    world.dead_letters.clear()


def double_an_accepted_vote(world: World) -> None:
    world.accepted.append(world.accepted[0])


def give_two_verdicts(world: World) -> None:
    one = world.accepted[0]
    world.rejected.append(Rejected(one.key, one.vote, one.appended_at_ms, one.source, "duplicate", one.vote.vote_id))


def invent_an_accepted_vote(world: World) -> None:
    one = world.accepted[0]
    offset = world.extents[one.source.partition].end
    world.extents[one.source.partition] = Extent(offset + 1, offset + 1)
    vote = one.vote._replace(voter_sub="nobody", vote_id=vote_id(99))
    world.accepted.append(Accepted(f"{ELECTION}:nobody".encode(), vote, one.appended_at_ms, one.source._replace(offset=offset)))


def invent_a_partition(world: World) -> None:
    world.accepted.append(world.accepted[0]._replace(source=Position(17, 0)))


def change_the_choice_of_an_accepted_vote(world: World) -> None:
    one = world.accepted[0]
    world.accepted[0] = one._replace(vote=one.vote._replace(candidate_id="bob"))


def change_the_voter_of_an_accepted_vote(world: World) -> None:
    one = world.accepted[0]
    world.accepted[0] = one._replace(vote=one.vote._replace(voter_sub="somebody-else"))


def change_the_key_of_a_rejected_vote(world: World) -> None:
    world.rejected[0] = world.rejected[0]._replace(key=b"election-2025-01:other")


def change_the_time_of_an_accepted_vote(world: World) -> None:
    world.accepted[0] = world.accepted[0]._replace(appended_at_ms=OPENS)


def change_the_bytes_of_a_dead_letter(world: World) -> None:
    world.dead_letters[0] = world.dead_letters[0]._replace(value=b"other")


def let_the_second_vote_win(world: World) -> None:
    first, second = world.accepted[0], world.rejected[0]
    world.accepted[0] = Accepted(second.key, second.vote, second.appended_at_ms, second.source)
    world.rejected[0] = Rejected(first.key, first.vote, first.appended_at_ms, first.source, "duplicate", second.vote.vote_id)


def let_both_votes_win(world: World) -> None:
    second = world.rejected.pop(0)
    world.accepted.append(Accepted(second.key, second.vote, second.appended_at_ms, second.source))


def name_another_first_vote(world: World) -> None:
    world.rejected[0] = world.rejected[0]._replace(first_vote_id=vote_id(77))


def reject_a_valid_vote(world: World) -> None:
    one = world.accepted.pop()
    world.rejected.append(Rejected(one.key, one.vote, one.appended_at_ms, one.source, "unknown_candidate", None))


def accept_an_invalid_vote(world: World) -> None:
    invalid = world.rejected.pop()
    world.accepted.append(Accepted(invalid.key, invalid.vote, invalid.appended_at_ms, invalid.source))


def reject_an_invalid_vote_for_another_reason(world: World) -> None:
    world.rejected[1] = world.rejected[1]._replace(reason="election_not_open")


def call_an_invalid_vote_a_duplicate(world: World) -> None:
    world.rejected[1] = world.rejected[1]._replace(reason="duplicate", first_vote_id=vote_id(0))


def name_a_first_vote_for_an_invalid_one(world: World) -> None:
    world.rejected[1] = world.rejected[1]._replace(first_vote_id=vote_id(0))


def call_a_duplicate_invalid(world: World) -> None:
    world.rejected[0] = world.rejected[0]._replace(reason="wrong_jurisdiction", first_vote_id=None)


def name_no_first_vote(world: World) -> None:
    world.rejected[0] = world.rejected[0]._replace(first_vote_id=None)


def lose_an_invalid_vote(world: World) -> None:
    del world.rejected[1]


def bury_an_invalid_vote(world: World) -> None:
    one = world.rejected.pop()
    world.dead_letters.append(DeadLetter(one.key, b"value", one.source))


def reject_what_cannot_be_read(world: World) -> None:
    dead = world.dead_letters.pop()
    world.rejected.append(world.rejected[1]._replace(source=dead.source))


def bury_a_valid_vote(world: World) -> None:
    one = world.accepted.pop()
    world.dead_letters.append(DeadLetter(one.key, b"value", one.source))


def accept_what_cannot_be_read(world: World) -> None:
    dead = world.dead_letters.pop()
    world.accepted.append(world.accepted[0]._replace(source=dead.source))


def write_an_output_without_its_contract(world: World) -> None:
    world.unreadable.append(Unreadable("votes-accepted", 2, 7, "not a record"))


def lose_a_ledger_row(world: World) -> None:
    del world.ledger[0]


def add_a_ledger_row(world: World) -> None:
    world.ledger.append(LedgerRow(ELECTION, "nobody", "alice", vote_id(99), None))


def change_the_choice_in_the_ledger(world: World) -> None:
    world.ledger[0] = world.ledger[0]._replace(candidate_id="bob")


def change_the_vote_id_in_the_ledger(world: World) -> None:
    world.ledger[0] = world.ledger[0]._replace(vote_id=vote_id(99))


def change_the_position_in_the_ledger(world: World) -> None:
    world.ledger[0] = world.ledger[0]._replace(source=None)


def record_a_conflict(world: World) -> None:
    world.conflicts.append(Conflict(ELECTION, vote_id(0), vote_id(2)))


def miscount_in_aurora(world: World) -> None:
    world.aurora[ELECTION, "alice"] += 1


def miscount_in_redis(world: World) -> None:
    world.redis[ELECTION, "bob"] = 0


def flush_redis(world: World) -> None:
    world.redis.clear()


def count_a_stranger_in_redis(world: World) -> None:
    world.redis[ELECTION, "mallory"] = 1


def count_another_election(world: World) -> None:
    world.aurora["election-of-nobody", "alice"] = 5


FAULTS: list[tuple[Callable[[World], None], Kind, str]] = [
    (lose_an_accepted_vote, Kind.LOST, vote_id(1)),
    (lose_a_rejection, Kind.LOST, vote_id(2)),
    (lose_a_dead_letter, Kind.LOST, "votes-in 0@"),
    (double_an_accepted_vote, Kind.DOUBLED, "second verdict"),
    (give_two_verdicts, Kind.DOUBLED, "duplicate after accepted"),
    (invent_an_accepted_vote, Kind.INVENTED, "no record in votes-in"),
    (invent_a_partition, Kind.INVENTED, "votes-in 17@0"),
    (change_the_choice_of_an_accepted_vote, Kind.ALTERED, vote_id(0)),
    (change_the_voter_of_an_accepted_vote, Kind.ALTERED, vote_id(0)),
    (change_the_key_of_a_rejected_vote, Kind.ALTERED, vote_id(2)),
    (change_the_time_of_an_accepted_vote, Kind.ALTERED, vote_id(0)),
    (change_the_bytes_of_a_dead_letter, Kind.ALTERED, "other bytes"),
    (let_the_second_vote_win, Kind.WRONG_VERDICT, f"(duplicate, first vote {vote_id(2)}), and should be accepted"),
    (let_the_second_vote_win, Kind.WRONG_VERDICT, f"accepted, and should be rejected (duplicate, first vote {vote_id(0)})"),
    (let_both_votes_win, Kind.TWO_VOTES, vote_id(2)),
    (let_both_votes_win, Kind.WRONG_VERDICT, f"accepted, and should be rejected (duplicate, first vote {vote_id(0)})"),
    (name_another_first_vote, Kind.WRONG_VERDICT, vote_id(77)),
    (
        name_no_first_vote,
        Kind.WRONG_VERDICT,
        f"rejected (duplicate), and should be rejected (duplicate, first vote {vote_id(0)})",
    ),
    (reject_a_valid_vote, Kind.WRONG_VERDICT, "rejected (unknown_candidate), and should be accepted"),
    (accept_an_invalid_vote, Kind.WRONG_VERDICT, f"vote {vote_id(4)} "),
    (accept_an_invalid_vote, Kind.WRONG_VERDICT, "accepted, and should be rejected (unknown_candidate)"),
    (accept_an_invalid_vote, Kind.LEDGER_MISSING, vote_id(4)),
    (
        reject_an_invalid_vote_for_another_reason,
        Kind.WRONG_VERDICT,
        "rejected (election_not_open), and should be rejected (unknown_candidate)",
    ),
    (call_an_invalid_vote_a_duplicate, Kind.WRONG_VERDICT, "should be rejected (unknown_candidate)"),
    (name_a_first_vote_for_an_invalid_one, Kind.WRONG_VERDICT, "should be rejected (unknown_candidate)"),
    (call_a_duplicate_invalid, Kind.WRONG_VERDICT, f"should be rejected (duplicate, first vote {vote_id(0)})"),
    (lose_an_invalid_vote, Kind.LOST, vote_id(4)),
    (bury_an_invalid_vote, Kind.WRONG_VERDICT, "is a dead letter, and can be read"),
    (reject_what_cannot_be_read, Kind.WRONG_VERDICT, "should be a dead letter"),
    (bury_a_valid_vote, Kind.WRONG_VERDICT, "is a dead letter, and can be read"),
    (accept_what_cannot_be_read, Kind.WRONG_VERDICT, "should be a dead letter"),
    (write_an_output_without_its_contract, Kind.UNREADABLE, "votes-accepted 2@7"),
    (lose_a_ledger_row, Kind.LEDGER_MISSING, vote_id(0)),
    (add_a_ledger_row, Kind.LEDGER_EXTRA, vote_id(99)),
    (change_the_choice_in_the_ledger, Kind.LEDGER_DIFFERS, "another choice"),
    (change_the_vote_id_in_the_ledger, Kind.LEDGER_DIFFERS, "another id"),
    (change_the_position_in_the_ledger, Kind.LEDGER_DIFFERS, "another place"),
    (record_a_conflict, Kind.LEDGER_CONFLICT, vote_id(2)),
    (miscount_in_aurora, Kind.AURORA_TOTAL, "Aurora has 3 for alice, accepted were 2"),
    (miscount_in_redis, Kind.REDIS_TOTAL, "Redis has 0 for bob, accepted were 1"),
    (flush_redis, Kind.REDIS_TOTAL, "Redis has 0 for alice"),
    (count_a_stranger_in_redis, Kind.REDIS_TOTAL, "Redis has 1 for mallory, accepted were 0"),
    (count_another_election, Kind.AURORA_TOTAL, "Aurora has 5 for alice, accepted were 0"),
]


@pytest.mark.parametrize(
    ("plant", "kind", "named"), FAULTS, ids=[f"{plant.__name__}-{kind.name.lower()}" for plant, kind, _ in FAULTS]
)
def test_a_planted_fault_is_found_and_named(plant: Callable[[World], None], kind: Kind, named: str) -> None:
    world = small_world()
    plant(world)
    found = [finding for finding in world.audit().findings if finding.kind is kind]
    assert found, world.texts()
    assert any(named in finding.text for finding in found), [finding.text for finding in found]


def test_a_total_that_counted_a_doubled_vote_is_wrong_too() -> None:
    world = small_world()
    double_an_accepted_vote(world)
    world.aurora[ELECTION, "alice"] += 1
    assert world.kinds() == {Kind.DOUBLED, Kind.AURORA_TOTAL}


@pytest.mark.parametrize("plant", [plant for plant, _, _ in FAULTS], ids=lambda plant: plant.__name__)
def test_no_finding_puts_a_voter_beside_a_choice(plant: Callable[[World], None]) -> None:
    world = small_world()
    plant(world)
    for voter, finding in itertools.product(("ann", "ben", "cat", "dan"), world.audit().findings):
        assert voter not in finding.text.split()
        assert f":{voter}" not in finding.text


def test_votes_after_the_decided_offset_are_in_flight_not_lost() -> None:
    world = small_world()
    late = world.accepted.pop()
    world.ledger.pop()
    for totals in (world.aurora, world.redis):
        totals[ELECTION, "alice"] -= 1
    partition, offset = late.source
    world.extents[partition] = world.extents[partition]._replace(decided=offset)
    found = world.audit()
    assert {kind for kind, _ in found.findings.counts} == {Kind.IN_FLIGHT}
    assert found.figures[ELECTION].in_flight == 1


def test_verdicts_and_rows_of_votes_beyond_the_end_are_left_out() -> None:
    world = small_world()
    partition = world.accepted[0].source.partition
    beyond = Position(partition, world.extents[partition].end)
    vote = world.accepted[0].vote._replace(voter_sub="later", vote_id=vote_id(50))
    world.accepted.append(Accepted(f"{ELECTION}:later".encode(), vote, OPENS + 2, beyond))
    world.ledger.append(LedgerRow(ELECTION, "later", "alice", vote_id(50), beyond))
    assert not world.audit().findings


def test_gaps_between_offsets_are_no_losses() -> None:
    world = small_world()
    for records in (world.cast, world.accepted, world.rejected, world.dead_letters):
        for index, record in enumerate(records):
            place = record.position if isinstance(record, Cast) else record.source  # type: ignore[attr-defined]
            moved = place._replace(offset=place.offset * 3 + 5)
            records[index] = record._replace(**{"position" if isinstance(record, Cast) else "source": moved})  # type: ignore[attr-defined]
    world.ledger = [row._replace(source=accepted.source) for row, accepted in zip(world.ledger, world.accepted, strict=True)]
    world.extents = dict.fromkeys(range(PARTITIONS), Extent(100, 100))
    assert not world.audit().findings


def test_a_retry_with_the_same_vote_id_is_a_duplicate_of_itself() -> None:
    world = small_world()
    first = world.cast[0]
    partition, offset = first.position.partition, world.extents[first.position.partition].end
    again = first._replace(position=Position(partition, offset))
    world.cast.append(again)
    world.extents[partition] = Extent(offset + 1, offset + 1)
    vote = world.accepted[0].vote
    world.rejected.append(Rejected(first.key, vote, again.appended_at_ms, again.position, "duplicate", vote.vote_id))
    assert not world.audit().findings


@pytest.mark.parametrize("invalid", INVALID, ids=lambda ballot: ballot.reason)
def test_an_invalid_vote_is_rejected_for_its_reason_and_must_not_be_accepted(invalid: Ballot) -> None:
    found = world_of(invalid).audit()
    assert not found.findings, list(found.findings)
    assert found.figures[ELECTION] == Figures(cast=1, rejected_otherwise=1)
    world = world_of(invalid._replace(reason=None))
    assert world.kinds() == {Kind.WRONG_VERDICT}
    assert f"accepted, and should be rejected ({invalid.reason})" in world.texts()


@pytest.mark.parametrize(
    "ballot",
    [
        Ballot("ann", appended_at_ms=OPENS),
        Ballot("ann", appended_at_ms=CLOSES - 1),
        Ballot("ann", jurisdiction="south"),
        Ballot("ann", jurisdiction=None),
        Ballot("ann", version=3, jurisdiction=None),
    ],
)
def test_a_valid_vote_must_not_be_rejected(ballot: Ballot) -> None:
    assert not world_of(ballot).audit().findings
    world = world_of(ballot._replace(reason="election_not_open"))
    assert world.kinds() == {Kind.WRONG_VERDICT}
    assert "rejected (election_not_open), and should be accepted" in world.texts()


@pytest.mark.parametrize("invalid", INVALID, ids=lambda ballot: ballot.reason)
def test_an_invalid_vote_does_not_take_the_place_of_its_voter(invalid: Ballot) -> None:
    world = world_of(invalid, ("ann", "alice"), invalid, ("ann", "bob"))
    found = world.audit()
    assert not found.findings, list(found.findings)
    assert found.figures[ELECTION] == Figures(
        cast=4, accepted=1, duplicates=1, rejected_otherwise=2, redis_total=1, aurora_total=1, ledger_rows=1
    )
    assert world.rejected[2].first_vote_id == vote_id(1)
    world.rejected[2] = world.rejected[2]._replace(first_vote_id=vote_id(0))
    assert f"should be rejected (duplicate, first vote {vote_id(1)})" in world.texts()


def test_a_job_that_lets_an_invalid_vote_take_the_place_of_its_voter_is_found() -> None:
    world = world_of(("ann", "mallory"), ("ann", "alice"))
    assert world.kinds() == {Kind.WRONG_VERDICT}
    assert "accepted, and should be rejected (unknown_candidate)" in world.texts()
    assert f"rejected (duplicate, first vote {vote_id(0)}), and should be accepted" in world.texts()


def test_a_vote_for_an_election_that_is_not_in_the_catalogue_counts_under_unknown() -> None:
    world = world_of(Ballot("ann", reason="unknown_election"))
    vote = world.rejected[0].vote._replace(election_id="elsewhere")
    key = b"elsewhere:ann"
    source = Position(rule.home_partition(key, PARTITIONS), 0)
    world.cast[0] = world.cast[0]._replace(vote=vote, key=key, position=source)
    world.rejected[0] = world.rejected[0]._replace(vote=vote, key=key, source=source)
    world.extents = dict.fromkeys(range(PARTITIONS), Extent(1, 1))
    found = world.audit()
    assert not found.findings, list(found.findings)
    assert found.figures["unknown"] == Figures(cast=1, rejected_otherwise=1)


def test_findings_are_all_counted_and_only_the_first_kept_in_words() -> None:
    world = world_of(*[(f"voter-{number}", "alice") for number in range(100)])
    world.ledger.clear()
    findings = world.audit().findings
    assert findings.counts[Kind.LEDGER_MISSING, ELECTION] == 100
    assert len(list(findings)) == 20
    assert not findings.of(["another"])
