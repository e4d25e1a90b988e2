import pytest
from redis.crc import key_slot

from ingress.confirmations.marks import MARKS, Mark, mark_keys
from ingress.redis_cluster import SLOTS
from tests.unit.ingress.confirmations.in_memory import Cluster
from tests.unit.ingress.confirmations.marks_suite import Deed, MarksSuite


class TestInMemory(MarksSuite):
    @pytest.fixture
    def marks(self) -> Cluster:
        return Cluster()

    @pytest.fixture
    def flush(self, marks: Cluster) -> Deed:
        async def flush() -> None:
            marks.flush()

        return flush

    @pytest.fixture
    def restart(self, marks: Cluster) -> Deed:
        async def restart() -> None:
            for server in marks.servers:
                server.restart(lost_writes=0)

        return restart


def test_the_marks_stand_evenly_over_the_slots_of_a_cluster() -> None:
    slots = [key_slot(key) for key in mark_keys()]
    assert slots == list(range(0, SLOTS, SLOTS // MARKS))


def test_the_keys_of_the_marks_never_change() -> None:
    # With others, everything would be written once more.
    keys = mark_keys()
    assert (keys[0], keys[1], keys[-1]) == (b"r:mark:50991", b"r:mark:28497", b"r:mark:42833")


@pytest.mark.parametrize("value", [b"", b"token", b"token:", b"token:-3", b"token:4.5", b"7", b"token:1:2"])
def test_a_value_that_is_not_of_the_contract_vouches_for_nothing(value: bytes) -> None:
    assert Mark(b"history", {0: value}).offset(0) == 0


def test_a_mark_keeps_its_token_when_it_moves_and_gets_one_when_it_is_made() -> None:
    moved = Mark(b"history", {0: b"old:7", 1: None, 2: b"old:9"}).moved({0: 8, 1: 3}, b"new")
    assert moved == Mark(b"history", {0: b"old:8", 1: b"new:3", 2: b"old:9"})
