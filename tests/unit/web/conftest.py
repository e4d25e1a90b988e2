"""Stand-ins for Hydra, the voting API and Redis, and browsers that talk to the application."""

import base64
import hashlib
import json
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from web.app import create_app
from web.settings import Settings

from .in_memory import MemoryStore

VOTER = "5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a11"
SOMEBODY_ELSE = "77777777-3c1b-4f5e-9f53-2d9a3f0a7a11"
ELECTION = "election-2025-01"
WEB = "http://localhost:3000"
HYDRA = "http://localhost:4444"
API = "http://localhost:4000"
SECRET = "my-client-secret"

KEY = RSAKey.generate_key(2048, {"kid": "hydra-1", "use": "sig", "alg": "RS256"}, private=True)
FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "hydra-1", "use": "sig", "alg": "RS256"}, private=True)


@dataclass
class Code:
    query: dict[str, str]
    sub: str
    claims: dict[str, Any]
    used: bool = False


@dataclass
class Hydra:
    """An OpenID provider that keeps to the standards: codes work once, for their client, redirect URI and verifier."""

    codes: dict[str, Code] = field(default_factory=dict)
    life_seconds: int = 900
    signs_with: RSAKey = field(default_factory=lambda: KEY)
    away: bool = False
    token_requests: list[dict[str, str]] = field(default_factory=list)

    def authorize(self, url: str, sub: str = VOTER, **claims: Any) -> str:
        """What happens when a voter signs in at this authorization URL: the URL that the browser is sent back to."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{HYDRA}/oauth2/auth?")
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(query, sub, claims)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'scope': query['scope']})}"

    def handle(self, request: httpx.Request) -> httpx.Response:
        content: dict[str, Any]
        if self.away:
            raise httpx.ConnectError("refused")
        match request.url.path:
            case "/.well-known/openid-configuration":
                content = {
                    "issuer": HYDRA,
                    "authorization_endpoint": f"{HYDRA}/oauth2/auth",
                    "token_endpoint": f"{HYDRA}/oauth2/token",
                    "jwks_uri": f"{HYDRA}/.well-known/jwks.json",
                    "end_session_endpoint": f"{HYDRA}/oauth2/sessions/logout",
                }
            case "/.well-known/jwks.json":
                content = {"keys": [KEY.as_dict(private=False)]}
            case "/oauth2/token":
                return self._redeem(request)
            case _:
                return httpx.Response(404, json={"error": "not_found"})
        return httpx.Response(200, json=content)

    def _redeem(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.token_requests.append(form)
        if request.headers.get("authorization") != "Basic " + base64.b64encode(f"voter-app:{SECRET}".encode()).decode():
            return httpx.Response(401, json={"error": "invalid_client"})
        code = self.codes.get(form["code"])
        if code is None or code.used or form["redirect_uri"] != code.query["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if code.query.get("code_challenge") != challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        code.used = True
        access_token = f"access.{base64.urlsafe_b64encode(code.sub.encode()).decode()}.{secrets.token_urlsafe(8)}"
        return httpx.Response(
            200,
            json={
                "access_token": access_token,
                "token_type": "bearer",
                "expires_in": self.life_seconds,
                "id_token": self.id_token(code, access_token),
            },
        )

    def id_token(self, code: Code, access_token: str) -> str:
        now = int(time.time())
        digest = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": HYDRA,
            "aud": ["voter-app"],
            "sub": code.sub,
            "nonce": code.query.get("nonce"),
            "at_hash": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "iat": now,
            "exp": now + 900,
            **code.claims,
        }
        return jwt.encode({"alg": "RS256", "kid": self.signs_with.kid}, claims, self.signs_with)


def election_document(**changes: Any) -> dict[str, Any]:
    return {
        "electionId": ELECTION,
        "version": 1,
        "title": "Demo election 2025",
        "status": "open",
        "opensAt": "2025-01-01T00:00:00Z",
        "closesAt": "2035-01-01T00:00:00Z",
        "jurisdictions": [],
        "requiredAal": "aal1",
        "resultsVisibility": "live",
        "resultsBatch": 1,
        "candidates": [{"candidateId": "alice", "name": "Alice"}, {"candidateId": "bob", "name": "Bob <b>"}],
        **changes,
    }


@dataclass
class Api:
    """A voting API that takes one vote of a voter. ``refuses`` makes it answer votes with a problem, ``breaks`` with nothing."""

    elections: dict[str, dict[str, Any]] = field(default_factory=lambda: {ELECTION: election_document()})
    votes: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)
    refuses: httpx.Response | None = None
    breaks: bool = False
    forgets_status: bool = False
    takes_tokens: bool = True
    requests: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911 (one for each route)
        self.requests.append(request)
        if self.breaks:
            raise httpx.ReadTimeout("too slow")
        parts = request.url.path.strip("/").split("/")
        if parts == ["elections"]:
            return httpx.Response(200, json={"elections": list(self.elections.values())})
        if parts == ["vote"]:
            return self._cast(request)
        election = self.elections.get(parts[1])
        if election is None:
            return problem("unknown-election", 404)
        if parts[0] == "elections":
            return httpx.Response(200, json=election)
        if parts[0] == "vote":
            return self._own(request, parts[1])
        results = {"electionId": parts[1], "counts": {"alice": 3, "bob": 1}, "total": 4, "updatedAt": None, "status": "open"}
        if parts[-1] == "stream":
            return httpx.Response(200, content=f"retry: 1\nevent: results\ndata: {json.dumps(results)}\n\n".encode())
        return httpx.Response(200, json=results)

    def _cast(self, request: httpx.Request) -> httpx.Response:
        if not self.takes_tokens:
            return problem("invalid-token", 401)
        if self.refuses is not None:
            return self.refuses
        ballot, sub = json.loads(request.content), sub_of(request)
        assert request.headers["idempotency-key"] == hashlib.sha256(f"{sub}{ballot['electionId']}".encode()).hexdigest()
        if (sub, ballot["electionId"]) in self.votes:
            return problem("already-voted", 409, receipt=self.votes[sub, ballot["electionId"]][1])
        receipt = {"voteId": str(uuid.uuid4()), "electionId": ballot["electionId"], "castAt": "2026-01-01T00:00:00Z", "extra": 1}
        self.votes[sub, ballot["electionId"]] = ballot["candidateId"], receipt
        return httpx.Response(202, json={"receipt": receipt, "status": "accepted"})

    def _own(self, request: httpx.Request, election_id: str) -> httpx.Response:
        if not self.takes_tokens:
            return problem("invalid-token", 401)
        if self.forgets_status:
            return problem("unavailable", 503)
        _, receipt = self.votes.get((sub_of(request), election_id), (None, None))
        status = "none" if receipt is None else "counted"
        return httpx.Response(200, json={"electionId": election_id, "status": status, "receipt": receipt})

    @property
    def casts(self) -> list[str]:
        """The choices of all votes that were sent."""
        return [json.loads(request.content)["candidateId"] for request in self.requests if request.method == "POST"]


def problem(name: str, status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    content = {"type": f"urn:problem-type:voting:{name}", "title": "…", "status": status, **members}
    return httpx.Response(status, json=content, headers={"content-type": "application/problem+json", **(headers or {})})


def sub_of(request: httpx.Request) -> str:
    return base64.urlsafe_b64decode(request.headers["authorization"].removeprefix("Bearer ").split(".")[1]).decode()


class Browser:
    """A browser at the application: it keeps cookies, fills in forms as they stand in the page, and goes on when told to."""

    def __init__(self, client: httpx.AsyncClient, hydra: Hydra) -> None:
        self.client = client
        self._hydra = hydra
        self.page = httpx.Response(204)

    async def get(self, path: str) -> httpx.Response:
        self.page = await self.client.get(path)
        return self.page

    async def submit(self, action: str, **fields: str) -> httpx.Response:
        """Send the page's form with this action."""
        return await self.post(action, {**self.fields(action), **fields})

    async def post(self, action: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        self.page = await self.client.post(action, data=fields, headers={"Origin": WEB, **(headers or {})})
        return self.page

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of the page's form."""
        form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', self.page.text, re.DOTALL)
        assert form is not None, f"no form for {action} in {self.page.status_code}: {self.page.text}"
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
        return {name: unescape(value) for name, value in hidden}

    async def follow(self) -> httpx.Response:
        """Go where the page leads, on this site."""
        location = self.page.headers["location"]
        assert location.startswith("/"), location
        return await self.get(location)

    async def sign_in(self, sub: str = VOTER, path: str = "/", **claims: Any) -> httpx.Response:
        """All the way through Hydra and back to ``path``. Returns the redirect of ``/post-login``."""
        answer = await self.get(f"/sign-in?{urlencode({'next': path})}")
        return await self.get(self._hydra.authorize(answer.headers["location"], sub, **claims))

    async def choose(self, candidate: str = "alice") -> httpx.Response:
        """Fill in the ballot and go on to the review, signing in on the way if need be."""
        await self.get(f"/elections/{ELECTION}")
        await self.submit(f"/elections/{ELECTION}/choice", candidate=candidate)
        await self.follow()
        if self.page.status_code == 303:
            await self.follow()
            await self.get(self._hydra.authorize(self.page.headers["location"]))
            await self.follow()
        return self.page

    async def cast(self, **fields: str) -> httpx.Response:
        return await self.submit(f"/elections/{ELECTION}/vote", **fields)

    @property
    def cookie(self) -> str | None:
        return self.client.cookies.get("voting")


def location_query(answer: httpx.Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture
def settings() -> Settings:
    return Settings(session_secret=bytes(range(16)), client_secret=SECRET)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def hydra() -> Hydra:
    return Hydra()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def new_browser(settings: Settings, store: MemoryStore, hydra: Hydra, api: Api) -> AsyncIterator[Callable[[], Browser]]:
    """Browsers at one application. They follow no redirect by themselves."""

    def handle(request: httpx.Request) -> httpx.Response:
        return hydra.handle(request) if str(request.url).startswith(HYDRA) else api.handle(request)

    app = create_app(settings, store, httpx.MockTransport(handle))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    clients: list[httpx.AsyncClient] = []

    def make() -> Browser:
        clients.append(httpx.AsyncClient(transport=transport, base_url=WEB, headers={"Accept-Language": "en"}))
        return Browser(clients[-1], hydra)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()
