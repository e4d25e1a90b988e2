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

    Every answer comes, or ``RedisUnavailable`` is raised, within twice ``seconds``: that of the batch under way and that of the
    own one. After failures in a row the breaker refuses at once.
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
        self._scheduled = False
        self._closed = False
        # Kept, because asking for it costs a system call (CPython 3.11 compares process ids).
        self._loop: asyncio.AbstractEventLoop | None = None

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
        if self._connection is None:
            if self._waiting and self._connecting is None and not self._closed:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
        elif self._waiting and not self._connection.busy:
            batch, self._waiting = self._waiting, []
            self._connection.send(batch)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        address = self._address
        context = ssl.create_default_context() if address.tls else None
        try:
            async with asyncio.timeout(self._seconds):
                connection = _Connection(self, loop)
                if address.path is not None:
                    await loop.create_unix_connection(lambda: connection, address.path)
                else:
                    await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)
                # A server that has been restarted has forgotten its scripts.
                first: list[Command] = [
                    *address.greeting,
                    *(("SCRIPT", "LOAD", script.text) for script in self._scripts.values()),
                ]
                if first:
                    answers = [loop.create_future() for _ in first]
                    connection.send(list(zip(first, answers, strict=True)))
                    await asyncio.gather(*answers)
        except (OSError, TimeoutError, RedisUnavailable) as error:
            connection.end("given up")
            self._breaker.failed()
            self._fail_waiting(str(error) or f"no connection within {self._seconds:g} s")
        else:
            self._connection = connection
        finally:
            self._connecting = None
        self._flush()

    def answered(self) -> None:
        """The connection has all answers of its batch."""
        self._breaker.succeeded()
        if self._connection is not None:
            self._flush()

    def lost(self, connection: "_Connection") -> None:
        """The connection broke or was given up, and has failed what it had sent."""
        if connection is self._connection:
            self._connection = None
            self._breaker.failed()
            # They would have gone with the next batch, and Redis is not answering.
            self._fail_waiting("the connection to Redis was lost")

    def resend(self, command: Command, answer: asyncio.Future[Any]) -> None:
        """A script was not known (SCRIPT FLUSH): the same again, with its text."""
        _, sha1, *rest = command
        self._waiting.append((("EVAL", self._scripts[cast("str", sha1)].text, *rest), answer))

    @property
    def seconds(self) -> float:
        return self._seconds

    def _fail_waiting(self, why: str) -> None:
        waiting, self._waiting = self._waiting, []
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

    @property
    def busy(self) -> bool:
        return bool(self._sent)

    def send(self, batch: Sequence[tuple[Command, asyncio.Future[Any]]]) -> None:
        self._sent.extend(batch)
        self._deadline = self._loop.call_later(self._link.seconds, self._late, GRACE_TURNS)
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
                    if not answer.done():
                        answer.set_exception(RedisUnavailable(str(reply)))
                elif not answer.done():
                    answer.set_result(reply)
        except hiredis.ProtocolError as error:
            self.end(f"not Redis's protocol: {error}")
            self._link.lost(self)
            return
        if elsewhere:
            self.end(elsewhere)
            self._link.lost(self)
        elif not sent and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._link.answered()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(str(exc or "Redis closed the connection"))
        self._link.lost(self)

    def _late(self, turns: int) -> None:
        if turns:
            self._deadline = self._loop.call_later(0, self._late, turns - 1)
            return
        self.end(f"no answer within {self._link.seconds:g} s")
        self._link.lost(self)

    def _fail(self, why: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        while self._sent:
            _, answer = self._sent.popleft()
            if not answer.done():
                answer.set_exception(RedisUnavailable(why))
