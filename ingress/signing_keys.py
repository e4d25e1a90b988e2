"""The keys that Hydra signs access tokens with, from its JWKS: cached, kept fresh, fetched when one is missing."""

import asyncio
import logging
import warnings
from collections.abc import Mapping
from typing import Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import RSAKey

# Unknown key ids, which anybody can send, cause at most one fetch in this time.
COOL_DOWN_SECONDS = 1.0
FETCH_SECONDS = 2.0
# Known keys serve while Hydra is away; without any, no token can be checked, so it is asked more often.
RETRY_SECONDS = 1.0
SMALLEST_KEY_BITS = 2048

logger = logging.getLogger(__name__)


class KeysUnknown(Exception):
    """No key has been fetched yet: no token can be told good or bad. Try again later."""


class SigningKeys(Protocol):
    def get(self, kid: str) -> RSAPublicKey | None:
        """The key with this id, if it is known already."""

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The key with this id, or ``None`` if there is none. Raises ``KeysUnknown``."""

    @property
    def known(self) -> bool: ...


class Jwks:
    """The keys of one JWKS address. ``open`` does not fail when Hydra is away: it goes on trying."""

    def __init__(self, url: str, client: httpx.AsyncClient, refresh_seconds: float) -> None:
        self._url = url
        self._client = client
        self._refresh_seconds = refresh_seconds
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetch: asyncio.Task[None] | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._last_start = float("-inf")
        self._last_success: float | None = None

    @property
    def known(self) -> bool:
        return bool(self._keys)

    def age_seconds(self) -> float:
        """Since the keys were last fetched; NaN if they never were."""
        return float("nan") if self._last_success is None else asyncio.get_running_loop().time() - self._last_success

    async def open(self) -> None:
        await self._fetch_once()
        self._refresh = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        tasks = [task for task in (self._refresh, self._fetch) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def get(self, kid: str) -> RSAPublicKey | None:
        return self._keys.get(kid)

    async def find(self, kid: str) -> RSAPublicKey | None:
        """A missing key is waited for: for one fetch that began after the question, hence for at most two fetches.

        A key that was published before its first token therefore never misses one, however many unknown ids are about.
        """
        asked = asyncio.get_running_loop().time()
        while (key := self._keys.get(kid)) is None and self._last_start <= asked:
            await self._fetch_once()
        if key is None and not self._keys:
            raise KeysUnknown
        return key

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds if self._keys else RETRY_SECONDS)
            await self._fetch_once()

    async def _fetch_once(self) -> None:
        """Join the fetch that is under way or start one. Never raises because of Hydra."""
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._fetch_after_cool_down())
        # One caller that gives up must not take the fetch away from the others.
        await asyncio.shield(self._fetch)

    async def _fetch_after_cool_down(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(max(0.0, self._last_start + COOL_DOWN_SECONDS - loop.time()))
            self._last_start = loop.time()
            answer = await self._client.get(self._url, timeout=FETCH_SECONDS)
            self._keys = read_keys(answer.raise_for_status().json())
            self._last_success = loop.time()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            logger.warning("the signing keys at %s cannot be fetched: %s", self._url, error or type(error).__name__)
        finally:
            self._fetch = None


def read_keys(document: object) -> dict[str, RSAPublicKey]:
    """The RSA signing keys of a JWKS by their ids. Other keys are left out. Raises ``ValueError`` if there are none."""
    entries = document.get("keys") if isinstance(document, dict) else None
    found = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
            continue
        try:
            with warnings.catch_warnings():
                # It warns of small keys, which are left out below.
                warnings.simplefilter("ignore", SecurityWarning)
                key = RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry["e"]}).public_key
        except (JoseError, KeyError, ValueError, TypeError) as error:
            logger.warning("a signing key cannot be read: %r", error)
            continue
        if key.key_size >= SMALLEST_KEY_BITS:
            found[entry["kid"]] = key
    if not found:
        raise ValueError("no usable key in it")
    return found
