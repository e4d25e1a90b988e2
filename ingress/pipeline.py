"""Many commands to Redis at once, of which each must succeed."""

import asyncio
from collections.abc import Iterable
from typing import Any

from ingress.redis_link import Command, Redis, RedisUnavailable


async def ask_all(redis: Redis, commands: Iterable[Command]) -> list[Any]:
    """The answers, in order. Raises ``RedisUnavailable`` if one failed: any may have taken effect, but none is outstanding."""
    # Alone: after an outage the circuit breaker lets a single command find out whether Redis is back.
    await redis.ask("PING")
    asked: list[asyncio.Future[Any]] = []
    failed: RedisUnavailable | None = None
    answers = []
    try:
        for command in commands:
            asked.append(redis.ask(*command))  # noqa: PERF401 (what was asked before a refusal must be waited for)
    except RedisUnavailable as error:
        failed = error
    for answer in asked:
        try:
            answers.append(await answer)
        except RedisUnavailable as error:
            failed = error
    if failed is not None:
        raise failed
    return answers
