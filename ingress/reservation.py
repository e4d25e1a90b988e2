"""A voter's reservation in Redis (``schemas/redis.yaml``): advice that gives a prompt 409. The log decides, never this.

              take                confirm
        none ──────► pending ─────────────────► confirmed        pending and undecided expire ──► none
              release  │  ▲                         ▲
        none ◄─────────┘  │ resume                  │ confirm    every write is compare-and-set by vote id
                       undecided ───────────────────┘
                       (mark_undecided)

What ``votes-unique`` says is kept whatever is held (``ingress.confirmations``).

It is released only when the vote certainly was not handed to the log. When the outcome is unknown it becomes undecided and stays
until it expires; the same choice may meanwhile be sent again as the same vote, which cannot count twice.

What stands in Redis names neither the voter nor the choice: the key is a keyed hash, and so is what an undecided vote's choice is
compared with. Both need the secret that all instances share.
"""

import asyncio
import base64
import hashlib
import re
import struct
import uuid
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from ingress.pipeline import ask_all
from ingress.redis_link import Command, Redis, RedisUnavailable, Script
from ingress.vote import Vote
from schemas.ids import vote_key

# 120 bits: among 300 million voters two share one with a probability of 10^-20.
KEY_DIGEST_BYTES = 15
CHOICE_DIGEST_BYTES = 8
SHORTEST_SECRET_BYTES = 16

_CANONICAL_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_FORM = struct.Struct(">cQ16s")
_TEXT_FORM = struct.Struct(">cQ")
# A confirmed vote whose id is no UUID: one that did not come through the ingress, told by votes-unique.
_CONFIRMED_TEXT = b"c"


class State(StrEnum):
    PENDING = "P"
    UNDECIDED = "U"
    CONFIRMED = "C"


class ReservationsUnavailable(Exception):
    """Redis cannot answer now. Go on without a reservation: ``dedup`` still lets one vote of a voter through."""


class Reservation(msgspec.Struct, frozen=True):
    state: State
    vote_id: str
    cast_at_ms: int


class Held(msgspec.Struct, frozen=True):
    """A reservation that was there already. ``same_choice``: it is open, and for the same candidate."""

    reservation: Reservation
    same_choice: bool


class Counted(msgspec.Struct, frozen=True):
    """The vote of a voter that counts, and until when that is kept (milliseconds since the epoch)."""

    election_id: str
    voter_sub: str
    vote_id: str
    cast_at_ms: int
    until_ms: int


class Keeper(Protocol):
    async def keep(self, votes: Iterable[Counted]) -> None:
        """Confirm votes that the log has decided on, whatever is held. Atomic for each of them.

        Raises ``ReservationsUnavailable`` if one may not be kept.
        """


class Reservations(Keeper, Protocol):
    """Each method is atomic, and raises ``ReservationsUnavailable``."""

    async def take(self, vote: Vote) -> Held | None:
        """Make a pending reservation. Returns ``None`` if it was made, else the one that is held."""

    async def resume(self, vote: Vote) -> bool:
        """Make this vote's undecided reservation pending again, for the whole pending time.

        Returns ``False``, and changes nothing, if that is not what is held.
        """

    async def mark_undecided(self, vote: Vote) -> bool:
        """Say that the outcome of this vote's pending reservation is unknown; it expires when it would have. As ``resume``."""

    def confirm(self, vote: Vote, until_ms: int) -> asyncio.Future[int]:
        """Keep this vote's reservation until a time (milliseconds since the epoch). Makes it if none is there.

        The future gives 0, and nothing is changed, if another vote holds it; it fails if Redis does not answer. It need not be
        awaited: what was asked for is done all the same.
        """

    async def release(self, vote: Vote) -> bool:
        """Take this vote's pending reservation away. As ``resume``."""

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None: ...

    async def expires_in_ms(self, election_id: str, voter_sub: str) -> int:
        """How long what is held will be there; 0 if nothing is."""


