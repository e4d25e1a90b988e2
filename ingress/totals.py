"""The live counts as ``tally`` writes them to Redis (``schemas/redis.yaml``): where they are read and what they look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingress.clock import from_ms
from ingress.redis_link import Redis, RedisUnavailable

_AS_OF = "_as_of"


class TotalsUnavailable(Exception):
    """The counts cannot be read here now. Read them elsewhere, or answer 503."""


@dataclass(frozen=True)
class Totals:
    """Absolute counts. A candidate without votes may be missing. ``as_of`` is the append time of the newest vote in them."""

    counts: Mapping[str, int]
    as_of: datetime | None


class TotalsSource(Protocol):
    async def read(self, election_id: str) -> Totals | None:
        """The counts, or ``None`` if there are none. Raises ``TotalsUnavailable``."""


class RedisTotals:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, election_id: str) -> Totals | None:
        try:
            answer: list[bytes] = await self._redis.ask("HGETALL", f"totals:{{{election_id}}}")
        except RedisUnavailable as error:
            raise TotalsUnavailable(str(error)) from error
        texts = [text.decode() for text in answer]
        return parse_totals(dict(zip(texts[::2], texts[1::2], strict=True))) if texts else None


def parse_totals(fields: Mapping[str, str]) -> Totals:
    """Raises ``TotalsUnavailable`` for a field that is not ``<generation>:<count>``: the record serves then.

    Fields that begin with an underscore are no candidates' (schemas/redis.yaml).
    """
    try:
        counts = {candidate_id: int(value.partition(":")[2]) for candidate_id, value in fields.items() if candidate_id[:1] != "_"}
        as_of = from_ms(int(fields[_AS_OF])) if _AS_OF in fields else None
    except (ValueError, OverflowError, OSError) as error:
        raise TotalsUnavailable(f"not the totals of the contract: {error}") from error
    return Totals(counts, as_of)
