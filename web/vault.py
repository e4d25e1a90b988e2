"""What is remembered of a browser, so that only that browser brings it back.

A browser is a random id in its cookie. Names and keys come from that id and the application's secret together: whoever holds a
copy of the store, even with the secret, can read nothing without the cookies, and the store knows no browser's id. A value is
sealed with AES-256-GCM for the one name that it lies under, so that it cannot be put in another's place.
"""

import base64
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from web.store import Store

NONCE_BYTES = 12
Content = Mapping[str, Any]

log = logging.getLogger(__name__)


class Vault:
    """Small documents, by browser, kind and detail. Every method raises ``Unanswered`` while the store is away."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret

    async def put(self, browser: str, kind: str, content: Content, life_seconds: int, detail: str = "") -> None:
        name = self._name(browser, kind, detail)
        await self._store.put(name, self._sealed(browser, name, content), life_seconds)

    async def put_first(self, browser: str, kind: str, content: Content, life_seconds: int, detail: str = "") -> Content | None:
        """Keep this unless there is something already, which then is returned."""
        name = self._name(browser, kind, detail)
        return self._opened(browser, name, await self._store.put_first(name, self._sealed(browser, name, content), life_seconds))

    async def get(self, browser: str, kind: str, detail: str = "", life_seconds: int | None = None) -> Content | None:
        """What was kept; with ``life_seconds``, it is kept for as long from now."""
        name = self._name(browser, kind, detail)
        return self._opened(browser, name, await self._store.get(name, life_seconds))

    async def take(self, browser: str, kind: str, detail: str = "") -> Content | None:
        """What was kept, once: two who take it at the same time do not both get it."""
        name = self._name(browser, kind, detail)
        return self._opened(browser, name, await self._store.take(name))

    async def forget(self, browser: str, kind: str, detail: str = "") -> None:
        await self._store.delete(self._name(browser, kind, detail))

    def form_token(self, browser: str) -> str:
        """What the forms of this browser's pages carry, and no other site can know: it needs no store to be checked."""
        return _text(self._derived("form", browser))

    def _name(self, browser: str, kind: str, detail: str) -> str:
        return f"web:{kind}:{_text(self._derived('name', browser, kind, detail)[:18])}"

    def _sealed(self, browser: str, name: str, content: Content) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._derived("seal", browser)).encrypt(nonce, json.dumps(content).encode(), name.encode())

    def _opened(self, browser: str, name: str, sealed: bytes | None) -> Content | None:
        if sealed is None:
            return None
        try:
            opened = AESGCM(self._derived("seal", browser)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            log.warning("what the session store holds under a name was not sealed for it: it counts as absent")
            return None
        content: Content = json.loads(opened)
        return content

    def _derived(self, purpose: str, *parts: str) -> bytes:
        # No two lists of parts give the same text: only the last part can come from outside and hold a line feed.
        return hmac.digest(self._secret, "\n".join((purpose, *parts)).encode(), "sha256")


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
