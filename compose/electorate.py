"""Many voters at once: tokens signed with a test key that Hydra publishes, and a load of votes with the answers they got.

For demos and tests only. Whoever holds the key can mint voters, so it is made for one stack and stays in its run directory.
"""

import asyncio
import json
import os
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

KEY_SET = "hydra.jwt.access-token"
TOKEN_LIFE_SECONDS = 3600
# As many requests as are in flight at once.
CONNECTIONS = 64
# The ingress answers 503 while it cannot tell: the same vote again is safe. More often than this, something is wrong.
ATTEMPTS = 5
REQUEST_TIMEOUT_SECONDS = 30.0


class KeyImportFailed(Exception):
    """Hydra did not take the test key; the message says what it answered."""


@dataclass(frozen=True)
class Mint:
    """Access tokens like Hydra's, for any voter, signed with a test key."""

    key: RSAKey = field(repr=False)
    issuer: str

    def token(self, sub: str, now: float, **claims: Any) -> str:
        """A token of the contract for this subject; ``claims`` replace or add to what it says."""
        content = {
            "iss": self.issuer,
            "aud": ["voting-api"],
            "client_id": "voter-app",
            "sub": sub,
            "scp": ["openid", "vote:cast"],
            "eligible": True,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + TOKEN_LIFE_SECONDS,
            "jti": str(uuid.uuid4()),
            **claims,
        }
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": "JWT"}, content, self.key)


def mint(key_file: Path, hydra_admin_url: str, issuer: str) -> Mint:
    """A mint whose key is in Hydra's JWKS. Raises ``KeyImportFailed``.

    The key is made once, kept in ``key_file`` and imported where it is missing.
    """
    if key_file.exists():
        key = RSAKey.import_key(json.loads(key_file.read_text()))
    else:
        key = RSAKey.generate_key(2048, {"kid": f"test-voters-{uuid.uuid4()}", "use": "sig", "alg": "RS256"}, private=True)
        unfinished = key_file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(key.as_dict(private=True)))
        unfinished.rename(key_file)
    with httpx.Client(base_url=hydra_admin_url, timeout=REQUEST_TIMEOUT_SECONDS) as hydra:
        answer = hydra.get(f"/admin/keys/{KEY_SET}")
        if answer.is_error:
            raise KeyImportFailed(f"Hydra: {answer.status_code} {answer.text}")
        keys = answer.json()["keys"]
        if all(known["kid"] != key.kid for known in keys):
            # In front of Hydra's own: it signs with the last, and a real voter's token must not hang on a test key.
            answer = hydra.put(f"/admin/keys/{KEY_SET}", json={"keys": [key.as_dict(private=True), *keys]})
            if answer.is_error:
                raise KeyImportFailed(f"Hydra: {answer.status_code} {answer.text}")
    return Mint(key, issuer)


@dataclass(frozen=True)
class Attempt:
    """One vote to be cast."""

    sub: str
    candidate_id: str
    token: str = field(repr=False)


@dataclass
class Tally:
    """What the clients were told."""

    accepted: list[tuple[str, str]] = field(default_factory=list)
    """(subject, vote id) of each 202."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(subject, vote id of the original receipt) of each 409."""
    other: Counter[str] = field(default_factory=Counter)
    """Anything else, by status and problem; after the last attempt."""
    candidates: Counter[str] = field(default_factory=Counter)
    """Votes answered with 202, by candidate."""

    @property
    def answered(self) -> int:
        return len(self.accepted) + len(self.refused) + self.other.total()


async def cast_all(attempts: Iterator[Attempt], url: str, election_id: str, progress: Callable[[Tally, float], None]) -> Tally:
    """Cast every vote over ``CONNECTIONS`` connections and return what the clients were told.

    ``progress`` is called about once a second with the tally and the seconds so far.
    """
    told = Tally()
    tls = ssl.create_default_context()  # made once: it is dear, and plain HTTP does not even use it
    began = time.monotonic()

    async def work() -> None:
        # A client each: sharing one pool among all workers costs several times the CPU of the requests themselves.
        async with httpx.AsyncClient(base_url=url, verify=tls, trust_env=False, timeout=REQUEST_TIMEOUT_SECONDS) as client:
            for attempt in attempts:  # shared: each worker takes the next one
                await _cast(client, attempt, election_id, told)

    async def report() -> None:
        while True:
            await asyncio.sleep(1)
            progress(told, time.monotonic() - began)

    reporter = asyncio.create_task(report())
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(work())
    finally:
        reporter.cancel()
    return told


async def _cast(client: httpx.AsyncClient, attempt: Attempt, election_id: str, told: Tally) -> None:
    for number in range(1, ATTEMPTS + 1):
        try:
            answer = await client.post(
                "/vote",
                headers={"Authorization": f"Bearer {attempt.token}"},
                json={"electionId": election_id, "candidateId": attempt.candidate_id},
            )
        except httpx.TransportError as error:
            outcome, wait_seconds = type(error).__name__, 1.0
        else:
            if answer.status_code == httpx.codes.ACCEPTED:
                told.accepted.append((attempt.sub, answer.json()["receipt"]["voteId"]))
                told.candidates[attempt.candidate_id] += 1
                return
            if answer.status_code == httpx.codes.CONFLICT:
                told.refused.append((attempt.sub, answer.json()["receipt"]["voteId"]))
                return
            outcome = f"{answer.status_code} {answer.json().get('title', '')}"
            wait_seconds = float(answer.headers.get("Retry-After", 1))
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
        if number < ATTEMPTS:
            await asyncio.sleep(wait_seconds)
    told.other[outcome] += 1


def subjects(count: int) -> list[str]:
    """New voters: random identifiers, as Kratos gives them."""
    return [str(uuid.UUID(bytes=os.urandom(16), version=4)) for _ in range(count)]
