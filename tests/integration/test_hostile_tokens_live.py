"""Hostile tokens against a running ingress with Hydra's keys: one answer for all of them, and none of them gets a vote in.

Most are signed with a key that Hydra publishes, so that only what they say is wrong; some are what Hydra itself issues, for
others than voters and for other purposes than voting.
"""

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import Stack
from compose.voter_browser import Client, Tokens, VoterBrowser, claims_of, header_of
from proof.log import Log
from tests.hostile_tokens import HOSTILE_AUTHORIZATIONS, HOSTILE_TOKENS, Forge

BALLOT = json.dumps({"electionId": ELECTION, "candidateId": "alice"}).encode()
REQUEST_TIMEOUT_SECONDS = 30.0
REDIRECT_URI = "http://localhost:3000/post-login"
KEY_SET_OF_ID_TOKENS = "hydra.openid.id-token"


def as_bearer(make: Callable[[Forge], str]) -> Callable[[Forge], list[str]]:
    """How a token is presented: one header with it."""
    return lambda forge: [f"Bearer {make(forge)}"]


ENTRIES: Mapping[str, Callable[[Forge], list[str]]] = {
    **{name: as_bearer(make) for name, make in HOSTILE_TOKENS.items()},
    **HOSTILE_AUTHORIZATIONS,
}


