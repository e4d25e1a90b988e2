"""Commands to Redis, sent together: what is asked for while an answer is outstanding makes up the next round trip."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from ingress.breaker import CircuitBreaker

# When the time is up, the answer may have arrived while the event loop was busy with requests. It is read within so many turns
# of the loop; a server that has not answered has not by then either.
GRACE_TURNS = 10

Command = tuple[str | int, ...]


class RedisUnavailable(Exception):
    """Redis has not answered in time, or refuses. Whether the command took effect is not known."""


@dataclass(frozen=True)
class Script:
    """A Lua script of one key."""

    text: str

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class RedisBatches:
    """``client`` must decode answers to text and have no time-outs of its own. Belongs to one event loop.

    Every answer comes, or ``RedisUnavailable`` is raised, within twice ``seconds``: that of the batch under way and that of the
    own one. After failures in a row the breaker refuses at once.
    """

    def __init__(self, client: Redis, seconds: float, breaker: CircuitBreaker) -> None:
        self._client = client
        self._seconds = seconds
        self._breaker = breaker
        self._scripts: dict[str, Script] = {}
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, so that the first voters need not wait for it. Does not fail when Redis is away."""
        try:
            await self.ask("PING")
        except RedisUnavailable:
            return

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def register(self, script: Script) -> str:
        """The name by which ``run`` calls a script."""
        self._scripts[script.sha1] = script
        return script.sha1

    async def run(self, script: str, key: str, *arguments: str | int) -> Any:
        return await self.ask("EVALSHA", script, 1, key, *arguments)

    async def ask(self, *command: str | int) -> Any:
        if not self._breaker.allows():
            raise RedisUnavailable("the circuit is open")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return await answer

    async def _send_all(self) -> None:
        batch: list[tuple[Command, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._send(batch)
        finally:
            self._sending = None
            for _, answer in (*batch, *self._waiting):
                if not answer.done():
                    answer.set_exception(RedisUnavailable("closed"))

    async def _send(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._in_time([command for command, _ in batch])
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed()
            answers = [error] * len(batch)
        else:
            self._breaker.succeeded()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(RedisUnavailable(str(answer) or type(answer).__name__))
            else:
                future.set_result(answer)

    async def _in_time(self, commands: list[Command]) -> list[Any]:
        exchange = asyncio.create_task(self._exchange(commands))
        await asyncio.wait([exchange], timeout=self._seconds)
        for _ in range(GRACE_TURNS):
            if exchange.done():
                break
            await asyncio.sleep(0)
        if not exchange.done():
            exchange.cancel()
            await asyncio.gather(exchange, return_exceptions=True)
            raise TimeoutError(f"no answer within {self._seconds:g} s")
        return exchange.result()

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        answers = await self._round_trip(commands)
        missed = [position for position, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missed:
            # Redis forgets scripts when it restarts.
            await self._round_trip([("SCRIPT LOAD", script.text) for script in self._scripts.values()])
            for position, answer in zip(missed, await self._round_trip([commands[n] for n in missed]), strict=True):
                answers[position] = answer
        return answers

    async def _round_trip(self, commands: list[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))
