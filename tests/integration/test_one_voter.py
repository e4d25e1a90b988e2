"""One voter who asks a thousand times at once, over several processes: one vote, and everybody is told of the same one."""

import asyncio
import io
import itertools
import json
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from http.client import parse_headers
from typing import Any

import httpx
import psycopg
import pytest

from compose.electorate import Mint, subjects
from compose.settings import Stack
from tests.integration.another_ingress import AnotherIngress, another_ingress
from tests.integration.log_of_votes import eventually, read_topic
from tests.integration.organiser import Organiser, wait_until_shown
from tests.integration.problem_document import MEDIA_TYPE, TYPE_PREFIX

REQUESTS = 1000
WORKERS = 3
CANDIDATES = ("alice", "bob")
# Far longer than the 6 s of one request: a thousand share two cores with everything else.
ANSWERED_WITHIN_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    document: dict[str, Any]


@dataclass(frozen=True)
class Rush:
    """What a voter asked for, and all that came back."""

    election_id: str
    sub: str
    token: str
    choices: list[str]
    answers: list[Answer]

    def having(self, status: int) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == status]


def parse(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    status_line, _, fields = head.partition(b"\r\n")
    return Answer(int(status_line.split()[1]), parse_headers(io.BytesIO(fields + b"\r\n\r\n")), json.loads(body))


async def rush(port: int, requests: list[bytes]) -> list[Answer]:
    """Connect for all requests first, then send them all at once, then read."""
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in requests))
    try:
        for (_, writer), request in zip(connections, requests, strict=True):
            writer.write(request)
        async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
            raw = await asyncio.gather(*(reader.read() for reader, _ in connections))
    finally:
        for _, writer in connections:
            writer.close()
    return [parse(answer) for answer in raw]


def request(token: str, election_id: str, candidate_id: str) -> bytes:
    body = json.dumps({"electionId": election_id, "candidateId": candidate_id})
    head = (
        "POST /vote HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join([*head, "", body]).encode()


@pytest.fixture(scope="module")
def election_id(stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    created = Organiser(environment, tmp_path_factory.mktemp("elections")).create("one-voter")
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as api:
        wait_until_shown(api, created)
    return created


@pytest.fixture(scope="module")
def ingress(election_id: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnotherIngress]:
    """An ingress of several processes that share a port; each of them knows the election from its start."""
    assert election_id
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert open_files > REQUESTS + 100, "there are too few file descriptors for so many connections (ulimit -n)"
    folder = tmp_path_factory.mktemp("ingress")
    with another_ingress(environment, folder, INGRESS_WORKERS=str(WORKERS)) as started:
        # One worker that is ready answers; the others are as far, or very nearly.
        for _ in range(20 * WORKERS):
            eventually(lambda: started.answers("/readyz"), "all workers are ready")
        yield started


@pytest.fixture(scope="module")
def told(ingress: AnotherIngress, election_id: str, mint: Mint) -> Rush:
    (sub,) = subjects(1)
    token = mint.token(sub, time.time())
    choices = list(itertools.islice(itertools.cycle(CANDIDATES), REQUESTS))
    answers = asyncio.run(rush(ingress.port, [request(token, election_id, candidate) for candidate in choices]))
    return Rush(election_id, sub, token, choices, answers)


def test_every_request_is_answered_and_exactly_one_is_accepted(told: Rush) -> None:
    statuses = Counter(answer.status for answer in told.answers)
    assert statuses.total() == REQUESTS
    assert statuses.keys() <= {202, 409, 503}, statuses
    assert statuses[202] == 1, statuses


def test_all_others_are_told_of_the_same_vote_or_to_come_back(told: Rush) -> None:
    (accepted,) = told.having(202)
    receipt = accepted.document["receipt"]
    for answer in told.having(409):
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.document["type"] == TYPE_PREFIX + "already-voted"
        assert answer.document["receipt"] == receipt
    for answer in told.having(503):
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.document["type"] == TYPE_PREFIX + "attempt-pending"
        assert "receipt" not in answer.document
        assert 1 <= int(answer.headers["retry-after"]) <= 10


def test_one_record_of_the_voter_is_in_the_log_and_is_accepted(stack: Stack, told: Rush) -> None:
    (accepted,) = told.having(202)
    vote_id = accepted.document["receipt"]["voteId"]
    chosen = told.choices[told.answers.index(accepted)]

    def of_the_voter(topic: str) -> list[dict[str, Any]]:
        key = f"{told.election_id}:{told.sub}".encode()
        return [value for _, value in read_topic(stack, topic, key)]

    eventually(lambda: bool(of_the_voter("votes-accepted")), "votes-accepted")
    for topic in ("votes-in", "votes-accepted"):
        (record,) = of_the_voter(topic)
        assert (record["vote_id"], record["candidate_id"]) == (vote_id, chosen)
    assert of_the_voter("votes-rejected") == []


def test_the_one_vote_is_counted_and_its_voter_is_told(stack: Stack, ingress: AnotherIngress, told: Rush) -> None:
    (accepted,) = told.having(202)
    chosen = told.choices[told.answers.index(accepted)]
    with httpx.Client(base_url=ingress.url, timeout=30.0, trust_env=False) as api:

        def own() -> dict[str, Any]:
            answer = api.get(f"/vote/{told.election_id}", headers={"Authorization": f"Bearer {told.token}"})
            document: dict[str, Any] = answer.json()
            return document

        eventually(lambda: own()["status"] == "counted", "the vote is counted")
        receipt = own()["receipt"]
        assert receipt["voteId"] == accepted.document["receipt"]["voteId"]
        assert datetime.fromisoformat(receipt["castAt"]) == datetime.fromisoformat(accepted.document["receipt"]["castAt"])
        expected = {candidate: int(candidate == chosen) for candidate in CANDIDATES}
        eventually(lambda: api.get(f"/votes/{told.election_id}").json()["counts"] == expected, "the result")
    with psycopg.connect(stack.database_url("voting")) as database:
        rows = database.execute(
            "SELECT voter_sub, candidate_id, vote_id FROM votes_ledger WHERE election_id = %s", [told.election_id]
        ).fetchall()
    assert rows == [(told.sub, chosen, accepted.document["receipt"]["voteId"])]


# The last one: it ends the process that the others use.
def test_told_to_end_all_workers_end_and_the_exit_code_is_0(ingress: AnotherIngress, told: Rush) -> None:
    assert told.answers
    assert ingress.stop() == 0
    assert not ingress.answers("/healthz")
    log = ingress.log.read_text(errors="replace")
    assert "Traceback" not in log, log
    assert told.sub not in log
