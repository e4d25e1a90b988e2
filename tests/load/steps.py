"""What each step of a vote costs by itself, in one process without a server: where the microseconds go."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from ingress import base64url
from ingress.ballot import RequestHeaders, parse_ballot, read_body, require_json
from ingress.metrics import Metrics
from ingress.random_ids import RandomIds
from ingress.receipt import Receipt, ReceiptSigner
from ingress.reservation import ReservationForm, State
from ingress.shared_timeout import SharedTimeout
from ingress.signing_keys import read_keys
from ingress.tokens import TokenRules, TokenVerifier
from ingress.vote import Vote, encoder
from schemas import avro
from schemas.receipt import signed_bytes

BALLOT = b'{"electionId": "election-2025-01", "candidateId": "alice"}'


class _Keys:
    known = True

    def __init__(self, keys: dict[str, RSAPublicKey]) -> None:
        self._keys = keys

    def get(self, kid: str) -> RSAPublicKey | None:
        return self._keys.get(kid)

    async def find(self, kid: str) -> RSAPublicKey | None:
        return self._keys.get(kid)


class _NobodyDenied:
    known = True

    def denies(self, subject: str, token_id: str | None, client_id: str) -> bool:  # noqa: ARG002
        return False

    def age_seconds(self) -> float:
        return 0.0


def measure(tokens: Sequence[str], issuer: str) -> dict[str, float]:
    """Microseconds of CPU for each step, in the order in which a vote takes them. Each token is used once."""
    keys = read_keys(httpx.get(f"{issuer}/.well-known/jwks.json").json())
    return asyncio.run(_measure(tokens, keys, issuer))


async def _measure(tokens: Sequence[str], keys: dict[str, RSAPublicKey], issuer: str) -> dict[str, float]:
    patience = SharedTimeout(5.0)
    verifier = TokenVerifier(_Keys(keys), _NobodyDenied(), TokenRules(issuer, frozenset({"voter-app"}), 5.0), time.time, 1.0)
    ids, form, metrics = RandomIds(), ReservationForm(bytes(16)), Metrics()
    key = Ed25519PrivateKey.generate()
    signer, signed = ReceiptSigner(key), signed_bytes("election-2025-01", ids.new(), "2025-06-01T12:00:00Z")
    encode = encoder(avro.latest("votes-in"), 1)
    vote = Vote(ids.new(), "election-2025-01", ids.new(), "alice", 1_748_779_200_250, 1)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BALLOT, "more_body": False}

    async def read(token: str) -> None:
        headers = RequestHeaders([(b"host", b"x"), (b"authorization", token.encode()), (b"content-type", b"application/json")])
        await read_body(headers, receive, patience)
        require_json(headers.content_type)

    async def answer(_: str) -> None:
        receipt = Receipt(vote.vote_id, vote.election_id, vote.cast_at_ms)
        msgspec.json.encode({"receipt": signer.members(receipt), "status": "accepted"})

    async def reservation(_: str) -> None:
        form.key(vote.election_id, vote.voter_sub)
        form.open_value(State.PENDING, vote)
        form.key(vote.election_id, vote.voter_sub)
        form.confirmed_value(vote.vote_id, vote.cast_at_ms)

    async def count(_: str) -> None:
        metrics.vote_answered("accepted", 0.01)
        metrics.vote_appended(0.01)
        metrics.reservation("taken")
        metrics.reservation("confirmed")

    async def token(text: str) -> None:
        await verifier.authenticate([f"Bearer {text}"])

    def plain(call: Callable[[], object]) -> Callable[[str], Awaitable[None]]:
        async def step(_: str) -> None:
            call()

        return step

    return {
        "RSA alone (part of the next)": await _each(_rsa(keys), tokens),
        "token: RSA, JSON, claims, denylist": await _each(token, tokens),
        "headers, body, media type": await _each(read, tokens),
        "ballot": await _each(plain(lambda: parse_ballot(BALLOT)), tokens),
        "vote id": await _each(plain(ids.new), tokens),
        "reservation: keys and values": await _each(reservation, tokens),
        "Avro": await _each(plain(lambda: encode(vote)), tokens),
        "Ed25519 alone (part of the next)": await _each(plain(lambda: key.sign(signed)), tokens),
        "answer, with a signed receipt": await _each(answer, tokens),
        "metrics": await _each(count, tokens),
    }


def _rsa(keys: dict[str, RSAPublicKey]) -> Callable[[str], Awaitable[None]]:
    padding, digest = PKCS1v15(), SHA256()

    async def step(token: str) -> None:
        signed, _, signature = token.rpartition(".")
        kid = json.loads(base64url.decode(token.partition(".")[0]))["kid"]
        keys[kid].verify(base64url.decode(signature), signed.encode(), padding, digest)

    return step


async def _each(step: Callable[[str], Awaitable[None]], tokens: Sequence[str]) -> float:
    began = time.process_time()
    for token in tokens:
        await step(token)
    return (time.process_time() - began) / len(tokens) * 1e6
