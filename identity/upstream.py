"""Calls to Kratos and Hydra: how long they may take, and what it means when they fail."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from identity.failures import Misunderstood, Unanswered

# A page makes at most 4 calls one after the other: 4 * 5 s stay below the 30 s after which proxies commonly give up.
CALL_TIMEOUT_SECONDS = 5.0
# Nobody waits for a command at a page, and Hydra may have to make keys (RSA, 4096 bits) before it answers.
COMMAND_TIMEOUT_SECONDS = 120.0


def connect(
    transport: httpx.AsyncBaseTransport | None = None, timeout_seconds: float = CALL_TIMEOUT_SECONDS
) -> httpx.AsyncClient:
    """A connection pool that follows no redirect and keeps no cookie. Opens nothing until it is used.

    Visitors' cookies are passed on call by call. A jar would send what one visitor's answer sets with the next visitor's call.
    """
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout_seconds,
        follow_redirects=False,
        headers={"Accept": "application/json"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
    )


async def send(
    client: httpx.AsyncClient,
    service: str,
    method: str,
    url: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: Mapping[str, Any] | Sequence[Any] | None = None,
) -> httpx.Response:
    """One call. Raises ``Unanswered`` after a timeout or a broken connection and ``Misunderstood`` for a 5xx answer."""
    try:
        answer = await client.request(method, url, params=query, headers=headers, json=content)
    except httpx.TransportError as error:
        raise Unanswered(f"{service} does not answer: {type(error).__name__}") from error
    if answer.is_server_error:
        raise Misunderstood(f"{service} answered {answer.status_code} to {method} {answer.request.url.path}")
    return answer


def document(answer: httpx.Response, service: str, *expected: int) -> dict[str, Any]:
    """The JSON object of an answer with one of the expected status codes. Raises ``Misunderstood``."""
    with reading(service):
        if answer.status_code not in expected:
            raise ValueError(f"status {answer.status_code} from {answer.request.url.path}")
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
