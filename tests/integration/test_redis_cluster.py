"""Reservations in a real Redis Cluster of three servers: the shared suite, slots that move, and a server that is gone."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from ingress.redis_cluster import SLOTS, RedisCluster, redis_at, slot_of
from ingress.reservation import RedisReservations, ReservationForm, ReservationsUnavailable
from tests.stacks import free_ports
from tests.unit.ingress.factories import ELECTION, vote
from tests.unit.ingress.reservation_suite import PENDING_MS, ReservationSuite

SERVERS = 3
FORM = ReservationForm(b"a secret of the tests")
UP_WITHIN_SECONDS = 30.0


def ask(client: redis.Redis, *command: str | int) -> Any:
    untyped: Any = client
    return untyped.execute_command(*command)


def options(port: int, bus: int, folder: Path) -> list[str]:
    """Of a server that can be part of a cluster."""
    named = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "save": "",
        "cluster-enabled": "yes",
        "cluster-port": bus,
        "cluster-require-full-coverage": "no",
    }
    return [argument for name, value in named.items() for argument in (f"--{name}", str(value))]


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + UP_WITHIN_SECONDS
    while True:
        with contextlib.suppress(redis.RedisError):
            if holds():
                return
        assert time.monotonic() < give_up
        time.sleep(0.05)


class Cluster:
    """Three servers that share the slots."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * SERVERS)
        self.ports, self.buses = ports[:SERVERS], ports[SERVERS:]
        self.processes = []
        for port, bus in zip(self.ports, self.buses, strict=True):
            (folder / str(port)).mkdir()
            self.processes.append(
                subprocess.Popen(["redis-server", *options(port, bus, folder / str(port))], stdout=subprocess.DEVNULL)
            )

    def share_the_slots(self) -> None:
        share = -(-SLOTS // SERVERS)
        for number, client in enumerate(self.clients()):
            until(client.ping)
            ask(client, "CLUSTER", "ADDSLOTSRANGE", number * share, min(SLOTS, (number + 1) * share) - 1)
            if number > 0:
                ask(client, "CLUSTER", "MEET", "127.0.0.1", self.ports[0], self.buses[0])
        for client in self.clients():
            until(partial(self._is_whole, client))

    def clients(self) -> list[redis.Redis]:
        return [redis.Redis(port=port) for port in self.ports]

    def ids(self) -> list[str]:
        return [ask(client, "CLUSTER", "MYID").decode() for client in self.clients()]

    def move(self, slot: int, to: int) -> None:
        """Give an empty slot to another server."""
        for client in self.clients():
            ask(client, "CLUSTER", "SETSLOT", slot, "NODE", self.ids()[to])

    def sizes(self) -> list[int]:
        return [cast("int", client.dbsize()) for client in self.clients()]

    def _is_whole(self, client: redis.Redis) -> bool:
        told: dict[str, str] = ask(client, "CLUSTER INFO")
        return (told["cluster_state"], told["cluster_known_nodes"], told["cluster_slots_ok"]) == ("ok", str(SERVERS), str(SLOTS))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.share_the_slots()
        yield started
    finally:
        for process in started.processes:
            process.kill()
            process.wait()


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[RedisCluster]:
    opened = redis_at(f"redis+cluster://127.0.0.1:{cluster.ports[0]}", 1.0)
    assert isinstance(opened, RedisCluster)
    await opened.open()
    yield opened
    await opened.close()


class TestCluster(ReservationSuite):
    @pytest.fixture
    async def reservations(self, client: RedisCluster) -> RedisReservations:
        return RedisReservations(client, FORM, PENDING_MS)


async def test_voters_are_spread_over_all_servers(cluster: Cluster, client: RedisCluster) -> None:
    for server in cluster.clients():
        server.flushall()
    reservations = RedisReservations(client, FORM, 60_000)
    await asyncio.gather(*(reservations.take(vote(f"voter-{number}")) for number in range(600)))
    assert sum(cluster.sizes()) == 600
    assert min(cluster.sizes()) > 100


async def test_a_slot_that_moves_costs_one_answer(cluster: Cluster, client: RedisCluster) -> None:
    for server in cluster.clients():
        server.flushall()
    reservations = RedisReservations(client, FORM, 60_000)
    slot = slot_of(("GET", FORM.key(ELECTION, "voter-1")))
    owner = slot * SERVERS // SLOTS
    cluster.move(slot, (owner + 1) % SERVERS)
    with pytest.raises(ReservationsUnavailable, match="MOVED"):
        await reservations.take(vote("voter-1"))
    await asyncio.sleep(1)
    assert await reservations.take(vote("voter-1")) is None
    assert await reservations.take(vote("voter-1", 2)) is not None


@pytest.fixture
def outsider(tmp_path: Path) -> Iterator[int]:
    """The port of a server that belongs to no cluster, and would have slots."""
    port, bus = free_ports(2)
    with subprocess.Popen(
        ["redis-server", *options(port, bus, tmp_path)],
        stdout=subprocess.DEVNULL,
    ) as process:
        until(redis.Redis(port=port).ping)
        yield port
        process.kill()


async def test_a_server_that_was_taken_out_of_the_cluster_is_not_believed(client: RedisCluster, outsider: int) -> None:
    await client._seed.close()
    client._seed = client._link("127.0.0.1", outsider)
    for link in list(client._links.values()):
        await link.close()  # nobody else can be asked
    before = list(client._slots)
    await client._refresh()
    assert client._slots == before


# The last one: the server that the URL names is gone from then on.
async def test_without_one_server_its_voters_go_without_and_all_others_as_before(cluster: Cluster, client: RedisCluster) -> None:
    for server in cluster.clients():
        server.flushall()
    reservations = RedisReservations(client, FORM, 60_000)
    cluster.processes[0].kill()
    cluster.processes[0].wait()
    answers = await asyncio.gather(*(reservations.take(vote(f"voter-{n}")) for n in range(300)), return_exceptions=True)
    taken = [answer for answer in answers if answer is None]
    without = [answer for answer in answers if isinstance(answer, ReservationsUnavailable)]
    assert len(taken) + len(without) == 300
    assert len(taken) > 100
    assert len(without) > 50
    # What is asked of any server is asked of one that is there.
    assert await client.ask("PING") == b"PONG"


def test_a_hash_tag_decides_the_slot() -> None:
    assert slot_of(("HGETALL", "totals:{election-1}")) == slot_of(("EVALSHA", "sha", 1, b"other:{election-1}", "x"))
    # The example of the specification.
    assert slot_of(("GET", "123456789")) == 0x31C3 % SLOTS
