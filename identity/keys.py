"""Rotation of the keys that Hydra signs access tokens with. Votes go on through it (docs/runbooks/keys.md).

    voting.next-access-token   one key, published in the JWKS and signing nothing
    hydra.jwt.access-token     the newest key signs; the older ones are published until the last token they signed has run out

A rotation makes the next key the newest, and a new next one. Every verifier has known the key by then, whatever it caches.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SIGNING = "hydra.jwt.access-token"
NEXT = "voting.next-access-token"


class NotRetired(Exception):
    """The key stays: retiring it would refuse good tokens, or there is no such key. The message says which."""


class KeySets(Protocol):
    """What of Hydra a rotation needs (``identity.hydra_api.Hydra``)."""

    async def keys(self, key_set: str) -> list[dict[str, Any]]: ...

    async def add_key(self, key_set: str, key: Mapping[str, Any]) -> None: ...

    async def make_key(self, key_set: str) -> None: ...

    async def drop_key(self, key_set: str, kid: str) -> None: ...


@dataclass(frozen=True)
class Keys:
    """The ids of the keys: of the one that signs, of those that did, of the next one."""

    signing: str | None
    former: tuple[str, ...]
    next: str | None


async def present(hydra: KeySets) -> Keys:
    signing = [key["kid"] for key in await hydra.keys(SIGNING)]
    waiting = [key["kid"] for key in await hydra.keys(NEXT)]
    return Keys(signing[0] if signing else None, tuple(signing[1:]), waiting[0] if waiting else None)


async def rotate(
    hydra: KeySets,
    publish_seconds: float,
    say: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Keys:
    """Sign with the next key from now on. Raises ``Failure``; whenever it dies, running it again finishes it.

    A next key that has to be made first is published for ``publish_seconds`` before it signs.
    """
    before = await present(hydra)
    if before.next is not None and before.next == before.signing:
        say(f"key: a rotation to {before.next} was interrupted and is finished now")
        await _renew_next(hydra)
        return await present(hydra)
    if before.next is None:
        await hydra.make_key(NEXT)
        say(f"key: there was no next key; one was made and is published for {publish_seconds:.0f} s before it signs")
        await sleep(publish_seconds)
    (key, *_) = await hydra.keys(NEXT)
    await hydra.add_key(SIGNING, key)
    say(f"key: {key['kid']} signs")
    await _renew_next(hydra)
    return await present(hydra)


async def _renew_next(hydra: KeySets) -> None:
    # Made before the used one goes: Hydra would make one itself for a set that is empty, at the next look at its JWKS.
    await hydra.make_key(NEXT)
    for used in (await hydra.keys(NEXT))[1:]:
        await hydra.drop_key(NEXT, used["kid"])


async def retire(hydra: KeySets, kid: str) -> None:
    """Take a former key out of the JWKS: what it has signed is refused from then on. Raises ``NotRetired``, ``Failure``."""
    keys = await present(hydra)
    if kid == keys.signing:
        raise NotRetired(f"{kid} signs: rotate first")
    if kid not in keys.former:
        raise NotRetired(f"{kid} is not among the former keys")
    await hydra.drop_key(SIGNING, kid)
    # A rotation that died at its last step has left it there too.
    await hydra.drop_key(NEXT, kid)
