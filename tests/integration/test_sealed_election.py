"""A whole election on the running system: votes, close, recount, rulings, seal, publication; and what comes too late."""

import re
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from compose.settings import CHECKOUT, Stack
from tests.integration.log_of_votes import VotesIn, eventually
from tests.integration.organiser import Organiser, wait_until_shown


@pytest.fixture
def organiser(environment: dict[str, str], tmp_path: Path) -> Organiser:
    return Organiser(environment, tmp_path)


def python(environment: dict[str, str], *module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment["PYTHON"], "-m", *module],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_an_election_is_closed_recounted_sealed_and_published(
    stack: Stack, environment: dict[str, str], organiser: Organiser, api: httpx.Client
) -> None:
    election_id = organiser.create("whole", results="after_publication")
    votes = VotesIn(stack, election_id, 1)
    for number in range(6):
        votes.vote(f"voter-{number}", "alice" if number % 3 else "bob")
    votes.vote("voter-1", "bob")
    bad = votes.append(f"{election_id}:nobody", b"no vote")

    def seal() -> subprocess.CompletedProcess[str]:
        return python(environment, "elections", "seal", election_id)

    refused = seal()
    assert refused.returncode == 1
    assert "only one whose close voters have seen can be sealed" in refused.stderr

    closed = python(environment, "elections", "close", election_id)
    assert closed.returncode == 0, closed.stderr
    assert "its votes end at" in closed.stdout
    assert "there is no recount of it" in seal().stderr

    recount = python(environment, "proof", "recount", "--election", election_id)
    assert recount.returncode == 0, recount.stdout + recount.stderr
    assert "AGREE" in recount.stdout
    assert "dead letters have no ruling" in seal().stderr

    waiting = python(environment, "proof", "adjudicate")
    places = re.findall(r"^([0-9]+:[0-9]+) ", waiting.stdout, re.MULTILINE)
    assert f"{bad[0]}:{bad[1]}" in places
    ruled = python(environment, "proof", "adjudicate", *places, "--ruling", "no-vote", "--reason", "crafted by a test")
    assert ruled.returncode == 0, ruled.stderr

    done = seal()
    assert done.returncode == 0, done.stderr
    assert "final: alice 4, bob 2" in done.stdout
    assert "is sealed already" in seal().stdout

    with psycopg.connect(stack.database_url("voting"), autocommit=True) as database:
        database.execute("INSERT INTO votes_ledger VALUES (%s, 'late', 'bob', now(), 'late-vote', 0, 1)", [election_id])
        database.execute("UPDATE vote_totals SET count = count + 1 WHERE election_id = %s", [election_id])
        late = database.execute("SELECT what FROM late_writes WHERE election_id = %s ORDER BY what", [election_id]).fetchall()
        assert late == [("alice 5 in generation 1",), ("bob 3 in generation 1",), ("vote late-vote",)]
        rows = database.execute("SELECT count(*) FROM votes_ledger WHERE election_id = %s", [election_id]).fetchone()
        assert rows == (6,)
    with redis.Redis(port=stack.ports["REDIS_PORT"], decode_responses=True) as client:
        assert client.hget(f"totals:{{{election_id}}}", "_sealed") == "1"

    wait_until_shown(api, election_id, "sealed")
    assert api.get(f"/votes/{election_id}").status_code == 403
    published = python(environment, "elections", "publish", election_id)
    assert published.returncode == 0, published.stderr
    wait_until_shown(api, election_id, "published")
    eventually(lambda: api.get(f"/votes/{election_id}").status_code == 200, "results are shown")
    assert api.get(f"/votes/{election_id}").json()["counts"] == {"alice": 4, "bob": 2}
