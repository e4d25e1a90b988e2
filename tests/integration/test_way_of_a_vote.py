"""One voter's way, with real identities, tokens, log, jobs and projections, as the documentation describes it."""

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis

from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import Stack
from compose.voter_browser import Client, Tokens, VoterBrowser, claims_of
from tests.integration.log_of_votes import eventually

SHOWN_WITHIN_SECONDS = 30.0


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def voter(stack: Stack) -> Iterator[Tokens]:
    """Tokens of somebody who registered through the pages."""
    client = Client(
        stack.url("HYDRA_PUBLIC_PORT"), f"{stack.url('WEB_PORT')}/post-login", stack.secrets["VOTER_APP_CLIENT_SECRET"]
    )
    with VoterBrowser(client) as browser:
        yield browser.register(f"voter-{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(18), "A. Voter")


def test_the_token_is_what_the_contract_says(stack: Stack, voter: Tokens) -> None:
    claims = claims_of(voter.access_token)
    assert claims["iss"] == stack.url("HYDRA_PUBLIC_PORT")
    assert claims["aud"] == ["voting-api"]
    assert claims["client_id"] == "voter-app"
    assert "vote:cast" in claims["scp"]
    assert claims["eligible"] is True
    assert "email" not in claims


def test_a_registered_voter_votes_once_and_is_counted(stack: Stack, api: httpx.Client, voter: Tokens) -> None:
    sub = claims_of(voter.access_token)["sub"]
    before = api.get(f"/votes/{ELECTION}").json()["counts"]

    answer = api.post("/vote", json={"electionId": ELECTION, "candidateId": "alice"}, headers=bearer(voter.access_token))
    assert answer.status_code == 202
    assert answer.json()["status"] == "accepted"
    receipt = answer.json()["receipt"]
    assert receipt["electionId"] == ELECTION
    assert sub not in answer.text
    assert "alice" not in answer.text

    again = api.post("/vote", json={"electionId": ELECTION, "candidateId": "bob"}, headers=bearer(voter.access_token))
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["receipt"] == receipt

    eventually(lambda: api.get(f"/votes/{ELECTION}").json()["counts"]["alice"] > before["alice"], "the live result")
    eventually(
        lambda: api.get(f"/vote/{ELECTION}", headers=bearer(voter.access_token)).json()["status"] == "counted",
        "the voter's status",
    )
    own = api.get(f"/vote/{ELECTION}", headers=bearer(voter.access_token))
    assert own.json()["receipt"] == receipt
    assert "alice" not in own.text

    with psycopg.connect(stack.database_url("voting")) as database:
        rows = database.execute(
            "SELECT candidate_id, vote_id FROM votes_ledger WHERE election_id = %s AND voter_sub = %s", [ELECTION, sub]
        ).fetchall()
    assert rows == [("alice", receipt["voteId"])]


def test_the_result_lists_every_candidate(api: httpx.Client) -> None:
    result = api.get(f"/votes/{ELECTION}").json()
    assert result["electionId"] == ELECTION
    assert set(result["counts"]) == {"alice", "bob", "carol"}
    assert result["total"] == sum(result["counts"].values())
    assert result["status"] == "open"


def test_the_stream_moves_when_a_vote_comes(stack: Stack, api: httpx.Client, mint: Mint) -> None:
    with (
        httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=SHOWN_WITHIN_SECONDS) as listener,
        listener.stream("GET", f"/votes/{ELECTION}/stream") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = (json.loads(line.removeprefix("data:")) for line in stream.iter_lines() if line.startswith("data:"))
        first: dict[str, Any] = next(events)
        (sub,) = subjects(1)
        vote = {"electionId": ELECTION, "candidateId": "bob"}
        assert api.post("/vote", json=vote, headers=bearer(mint.token(sub, time.time()))).status_code == 202
        assert any(event["counts"]["bob"] > first["counts"]["bob"] for event in events)


def test_a_vote_with_the_idempotency_key_of_its_voter_is_taken(api: httpx.Client, mint: Mint) -> None:
    (sub,) = subjects(1)
    headers = bearer(mint.token(sub, time.time()))
    vote = {"electionId": ELECTION, "candidateId": "carol"}
    foreign = hashlib.sha256(f"somebody-else{ELECTION}".encode()).hexdigest()
    assert api.post("/vote", json=vote, headers={**headers, "Idempotency-Key": foreign}).status_code == 422
    own = hashlib.sha256(f"{sub}{ELECTION}".encode()).hexdigest()
    assert api.post("/vote", json=vote, headers={**headers, "Idempotency-Key": own}).status_code == 202


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {}}, 401),
        ({"headers": bearer("not.a.token")}, 401),
        ({"claims": {"aud": ["voter-app"]}}, 401),
        ({"claims": {"exp": 1_000_000_000}}, 401),
        ({"claims": {"client_id": "other-app"}}, 401),
        ({"claims": {"scp": ["openid"]}}, 403),
        ({"claims": {"eligible": False}}, 403),
        ({"body": {"electionId": "no-such-election", "candidateId": "alice"}}, 404),
        ({"body": {"electionId": ELECTION, "candidateId": "nobody"}}, 422),
        ({"body": {"electionId": ELECTION}}, 400),
        ({"body": {"electionId": ELECTION, "candidateId": "alice", "voter": "x"}}, 400),
        ({"content": b"not json"}, 400),
        ({"content": b'{"electionId": "a", "electionId": "b", "candidateId": "c"}'}, 400),
        ({"content": b" " * 5000}, 413),
        ({"content_type": "text/plain"}, 415),
    ],
)
def test_a_bad_request_gets_its_status(api: httpx.Client, mint: Mint, change: dict[str, Any], status: int) -> None:
    (sub,) = subjects(1)
    headers = change.get("headers", bearer(mint.token(sub, time.time(), **change.get("claims", {}))))
    content = change.get("content") or json.dumps(change.get("body", {"electionId": ELECTION, "candidateId": "alice"})).encode()
    content_type = change.get("content_type", "application/json")
    answer = api.post("/vote", content=content, headers={**headers, "Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["type"]


def test_the_wrong_method_is_refused_before_anything_else(api: httpx.Client) -> None:
    answer = api.put("/vote", content=b" " * 5000)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_no_log_and_no_redis_key_ties_a_voter_to_a_choice(stack: Stack, api: httpx.Client, mint: Mint) -> None:
    (sub,) = subjects(1)
    vote = {"electionId": ELECTION, "candidateId": "carol"}
    assert api.post("/vote", json=vote, headers=bearer(mint.token(sub, time.time()))).status_code == 202
    with redis.Redis(port=stack.ports["REDIS_PORT"]) as client:
        for key in client.scan_iter():
            held = client.get(key) if client.type(key) == b"string" else client.hgetall(key)
            assert sub not in f"{key}{held}"
            assert "carol" not in f"{key}{held}" or key.startswith(b"totals:")
    logs = [path for path in Path(stack.log_dir).iterdir() if path.is_file()]
    assert logs
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            assert sub not in line or "carol" not in line, log.name
