"""What the tests of the ingress are made of: a key, tokens, elections, and named instants."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import RSAKey

from ingress.election import Candidate, Election
from ingress.tokens import TokenRules
from ingress.vote import Vote
from ingress.voter import Voter

ISSUER = "http://hydra.test"
ELECTION = "election-2025-01"
NOW = datetime(2025, 6, 1, 12, 0, 0, 250_000, UTC)
NOW_MS = int(NOW.timestamp() * 1000)
OPENS = NOW - timedelta(hours=1)
CLOSES = NOW + timedelta(hours=1)

KEY = RSAKey.generate_key(2048)
RECEIPT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RULES = TokenRules(ISSUER, frozenset({"voter-app"}), leeway_seconds=5)


def claims(sub: str = "voter-1", **changes: Any) -> dict[str, Any]:
    """The claims of a token as Hydra issues it. A change to ``None`` leaves the claim out."""
    now = int(time.time())
    valid: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ["voting-api"],
        "exp": now + 600,
        "iat": now,
        "nbf": now,
        "client_id": "voter-app",
        "sub": sub,
        "scp": ["openid", "vote:cast"],
        "eligible": True,
        "jti": "b2a7",
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def header(**changes: Any) -> dict[str, Any]:
    return {
        name: value for name, value in ({"alg": "RS256", "typ": "JWT", "kid": "key-1"} | changes).items() if value is not None
    }


def token(sub: str = "voter-1", **changes: Any) -> str:
    return jwt.encode(header(), claims(sub, **changes), KEY)


def election(**changes: Any) -> Election:
    values: dict[str, Any] = {
        "election_id": ELECTION,
        "version": 3,
        "title": "A demonstration",
        "status": "open",
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "jurisdictions": (),
        "required_aal": "aal1",
        "results_visibility": "live",
        "results_batch": 1,
        "candidates": (Candidate("alice", "Alice"), Candidate("bob", "Bob"), Candidate("carol", "Carol")),
    }
    return Election(**(values | changes))


def voter(sub: str = "voter-1", jurisdiction: str | None = None) -> Voter:
    return Voter(sub, frozenset({"vote:cast"}), eligible=True, jurisdiction=jurisdiction, aal="aal1")


def vote(voter_sub: str = "voter-1", number: int = 1, **changes: Any) -> Vote:
    """A vote whose id tells its number."""
    values: dict[str, Any] = {
        "vote_id": vote_id(number),
        "election_id": ELECTION,
        "voter_sub": voter_sub,
        "candidate_id": "alice",
        "cast_at_ms": NOW_MS,
        "catalogue_version": 3,
    }
    return Vote(**(values | changes))


def vote_id(number: int) -> str:
    return f"8a5e1c5c-0000-4000-8000-{number:012}"
