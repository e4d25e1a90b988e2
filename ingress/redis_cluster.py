"""Redis Cluster: a connection to each server, and every command to the one that holds the slot of its key.

While slots move from one server to another, a command may arrive at the wrong one. It is not sent again: it counts as not
answered, and where the slots lie is asked anew. What stands in Redis here is advice or a projection: nothing is lost by it.
"""

import asyncio
import binascii
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ingress.redis_link import Redis, RedisLink, RedisUnavailable, Script

SLOTS = 16_384
# Besides every time that a server says that a slot has moved.
REFRESH_SECONDS = 10.0
# Changes come in bursts; the slots are asked for at most so often.
COOL_DOWN_SECONDS = 0.5
SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
logger = logging.getLogger(__name__)

_SCRIPT_COMMANDS = {"EVALSHA", "EVAL"}


def redis_at(url: str, seconds: float) -> Redis:
    """A cluster or a single server, as the URL's scheme says."""
    return RedisCluster(url, seconds) if urlsplit(url).scheme in SCHEMES else RedisLink(url, seconds)


class RedisCluster:
    """``url`` is that of any server of the cluster, or of its configuration endpoint: redis+cluster:// or rediss+cluster://.

    As ``RedisLink`` for each of its servers, each with a breaker of its own. Belongs to one event loop.
    """

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        self._url = parts._replace(scheme=SCHEMES[parts.scheme], path="")
        self._seconds = seconds
        self._scripts: list[Script] = []
        self._stale = asyncio.Event()
        self._seed = self._link(parts.hostname or "localhost", parts.port or 6379)
        self._links: dict[tuple[str, int], RedisLink] = {}
        self._slots: list[RedisLink | None] = [None] * SLOTS
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def interrupted(self) -> bool:
        return any(link.interrupted for link in self._links.values()) or not self._links

    async def open(self) -> None:
        """Ask where the slots lie. Does not fail when no server answers: it goes on trying."""
        await self._refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in (self._seed, *self._links.values())))

    def register(self, script: Script) -> str:
        self._scripts.append(script)
        for link in self._links.values():
            link.register(script)
        return script.sha1

    def run(self, script: str, key: bytes, *arguments: str | bytes | int) -> asyncio.Future[Any]:
        return self.ask("EVALSHA", script, 1, key, *arguments)

    def ask(self, *command: str | bytes | int) -> asyncio.Future[Any]:
        """The future answer to a command of one key, or to PING, which any server answers."""
        link = self._any() if len(command) == 1 else self._slots[slot_of(command)]
        if link is None:
            self._stale.set()
            raise RedisUnavailable("no server of the cluster has this slot")
        return link.ask(*command)

    def _any(self) -> RedisLink:
        return next((link for link in self._links.values() if link.connected), self._seed)

    async def _keep_fresh(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._stale.wait()
            self._stale.clear()
            await self._refresh()
            await asyncio.sleep(COOL_DOWN_SECONDS)

    async def _refresh(self) -> None:
        """Ask the servers that are known, then the one of the URL, until one knows a server for as many slots as before."""
        served = sum(link is not None for link in self._slots)
        for link in (*self._links.values(), self._seed):
            try:
                ranges = await link.ask("CLUSTER", "SLOTS")
                # A server that was taken out of the cluster knows of none.
                if sum(last + 1 - first for first, last, *_ in ranges) >= max(served, 1):
                    await self._take(ranges)
                    return
            except RedisUnavailable:
                continue
            except (ValueError, TypeError, AttributeError) as error:
                logger.warning("a server's answer about the slots cannot be read: %r", error)

    async def _take(self, ranges: list[list[Any]]) -> None:
        """Each range: first slot, last slot, the primary's address, its replicas' (Redis documentation, CLUSTER SLOTS)."""
        slots: list[RedisLink | None] = [None] * SLOTS
        links: dict[tuple[str, int], RedisLink] = {}
        for first, last, (host, port, *_), *_replicas in ranges:
            # An empty host is that of the server which was asked.
            address = ((host or b"").decode() or self._url.hostname or "localhost", int(port))
            if address not in links:
                links[address] = self._links.get(address) or self._link(*address)
            slots[first : last + 1] = [links[address]] * (last + 1 - first)
        gone = [link for address, link in self._links.items() if address not in links]
        self._links, self._slots = links, slots
        for link in gone:
            await link.close()

    def _link(self, host: str, port: int) -> RedisLink:
        user, _, _ = self._url.netloc.rpartition("@")
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        url = urlunsplit(self._url._replace(netloc=f"{user}@{place}" if user else place))
        link = RedisLink(url, self._seconds, on_moved=self._stale.set)
        for script in self._scripts:
            link.register(script)
        return link


def slot_of(command: tuple[str | bytes | int, ...]) -> int:
    """The slot of a command's one key."""
    key = command[3] if command[0] in _SCRIPT_COMMANDS else command[1]
    return slot_of_key(key if isinstance(key, bytes) else str(key).encode())


def slot_of_key(key: bytes) -> int:
    """CRC-16/XMODEM of the key, or of its hash tag if it has one (Redis Cluster specification, "Hash tags")."""
    _, opened, rest = key.partition(b"{")
    tag, closed, _ = rest.partition(b"}")
    return binascii.crc_hqx(tag if opened and closed and tag else key, 0) % SLOTS
