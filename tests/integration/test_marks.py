"""The marks on a real Redis server that is flushed, killed and started again."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingress.confirmations.marks import RedisMarks, mark_keys
from ingress.redis_link import RedisLink
from tests.stacks import free_ports
from tests.unit.ingress.confirmations.marks_suite import Deed, MarksSuite, offsets, planted

ANSWERS_WITHIN_SECONDS = 30.0


class Server:
    """A server of this module's own, which has every write on disk before it answers."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        arguments = [argument for name, value in options.items() for argument in (f"--{name}", str(value))]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def answers(self) -> None:
        give_up = time.monotonic() + ANSWERS_WITHIN_SECONDS
        async with Redis.from_url(self.url) as client:
            while True:
                try:
                    await client.ping()
                except RedisError:
                    assert time.monotonic() < give_up
                    await asyncio.sleep(0.05)
                else:
                    return


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


class TestRedis(MarksSuite):
    @pytest.fixture
    async def marks(self, server: Server) -> AsyncIterator[RedisMarks]:
        await server.answers()
        async with Redis.from_url(server.url) as client:
            await client.flushall()
        redis = RedisLink(server.url, 5.0)
        yield RedisMarks(redis)
        await redis.close()

    @pytest.fixture
    def flush(self, server: Server) -> Deed:
        async def flush() -> None:
            async with Redis.from_url(server.url) as client:
                await client.flushall()

        return flush

    @pytest.fixture
    def restart(self, server: Server) -> Deed:
        async def restart() -> None:
            server.kill()
            server.start()
            await server.answers()

        return restart

    async def test_each_mark_is_a_key_of_its_own_and_never_expires(self, marks: RedisMarks, server: Server) -> None:
        await planted(marks, {0: 5, 3: 7})
        async with Redis.from_url(server.url) as client:
            assert sorted([key async for key in client.scan_iter("r:mark:*")]) == sorted(mark_keys())
            for key in mark_keys():
                assert await client.ttl(key) == -1
                assert await client.hlen(key.decode()) == 2

    async def test_a_mark_that_is_lost_is_found_and_the_others_stay(self, marks: RedisMarks, server: Server) -> None:
        seen = await planted(marks, {0: 5})
        async with Redis.from_url(server.url) as client:
            await client.delete(mark_keys()[3])
        assert await marks.move(seen, {0: 6}) is None
        found = await marks.look([0])
        assert offsets(found, 0) == {0, 6}
        assert [mark.values[0] for mark in found].index(None) == 3

    async def test_many_partitions_fit_into_a_mark(self, marks: RedisMarks) -> None:
        partitions = {partition: 10**9 + partition for partition in range(512)}
        moved = await planted(marks, partitions)
        assert {partition: offset for partition in partitions for offset in offsets(moved, partition)} == partitions