@dataclass(frozen=True)
class Answer:
    """All of an answer that a client sees, but its date."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Reception:
    """What became of the hostile requests."""

    answers: Mapping[str, Answer]
    votes_appended: int


def cast(stack: Stack, authorizations: list[str], method: str = "POST", path: str = "/vote") -> Answer:
    """Send a right ballot with these ``Authorization`` headers, byte by byte as they are."""
    address = urlsplit(stack.url("INGRESS_PORT"))
    connection = HTTPConnection(str(address.hostname), address.port, timeout=REQUEST_TIMEOUT_SECONDS)
    try:
        connection.putrequest(method, path)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(BALLOT) if method == "POST" else 0))
        for value in authorizations:
            connection.putheader("Authorization", value.encode("latin-1"))
        connection.endheaders(BALLOT if method == "POST" else None)
        response = connection.getresponse()
        headers = tuple((name, value) for name, value in response.getheaders() if name.lower() != "date")
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()


def votes_in_log(stack: Stack) -> int:
    with Log(stack.environment()["KAFKA_BOOTSTRAP_SERVERS"]) as log:
        return sum(kept.end for kept in log.ranges("votes-in").values())


@pytest.fixture(scope="module")
def forge(stack: Stack, mint: Mint) -> Forge:
    (sub,) = subjects(1)
    assert mint.key.kid is not None
    return Forge(mint.key, mint.key.kid, stack.url("HYDRA_PUBLIC_PORT"), sub)


@pytest.fixture(scope="module")
def refusal(stack: Stack) -> Answer:
    """The answer to a request without any token."""
    return cast(stack, [])


@pytest.fixture(scope="module")
def reception(stack: Stack, forge: Forge) -> Reception:
    """Every hostile request, sent once."""
    before = votes_in_log(stack)
    answers = {name: cast(stack, make(forge)) for name, make in ENTRIES.items()}
    return Reception(answers, votes_in_log(stack) - before)


def test_the_refusal_is_a_problem_document_with_a_challenge(refusal: Answer) -> None:
    headers = dict(refusal.headers)
    assert refusal.status == 401
    assert headers["content-type"] == "application/problem+json"
    assert headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert headers["cache-control"] == "no-store"
    document = json.loads(refusal.body)
    assert document == {
        "type": "urn:problem-type:voting:invalid-token",
        "title": document["title"],
        "status": 401,
    }


@pytest.mark.parametrize("name", ENTRIES)
def test_a_hostile_token_gets_the_refusal_that_all_get(reception: Reception, refusal: Answer, name: str) -> None:
    assert reception.answers[name] == refusal


def test_no_hostile_token_gets_a_vote_into_the_log(reception: Reception) -> None:
    assert len(reception.answers) >= 50
    assert reception.votes_appended == 0


def test_the_same_forge_without_a_fault_gets_its_vote_into_the_log(stack: Stack, forge: Forge, reception: Reception) -> None:
    """What was refused was refused for its one fault: the voter has no vote yet, and everything else is right."""
    assert reception.votes_appended == 0
    before = votes_in_log(stack)
    assert cast(stack, [f"Bearer {forge.token()}"]).status == 202
    assert votes_in_log(stack) - before == 1


@pytest.mark.parametrize("name", ["alg none", "expired", "another audience", "sub with a colon", "an unknown kid"])
def test_asking_for_ones_own_vote_is_refused_alike(stack: Stack, forge: Forge, refusal: Answer, name: str) -> None:
    assert cast(stack, ENTRIES[name](forge), "GET", f"/vote/{ELECTION}") == refusal


# ── what Hydra itself issues ──


@contextmanager
def registered_client(stack: Stack, **properties: Any) -> Iterator[tuple[str, str]]:
    """An OAuth2 client in Hydra for the time of a test: its id and its secret."""
    client_id, secret = f"other-app-{uuid.uuid4().hex[:8]}", secrets.token_urlsafe(16)
    registration = {
        "client_id": client_id,
        "client_secret": secret,
        "scope": "openid profile email vote:cast",
        "audience": ["voting-api"],
        "token_endpoint_auth_method": "client_secret_basic",
        **properties,
    }
    with httpx.Client(base_url=stack.url("HYDRA_ADMIN_PORT"), timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False) as hydra:
        assert hydra.post("/admin/clients", json=registration).status_code == 201
        try:
            yield client_id, secret
        finally:
            hydra.delete(f"/admin/clients/{client_id}")


def register_voter(client: Client) -> Tokens:
    with VoterBrowser(client) as browser:
        return browser.register(f"voter-{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(18), "A. Voter")


@pytest.fixture(scope="module")
def voter(stack: Stack) -> Tokens:
    """Tokens of somebody who signed in with the right client."""
    return register_voter(
        Client(stack.url("HYDRA_PUBLIC_PORT"), f"{stack.url('WEB_PORT')}/post-login", stack.secrets["VOTER_APP_CLIENT_SECRET"])
    )


def test_an_id_token_is_no_access_token(stack: Stack, voter: Tokens, refusal: Answer) -> None:
    assert voter.id_token is not None
    assert claims_of(voter.id_token)["sub"] == claims_of(voter.access_token)["sub"]
    assert cast(stack, [f"Bearer {voter.id_token}"]) == refusal


def test_a_code_or_another_opaque_text_is_no_access_token(stack: Stack, refusal: Answer) -> None:
    assert cast(stack, [f"Bearer ory_ac_{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}"]) == refusal


def test_a_token_that_a_client_got_for_itself_is_nobodys_vote(stack: Stack, refusal: Answer) -> None:
    with registered_client(stack, grant_types=["client_credentials"]) as credentials:
        answer = httpx.post(
            f"{stack.url('HYDRA_PUBLIC_PORT')}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": "vote:cast", "audience": "voting-api"},
            auth=credentials,
            timeout=REQUEST_TIMEOUT_SECONDS,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        claims = claims_of(token)
        assert claims["sub"] == claims["client_id"] == credentials[0]
        assert claims["aud"] == ["voting-api"]
        assert claims["scp"] == ["vote:cast"]
        assert cast(stack, [f"Bearer {token}"]) == refusal


def test_a_voters_token_for_another_client_is_refused(stack: Stack, refusal: Answer) -> None:
    properties = {
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [REDIRECT_URI],
        "skip_consent": True,
    }
    with registered_client(stack, **properties) as (client_id, secret):
        token = register_voter(Client(stack.url("HYDRA_PUBLIC_PORT"), REDIRECT_URI, secret, client_id)).access_token
        claims = claims_of(token)
        assert claims["client_id"] == client_id
        assert claims["aud"] == ["voting-api"]
        assert cast(stack, [f"Bearer {token}"]) == refusal


def test_what_an_id_token_says_is_refused_whatever_else_is_written_around_it(
    stack: Stack, voter: Tokens, refusal: Answer
) -> None:
    """Hydra publishes its keys for ID tokens beside the others, so what keeps them apart is what they say."""
    assert voter.id_token is not None
    with httpx.Client(base_url=stack.url("HYDRA_ADMIN_PORT"), timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False) as hydra:
        keys = hydra.get(f"/admin/keys/{KEY_SET_OF_ID_TOKENS}").json()["keys"]
    kid = header_of(voter.id_token)["kid"]
    (key,) = [RSAKey.import_key(entry) for entry in keys if entry["kid"] == kid]
    forge = Forge(key, kid, stack.url("HYDRA_PUBLIC_PORT"))
    claims = {**claims_of(voter.id_token), "exp": int(time.time()) + 600}
    for header in (forge.header(), forge.header(typ="at+jwt"), forge.header(typ=None)):
        for more in ({}, {"client_id": "voter-app"}, {"scp": ["vote:cast"], "eligible": True}, {"aud": ["voting-api"]}):
            assert cast(stack, [f"Bearer {forge.signed(header, {**claims, **more})}"]) == refusal


def test_a_real_token_is_refused_once_a_bit_of_it_is_changed_and_believed_as_it_is(
    stack: Stack, voter: Tokens, refusal: Answer
) -> None:
    head, body, signature = voter.access_token.split(".")
    other = "A" if signature[20] != "A" else "B"
    assert cast(stack, [f"Bearer {head}.{body}.{signature[:20]}{other}{signature[21:]}"]) == refusal
    assert cast(stack, [f"Bearer {voter.access_token}"]).status == 202
