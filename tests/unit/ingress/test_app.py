"""The API as its callers see it: every row of the status table, and the order of the checks."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.applications import Starlette

from ingress import base64url
from ingress.app import create_app
from ingress.deadlines import Deadlines
from ingress.problems import TYPE_PREFIX
from ingress.receipt import Receipt, ReceiptSigner
from ingress.receipt_keys import key_id
from ingress.record import CountedVote
from ingress.totals import Totals
from schemas.receipt import signed_bytes
from tests.unit.ingress.factories import ELECTION, NOW, NOW_MS, OPENS, election, token
from tests.unit.ingress.in_memory import InMemoryKeys, World

BALLOT = {"electionId": ELECTION, "candidateId": "alice"}
SHORT = Deadlines(body_seconds=0.2, request_seconds=1.6, message_seconds=0.1, redis_seconds=0.01, pending_seconds=2.0)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[tuple[httpx.AsyncClient, Starlette]]:
    app = create_app(world.settings, world.opener())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingress.test") as client:
            yield client, app


@pytest.fixture
def world() -> World:
    return World(
        election(),
        election(election_id="closed-one", status="closed"),
        election(election_id="draft-one", status="draft"),
        election(election_id="regional-one", jurisdictions=("be",)),
        election(election_id="strict-one", required_aal="aal2"),
        election(election_id="hidden-one", results_visibility="after_publication"),
    )


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(world) as (client, _):
        yield client


def bearer(sub: str = "voter-1", **claims: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token(sub, **claims)}"}


def is_problem(answer: httpx.Response, status: int, name: str) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.status_code, body["status"], body["type"]) == (status, status, TYPE_PREFIX + name)
    assert body["title"]
    return True


async def test_a_vote_is_accepted_and_the_next_one_gets_its_receipt(client: httpx.AsyncClient, world: World) -> None:
    first = await client.post("/vote", json=BALLOT, headers=bearer())
    assert first.status_code == 202
    assert first.headers["cache-control"] == "no-store"
    receipt = first.json()["receipt"]
    assert first.json() == {"receipt": receipt, "status": "accepted"}
    vote_id = world.log.votes[0].vote_id
    assert receipt == world.receipts.members(Receipt(vote_id, ELECTION, NOW_MS))
    assert (receipt["voteId"], receipt["electionId"], receipt["castAt"]) == (vote_id, ELECTION, "2025-06-01T12:00:00Z")
    again = await client.post("/vote", json=BALLOT, headers=bearer())
    assert is_problem(again, 409, "already-voted")
    assert again.json()["receipt"] == receipt


async def test_a_receipt_is_signed_and_its_key_is_published(client: httpx.AsyncClient) -> None:
    receipt = (await client.post("/vote", json=BALLOT, headers=bearer())).json()["receipt"]
    answer = await client.get("/receipt-keys")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert (await client.get("/receipt-keys", headers={"if-none-match": answer.headers["etag"]})).status_code == 304
    [key] = answer.json()["keys"]
    assert key["kid"] == receipt["keyId"]
    public = Ed25519PublicKey.from_public_bytes(base64url.decode(key["x"]))
    signed = f"voting receipt v1\n{ELECTION}\n{receipt['voteId']}\n{receipt['castAt']}\n".encode()
    public.verify(base64url.decode(receipt["signature"]), signed)
    with pytest.raises(InvalidSignature):
        public.verify(base64url.decode(receipt["signature"]), signed.replace(b"12:00", b"12:01"))


async def test_after_a_rotation_a_receipt_is_signed_with_the_new_key(world: World) -> None:
    async with serving(world) as (client, _):
        before = (await client.post("/vote", json=BALLOT, headers=bearer())).json()["receipt"]
    new = Ed25519PrivateKey.generate()
    world.receipts = ReceiptSigner(new)
    async with serving(world) as (client, _):
        again = (await client.post("/vote", json=BALLOT, headers=bearer())).json()["receipt"]
        own = (await client.get(f"/vote/{ELECTION}", headers=bearer())).json()["receipt"]
    assert again == own
    same = ("voteId", "electionId", "castAt")
    assert [again[name] for name in same] == [before[name] for name in same]
    assert again["keyId"] == key_id(new.public_key()) != before["keyId"]
    signed = signed_bytes(again["electionId"], again["voteId"], again["castAt"])
    new.public_key().verify(base64url.decode(again["signature"]), signed)


async def test_neither_receipt_nor_refusal_shows_voter_or_choice(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.post("/vote", json=BALLOT, headers=bearer("voter-secret"))
        assert "voter-secret" not in answer.text
        assert "alice" not in answer.text


async def test_the_audit_log_hears_who_was_answered_how_and_never_the_choice(client: httpx.AsyncClient, world: World) -> None:
    await client.post("/vote", json=BALLOT, headers={})
    await client.post("/vote", json=BALLOT | {"electionId": "other"}, headers=bearer("voter-2"))
    for _ in range(2):
        await client.post("/vote", json=BALLOT, headers=bearer())
    world.log.refuses = True
    await client.post("/vote", json=BALLOT, headers=bearer("voter-3"))
    assert world.audit.events == [
        ("vote.refused", "refused", "voter-2", None, {"answer": "unknown-election"}),
        ("vote.acknowledged", "success", "voter-1", ELECTION, {"answer": "accepted"}),
        ("vote.refused", "refused", "voter-1", ELECTION, {"answer": "already-voted"}),
        ("vote.not_taken", "failure", "voter-3", ELECTION, {"answer": "log-unavailable"}),
    ]


async def test_votes_beyond_what_can_be_in_hand_are_refused_at_once() -> None:
    world = World()
    world.settings = replace(world.settings, votes_in_hand=2)
    world.log.delay_seconds = 0.1
    async with serving(world) as (client, _):
        asked = [client.post("/vote", json=BALLOT, headers=bearer(f"voter-{number}")) for number in range(5)]
        answers = await asyncio.gather(*asked)
        assert sorted(answer.status_code for answer in answers) == [202, 202, 503, 503, 503]
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert is_problem(refused, 503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        assert (await client.post("/vote", json=BALLOT, headers=bearer("voter-6"))).status_code == 202


async def test_nobody_without_a_token_takes_the_place_of_those_who_have_one() -> None:
    world = World()
    world.settings = replace(world.settings, votes_in_hand=1)
    async with serving(world) as (client, app):

        async def never() -> dict[str, Any]:
            await asyncio.sleep(10)
            return {"type": "http.disconnect"}

        async def nowhere(_message: Any) -> None: ...

        scope = {"type": "http", "method": "POST", "path": "/vote", "headers": [], "query_string": b"", "http_version": "1.1"}
        idlers = [asyncio.ensure_future(app(scope, never, nowhere)) for _ in range(5)]
        await asyncio.sleep(0)
        assert (await client.post("/vote", json=BALLOT, headers=bearer())).status_code == 202
        for idler in idlers:
            idler.cancel()
        await asyncio.gather(*idlers, return_exceptions=True)


async def test_while_nobody_can_tell_who_is_revoked_no_vote_is_taken() -> None:
    world = World()
    world.denylist.known = False
    async with serving(world) as (client, _):
        assert is_problem(await client.post("/vote", json=BALLOT, headers=bearer()), 503, "unavailable")
        assert is_problem(await client.post("/vote", json=BALLOT, headers=bearer(aud="other")), 401, "invalid-token")
    assert world.log.votes == []


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no token": ({"headers": {}}, 401, "invalid-token"),
    "a bad token": ({"headers": {"authorization": "Bearer a.b.c"}}, 401, "invalid-token"),
    "a token without the scope": ({"headers": bearer(scp=["openid"])}, 403, "insufficient-scope"),
    "no JSON": (
        {"content": b"electionId=a", "headers": bearer() | {"content-type": "application/json"}},
        400,
        "malformed-request",
    ),
    "an unknown member": ({"json": BALLOT | {"voter": "x"}}, 400, "malformed-request"),
    "a wrong type": ({"json": BALLOT | {"candidateId": 1}}, 400, "malformed-request"),
    "no body": ({"content": b"", "headers": bearer() | {"content-type": "application/json"}}, 400, "malformed-request"),
    "an unknown election": ({"json": BALLOT | {"electionId": "other"}}, 404, "unknown-election"),
    "an unknown candidate": ({"json": BALLOT | {"candidateId": "dave"}}, 422, "unknown-candidate"),
    "a wrong key": ({"headers": bearer() | {"idempotency-key": "0" * 64}}, 422, "idempotency-key-mismatch"),
    "an ineligible voter": ({"headers": bearer(eligible=False)}, 403, "not-eligible"),
    "a wrong jurisdiction": ({"json": BALLOT | {"electionId": "regional-one"}}, 403, "wrong-jurisdiction"),
    "a closed election": ({"json": BALLOT | {"electionId": "closed-one"}}, 403, "election-not-open"),
    "a draft": ({"json": BALLOT | {"electionId": "draft-one"}}, 403, "election-not-open"),
    "one factor only": ({"json": BALLOT | {"electionId": "strict-one"}}, 403, "second-factor-required"),
    "a form": (
        {"content": b"{}", "headers": bearer() | {"content-type": "application/x-www-form-urlencoded"}},
        415,
        "unsupported-media-type",
    ),
    "no media type": ({"content": b"{}"}, 415, "unsupported-media-type"),
    "another charset": (
        {"content": b"{}", "headers": bearer() | {"content-type": "application/json; charset=latin-1"}},
        415,
        "unsupported-media-type",
    ),
    "a body over the limit": ({"content": b" " * 4097}, 413, "body-too-large"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_vote_with_something_wrong_is_refused(client: httpx.AsyncClient, world: World, name: str) -> None:
    changes, status, problem = REFUSED[name]
    request: dict[str, Any] = {"headers": bearer(), **changes}
    if "content" not in request:
        request.setdefault("json", BALLOT)
    answer = await client.post("/vote", **request)
    assert is_problem(answer, status, problem)
    assert world.log.votes == []
    assert ("www-authenticate" in answer.headers) is (problem in {"invalid-token", "insufficient-scope"})


async def test_the_checks_run_in_the_order_of_the_contract(client: httpx.AsyncClient) -> None:
    """A request with everything wrong is put right step by step; each step shows the next refusal."""
    content, headers = b" " * 5000, {"content-type": "text/plain", "idempotency-key": "x"}
    answer = await client.put("/vote", content=content, headers=headers)
    assert is_problem(answer, 405, "method-not-allowed")

    async def refused(status: int, name: str) -> None:
        assert is_problem(await client.post("/vote", content=content, headers=headers), status, name)

    await refused(413, "body-too-large")
    content = b"no json"
    await refused(415, "unsupported-media-type")
    headers["content-type"] = "application/json"
    await refused(401, "invalid-token")
    headers |= bearer(scp=["openid"], eligible=False)
    await refused(403, "insufficient-scope")
    headers |= bearer(eligible=False)
    await refused(400, "malformed-request")
    content = b'{"electionId":"other","candidateId":"dave"}'
    await refused(404, "unknown-election")
    content = b'{"electionId":"regional-one","candidateId":"dave"}'
    await refused(422, "unknown-candidate")
    content = b'{"electionId":"regional-one","candidateId":"alice"}'
    await refused(422, "idempotency-key-mismatch")
    del headers["idempotency-key"]
    await refused(403, "not-eligible")
    headers |= bearer()
    await refused(403, "wrong-jurisdiction")
    headers |= bearer(jurisdiction="be")
    assert (await client.post("/vote", content=content, headers=headers)).status_code == 202
    await refused(409, "already-voted")


@pytest.mark.parametrize(("claim", "said"), [("be", "be"), ("Île-de-France ", "Île-de-France "), (None, "")])
async def test_a_vote_says_what_the_token_says_about_the_jurisdiction(
    client: httpx.AsyncClient, world: World, claim: str | None, said: str
) -> None:
    answer = await client.post("/vote", json=BALLOT, headers=bearer(jurisdiction=claim))
    assert answer.status_code == 202
    assert [vote.jurisdiction for vote in world.log.votes] == [said]


async def test_the_key_of_voter_and_election_is_taken(client: httpx.AsyncClient) -> None:
    key = hashlib.sha256(b"voter-1" + ELECTION.encode()).hexdigest()
    wrong = await client.post("/vote", json=BALLOT, headers=bearer() | {"idempotency-key": key.upper()})
    assert is_problem(wrong, 422, "idempotency-key-mismatch")
    twice = [*bearer().items(), ("idempotency-key", key), ("idempotency-key", key)]
    assert (await client.post("/vote", json=BALLOT, headers=twice)).status_code == 422
    assert (await client.post("/vote", json=BALLOT, headers=bearer() | {"idempotency-key": key})).status_code == 202


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON", "application/json;charset=utf-8", 'application/json; charset="UTF-8"']
)
async def test_json_in_utf_8_is_taken_however_it_is_announced(client: httpx.AsyncClient, media_type: str) -> None:
    content = b'{"electionId":"election-2025-01","candidateId":"alice"}'
    answer = await client.post("/vote", content=content, headers=bearer() | {"content-type": media_type})
    assert answer.status_code == 202


async def test_a_body_without_a_length_is_cut_off_at_the_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 1000
            yield b" " * 1000

    answer = await client.post("/vote", content=endless(), headers=bearer() | {"content-type": "application/json"})
    assert is_problem(answer, 413, "body-too-large")


async def test_a_body_longer_than_it_says_is_refused(client: httpx.AsyncClient) -> None:
    headers = bearer() | {"content-type": "application/json", "content-length": "10"}
    answer = await client.post("/vote", content=b" " * 5000, headers=headers)
    assert is_problem(answer, 413, "body-too-large")


async def test_a_body_at_the_limit_is_taken(client: httpx.AsyncClient) -> None:
    content = b'{"electionId":"election-2025-01","candidateId":"alice"}'.ljust(4096)
    answer = await client.post("/vote", content=content, headers=bearer() | {"content-type": "application/json"})
    assert answer.status_code == 202


async def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    async with serving(World(deadlines=SHORT)) as (_, app):
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(10)
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/vote", "headers": [], "query_string": b"", "http_version": "1.1"}
        async with asyncio.timeout(2):
            await app(scope, receive, send)
        assert sent[0]["status"] == 400


async def test_without_a_log_that_takes_it_a_vote_is_refused_and_can_be_repeated(client: httpx.AsyncClient, world: World) -> None:
    world.log.refuses = True
    answer = await client.post("/vote", json=BALLOT, headers=bearer())
    assert is_problem(answer, 503, "log-unavailable")
    assert answer.headers["retry-after"] == "1"
    world.log.refuses = False
    assert (await client.post("/vote", json=BALLOT, headers=bearer())).status_code == 202


async def test_without_an_acknowledgement_there_is_no_202() -> None:
    world = World(deadlines=SHORT)
    world.log.loses = True
    async with serving(world) as (client, _):
        undecided = await client.post("/vote", json=BALLOT, headers=bearer())
        assert is_problem(undecided, 503, "outcome-undecided")
        assert undecided.headers["retry-after"] == "1"
        world.log.loses = False
        waiting = await client.post("/vote", json=BALLOT | {"candidateId": "bob"}, headers=bearer())
        assert is_problem(waiting, 503, "attempt-pending")
        assert waiting.headers["retry-after"].isdecimal()
        again = await client.post("/vote", json=BALLOT, headers=bearer())
        assert again.status_code == 202
        assert again.json()["receipt"]["voteId"] == world.log.votes[0].vote_id == world.log.votes[1].vote_id


async def test_a_signing_key_that_does_not_come_is_not_waited_for() -> None:
    class SlowKeys(InMemoryKeys):
        def get(self, kid: str) -> None:  # noqa: ARG002
            return None

        async def find(self, kid: str) -> RSAPublicKey | None:
            await asyncio.sleep(10)
            return await super().find(kid)

    world = World(deadlines=SHORT)
    world.keys = SlowKeys(world.keys.keys)
    async with serving(world) as (client, _):
        answer = await client.post("/vote", json=BALLOT, headers=bearer())
        assert is_problem(answer, 503, "unavailable")


async def test_a_hundred_requests_of_one_voter_make_one_vote(client: httpx.AsyncClient, world: World) -> None:
    world.log.delay_seconds = 0.05
    headers = bearer()
    answers = await asyncio.gather(*(client.post("/vote", json=BALLOT, headers=headers) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 99
    assert len(world.log.votes) == 1


async def test_without_a_catalogue_nothing_is_called_unknown() -> None:
    world = World()
    world.record.away = True
    async with serving(world) as (client, _):
        for answer in (await client.post("/vote", json=BALLOT, headers=bearer()), await client.get("/elections")):
            assert is_problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/vote", "POST"),
        ("/vote/election-2025-01", "GET"),
        ("/votes/election-2025-01", "GET"),
        ("/votes/election-2025-01/stream", "GET"),
        ("/elections", "GET"),
        ("/elections/election-2025-01", "GET"),
        ("/healthz", "GET"),
        ("/readyz", "GET"),
        ("/metrics", "GET"),
        ("/openapi.json", "GET"),
    ],
)
async def test_any_other_method_is_refused_with_the_one_that_is_known(client: httpx.AsyncClient, path: str, allowed: str) -> None:
    known = {"GET", "HEAD"} if allowed == "GET" and not path.endswith("/stream") else {allowed}
    for method in {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - known:
        answer = await client.request(method, path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == known
        if method != "HEAD":
            assert is_problem(answer, 405, "method-not-allowed")


async def test_head_answers_as_get_does(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/elections", "/votes/election-2025-01", "/openapi.json"):
        assert (await client.head(path)).status_code == (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/vote/", "/votes", "/votes/", "/elections/", "/nothing", "/vote/a/b", "/healthz/"])
async def test_an_unknown_path_is_a_problem_too(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert is_problem(await client.request(method, path), 404, "not-found")


async def test_an_error_of_ours_is_a_problem_without_details(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(world) as (client, app):
        app.state.parts.results._totals = None
        answer = await client.get(f"/votes/{ELECTION}")
    assert is_problem(answer, 500, "internal-error")
    assert "NoneType" not in answer.text
    caplog.clear()


async def test_results_can_be_kept_for_a_moment_and_asked_for_again(client: httpx.AsyncClient, world: World) -> None:
    world.totals.known[ELECTION] = Totals({"alice": 2}, NOW)
    answer = await client.get(f"/votes/{ELECTION}")
    assert answer.status_code == 200
    assert answer.json()["counts"] == {"alice": 2, "bob": 0, "carol": 0}
    assert answer.headers["cache-control"] == "public, max-age=1"
    same = await client.get(f"/votes/{ELECTION}", headers={"if-none-match": f'"x", W/{answer.headers["etag"]}'})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("election_id", "status", "name"),
    [
        ("hidden-one", 403, "results-hidden"),
        ("other", 404, "unknown-election"),
        ("draft-one", 404, "unknown-election"),
        ("A%3Ab", 404, "unknown-election"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/stream"])
async def test_results_that_are_not_to_be_seen(
    client: httpx.AsyncClient, election_id: str, status: int, name: str, suffix: str
) -> None:
    assert is_problem(await client.get(f"/votes/{election_id}{suffix}"), status, name)


async def test_the_stream_ends_when_the_process_is_told_to_stop(world: World) -> None:
    told: list[Any] = []
    app = create_app(world.settings, world.opener(), told.append)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingress.test") as client:
            listening = asyncio.create_task(client.get(f"/votes/{ELECTION}/stream"))
            await asyncio.sleep(0.12)
            ready = await client.get("/readyz")
            assert ready.status_code == 200
            [stop] = told
            stop()
            async with asyncio.timeout(2):
                answer = await listening
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.text.startswith("retry: 2000\nevent: results\ndata: {")
            assert ": heartbeat\n\n" in answer.text
            stopping = await client.get("/readyz")
            assert stopping.status_code == 503
            assert stopping.json()["checks"]["running"] is False
            assert is_problem(await client.get(f"/votes/{ELECTION}/stream"), 503, "unavailable")


async def test_a_voter_sees_the_own_vote_through_its_life(client: httpx.AsyncClient, world: World) -> None:
    async def own() -> Any:
        answer = await client.get(f"/vote/{ELECTION}", headers=bearer())
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    assert await own() == {"electionId": ELECTION, "status": "none", "receipt": None}
    receipt = (await client.post("/vote", json=BALLOT, headers=bearer())).json()["receipt"]
    assert await own() == {"electionId": ELECTION, "status": "accepted", "receipt": receipt}
    world.record.counted[ELECTION, "voter-1"] = CountedVote(receipt["voteId"], NOW)
    assert await own() == {"electionId": ELECTION, "status": "counted", "receipt": receipt}


async def test_the_own_vote_is_for_its_voter_alone(client: httpx.AsyncClient) -> None:
    path = f"/vote/{ELECTION}"
    assert is_problem(await client.get(path), 401, "invalid-token")
    assert is_problem(await client.get(path, headers=bearer(scp=[])), 403, "insufficient-scope")
    assert is_problem(await client.get("/vote/other", headers=bearer()), 404, "unknown-election")
    await client.post("/vote", json=BALLOT, headers=bearer())
    assert (await client.get(path, headers=bearer("voter-2"))).json()["status"] == "none"


async def test_elections_are_shown_with_their_candidates_and_drafts_are_not(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/elections")).json()["elections"]
    assert "draft-one" not in {entry["electionId"] for entry in listed}
    assert is_problem(await client.get("/elections/draft-one"), 404, "unknown-election")
    one = await client.get(f"/elections/{ELECTION}")
    assert one.json() in listed
    assert one.json() == {
        "electionId": ELECTION,
        "version": 3,
        "title": "A demonstration",
        "status": "open",
        "opensAt": OPENS.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "closesAt": "2025-06-01T13:00:00.250Z",
        "jurisdictions": [],
        "requiredAal": "aal1",
        "resultsVisibility": "live",
        "resultsBatch": 1,
        "candidates": [
            {"candidateId": "alice", "name": "Alice"},
            {"candidateId": "bob", "name": "Bob"},
            {"candidateId": "carol", "name": "Carol"},
        ],
    }
    same = await client.get(f"/elections/{ELECTION}", headers={"if-none-match": one.headers["etag"]})
    assert same.status_code == 304


async def test_it_is_ready_when_it_can_get_a_vote_into_the_log(client: httpx.AsyncClient, world: World) -> None:
    assert (await client.get("/readyz")).json() == {
        "ready": True,
        "checks": {"log": True, "keys": True, "catalogue": True, "denylist": True, "running": True},
    }
    world.record.away = world.reservations.away = True
    assert (await client.get("/readyz")).status_code == 200
    world.log.ready = False
    unready = await client.get("/readyz")
    assert (unready.status_code, unready.json()["checks"]["log"]) == (503, False)
    world.log.ready = True
    world.keys.keys.clear()
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_metrics_tell_outcomes_and_never_voters(client: httpx.AsyncClient) -> None:
    await client.post("/vote", json=BALLOT, headers=bearer("voter-secret"))
    await client.post("/vote", json=BALLOT, headers=bearer("voter-secret"))
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'ingress_vote_seconds_count{outcome="accepted"} 1.0' in answer.text
    assert 'ingress_vote_seconds_count{outcome="already-voted"} 1.0' in answer.text
    assert 'ingress_reservations_total{outcome="taken"} 1.0' in answer.text
    assert "voter-secret" not in answer.text
    assert "alice" not in answer.text
