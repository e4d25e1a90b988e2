"""What the API says of itself against what it does: requests made from its OpenAPI document, right ones and wrong ones.

No answer may have a status, a content type, a body or a header that the document does not know, and none may be a server's error.
The requests are the same in every run (``SEED``).
"""

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis.config import SchemathesisConfig

from compose.electorate import Mint, subjects
from compose.settings import Stack
from ingress.openapi import document
from ingress.routes import ENDPOINTS
from tests.integration.organiser import Organiser, from_now, wait_until_shown

SEED = 20250101
# About 2,000 requests in all.
EXAMPLES = 150
REQUEST_TIMEOUT_SECONDS = 30.0
DOCUMENT = document(ENDPOINTS)
OPERATIONS = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig(seed=SEED))
VOTERS = {"castVote", "readOwnVote"}
# What is generated is no election that exists, so that no stream begins.
voters_operations = OPERATIONS.include(operation_id=sorted(VOTERS))
public_operations = OPERATIONS.exclude(operation_id=sorted(VOTERS))
bounded = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Elections:
    open: str
    later: str
    hidden: str
    guarded: str
    draft: str
    unknown: str = "no-such-election"

    @property
    def all(self) -> Iterator[str]:
        return (getattr(self, field.name) for field in fields(self))


@pytest.fixture(scope="module")
def elections(stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Elections:
    organiser = Organiser(environment, tmp_path_factory.mktemp("elections"))
    made = Elections(
        later=organiser.create("later", opens_at=from_now(timedelta(days=1)), closes_at=from_now(timedelta(days=2))),
        hidden=organiser.create("hidden", results="after_publication"),
        guarded=organiser.create("guarded", jurisdictions=["north"], required_aal="aal2"),
        draft=organiser.create("draft", open_at_once=False),
        open=organiser.create("open"),
    )
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=REQUEST_TIMEOUT_SECONDS) as client:
        wait_until_shown(client, made.open)
    return made


@pytest.fixture(scope="module")
def url(stack: Stack) -> str:
    print(f"the requests are made with the seed {SEED}")
    return stack.url("INGRESS_PORT")


def bearer(mint: Mint, sub: str, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint.token(sub, time.time(), **claims)}"}


def test_the_running_api_serves_this_document(api: httpx.Client) -> None:
    answer = api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(DOCUMENT))


@voters_operations.parametrize()
@bounded
def test_a_voter_gets_only_answers_that_are_documented(case: schemathesis.Case[Any], url: str, mint: Mint) -> None:
    (sub,) = subjects(1)
    case.call_and_validate(base_url=url, headers=bearer(mint, sub), timeout=REQUEST_TIMEOUT_SECONDS)


@voters_operations.parametrize()
@bounded
def test_somebody_without_a_token_gets_only_answers_that_are_documented(case: schemathesis.Case[Any], url: str) -> None:
    answer = case.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS)
    assert answer.status_code in {401, 405, 413, 415}


@public_operations.parametrize()
@bounded
def test_anybody_gets_only_answers_that_are_documented(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS)


# ── what generated requests do not find: elections that exist ──


def test_votes_in_elections_that_exist_get_only_answers_that_are_documented(url: str, mint: Mint, elections: Elections) -> None:
    operation = OPERATIONS["/vote"]["POST"]
    seen = set()
    claims: list[Mapping[str, Any]] = [
        {},
        {"jurisdiction": "north", "aal": "aal2"},
        {"jurisdiction": "north"},
        {"eligible": False},
        {"scp": []},
    ]
    kinds_of_key = ("none", "own", "foreign")
    for election_id, candidate_id, said, kind in itertools.product(elections.all, ("alice", "nobody"), claims, kinds_of_key):
        (sub,) = subjects(1)
        headers = bearer(mint, sub, **said)
        if kind != "none":
            text = f"{sub}{election_id}" if kind == "own" else "somebody else"
            headers["Idempotency-Key"] = hashlib.sha256(text.encode()).hexdigest()
        ballot = {"electionId": election_id, "candidateId": candidate_id}
        for _ in range(2):
            case = operation.Case(body=ballot, media_type="application/json", headers=headers)
            seen.add(case.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS).status_code)
    assert seen == {202, 403, 404, 409, 422}


def test_reading_of_elections_that_exist_gets_only_answers_that_are_documented(
    url: str, mint: Mint, elections: Elections
) -> None:
    (sub,) = subjects(1)
    vote = OPERATIONS["/vote"]["POST"].Case(
        body={"electionId": elections.open, "candidateId": "bob"}, media_type="application/json", headers=bearer(mint, sub)
    )
    assert vote.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS).status_code == 202
    seen: dict[str, set[int]] = {}
    for path, election_id in itertools.product(
        ("/vote/{electionId}", "/votes/{electionId}", "/elections/{electionId}"), elections.all
    ):
        headers = bearer(mint, sub) if path.startswith("/vote/") else {}
        etag = ""
        for known in ("", "%s", '"another", W/%s', '"another"', "*"):
            conditional = {"If-None-Match": known.replace("%s", etag)} if known and etag else {}
            case = OPERATIONS[path]["GET"].Case(path_parameters={"electionId": election_id}, headers={**headers, **conditional})
            answer = case.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS)
            seen.setdefault(path, set()).add(answer.status_code)
            (etag,) = answer.headers.get("etag", [""])
    assert seen == {
        "/vote/{electionId}": {200, 404},
        "/votes/{electionId}": {200, 304, 403, 404},
        "/elections/{electionId}": {200, 304, 404},
    }


def test_the_stream_begins_with_the_results_as_they_are_documented(url: str, elections: Elections) -> None:
    results = Draft202012Validator({"$ref": "#/components/schemas/Results", **DOCUMENT}, format_checker=FormatChecker())
    with httpx.stream("GET", f"{url}/votes/{elections.open}/stream", timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False) as stream:
        assert stream.status_code == 200
        assert str(stream.status_code) in DOCUMENT["paths"]["/votes/{electionId}/stream"]["get"]["responses"]
        assert stream.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store"
        lines = list(itertools.takewhile(bool, stream.iter_lines()))
    event = dict(line.split(": ", 1) for line in lines)
    assert event.keys() == {"retry", "event", "data"}
    assert int(event["retry"]) > 0
    assert event["event"] == "results"
    results.validate(json.loads(event["data"]))


@pytest.mark.parametrize("name", ["hidden", "draft", "unknown"])
def test_a_stream_that_is_not_to_be_had_is_refused_as_it_is_documented(url: str, elections: Elections, name: str) -> None:
    case = OPERATIONS["/votes/{electionId}/stream"]["GET"].Case(path_parameters={"electionId": getattr(elections, name)})
    answer = case.call_and_validate(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS)
    assert answer.status_code == (403 if name == "hidden" else 404)