class ReservationForm:
    """How a reservation is written. ``secret`` is at least ``SHORTEST_SECRET_BYTES`` long and shared by all instances."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST_SECRET_BYTES:
            raise ValueError(
                f"the secret of the reservations has {len(secret)} bytes; at least {SHORTEST_SECRET_BYTES} are needed"
            )
        self._keys = hashlib.blake2b(key=secret, digest_size=KEY_DIGEST_BYTES, person=b"voter")
        self._choices = hashlib.blake2b(key=secret, digest_size=CHOICE_DIGEST_BYTES, person=b"choice")

    def key(self, election_id: str, voter_sub: str) -> bytes:
        """22 printable bytes. Without braces, so that Redis Cluster spreads the voters of an election over all slots."""
        digest = self._keys.copy()
        digest.update(vote_key(election_id, voter_sub).encode())
        return b"r:" + base64.urlsafe_b64encode(digest.digest())

    def open_value(self, state: State, vote: Vote) -> bytes:
        """A pending or undecided reservation: state, time, vote id, and what its choice is compared with. 33 bytes."""
        return _UUID_FORM.pack(state.encode(), vote.cast_at_ms, id_bytes(vote.vote_id)) + self.choice(vote)

    def confirmed_value(self, vote_id: str, cast_at_ms: int) -> bytes:
        """A confirmed reservation, 25 bytes: who is asked again needs the receipt, nobody needs the choice any more."""
        try:
            form = id_bytes(vote_id)
        except ValueError:
            return _TEXT_FORM.pack(_CONFIRMED_TEXT, cast_at_ms) + vote_id.encode()
        return _UUID_FORM.pack(State.CONFIRMED.encode(), cast_at_ms, form)

    def choice(self, vote: Vote) -> bytes:
        """Keyed, and bound to the vote's id: without the secret not even two voters' equal choices look alike."""
        digest = self._choices.copy()
        digest.update(f"{vote.vote_id}:{vote.candidate_id}".encode())
        return digest.digest()

    def read(self, value: Any) -> Reservation:
        """Raises ``ReservationsUnavailable`` for a value that is not of the contract: it advises nothing."""
        try:
            if value[:1] == _CONFIRMED_TEXT:
                _, cast_at_ms = _TEXT_FORM.unpack_from(value)
                return Reservation(State.CONFIRMED, value[_TEXT_FORM.size :].decode(), cast_at_ms)
            state, cast_at_ms, vote_id = _UUID_FORM.unpack_from(value)
            return Reservation(State(state.decode()), str(uuid.UUID(bytes=vote_id)), cast_at_ms)
        except (ValueError, TypeError, AttributeError, struct.error) as error:
            raise ReservationsUnavailable("a reservation that cannot be read") from error

    def held(self, value: Any, wanted: Vote) -> Held:
        reservation = self.read(value)
        choice = self.choice(msgspec.structs.replace(wanted, vote_id=reservation.vote_id))
        return Held(reservation, value[_UUID_FORM.size :] == choice)


# The vote id stands in the bytes 10 to 25.
_CONFIRM = """
local held = redis.call('GET', KEYS[1])
if held and (string.sub(held, 1, 1) == 'c' or string.sub(held, 10, 25) ~= string.sub(ARGV[1], 10, 25)) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1
"""
_REPLACE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
if ARGV[3] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
else
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
end
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


class RedisReservations:
    def __init__(self, redis: Redis, form: ReservationForm, pending_ms: int) -> None:
        self._redis = redis
        self._form = form
        self._pending_ms = pending_ms
        self._confirm = redis.register(Script(_CONFIRM))
        self._replace = redis.register(Script(_REPLACE))
        self._release = redis.register(Script(_RELEASE))

    async def take(self, vote: Vote) -> Held | None:
        key = self._form.key(vote.election_id, vote.voter_sub)
        value = self._form.open_value(State.PENDING, vote)
        held = await self._answer("SET", key, value, "NX", "GET", "PX", self._pending_ms)
        return None if held is None else self._form.held(held, vote)

    async def resume(self, vote: Vote) -> bool:
        key = self._form.key(vote.election_id, vote.voter_sub)
        undecided, pending = self._form.open_value(State.UNDECIDED, vote), self._form.open_value(State.PENDING, vote)
        return bool(await self._run(self._replace, key, undecided, pending, self._pending_ms))

    async def mark_undecided(self, vote: Vote) -> bool:
        key = self._form.key(vote.election_id, vote.voter_sub)
        undecided, pending = self._form.open_value(State.UNDECIDED, vote), self._form.open_value(State.PENDING, vote)
        return bool(await self._run(self._replace, key, pending, undecided))

    def confirm(self, vote: Vote, until_ms: int) -> asyncio.Future[int]:
        key = self._form.key(vote.election_id, vote.voter_sub)
        value = self._form.confirmed_value(vote.vote_id, vote.cast_at_ms)
        try:
            return self._redis.run(self._confirm, key, value, until_ms)
        except RedisUnavailable as error:
            raise ReservationsUnavailable(str(error)) from error

    async def release(self, vote: Vote) -> bool:
        key = self._form.key(vote.election_id, vote.voter_sub)
        return bool(await self._run(self._release, key, self._form.open_value(State.PENDING, vote)))

    async def keep(self, votes: Iterable[Counted]) -> None:
        form = self._form
        commands: Iterator[Command] = (
            (
                "SET",
                form.key(vote.election_id, vote.voter_sub),
                form.confirmed_value(vote.vote_id, vote.cast_at_ms),
                "PXAT",
                vote.until_ms,
            )
            for vote in votes
        )
        try:
            await ask_all(self._redis, commands)
        except RedisUnavailable as error:
            raise ReservationsUnavailable(str(error)) from error

    async def read(self, election_id: str, voter_sub: str) -> Reservation | None:
        held = await self._answer("GET", self._form.key(election_id, voter_sub))
        return None if held is None else self._form.read(held)

    async def expires_in_ms(self, election_id: str, voter_sub: str) -> int:
        return max(0, int(await self._answer("PTTL", self._form.key(election_id, voter_sub))))

    async def _run(self, script: str, key: bytes, *arguments: bytes | int) -> Any:
        return await self._answer("EVALSHA", script, 1, key, *arguments)

    async def _answer(self, *command: str | bytes | int) -> Any:
        try:
            return await self._redis.ask(*command)
        except RedisUnavailable as error:
            raise ReservationsUnavailable(str(error)) from error


def id_bytes(vote_id: str) -> bytes:
    """The 16 bytes of a vote id in the canonical form of a UUID. Raises ``ValueError`` for any other id."""
    if not _CANONICAL_UUID.fullmatch(vote_id):
        raise ValueError("not a UUID in its canonical form")
    return bytes.fromhex(vote_id.replace("-", ""))
