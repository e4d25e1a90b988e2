"""Where the application keeps what it must remember of a browser: values with an end, in Redis (``schemas/redis.yaml``)."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import redis.asyncio
from redis.asyncio.cluster import RedisCluster

from web.failures import Unanswered

# A page makes at most 4 calls one after the other: 4 * 1 s leave a voter waiting no longer than the voting API may take.
CALL_TIMEOUT_SECONDS = 1.0


class Store(Protocol):
    """Values by name, each with a life of its own. Every method raises ``Unanswered`` while the store is away."""

    async def put(self, name: str, value: bytes, life_seconds: int) -> None: ...

    async def put_first(self, name: str, value: bytes, life_seconds: int) -> bytes | None:
        """Keep a value unless the name has one, and return the one it had. Of two at once, one gets ``None``."""

    async def get(self, name: str, life_seconds: int | None = None) -> bytes | None:
        """The value; with ``life_seconds``, it lives on for as long from now."""

    async def take(self, name: str) -> bytes | None:
        """The value, which then is gone. Of two at once, one gets it."""

    async def delete(self, name: str) -> None: ...

    async def check(self) -> None:
        """Return if the store answers."""

    async def close(self) -> None: ...


class RedisStore:
    """The store in one Redis server or, with the scheme ``redis+cluster``, in a cluster. Opens nothing until it is used."""

    def __init__(self, url: str) -> None:
        limits: dict[str, Any] = {"socket_timeout": CALL_TIMEOUT_SECONDS, "socket_connect_timeout": CALL_TIMEOUT_SECONDS}
        scheme, _, rest = url.partition("://")
        self._redis: redis.asyncio.Redis | RedisCluster
        if scheme.endswith("+cluster"):
            self._redis = RedisCluster.from_url(f"{scheme.removesuffix('+cluster')}://{rest}", **limits)
        else:
            self._redis = redis.asyncio.Redis.from_url(url, **limits)

    async def put(self, name: str, value: bytes, life_seconds: int) -> None:
        with _answering():
            await self._redis.set(name, value, ex=life_seconds)

    async def put_first(self, name: str, value: bytes, life_seconds: int) -> bytes | None:
        with _answering():
            # NX together with GET: Redis 7.0.
            return cast("bytes | None", await self._redis.set(name, value, ex=life_seconds, nx=True, get=True))

    async def get(self, name: str, life_seconds: int | None = None) -> bytes | None:
        with _answering():
            found = self._redis.get(name) if life_seconds is None else self._redis.getex(name, ex=life_seconds)
            return cast("bytes | None", await found)

    async def take(self, name: str) -> bytes | None:
        with _answering():
            return cast("bytes | None", await self._redis.getdel(name))

    async def delete(self, name: str) -> None:
        with _answering():
            await self._redis.delete(name)

    async def check(self) -> None:
        with _answering():
            await cast("Awaitable[Any]", self._redis.ping())

    async def close(self) -> None:
        await self._redis.aclose()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        # The kind only: an error of Redis can repeat what it was sent.
        raise Unanswered(f"the session store does not answer: {type(error).__name__}") from None
