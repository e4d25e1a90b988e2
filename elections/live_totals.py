"""Telling Redis that an election's totals are final: from then on the script that writes totals leaves them alone."""

import redis

REDIS_TIMEOUT_SECONDS = 10.0
SEALED = "_sealed"


class NotTold(Exception):
    """The record is sealed, Redis does not know it for certain. Run the same command again."""


def seal(redis_url: str, election_id: str) -> None:
    """Safe to repeat. Raises ``NotTold``."""
    client = redis.Redis.from_url(redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)
    try:
        client.hset(f"totals:{{{election_id}}}", SEALED, "1")
    except redis.RedisError as error:
        raise NotTold(str(error)) from error
    finally:
        client.close()
