"""Commands to Redis over one connection, sent together: what is asked for while answers are outstanding is the next batch.

A connection costs two system calls a batch, and a client library some 20 µs a command; this costs about 4 µs for a command with
its answer, because packing and parsing are hiredis's and nothing but a future stands between them and the caller.
"""

import asyncio
import hashlib
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url

from ingress.breaker import CircuitBreaker

# When the time is up, answers may have arrived while the event loop was busy with requests. They are read within so many turns
# of the loop; a server that has not answered has not by then either.
GRACE_TURNS = 10
# Name, TCP, TLS and scripts take several turns of a busy loop each. Nobody waits for so long: commands go without meanwhile.
CONNECT_SECONDS = 2.0

# Answers of a server that is not, or not yet, the one to ask: a new connection may lead to the one that is.
_NOT_THE_ONE = ("READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN")
_MOVED = ("MOVED", "ASK ")

Command = tuple[str | bytes | int, ...]

logger = logging.getLogger(__name__)


class RedisUnavailable(Exception):
    """Redis has not answered in time, or refuses. Whether the command took effect is not known."""


@dataclass(frozen=True)
class Script:
    """A Lua script of one key."""

    text: str

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Address:
    """Where Redis is, from a URL redis://, rediss:// or unix:// as redis-py reads it. Raises ``ValueError``."""

    host: str
    port: int
    path: str | None
    tls: bool
    greeting: tuple[Command, ...]

    @classmethod
    def of(cls, url: str) -> "Address":
        parts: dict[str, Any] = dict(parse_url(url))
        greeting: list[Command] = []
        if parts.get("password"):
            greeting.append(("AUTH", *([parts["username"]] if parts.get("username") else []), parts["password"]))
        if parts.get("db"):
            greeting.append(("SELECT", int(parts["db"])))
        tls = parts.get("connection_class") is SSLConnection
        return cls(parts.get("host", "localhost"), int(parts.get("port", 6379)), parts.get("path"), tls, tuple(greeting))


class Redis(Protocol):
    """What the ingress asks of Redis: one server (``RedisLink``) or a cluster (``ingress.redis_cluster``)."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def register(self, script: Script) -> str: ...

    def run(self, script: str, key: bytes, *arguments: str | bytes | int) -> asyncio.Future[Any]: ...

    def ask(self, *command: str | bytes | int) -> asyncio.Future[Any]: ...

    @property
    def interrupted(self) -> bool: ...


class RedisLink:
    """Belongs to one event loop. Answers are as Redis sends them: bytes, integers, lists, ``None``.

    Every answer comes, or ``RedisUnavailable`` is raised, within twice ``seconds`` (that of the batch under way and that of the
    own one) and ``GRACE_TURNS`` of the loop. After failures in a row the breaker refuses at once.
    """

    def __init__(self, url: str, seconds: float, on_moved: Callable[[], None] = lambda: None) -> None:
        """``on_moved`` is called when the server says that a key is another one's (Redis Cluster)."""
        self._address = Address.of(url)
        self._seconds = seconds
        self.on_moved = on_moved
        self._breaker = CircuitBreaker(time.monotonic)
        self._scripts: dict[str, Script] = {}
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._patience: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._closed = False
        # Kept, because asking for it costs a system call (CPython 3.11 compares process ids).
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def interrupted(self) -> bool:
        """Whether it is left alone after failures in a row."""
        return self._breaker.open

    async def open(self) -> None:
        """Connect, so that the first voters need not wait for it. Does not fail when Redis is away."""
        try:
            await self.ask("PING")
        except RedisUnavailable:
            return

    async def close(self) -> None:
        """What has been asked for is still done, as far as Redis answers in time."""
        until = time.monotonic() + 2 * self._seconds
        while (self._waiting or self._busy) and time.monotonic() < until:  # noqa: ASYNC110 (it happens in callbacks)
            await asyncio.sleep(0.001)
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._connection.end("closed")
        self._fail_waiting("closed")

    def register(self, script: Script) -> str:
        """The name by which ``run`` calls a script."""
        self._scripts[script.sha1] = script
        return script.sha1

    def run(self, script: str, key: bytes, *arguments: str | bytes | int) -> asyncio.Future[Any]:
        return self.ask("EVALSHA", script, 1, key, *arguments)

    def ask(self, *command: str | bytes | int) -> asyncio.Future[Any]:
        """The future answer to a command. Raises ``RedisUnavailable`` at once while the breaker is open."""
        if self._closed or not self._breaker.allows():
            raise RedisUnavailable("closed" if self._closed else "the circuit is open")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((command, answer))
        if not self._scheduled and not self._busy:
            self._scheduled = True
            # What other requests ask for in this turn of the loop goes with it.
            self._loop.call_soon(self._flush)
        return answer

    @property
    def _busy(self) -> bool:
        return self._connection is not None and self._connection.busy

    def _flush(self) -> None:
        """Send what waits, unless a batch is under way: its end sends the next."""
        self._scheduled = False
        if not self._waiting or self._closed:
            return
        if self._connection is None:
            loop = asyncio.get_running_loop()
            if self._connecting is None:
                self._connecting = loop.create_task(self._connect())
            if self._patience is None:
                # A connection may take longer than a command may wait for it.
                self._patience = loop.call_later(self._seconds, self._lose_patience, GRACE_TURNS)
        elif not self._connection.busy:
            batch, self._waiting = self._waiting, []
            self._connection.send(batch, self._seconds)

    def _lose_patience(self, turns: int) -> None:
        if turns:
            self._patience = asyncio.get_running_loop().call_later(0, self._lose_patience, turns - 1)
            return
        self._patience = None
        if self._connection is None:
            self._failed(f"no connection within {self._seconds:g} s")

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        connection = _Connection(self, loop)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._open_connection(connection, loop)
                # A server that has been restarted has forgotten its scripts.
                first: list[Command] = [
                    *self._address.greeting,
                    *(("SCRIPT", "LOAD", script.text) for script in self._scripts.values()),
                ]
                if first:
                    answers = [loop.create_future() for _ in first]
                    connection.send(list(zip(first, answers, strict=True)), CONNECT_SECONDS)
                    await asyncio.gather(*answers)
            if connection.lost:
                raise ConnectionResetError("Redis closed the connection")  # noqa: TRY301 (one way out for all)
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody must be left waiting)
            connection.end("given up")
            self._failed(str(error) or f"no connection within {CONNECT_SECONDS:g} s")
        else:
            self._connection = connection
        finally:
            self._connecting = None
        self._flush()

    async def _open_connection(self, connection: "_Connection", loop: asyncio.AbstractEventLoop) -> None:
        address = self._address
        if address.path is not None:
            await loop.create_unix_connection(lambda: connection, address.path)
        else:
            context = ssl.create_default_context() if address.tls else None
            await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)

    def answered(self, connection: "_Connection", refusal: str) -> None:
        """The connection has all answers of its batch. ``refusal`` is one of them, if all were errors."""
        if connection is not self._connection:
            return  # a handshake says nothing about how commands fare
        if refusal:
            self._count_failure(refusal)
        else:
            if self._breaker.open:
                logger.info("Redis answers again")
            self._breaker.succeeded()
        self._flush()

    def lost(self, connection: "_Connection", why: str) -> None:
        """The connection broke or was given up, and has failed what it had sent."""
        if connection is self._connection:
            self._connection = None
            # What waits would have gone with the next batch, and Redis is not answering.
            self._failed(why)

    def _failed(self, why: str) -> None:
        self._count_failure(why)
        self._fail_waiting(why)

    def _count_failure(self, why: str) -> None:
        was_open = self._breaker.open
        self._breaker.failed()
        if self._breaker.open and not was_open:
            logger.warning("Redis is left alone for a while after failures in a row: %s", why)

    def resend(self, command: Command, answer: asyncio.Future[Any]) -> None:
        """A script was not known (SCRIPT FLUSH): the same again, with its text."""
        _, sha1, *rest = command
        self._waiting.append((("EVAL", self._scripts[cast("str", sha1)].text, *rest), answer))

    def _fail_waiting(self, why: str) -> None:
        waiting, self._waiting = self._waiting, []
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        for _, answer in waiting:
            if not answer.done():
                answer.set_exception(RedisUnavailable(why))


