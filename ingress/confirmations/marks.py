"""How far the log is written into Redis, remembered in Redis itself, so that whatever loses reservations loses this as well.

For each partition of ``votes-unique`` every mark says: "below this offset, all that Redis should hold has been written". A mark
is moved only after the reservations themselves were acknowledged. A Redis server loses its newest writes (a crash, a failover, an
old backup) or everything (a flush, a shard that is gone), but never an older write while it keeps a newer one: a mark that is
there vouches for what was written before it on the same server. The marks are spread over the slots of a cluster, so that each of
its servers has one, and the lowest is what counts.

Moving a mark is a compare-and-set. It must find the value that was seen last, and the server's data in the same history: Redis
names it with a random id (``master_replid``), another one whenever a server starts or is promoted. So nothing that was lost
between two moves can be vouched for by the second.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ingress.pipeline import ask_all
from ingress.redis_cluster import SLOTS, slot_of_key
from ingress.redis_link import Redis, RedisUnavailable, Script
from ingress.reservation import ReservationsUnavailable

# One mark in every 128 slots: a server that holds a range of so many has one, in a cluster of up to 128 shards.
MARKS = 128


class Mark(msgspec.Struct, frozen=True):
    """A mark as it was seen: the history of its server, and its value for each partition, ``None`` where it has none."""

    history: bytes
    values: Mapping[int, bytes | None]

    def offset(self, partition: int) -> int:
        """Below this offset everything was written; 0 where the mark is gone or is not of the contract."""
        _, _, offset = (self.values[partition] or b"").partition(b":")
        return int(offset) if offset.isdigit() else 0

    def moved(self, offsets: Mapping[int, int], token: bytes) -> "Mark":
        """The same mark with other offsets. What is made anew gets the token, which tells it from what was there before it."""
        values = {
            partition: b"%b:%d" % ((self.values[partition] or token).partition(b":")[0], offset)
            for partition, offset in offsets.items()
        }
        return Mark(self.history, {**self.values, **values})


class Marks(Protocol):
    """Each method raises ``ReservationsUnavailable``; after ``move`` has raised, any of the marks may have been moved."""

    async def look(self, partitions: Sequence[int]) -> list[Mark]: ...

    async def move(self, seen: Sequence[Mark], offsets: Mapping[int, int]) -> list[Mark] | None:
        """Move every mark to these offsets, which are of partitions that were looked at.

        Returns the marks as they are then, or ``None`` if one was not as it had been seen: Redis has lost writes or is another
        one, or somebody else works on these partitions. Look again and go on from there.
        """


_LOOK = """
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
return {history, redis.call('HMGET', KEYS[1], unpack(ARGV))}
"""
# The history, then partition, expected value (empty for none) and new value in turns.
_MOVE = """
if string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') ~= ARGV[1] then
    return 0
end
for n = 2, #ARGV, 3 do
    if (redis.call('HGET', KEYS[1], ARGV[n]) or '') ~= ARGV[n + 1] then
        return 0
    end
end
for n = 2, #ARGV, 3 do
    redis.call('HSET', KEYS[1], ARGV[n], ARGV[n + 2])
end
return 1
"""


class RedisMarks:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._look = redis.register(Script(_LOOK))
        self._move = redis.register(Script(_MOVE))
        self._keys = mark_keys()

    async def look(self, partitions: Sequence[int]) -> list[Mark]:
        answers = await self._ask([(self._look, key, *partitions) for key in self._keys])
        return [Mark(history, dict(zip(partitions, values, strict=True))) for history, values in answers]

    async def move(self, seen: Sequence[Mark], offsets: Mapping[int, int]) -> list[Mark] | None:
        token = secrets.token_hex(4).encode()
        moved = [mark.moved(offsets, token) for mark in seen]
        commands: list[tuple[Any, ...]] = []
        for key, old, new in zip(self._keys, seen, moved, strict=True):
            changes = [(partition, old.values[partition] or b"", new.values[partition]) for partition in offsets]
            commands.append((self._move, key, old.history, *(argument for change in changes for argument in change)))
        return moved if all(await self._ask(commands)) else None

    async def _ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        try:
            return await ask_all(self._redis, [("EVALSHA", script, 1, *rest) for script, *rest in commands])
        except RedisUnavailable as error:
            raise ReservationsUnavailable(str(error)) from error


def mark_keys() -> list[bytes]:
    """The keys of the marks: one in the first slot of each range of slots. Takes a tenth of a second, and is always the same."""
    apart = SLOTS // MARKS
    found: dict[int, bytes] = {}
    number = 0
    while len(found) < MARKS:
        key = b"r:mark:%d" % number
        slot = slot_of_key(key)
        if slot % apart == 0:
            found.setdefault(slot, key)
        number += 1
    return [found[slot] for slot in sorted(found)]
