"""The web application's session store in a real Redis."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.web.store_suite import StoreSuite
from web.store import RedisStore, Store


class TestRedisStore(StoreSuite):
    @pytest.fixture
    async def store(self, redis_url: str) -> AsyncIterator[Store]:
        store = RedisStore(redis_url)
        yield store
        await store.close()