class _Connection(asyncio.Protocol):
    """One connection with at most one batch under way."""

    def __init__(self, link: RedisLink, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._sent: deque[tuple[Command, asyncio.Future[Any]]] = deque()
        self._deadline: asyncio.TimerHandle | None = None
        # Of the batch under way: the last error, and whether anything but errors has come.
        self._refusal = ""
        self._accepted = False
        self.lost = False

    @property
    def busy(self) -> bool:
        return bool(self._sent)

    def send(self, batch: Sequence[tuple[Command, asyncio.Future[Any]]], seconds: float) -> None:
        """``seconds`` until it counts as not answered."""
        self._sent.extend(batch)
        self._deadline = self._loop.call_later(seconds, self._late, seconds, GRACE_TURNS)
        if self._transport is not None:
            # hiredis's annotation knows tuples of one member only.
            self._transport.write(b"".join([hiredis.pack_command(command) for command, _ in batch]))  # type: ignore[arg-type]

    def end(self, why: str) -> None:
        """Close, and fail what is outstanding."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(why)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        sent = self._sent
        elsewhere = ""
        try:
            while sent and (reply := self._reader.gets()) is not False:
                command, answer = sent.popleft()
                if isinstance(reply, hiredis.ReplyError):
                    if str(reply).startswith("NOSCRIPT") and command[0] == "EVALSHA":
                        self._link.resend(command, answer)
                        continue
                    if str(reply).startswith(_MOVED):
                        self._link.on_moved()
                    elif str(reply).startswith(_NOT_THE_ONE):
                        elsewhere = str(reply)
                    self._refusal = str(reply)
                    if not answer.done():
                        answer.set_exception(RedisUnavailable(str(reply)))
                    continue
                self._accepted = True
                if not answer.done():
                    answer.set_result(reply)
        except hiredis.ProtocolError as error:
            self._give_up(f"not Redis's protocol: {error}")
            return
        if elsewhere:
            self._give_up(elsewhere)
        elif not sent and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            refusal, self._refusal = "" if self._accepted else self._refusal, ""
            self._accepted = False
            self._link.answered(self, refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.lost = True
        why = str(exc or "Redis closed the connection")
        self._fail(why)
        self._link.lost(self, why)

    def _late(self, seconds: float, turns: int) -> None:
        if turns:
            self._deadline = self._loop.call_later(0, self._late, seconds, turns - 1)
        else:
            self._give_up(f"no answer within {seconds:g} s")

    def _give_up(self, why: str) -> None:
        self.end(why)
        self._link.lost(self, why)

    def _fail(self, why: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        while self._sent:
            _, answer = self._sent.popleft()
            if not answer.done():
                answer.set_exception(RedisUnavailable(why))
