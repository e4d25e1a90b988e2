"""What every session store does, run over the one in memory (here) and the one in Redis (tests/integration)."""

import asyncio
import secrets

import pytest

from web.store import Store


class StoreSuite:
    @pytest.fixture
    def name(self) -> str:
        return f"web:test:{secrets.token_urlsafe(12)}"

    async def test_what_is_put_can_be_got_until_it_is_deleted(self, store: Store, name: str) -> None:
        assert await store.get(name) is None
        await store.put(name, b"\x00\xff", 60)
        await store.put(name, b"newer", 60)
        assert await store.get(name) == b"newer"
        assert await store.get(name, 60) == b"newer"
        await store.delete(name)
        await store.delete(name)
        assert await store.get(name, 60) is None

    async def test_the_first_to_put_stays(self, store: Store, name: str) -> None:
        assert await store.put_first(name, b"first", 60) is None
        assert await store.put_first(name, b"second", 60) == b"first"
        assert await store.get(name) == b"first"

    async def test_of_many_who_take_at_once_one_gets_it(self, store: Store, name: str) -> None:
        await store.put(name, b"once", 60)

        taken = await asyncio.gather(*(store.take(name) for _ in range(20)))

        assert sorted(taken, key=bool) == [None] * 19 + [b"once"]

    async def test_values_end_by_themselves(self, store: Store, name: str) -> None:
        await store.put(name, b"short", 1)
        await asyncio.sleep(1.2)
        assert await store.get(name) is None

    async def test_getting_can_prolong_a_life(self, store: Store, name: str) -> None:
        await store.put(name, b"kept", 1)
        assert await store.get(name, 60) == b"kept"
        await asyncio.sleep(1.2)
        assert await store.get(name) == b"kept"

    async def test_it_answers(self, store: Store) -> None:
        await store.check()
