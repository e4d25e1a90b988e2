"""What every refusal of the voting API has in common (RFC 9457), and how one is told from another."""

from typing import Any

import httpx

TYPE_PREFIX = "urn:problem-type:voting:"
MEDIA_TYPE = "application/problem+json"


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The document of a refusal, which must be this one."""
    assert answer.headers["content-type"] == MEDIA_TYPE, f"{answer.status_code} {answer.text}"
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["type"]) == (status, TYPE_PREFIX + name), answer.text
    assert document["status"] == status
    assert document["title"]
    assert answer.headers["cache-control"] == "no-store"
    # Each of these has its own statuses and belongs to no other.
    assert ("www-authenticate" in answer.headers) == (name in {"invalid-token", "insufficient-scope"})
    assert ("retry-after" in answer.headers) == (status in {429, 503})
    assert ("allow" in answer.headers) == (status == 405)
    assert ("receipt" in document) == (name == "already-voted")
    return document
