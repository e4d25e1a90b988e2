import pytest

from web.failures import Unanswered
from web.store import RedisStore, Store

from .in_memory import MemoryStore
from .store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


async def test_redis_being_away_is_said_without_what_it_was_sent() -> None:
    store = RedisStore("redis://:a-password@127.0.0.1:1/0")

    with pytest.raises(Unanswered) as failure:
        await store.put("web:session:x", b"a secret", 60)

    assert "secret" not in str(failure.value)
    assert "a-password" not in str(failure.value)
    await store.close()
