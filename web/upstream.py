"""Calls to the voting API and to Hydra: how long they may take, and what it means when they fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from web.failures import Misunderstood, Unanswered

# The voting API decides within 6 s (INGRESS_REQUEST_SECONDS); asking for longer gives it room to say so itself.
CALL_TIMEOUT_SECONDS = 8.0


def connect(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A connection pool that follows no redirect and keeps no cookie. Opens nothing until it is used."""
    return httpx.AsyncClient(
        transport=transport,
        timeout=CALL_TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=500, max_keepalive_connections=100),
        follow_redirects=False,
        headers={"Accept": "application/json"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
    )


async def send(client: httpx.AsyncClient, service: str, method: str, url: str, **more: Any) -> httpx.Response:
    """One call. Raises ``Unanswered`` after a timeout or a broken connection."""
    try:
        return await client.request(method, url, **more)
    except httpx.TransportError as error:
        raise Unanswered(f"{service} does not answer: {type(error).__name__}") from error


def document(answer: httpx.Response, service: str) -> dict[str, Any]:
    """The JSON object of an answer. Raises ``Misunderstood``."""
    with reading(service):
        content = answer.json()
        if not isinstance(content, dict):
            raise TypeError("not a JSON object")
        return content


@contextmanager
def reading(service: str) -> Iterator[None]:
    """Turn whatever is wrong with an answer into ``Misunderstood``. The message names the kind of fault, not the content."""
    try:
        yield
    except KeyError as error:
        raise Misunderstood(f"{service} left out {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise Misunderstood(f"{service} gave an answer that cannot be read: {type(error).__name__}") from error
