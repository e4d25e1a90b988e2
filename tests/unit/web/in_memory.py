"""A session store in memory, for tests."""

import time

from web.failures import Unanswered


class MemoryStore:
    """As ``web.store.Store`` says. ``away`` makes it stop answering; ``now`` is its clock."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[bytes, float]] = {}
        self.away = False
        self.passed_seconds = 0.0

    def _now(self) -> float:
        return time.monotonic() + self.passed_seconds

    def _at(self, name: str) -> bytes | None:
        if self.away:
            raise Unanswered("the store is away")
        value, until = self.values.get(name, (b"", 0.0))
        if until <= self._now():
            self.values.pop(name, None)
            return None
        return value

    async def put(self, name: str, value: bytes, life_seconds: int) -> None:
        self._at(name)
        self.values[name] = value, self._now() + life_seconds

    async def put_first(self, name: str, value: bytes, life_seconds: int) -> bytes | None:
        found = self._at(name)
        if found is None:
            await self.put(name, value, life_seconds)
        return found

    async def get(self, name: str, life_seconds: int | None = None) -> bytes | None:
        found = self._at(name)
        if found is not None and life_seconds is not None:
            await self.put(name, found, life_seconds)
        return found

    async def take(self, name: str) -> bytes | None:
        found = self._at(name)
        self.values.pop(name, None)
        return found

    async def delete(self, name: str) -> None:
        self._at(name)
        self.values.pop(name, None)

    async def check(self) -> None:
        self._at("")

    async def close(self) -> None:
        pass
