"""Every row of the contract's table of statuses, seen from outside, and the order in which a request's faults are told."""

import hashlib
import itertools
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.electorate import Mint, subjects
from compose.settings import Stack
from compose.supervisor import Supervisor
from tests.integration.another_ingress import another_ingress
from tests.integration.log_of_votes import eventually
from tests.integration.organiser import Organiser, from_now, wait_until_shown
from tests.integration.problem_document import problem
from tests.stacks import free_ports

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
BODY_LIMIT_BYTES = 4096
# The contract's deadlines: a request is answered within 6 s, a reservation of an undecided attempt goes after 10 s.
REQUEST_SECONDS = 6.0
PENDING_SECONDS = 10


@dataclass(frozen=True)
class Elections:
    """Elections by what keeps a voter out of them."""

    open: str
    northern: str
    second_factor: str
    later: str
    over: str
    closed: str
    draft: str
    hidden: str
    # Open to voters of the north with a second factor; and the same, not open yet.
    guarded: str
    guarded_later: str


@pytest.fixture(scope="module")
def elections(stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Elections:
    organiser = Organiser(environment, tmp_path_factory.mktemp("elections"))
    tomorrow: dict[str, Any] = {"opens_at": from_now(timedelta(days=1)), "closes_at": from_now(timedelta(days=2))}
    guards: dict[str, Any] = {"jurisdictions": ["north"], "required_aal": "aal2"}
    closed = organiser.create("closed", **tomorrow)
    organiser.close(closed)
    made = Elections(
        open=organiser.create("open"),
        northern=organiser.create("northern", jurisdictions=["north"]),
        second_factor=organiser.create("second-factor", required_aal="aal2"),
        later=organiser.create("later", **tomorrow),
        # Time enough for a busy machine to open it.
        over=organiser.create("over", closes_at=from_now(timedelta(seconds=20))),
        closed=closed,
        draft=organiser.create("draft", open_at_once=False),
        hidden=organiser.create("hidden", results="after_publication"),
        guarded=organiser.create("guarded", **guards),
        guarded_later=organiser.create("guarded-later", **guards, **tomorrow),
    )
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as api:
        # The newest comes last, and the ingress reads all of them at once.
        wait_until_shown(api, made.closed, "closed")
        wait_until_shown(api, made.guarded_later)
    return made


@dataclass(frozen=True)
class Voter:
    """Somebody who has not voted yet."""

    mint: Mint
    sub: str = field(default_factory=lambda: subjects(1)[0])

    def headers(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.mint.token(self.sub, time.time(), **claims)}"}


@pytest.fixture
def voter(mint: Mint) -> Voter:
    return Voter(mint)


def ballot(election_id: str, candidate_id: str = "alice", **more: object) -> dict[str, object]:
    return {"electionId": election_id, "candidateId": candidate_id, **more}


# ── 2xx ──


def test_202_brings_a_receipt_without_voter_choice_or_place_in_the_log(
    api: httpx.Client, elections: Elections, voter: Voter
) -> None:
    answer = api.post("/vote", json=ballot(elections.open, "bob"), headers=voter.headers())
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"receipt", "status"}
    assert body["status"] == "accepted"
    assert body["receipt"].keys() == {"voteId", "electionId", "castAt", "keyId", "signature"}
    assert UUID.fullmatch(body["receipt"]["voteId"])
    assert body["receipt"]["electionId"] == elections.open
    assert body["receipt"]["castAt"].endswith("Z")
    assert abs(datetime.fromisoformat(body["receipt"]["castAt"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert "bob" not in answer.text
    assert voter.sub not in answer.text


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_202_however_json_is_called(api: httpx.Client, elections: Elections, voter: Voter, content_type: str) -> None:
    headers = {**voter.headers(), "Content-Type": content_type}
    assert api.post("/vote", content=json.dumps(ballot(elections.open)), headers=headers).status_code == 202


def test_202_with_ones_own_idempotency_key(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    key = hashlib.sha256(f"{voter.sub}{elections.open}".encode()).hexdigest()
    headers = {**voter.headers(), "Idempotency-Key": key}
    assert api.post("/vote", json=ballot(elections.open), headers=headers).status_code == 202
    problem(api.post("/vote", json=ballot(elections.open), headers=headers), 409, "already-voted")


def test_202_for_a_body_as_large_as_is_allowed(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    content = json.dumps(ballot(elections.open)).ljust(BODY_LIMIT_BYTES)
    headers = {**voter.headers(), "Content-Type": "application/json"}
    assert api.post("/vote", content=content, headers=headers).status_code == 202


def test_200_for_whoever_meets_every_condition_of_a_guarded_election(
    api: httpx.Client, elections: Elections, voter: Voter
) -> None:
    headers = voter.headers(jurisdiction="north", aal="aal2")
    before = api.get(f"/vote/{elections.guarded}", headers=headers)
    assert before.status_code == 200
    assert before.json() == {"electionId": elections.guarded, "status": "none", "receipt": None}
    cast = api.post("/vote", json=ballot(elections.guarded), headers=headers)
    assert cast.status_code == 202
    after = api.get(f"/vote/{elections.guarded}", headers=headers)
    assert after.json()["status"] in {"accepted", "counted"}
    assert after.json()["receipt"] == cast.json()["receipt"]
    assert after.headers["cache-control"] == "no-store"


# ── 4xx ──


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "not json",
        '{"electionId": "%s"}',
        '{"electionId": "%s", "candidateId": "alice"',
        '{"electionId": "%s", "candidateId": "alice"} {}',
        '{"electionId": "%s", "candidateId": "alice", "voter": "x"}',
        '{"electionId": "%s", "candidateId": "alice", "candidateId": "alice"}',
        '{"electionId": "%s", "candidateId": "alice", "candidateI\\u0064": "bob"}',
        '{"electionId": "%s", "candidateId": 1}',
        '{"electionId": "%s", "candidateId": null}',
        '{"electionId": "%s", "candidateId": ["alice"]}',
        '{"electionId": "%s", "candidateId": "Alice"}',
        '{"electionId": "%s", "candidateId": ""}',
        '{"electionId": "%s", "candidateId": "alice\\n"}',
        '{"electionId": "%s:x", "candidateId": "alice"}',
        '{"electionId": NaN, "candidateId": "alice"}',
        '\ufeff{"electionId": "%s", "candidateId": "alice"}',
    ],
    ids=itertools.count(),
)
def test_400_for_what_is_no_ballot(api: httpx.Client, elections: Elections, voter: Voter, content: str) -> None:
    body = content.replace("%s", elections.open).encode()
    answer = api.post("/vote", content=body, headers={**voter.headers(), "Content-Type": "application/json"})
    problem(answer, 400, "malformed-request")


@pytest.mark.parametrize("path", ["/vote", "/vote/{}"])
def test_401_without_a_token_with_a_bad_one_and_with_two(
    api: httpx.Client, elections: Elections, voter: Voter, path: str
) -> None:
    good = voter.headers()["Authorization"]
    for authorizations in (
        [],
        ["Bearer not.a.token"],
        ["Basic dm90ZXI6YXBw"],
        [good, good],
        [voter.headers(exp=1)["Authorization"]],
    ):
        headers = [("Authorization", value) for value in authorizations]
        if path == "/vote":
            answer = api.post(path, json=ballot(elections.open), headers=headers)
        else:
            answer = api.get(path.format(elections.open), headers=headers)
        problem(answer, 401, "invalid-token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("scopes", [[], ["openid"], ["vote:castle"], "openid profile", None])
def test_403_without_the_scope(api: httpx.Client, elections: Elections, voter: Voter, scopes: object) -> None:
    answer = api.post("/vote", json=ballot(elections.open), headers=voter.headers(scp=scopes))
    problem(answer, 403, "insufficient-scope")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="vote:cast"'
    problem(api.get(f"/vote/{elections.open}", headers=voter.headers(scp=scopes)), 403, "insufficient-scope")


@pytest.mark.parametrize("eligible", [False, None, "true", 1, [True]])
def test_403_unless_eligible_is_true(api: httpx.Client, elections: Elections, voter: Voter, eligible: object) -> None:
    answer = api.post("/vote", json=ballot(elections.open), headers=voter.headers(eligible=eligible))
    problem(answer, 403, "not-eligible")


@pytest.mark.parametrize("claims", [{}, {"jurisdiction": "south"}, {"jurisdiction": "North"}, {"jurisdiction": "north "}])
def test_403_in_an_election_of_another_jurisdiction(
    api: httpx.Client, elections: Elections, voter: Voter, claims: dict[str, str]
) -> None:
    problem(api.post("/vote", json=ballot(elections.northern), headers=voter.headers(**claims)), 403, "wrong-jurisdiction")
    answer = api.post("/vote", json=ballot(elections.northern), headers=voter.headers(jurisdiction="north"))
    assert answer.status_code == 202


@pytest.mark.parametrize("name", ["later", "closed", "draft"])
def test_403_while_an_election_is_not_open(api: httpx.Client, elections: Elections, voter: Voter, name: str) -> None:
    answer = api.post("/vote", json=ballot(getattr(elections, name)), headers=voter.headers())
    document = problem(answer, 403, "election-not-open")
    assert datetime.fromisoformat(document["opensAt"]) < datetime.fromisoformat(document["closesAt"])


def test_403_from_the_moment_an_election_ends(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    closes_at = datetime.fromisoformat(api.get(f"/elections/{elections.over}").json()["closesAt"])
    time.sleep(max(0.0, (closes_at - datetime.now(UTC)).total_seconds()))
    document = problem(api.post("/vote", json=ballot(elections.over), headers=voter.headers()), 403, "election-not-open")
    assert datetime.fromisoformat(document["closesAt"]) == closes_at
    # Its status has not been changed by anybody: the time alone decides.
    assert api.get(f"/elections/{elections.over}").json()["status"] == "open"


@pytest.mark.parametrize("claims", [{}, {"aal": "aal1"}, {"aal": "AAL2"}, {"aal": "aal3"}])
def test_403_without_the_second_factor_that_an_election_needs(
    api: httpx.Client, elections: Elections, voter: Voter, claims: dict[str, str]
) -> None:
    answer = api.post("/vote", json=ballot(elections.second_factor), headers=voter.headers(**claims))
    problem(answer, 403, "second-factor-required")
    accepted = api.post("/vote", json=ballot(elections.second_factor), headers=voter.headers(aal="aal2"))
    assert accepted.status_code == 202


@pytest.mark.parametrize("path", ["/votes/{}", "/votes/{}/stream"])
def test_403_for_results_that_are_hidden(api: httpx.Client, elections: Elections, path: str) -> None:
    problem(api.get(path.format(elections.hidden)), 403, "results-hidden")


@pytest.mark.parametrize("path", ["/votes/{}", "/votes/{}/stream", "/elections/{}"])
@pytest.mark.parametrize("name", ["no-such-election", "NOT-AN-ID", "draft"])
def test_404_for_an_election_that_is_not_shown(api: httpx.Client, elections: Elections, path: str, name: str) -> None:
    election_id = elections.draft if name == "draft" else name
    problem(api.get(path.format(election_id)), 404, "unknown-election")


def test_404_for_a_vote_in_an_unknown_election(api: httpx.Client, voter: Voter) -> None:
    problem(api.post("/vote", json=ballot("no-such-election"), headers=voter.headers()), 404, "unknown-election")
    problem(api.get("/vote/no-such-election", headers=voter.headers()), 404, "unknown-election")


@pytest.mark.parametrize("path", ["/", "/vote/", "/votes", "/elections/", "/nowhere", "/vote/a/b", "/VOTE", "//vote"])
def test_404_for_a_path_that_leads_nowhere(api: httpx.Client, path: str) -> None:
    problem(api.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "methods", "allowed"),
    [
        ("/vote", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"], {"POST"}),
        ("/vote/{}", ["POST", "PUT", "DELETE"], {"GET", "HEAD"}),
        ("/votes/{}", ["POST", "PUT", "DELETE"], {"GET", "HEAD"}),
        ("/votes/{}/stream", ["HEAD", "POST", "DELETE"], {"GET"}),
        ("/elections", ["POST", "DELETE"], {"GET", "HEAD"}),
        ("/metrics", ["POST"], {"GET", "HEAD"}),
    ],
)
def test_405_names_the_methods_that_are_known(
    api: httpx.Client, elections: Elections, voter: Voter, path: str, methods: list[str], allowed: set[str]
) -> None:
    for method in methods:
        answer = api.request(method, path.format(elections.open), headers=voter.headers())
        if method == "HEAD":
            assert (answer.status_code, answer.content) == (405, b"")
        else:
            problem(answer, 405, "method-not-allowed")
        assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed


def test_409_brings_the_receipt_of_the_vote_that_is_in(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    receipt = api.post("/vote", json=ballot(elections.open, "alice"), headers=voter.headers()).json()["receipt"]
    for candidate in ("alice", "bob"):
        answer = api.post("/vote", json=ballot(elections.open, candidate), headers=voter.headers())
        assert problem(answer, 409, "already-voted")["receipt"] == receipt
        assert "alice" not in answer.text
        assert voter.sub not in answer.text


@pytest.mark.parametrize("announced", [True, False])
def test_413_for_a_body_over_the_limit(api: httpx.Client, elections: Elections, voter: Voter, announced: bool) -> None:
    content = json.dumps(ballot(elections.open)).ljust(BODY_LIMIT_BYTES + 1).encode()
    body: bytes | Iterator[bytes] = content if announced else (content[start : start + 512] for start in range(0, 4608, 512))
    problem(
        api.post("/vote", content=body, headers={**voter.headers(), "Content-Type": "application/json"}), 413, "body-too-large"
    )


@pytest.mark.parametrize(
    "content_types",
    [
        [],
        ["text/plain"],
        ["application/jsonp"],
        ["application/problem+json"],
        ["application/x-www-form-urlencoded"],
        ["multipart/form-data; boundary=x"],
        ["application/json; charset=latin-1"],
        ["application/json, application/json"],
        ["application/json", "application/json"],
    ],
    ids=itertools.count(),
)
def test_415_for_what_is_not_called_json(api: httpx.Client, elections: Elections, voter: Voter, content_types: list[str]) -> None:
    headers = [*voter.headers().items(), *(("Content-Type", value) for value in content_types)]
    answer = api.post("/vote", content=json.dumps(ballot(elections.open)), headers=headers)
    problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept"] == "application/json"


def test_422_for_a_candidate_who_does_not_stand(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    problem(api.post("/vote", json=ballot(elections.open, "nobody"), headers=voter.headers()), 422, "unknown-candidate")


def test_422_for_an_idempotency_key_that_is_not_the_voters_for_this_election(
    api: httpx.Client, elections: Elections, voter: Voter
) -> None:
    own = hashlib.sha256(f"{voter.sub}{elections.open}".encode()).hexdigest()
    others = [
        [hashlib.sha256(f"{Voter(voter.mint).sub}{elections.open}".encode()).hexdigest()],
        [hashlib.sha256(f"{voter.sub}{elections.hidden}".encode()).hexdigest()],
        [hashlib.sha256(f"{voter.sub}:{elections.open}".encode()).hexdigest()],
        [own.upper()],
        [own[:-1]],
        [""],
        [own, own],
    ]
    for keys in others:
        headers = [*voter.headers().items(), *(("Idempotency-Key", key) for key in keys)]
        answer = api.post("/vote", json=ballot(elections.open), headers=headers)
        problem(answer, 422, "idempotency-key-mismatch")
        assert own not in answer.text


# ── the order of the checks ──


@dataclass(frozen=True)
class Attempt:
    """A request that is in order, unless something of it is replaced."""

    method: str = "POST"
    padding_bytes: int = 0
    content_type: str = "application/json"
    claims: Mapping[str, Any] = field(default_factory=lambda: {"jurisdiction": "north", "aal": "aal2"})
    election: str = "guarded"
    members: Mapping[str, object] = field(default_factory=lambda: {"candidateId": "alice"})
    idempotency_key: str | None = None
    after_ones_vote: bool = False

    def claiming(self, **claims: Any) -> "Attempt":
        return replace(self, claims={**self.claims, **claims})

    def saying(self, **members: object) -> "Attempt":
        return replace(self, members={**self.members, **members})

    def send(self, api: httpx.Client, elections: Elections, voter: Voter) -> httpx.Response:
        if self.after_ones_vote:
            sent = replace(Attempt(), election=self.election).send(api, elections, voter)
            assert sent.status_code == 202, sent.text
        election_id = getattr(elections, self.election, self.election)
        headers = {**voter.headers(**self.claims), "Content-Type": self.content_type}
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        content = json.dumps({"electionId": election_id, **self.members}) + " " * self.padding_bytes
        return api.request(self.method, "/vote", content=content, headers=headers)


@dataclass(frozen=True)
class Fault:
    """What it is answered with where it is the only one, and how it is added to a request."""

    status: int
    name: str
    add: Callable[[Attempt], Attempt]


SOMEBODY_ELSES_KEY = hashlib.sha256(b"somebody else").hexdigest()
# In the order of the contract; where it names a status only, in the order of its table.
FAULTS = (
    Fault(405, "method-not-allowed", lambda attempt: replace(attempt, method="PUT")),
    Fault(413, "body-too-large", lambda attempt: replace(attempt, padding_bytes=BODY_LIMIT_BYTES)),
    Fault(415, "unsupported-media-type", lambda attempt: replace(attempt, content_type="text/plain")),
    Fault(401, "invalid-token", lambda attempt: attempt.claiming(exp=int(time.time()) - 60)),
    Fault(403, "insufficient-scope", lambda attempt: attempt.claiming(scp=["openid"])),
    Fault(400, "malformed-request", lambda attempt: attempt.saying(more=1)),
    Fault(404, "unknown-election", lambda attempt: replace(attempt, election="no-such-election")),
    Fault(422, "unknown-candidate", lambda attempt: attempt.saying(candidateId="nobody")),
    Fault(422, "idempotency-key-mismatch", lambda attempt: replace(attempt, idempotency_key=SOMEBODY_ELSES_KEY)),
    Fault(403, "not-eligible", lambda attempt: attempt.claiming(eligible=False)),
    Fault(403, "wrong-jurisdiction", lambda attempt: attempt.claiming(jurisdiction="south")),
    Fault(403, "election-not-open", lambda attempt: replace(attempt, election="guarded_later")),
    Fault(403, "second-factor-required", lambda attempt: attempt.claiming(aal="aal1")),
    Fault(409, "already-voted", lambda attempt: replace(attempt, after_ones_vote=True)),
)
# An unknown election is not "not open"; and whoever has voted has done so while it was.
IMPOSSIBLE = {
    ("unknown-election", "election-not-open"),
    ("unknown-election", "already-voted"),
    ("election-not-open", "already-voted"),
}
PAIRS = [pair for pair in itertools.combinations(FAULTS, 2) if (pair[0].name, pair[1].name) not in IMPOSSIBLE]


def test_a_request_without_a_fault_is_accepted(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    assert Attempt().send(api, elections, voter).status_code == 202


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_alone_gets_its_own_problem(api: httpx.Client, elections: Elections, voter: Voter, fault: Fault) -> None:
    problem(fault.add(Attempt()).send(api, elections, voter), fault.status, fault.name)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda fault: fault.name)
def test_of_two_faults_the_one_that_is_checked_first_is_told(
    api: httpx.Client, elections: Elections, voter: Voter, first: Fault, second: Fault
) -> None:
    problem(first.add(second.add(Attempt())).send(api, elections, voter), first.status, first.name)


def test_of_all_faults_at_once_the_first_is_told(api: httpx.Client, elections: Elections, voter: Voter) -> None:
    attempt = Attempt()
    for fault in reversed(FAULTS[:-1]):
        attempt = fault.add(attempt)
        problem(attempt.send(api, elections, voter), fault.status, fault.name)


# ── 503 ──


def test_503_while_nothing_is_known_and_the_instance_is_not_ready(
    environment: dict[str, str], elections: Elections, voter: Voter, tmp_path: Path
) -> None:
    nobody, neither = free_ports(2)
    settings = {
        "HYDRA_PUBLIC_URL": f"http://localhost:{nobody}",
        "DATABASE_URL": f"postgresql://voting:voting@127.0.0.1:{neither}/voting",
    }
    with (
        another_ingress(environment, tmp_path, "/healthz", **settings) as lonely,
        httpx.Client(base_url=lonely.url, timeout=30.0) as api,
    ):
        issued_there = voter.headers(iss=settings["HYDRA_PUBLIC_URL"])
        for answer in (
            api.post("/vote", json=ballot(elections.open), headers=issued_there),
            api.get("/elections"),
            api.get(f"/votes/{elections.open}"),
            api.get(f"/elections/{elections.open}"),
        ):
            problem(answer, 503, "unavailable")
            assert 1 <= int(answer.headers["retry-after"]) <= PENDING_SECONDS
        # What can be refused without any of that still is.
        problem(api.post("/vote", content=b"x"), 415, "unsupported-media-type")
        problem(api.post("/vote", json=ballot(elections.open)), 401, "invalid-token")
        ready = api.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["ready"] is False
        assert not all(ready.json()["checks"].values())
        assert lonely.stop() == 0


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Have a process stand still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# The last one: the log stands still for some seconds, for everybody.
def test_503_while_the_log_does_not_acknowledge_and_the_same_choice_again_is_safe(
    stack: Stack, api: httpx.Client, elections: Elections, voter: Voter
) -> None:
    def vote(client: httpx.Client) -> httpx.Response:
        return client.post("/vote", json=ballot(elections.open), headers=voter.headers())

    first: list[httpx.Response] = []

    def attempt() -> None:
        with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as client:
            first.append(vote(client))

    with paused(Supervisor(stack).processes()["kafka"].pid):
        began = time.monotonic()
        undecided = threading.Thread(target=attempt)
        undecided.start()
        time.sleep(0.5)
        pending = vote(api)
        undecided.join()
        assert time.monotonic() - began < REQUEST_SECONDS + 1.0
    for answer, name in ((first[0], "outcome-undecided"), (pending, "attempt-pending")):
        problem(answer, 503, name)
        assert 1 <= int(answer.headers["retry-after"]) <= PENDING_SECONDS

    told: list[httpx.Response] = []

    def decided() -> bool:
        told.append(vote(api))
        return told[-1].status_code != 503

    eventually(decided, "the log takes votes again")
    assert told[-1].status_code in {202, 409}, told[-1].text
    # Every attempt was the same vote, so that the receipt is right whichever copy of it came into the log first.
    receipt = told[-1].json()["receipt"]

    def own() -> dict[str, Any]:
        document: dict[str, Any] = api.get(f"/vote/{elections.open}", headers=voter.headers()).json()
        return document

    eventually(lambda: own()["status"] == "counted", "the vote is counted")
    assert own()["receipt"] == receipt
    assert problem(vote(api), 409, "already-voted")["receipt"] == receipt
