import asyncio
import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.confirmations import following as module
from ingress.confirmations.following import LOOK_SECONDS, Confirmations
from ingress.confirmations.metrics import ConfirmationMetrics
from ingress.confirmations.unique_votes import Batch, LogUnavailable
from ingress.postgres import RecordUnavailable
from ingress.reservation import ReservationsUnavailable
from tests.unit.ingress.confirmations.in_memory import Cluster, Consumer, Ends, Topic
from tests.unit.ingress.factories import ELECTION, NOW_MS

HOUR_MS = 3_600_000
OVER = "election-2024-01"


@dataclass
class Scene:
    """One instance at work on both partitions, unless told otherwise. The marks are looked at in every step, unless told so."""

    cluster: Cluster = field(default_factory=Cluster)
    topic: Topic = field(default_factory=Topic)
    ends: Ends = field(default_factory=lambda: Ends({ELECTION: NOW_MS + HOUR_MS, OVER: NOW_MS}))
    step_seconds: float = LOOK_SECONDS
    at: float = 0.0

    def __post_init__(self) -> None:
        self.metrics = ConfirmationMetrics()
        self.start_anew()

    def start_anew(self, *partitions: int) -> None:
        """The process has died, and another one takes over; without partitions named, of all."""
        self.consumer, self.confirmations = self.another()
        self.consumer.deal(*(partitions or range(len(self.topic.partitions))))

    def another(self) -> tuple[Consumer, Confirmations]:
        consumer = Consumer(self.topic)
        return consumer, Confirmations(
            consumer, self.cluster, self.cluster, self.ends, self.metrics, lambda: NOW_MS, lambda: self.at
        )

    def votes(self, count: int, prefix: str = "voter", vote: str = "first") -> None:
        for number in range(count):
            self.topic.append(ELECTION, f"{prefix}-{number}", f"{vote}-{number}")

    async def steps(self, count: int) -> None:
        for _ in range(count):
            self.at += self.step_seconds
            await self.confirmations.step()

    async def settle(self) -> None:
        """Go on until all that is in the topic is written and marked."""
        for _ in range(500):
            await self.steps(1)
            ends = [len(partition) for partition in self.topic.partitions]
            if all(self.cluster.marked(partition) == [end] * len(self.cluster.servers) for partition, end in enumerate(ends)):
                return
        raise AssertionError("it does not settle")

    def outcome(self, name: str) -> float:
        return self.metrics.registry.get_sample_value("confirmations_votes_total", {"outcome": name}) or 0.0

    @property
    def losses(self) -> float:
        return self.metrics.registry.get_sample_value("confirmations_losses_total") or 0.0


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_the_log_says_is_written(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()
    assert len(scene.cluster.held()) == 20


async def test_another_vote_that_is_held_is_overridden(scene: Scene) -> None:
    scene.votes(2)
    scene.cluster.take(ELECTION, "voter-1", "later attempt")
    await scene.settle()
    assert scene.cluster.held()[ELECTION, "voter-1"] == "first-1"


async def test_progress_is_noted_in_kafka_only_after_redis_has_it(scene: Scene) -> None:
    scene.votes(20)
    await scene.steps(1)
    assert scene.consumer.committed == {}
    while scene.cluster.marked(0) != [10, 10]:
        assert scene.consumer.committed.get(0, 0) <= min(scene.cluster.marked(0))
        await scene.steps(1)
    await scene.settle()
    assert scene.consumer.committed == {0: 10, 1: 10}


async def test_an_undecodable_record_is_counted_and_passed(scene: Scene) -> None:
    scene.votes(3)
    scene.topic.partitions[0].append(None)
    scene.votes(3, "next")
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()
    assert scene.outcome("undecodable") == 1


async def test_an_election_that_does_not_exist_is_counted_and_passed(scene: Scene) -> None:
    scene.votes(2)
    scene.topic.append("no-such-election", "voter-9", "vote-9")
    await scene.settle()
    assert ("no-such-election", "voter-9") not in scene.cluster.held()
    assert (scene.outcome("unknown_election"), scene.outcome("kept")) == (1, 2)


async def test_reservations_whose_time_is_over_are_not_written(scene: Scene) -> None:
    scene.topic.append(OVER, "voter-9", "vote-9")
    await scene.settle()
    assert scene.cluster.held() == {}
    assert scene.outcome("over") == 1


async def test_after_a_flush_everything_is_written_again(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    scene.cluster.flush()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()
    assert scene.losses == 1


async def test_a_flush_is_found_within_a_second_even_when_nothing_comes(scene: Scene) -> None:
    scene.votes(6)
    await scene.settle()
    scene.cluster.flush()
    await scene.steps(1)
    assert scene.losses == 1


async def test_a_shard_that_is_lost_is_filled_again(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    scene.cluster.servers[1].flush()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_a_single_mark_that_is_lost_is_enough(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    scene.cluster.servers[0].votes.clear()
    del scene.cluster.servers[0].mark[1]
    await scene.settle()
    partition_1 = {(vote.election_id, vote.voter_sub) for vote in scene.topic.partitions[1] if vote is not None}
    assert partition_1 <= scene.cluster.held().keys()


async def test_a_flush_in_the_middle_of_a_rebuild_starts_it_over(scene: Scene) -> None:
    scene.votes(20)
    await scene.steps(3)
    assert 0 < len(scene.cluster.held()) < 20
    scene.cluster.flush()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_a_crash_in_the_middle_of_a_rebuild_loses_nothing_and_does_not_start_over(scene: Scene) -> None:
    scene.votes(20)
    await scene.steps(3)
    done = scene.outcome("kept")
    scene.start_anew()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()
    assert 0 < done < 20
    assert scene.outcome("kept") == 20


async def test_what_was_written_and_not_marked_is_written_again_after_a_crash(scene: Scene) -> None:
    scene.votes(20)
    scene.step_seconds = 0.0
    await scene.steps(3)
    assert scene.outcome("kept") == 6
    assert scene.cluster.marked(0) == [0, 0]
    scene.step_seconds = LOOK_SECONDS
    scene.start_anew()
    await scene.settle()
    assert scene.outcome("kept") == 26


async def test_a_failover_that_loses_what_is_not_marked_yet_is_found_by_the_server_s_history(scene: Scene) -> None:
    scene.votes(6)
    await scene.settle()
    scene.votes(6, "next")
    scene.step_seconds = 0.0
    await scene.steps(2)
    (lossy,) = {server for server in scene.cluster.servers if (ELECTION, "next-0") in server.votes}
    lossy.restart(lost_writes=len([voter for _, voter in lossy.votes if voter.startswith("next")]))
    scene.step_seconds = LOOK_SECONDS
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_a_failover_that_loses_marks_goes_back_as_far_as_they_do(scene: Scene) -> None:
    scene.votes(40)
    await scene.settle()
    kept = scene.outcome("kept")
    scene.cluster.servers[0].restart(lost_writes=10)
    assert scene.cluster.held() != scene.topic.newest()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()
    assert 0 < scene.outcome("kept") - kept < 40


async def test_a_restart_that_loses_nothing_writes_nothing_again(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    for server in scene.cluster.servers:
        server.restart(lost_writes=0)
    await scene.steps(5)
    assert scene.outcome("kept") == 20


async def test_what_is_lost_while_nobody_is_at_work_is_found_at_the_start(scene: Scene) -> None:
    scene.votes(20)
    await scene.settle()
    scene.cluster.servers[1].restart(lost_writes=7)
    scene.start_anew()
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


@pytest.mark.parametrize("writes", range(10))
async def test_redis_that_fails_anywhere_in_a_batch_gets_all_of_it_again(scene: Scene, writes: int) -> None:
    scene.votes(6)
    await scene.settle()
    scene.votes(6, "next")
    scene.cluster.writes_left = writes
    with pytest.raises(ReservationsUnavailable):
        await scene.settle()
    assert not scene.confirmations.following
    assert all(scene.consumer.committed[partition] <= min(scene.cluster.marked(partition)) for partition in (0, 1))
    scene.cluster.away = False
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_partitions_that_are_taken_away_in_a_rebuild_are_finished_by_who_gets_them(scene: Scene) -> None:
    scene.votes(20)
    await scene.steps(3)
    done = scene.outcome("kept")
    scene.consumer.deal(0)
    other, others_work = scene.another()
    other.deal(1)
    for _ in range(10):
        await scene.steps(1)
        await others_work.step()
    assert scene.cluster.held() == scene.topic.newest()
    assert scene.outcome("kept") == 20
    assert 0 < done < 20
    assert (scene.consumer.committed.get(0), other.committed.get(1)) == (10, 10)


async def test_records_read_while_partitions_are_dealt_out_are_not_counted_as_written(scene: Scene) -> None:
    scene.votes(20)
    await scene.steps(1)
    # The next read hands over records of partition 0 and takes it away at the same time.
    scene.consumer.deal(1)
    await scene.steps(5)
    assert scene.cluster.marked(0) == [0, 0]
    assert scene.cluster.marked(1) == [10, 10]


async def test_two_that_believe_to_have_the_same_partitions_lose_nothing(scene: Scene) -> None:
    scene.votes(20)
    other, others_work = scene.another()
    other.deal(0, 1)
    for _ in range(30):
        await scene.steps(1)
        await others_work.step()
    assert scene.cluster.held() == scene.topic.newest()


async def test_it_is_at_work_once_partitions_were_dealt_out_even_if_it_gets_none(scene: Scene) -> None:
    consumer, confirmations = scene.another()
    at_work = []
    for number in range(4):
        if number == 2:
            consumer.deal()
        await confirmations.step()
        at_work.append(confirmations.following)
    assert at_work == [False, False, True, True]


async def test_while_the_catalogue_is_away_nothing_is_passed(scene: Scene) -> None:
    scene.votes(6)
    await scene.steps(1)
    scene.ends.away = True
    with pytest.raises(RecordUnavailable):
        await scene.steps(1)
    scene.ends.away = False
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_while_the_log_is_away_it_waits(scene: Scene) -> None:
    scene.votes(6)
    scene.consumer.away = True
    with pytest.raises(LogUnavailable):
        await scene.steps(1)
    scene.consumer.away = False
    await scene.settle()
    assert scene.cluster.held() == scene.topic.newest()


async def test_it_waits_longer_and_longer_for_what_is_away_and_then_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene.votes(20)
    scene.cluster.away = True
    stopping = asyncio.Event()
    pauses: list[float] = []
    read = scene.consumer.read

    async def pause(seconds: float, _stopping: asyncio.Event) -> None:
        pauses.append(seconds)
        scene.cluster.away = len(pauses) < 7

    async def read_until_all_is_written() -> Batch:
        if scene.cluster.held() == scene.topic.newest():
            stopping.set()
        return await read()

    monkeypatch.setattr(module, "_sleep", pause)
    monkeypatch.setattr(scene.consumer, "read", read_until_all_is_written)
    with caplog.at_level(logging.INFO):
        await scene.confirmations.follow(stopping)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert [record.message for record in caplog.records if "waiting" in record.message] == ["waiting: away"]
    assert "going on" in caplog.text


async def test_at_a_stop_what_is_written_is_marked(scene: Scene) -> None:
    scene.votes(20)
    scene.step_seconds = 0.0
    await scene.steps(3)
    stopping = asyncio.Event()
    stopping.set()
    await scene.confirmations.follow(stopping)
    assert sorted(min(scene.cluster.marked(partition)) for partition in (0, 1)) == [0, 6]


async def test_a_stop_while_redis_is_away_ends_all_the_same(scene: Scene) -> None:
    scene.votes(20)
    scene.step_seconds = 0.0
    await scene.steps(3)
    scene.cluster.away = True
    stopping = asyncio.Event()
    stopping.set()
    await scene.confirmations.follow(stopping)


async def test_a_rebuild_tells_how_far_it_is_and_names_nobody(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.votes(40)
    scene.topic.partitions[0].append(None)
    with caplog.at_level(logging.INFO):
        await scene.settle()
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "2 partitions, 41 offsets behind"
    assert any("% of 41 offsets" in message for message in messages)
    assert messages[-1].startswith("caught up: 41 offsets")
    assert "voter" not in caplog.text
    assert scene.metrics.registry.get_sample_value("confirmations_remaining_offsets") == 0


@dataclass(frozen=True)
class Move:
    """One thing that happens in a history; ``amount`` is how much of it."""

    what: str
    amount: int


MOVES = st.lists(
    st.builds(
        Move,
        st.sampled_from(
            ["votes", "step", "step", "quick step", "flush", "shard", "failover", "fail", "crash", "deal", "ingress"]
        ),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(MOVES)
@settings(deadline=None, max_examples=300)
async def test_whatever_is_lost_and_whenever_everything_is_there_in_the_end(moves: list[Move]) -> None:
    scene = Scene(cluster=Cluster(3))
    for number, move in enumerate(moves):
        match move.what:
            case "votes":
                scene.votes(move.amount, f"voter-{number}")
            case "flush":
                scene.cluster.flush()
            case "shard":
                scene.cluster.servers[move.amount % 3].flush()
            case "failover":
                scene.cluster.servers[move.amount % 3].restart(move.amount)
            case "fail":
                scene.cluster.writes_left = move.amount
            case "crash":
                scene.start_anew()
            case "deal":
                scene.consumer.deal(*((0, 1), (0,), (1,), ())[move.amount % 4])
            case "ingress":
                scene.cluster.take(ELECTION, f"voter-{max(0, number - 1)}-{move.amount}", "later attempt")
            case _:
                scene.step_seconds = LOOK_SECONDS if move.what == "step" else 0.0
                try:
                    await scene.steps(1 + move.amount // 3)
                except ReservationsUnavailable:
                    scene.cluster.away = False
    scene.step_seconds = LOOK_SECONDS
    scene.cluster.away, scene.cluster.writes_left = False, None
    scene.consumer.deal(0, 1)
    await scene.steps(2)
    await scene.settle()
    held, newest = scene.cluster.held(), scene.topic.newest()
    assert {key: held.get(key) for key in newest} == newest
