"""Stand-ins for Kratos and Hydra, and a browser that talks to the app."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from identity.app import create_app
from identity.settings import Settings

from .in_memory import InMemoryAuditTrail, InMemoryRoll

VOTER = "5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a11"
SOMEBODY_ELSE = "77777777-3c1b-4f5e-9f53-2d9a3f0a7a11"


class Ory:
    """Kratos and Hydra in one: answers by method and path, 404 to what it was not told about, and keeps what it was asked."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[int, Any, dict[str, str]] | Exception] = {}
        self.requests: list[httpx.Request] = []

    def answers(self, method: str, path: str, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answers[method, path] = (status, content, headers or {})

    def breaks(self, method: str, path: str, error: Exception) -> None:
        self._answers[method, path] = error

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.get((request.method, request.url.path), (404, {"error": "not found"}, {}))
        if isinstance(answer, Exception):
            raise answer
        status, content, headers = answer
        return httpx.Response(status, json=content, headers=headers)

    def asked(self, method: str, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if (request.method, request.url.path) == (method, path)]


def session_of(identity_id: str = VOTER, *, age: timedelta = timedelta(minutes=5), aal: str = "aal1") -> dict[str, Any]:
    """What ``/sessions/whoami`` says."""
    now = datetime.now(UTC)
    return {
        "id": "11111111-aaaa-4f5e-9f53-2d9a3f0a7a11",
        "active": True,
        "authenticator_assurance_level": aal,
        "authentication_methods": [{"method": "password", "aal": "aal1"}],
        "authenticated_at": (now - age).isoformat(),
        "expires_at": (now + timedelta(hours=1)).isoformat(),
        "identity": {"id": identity_id, "traits": {"email": "ada@example.org"}, "verifiable_addresses": []},
    }


def identity_document(**changes: Any) -> dict[str, Any]:
    """What ``/admin/identities/{id}`` says."""
    return {
        "id": VOTER,
        "state": "active",
        "traits": {"email": "ada@example.org", "name": "Ada"},
        "verifiable_addresses": [{"value": "ada@example.org", "verified": True, "via": "email"}],
        "metadata_public": {"eligible": True},
        **changes,
    }


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def ory() -> Ory:
    return Ory()


@pytest.fixture
def roll() -> InMemoryRoll:
    """A voter roll that has not been imported yet."""
    return InMemoryRoll()


@pytest.fixture
def audit() -> InMemoryAuditTrail:
    return InMemoryAuditTrail()


@pytest.fixture
async def browser(
    settings: Settings, ory: Ory, roll: InMemoryRoll, audit: InMemoryAuditTrail
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the app. It follows no redirect."""
    app = create_app(settings, httpx.MockTransport(ory.handle), roll, audit)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=settings.identity_url) as client:
        yield client
