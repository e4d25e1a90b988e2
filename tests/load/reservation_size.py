"""How much memory a confirmed reservation takes in Redis, measured with a million of them."""

import time
from typing import cast

import redis

from ingress.random_ids import RandomIds
from ingress.reservation import ReservationForm

RESERVATIONS = 1_000_000
_AT_ONCE = 10_000
_LIFE_MS = 86_400_000


def bytes_each(client: redis.Redis) -> float:
    """Bytes of Redis's memory for each voter, keys, expiry and tables included. Empties the Redis that it is given."""
    client.flushall()
    form, ids = ReservationForm(bytes(16)), RandomIds()
    before = _used(client)
    now_ms = time.time_ns() // 1_000_000
    for _ in range(0, RESERVATIONS, _AT_ONCE):
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(_AT_ONCE):
                pipeline.set(
                    form.key("election-2025-01", ids.new()), form.confirmed_value(ids.new(), now_ms), pxat=now_ms + _LIFE_MS
                )
            pipeline.execute()
    after = _used(client)
    client.flushall()
    return (after - before) / RESERVATIONS


def _used(client: redis.Redis) -> int:
    memory = cast("dict[str, int]", client.info("memory"))
    return memory["used_memory"]
