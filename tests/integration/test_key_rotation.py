"""Rotating the keys that access tokens are signed with, while people vote."""

import subprocess
import threading

import httpx

from compose.demo import ELECTION
from compose.settings import CHECKOUT, Stack
from compose.voter_browser import Tokens, header_of
from tests.integration.log_of_votes import eventually
from tests.voters import Accounts, Voter

# The ingress looks at the keys this often (INGRESS_JWKS_REFRESH_SECONDS), and its look may take a while on a busy machine.
FORGOTTEN_WITHIN_SECONDS = 60


def keys(stack: Stack, *arguments: str) -> dict[str, list[str]]:
    """What an operator would call; the keys that there are after it."""
    environment = stack.environment()
    command = [environment["PYTHON"], "-m", "identity", "keys", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {"signs": [], "former": [], "next": []}
    for line in done.stdout.splitlines():
        role, _, kid = line.partition(":")
        if role in found:
            found[role].append(kid.strip())
    return found


def published(stack: Stack) -> set[str]:
    answer = httpx.get(f"{stack.url('HYDRA_PUBLIC_PORT')}/.well-known/jwks.json", timeout=30)
    return {key["kid"] for key in answer.raise_for_status().json()["keys"]}


def registered(accounts: Accounts) -> Tokens:
    with accounts.browser() as browser:
        return accounts.registered(Voter(), browser)


def kid_of(tokens: Tokens) -> str:
    return str(header_of(tokens.access_token)["kid"])


def vote(api: httpx.Client, tokens: Tokens) -> int:
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    return api.post("/vote", json={"electionId": ELECTION, "candidateId": "bob"}, headers=headers).status_code


def test_voting_goes_on_through_a_rotation(stack: Stack, api: httpx.Client) -> None:
    accounts = Accounts(stack)
    before = keys(stack, "show")
    (old,), (coming,) = before["signs"], before["next"]
    assert coming in published(stack), "whoever caches keys has it before it signs"
    early = [registered(accounts) for _ in range(4)]
    assert {kid_of(tokens) for tokens in early} == {old}

    # Votes are cast, and voters sign in, while the keys change.
    results: list[tuple[str, int]] = []
    rotated = threading.Event()

    def keep_voting() -> None:
        with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30) as client:
            while True:
                last = rotated.is_set()
                tokens = registered(accounts)
                results.append((kid_of(tokens), vote(client, tokens)))
                if last:
                    return

    crowd = threading.Thread(target=keep_voting)
    crowd.start()
    assert vote(api, early[0]) == 202
    after = keys(stack, "rotate")
    rotated.set()
    assert vote(api, early[1]) == 202, "a token of the former key is as good as before"
    crowd.join()

    assert after["signs"] == [coming]
    assert old in after["former"]
    assert after["next"] not in ([coming], [old])
    assert {status for _, status in results} == {202}, results
    assert results[-1][0] == coming
    assert published(stack) >= {old, coming, *after["next"]}

    # A second rotation in a row: nobody has seen its key sign before, everybody has had it.
    again = keys(stack, "rotate")
    assert again["signs"] == after["next"]
    assert vote(api, registered(accounts)) == 202
    assert vote(api, early[2]) == 202

    keys(stack, "retire", old)
    assert old not in published(stack)

    def refused() -> bool:
        return vote(api, early[3]) == 401

    eventually(refused, "tokens of a key that is retired are refused", FORGOTTEN_WITHIN_SECONDS)
    assert vote(api, registered(accounts)) == 202
