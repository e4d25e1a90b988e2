"""A voter's reservation in Redis (``schemas/redis.yaml``): advice that gives a prompt 409. The log decides, never this.

    none ──take──► pending ──confirm──► confirmed        pending ──expires──► none
                      └─────release────► none            every write is compare-and-set by vote id

It is released only when the vote certainly was not handed to the log. When the outcome is unknown it stays until it expires.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ingress.redis_batches import RedisBatches, RedisUnavailable, Script
from schemas.ids import vote_key


class State(StrEnum):
    PENDING = "P"
    CONFIRMED = "C"


class ReservationsUnavailable(Exception):
    """Redis cannot answer now. Go on without a reservation: ``dedup`` still lets one vote of a voter through."""


@dataclass(frozen=True)
class Reservation:
    state: State
    vote_id: str
    cast_at_ms: int

    def text(self) -> str:
        return f"{self.state}:{self.vote_id}:{self.cast_at_ms}"


@dataclass(frozen=True)
class Held:
    """A reservation that was there already, and how long it will be."""

    reservation: Reservation
    expires_in_ms: int


class Reservations(Protocol):
    """Each method is atomic, and raises ``ReservationsUnavailable``."""

    async def take(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int) -> Held | None:
        """Make a pending reservation. Returns ``None`` if it was made, else the one that is held."""

    async def confirm(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int, until_ms: int) -> bool:
        """Keep this vote's reservation until a time (milliseconds since the epoch). Makes it if none is there.

        Returns ``False``, and changes nothing, if another vote holds it.
        """

    async def release(self, election_id: str, voter_sub: str, vote_id: str) -> bool:
        """Take this vote's pending reservation away. Returns ``False``, and changes nothing, if that is not what is held."""

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None: ...


_TAKE = """
local held = redis.call('GET', KEYS[1])
if held then
    return {held, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
# The vote id stands between the first and the last colon of a value.
_CONFIRM = """
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%a:([^:]*):') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 1
"""
_RELEASE = """
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^P:([^:]*):') == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


class RedisReservations:
    def __init__(self, redis: RedisBatches, pending_ms: int) -> None:
        self._redis = redis
        self._pending_ms = pending_ms
        self._take = redis.register(Script(_TAKE))
        self._confirm = redis.register(Script(_CONFIRM))
        self._release = redis.register(Script(_RELEASE))

    async def take(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int) -> Held | None:
        value = Reservation(State.PENDING, vote_id, cast_at_ms).text()
        held = await self._ask(self._redis.run(self._take, _key(election_id, voter_sub), value, self._pending_ms))
        return None if held is None else Held(parse(held[0]), held[1])

    async def confirm(self, election_id: str, voter_sub: str, vote_id: str, cast_at_ms: int, until_ms: int) -> bool:
        value = Reservation(State.CONFIRMED, vote_id, cast_at_ms).text()
        return bool(await self._ask(self._redis.run(self._confirm, _key(election_id, voter_sub), vote_id, value, until_ms)))

    async def release(self, election_id: str, voter_sub: str, vote_id: str) -> bool:
        return bool(await self._ask(self._redis.run(self._release, _key(election_id, voter_sub), vote_id)))

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None:
        held = await self._ask(self._redis.ask("GET", _key(election_id, voter_sub)))
        return None if held is None else parse(held)

    async def _ask(self, command: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await command
        except RedisUnavailable as error:
            raise ReservationsUnavailable(str(error)) from error


def _key(election_id: str, voter_sub: str) -> str:
    return f"reservation:{{{vote_key(election_id, voter_sub)}}}"


def parse(value: str) -> Reservation:
    """Raises ``ReservationsUnavailable`` for a value that is not of the contract: it advises nothing."""
    state, _, rest = value.partition(":")
    vote_id, _, cast_at_ms = rest.partition(":")
    try:
        return Reservation(State(state), vote_id, int(cast_at_ms))
    except ValueError as error:
        raise ReservationsUnavailable("a reservation that cannot be read") from error
