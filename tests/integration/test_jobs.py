"""The jobs on the cluster: what every topic, table and key holds after a crafted stream with bad records in it."""

import json
import os
import subprocess
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from compose.settings import CHECKOUT, Stack
from schemas.ids import vote_key
from tests.integration.log_of_votes import VotesIn, eventually, read_topic

JOBS = ("dedup", "tally", "live", "ledger")
ELECTION_FILE = """\
id: {id}
title: Crafted votes
opens_at: 2025-01-01T00:00:00Z
closes_at: 2035-01-01T00:00:00Z
results: live
candidates:
  - {{id: yes, name: "Yes"}}
  - {{id: no, name: "No"}}
"""


def python(environment: dict[str, str], *module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment["PYTHON"], "-m", *module], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def votes_in(stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> VotesIn:
    """A writer for an election of this module's own, which the organisers' command line opened."""
    election_id = f"crafted-{uuid.uuid4().hex[:8]}"
    file = Path(tmp_path_factory.mktemp("elections") / "election.yaml")
    file.write_text(ELECTION_FILE.format(id=election_id).replace("id: yes", 'id: "yes"').replace("id: no", 'id: "no"'))
    for command in (("create", str(file)), ("open", election_id)):
        done = python(environment, "elections", *command)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(stack.database_url("voting")) as database:
        row = database.execute("SELECT version FROM current_elections WHERE election_id = %s", [election_id]).fetchone()
    assert row is not None
    return VotesIn(stack, election_id, row[0])


@pytest.fixture(scope="module")
def crafted(votes_in: VotesIn) -> dict[str, Any]:
    """The stream: voters 1 to 20, some twice and thrice and for others, with bad records between them."""
    first: dict[str, Any] = {}
    duplicates: list[str] = []
    invalid: dict[str, str] = {}
    dead: dict[tuple[int, int], tuple[str, bytes]] = {}
    for number in range(1, 21):
        sub = f"voter-{number}"
        first[sub] = (votes_in.vote(sub, "yes" if number % 4 else "no"), *votes_in.positions[-1])
        if number % 7 == 0:
            # Before the vote that counts, and after it: an invalid one takes nobody's place.
            invalid[votes_in.vote(f"voter-{number + 1}", "nobody")] = "unknown_candidate"
            invalid[votes_in.vote(sub, "yes", catalogue_version=99)] = "unknown_election"
        if number % 5 == 0:
            duplicates += [votes_in.vote(sub, "no"), votes_in.vote(f"voter-{number - 1}", "yes")]
        if number == 10:
            key = vote_key(votes_in.election_id, "nobody")
            _, whole = votes_in.value("nobody", "yes")
            _, foreign = votes_in.value("somebody-else", "yes")
            # The last one says that its first string is two gigabytes long.
            lies = whole[:5] + b"\xfe\xff\xff\xff\x0f"
            for bad in (b"", b"\x00", b"not avro", whole[:-1], whole + b"x", b"\x00\xff\xff\xff\xff" + whole[5:], foreign, lies):
                dead[votes_in.append(key, bad)] = (key, bad)
            right, _ = votes_in.append(key, b"to learn its partition")
            dead[votes_in.positions[-1]] = (key, b"to learn its partition")
            dead[votes_in.append(key, whole, partition=(right + 1) % 4)] = (key, whole)
    return {"first": first, "duplicates": duplicates, "invalid": invalid, "dead": dead}


def test_the_first_vote_of_every_voter_is_accepted_with_its_place_in_the_log(
    stack: Stack, votes_in: VotesIn, crafted: dict[str, Any]
) -> None:
    def accepted() -> list[dict[str, Any]]:
        return [value for _, value in read_topic(stack, "votes-accepted") if value["election_id"] == votes_in.election_id]

    eventually(lambda: len(accepted()) >= len(crafted["first"]), "votes-accepted")
    found = {value["voter_sub"]: (value["vote_id"], value["source_partition"], value["source_offset"]) for value in accepted()}
    assert found == crafted["first"]
    assert len(accepted()) == len(crafted["first"])


def test_a_vote_that_counts_is_announced_without_its_choice(stack: Stack, votes_in: VotesIn, crafted: dict[str, Any]) -> None:
    prefix = f"{votes_in.election_id}:".encode()
    unique = [
        (message, value) for message, value in read_topic(stack, "votes-unique") if (message.key() or b"").startswith(prefix)
    ]
    assert {message.key().removeprefix(prefix).decode(): value["vote_id"] for message, value in unique} == {  # type: ignore[union-attr]
        sub: vote_id for sub, (vote_id, _, _) in crafted["first"].items()
    }
    assert all("candidate_id" not in value for _, value in unique)


def test_every_other_vote_is_rejected_as_invalid_or_as_a_duplicate_of_the_first(
    stack: Stack, votes_in: VotesIn, crafted: dict[str, Any]
) -> None:
    rejected = [value for _, value in read_topic(stack, "votes-rejected") if value["election_id"] == votes_in.election_id]
    invalid = {value["vote_id"]: value["reason"] for value in rejected if value["first_vote_id"] is None}
    assert invalid == crafted["invalid"]
    duplicates = [value for value in rejected if value["first_vote_id"] is not None]
    assert sorted(value["vote_id"] for value in duplicates) == sorted(crafted["duplicates"])
    for value in duplicates:
        assert value["reason"] == "duplicate"
        assert value["first_vote_id"] == crafted["first"][value["voter_sub"]][0]


def test_what_cannot_be_a_vote_is_dead_lettered_as_it_came(stack: Stack, votes_in: VotesIn, crafted: dict[str, Any]) -> None:
    prefix = f"{votes_in.election_id}:".encode()
    found = {}
    for message, _ in read_topic(stack, "votes-dlq"):
        if (message.key() or b"").startswith(prefix):
            headers: dict[str, Any] = dict(message.headers() or [])
            assert headers["error"]
            assert headers["topic"] == b"votes-in"
            found[int(headers["partition"]), int(headers["offset"])] = ((message.key() or b"").decode(), message.value() or b"")
    assert found == crafted["dead"]


def test_totals_and_ledger_hold_the_accepted_votes(stack: Stack, votes_in: VotesIn, crafted: dict[str, Any]) -> None:
    expected = Counter("yes" if int(sub.removeprefix("voter-")) % 4 else "no" for sub in crafted["first"])
    with psycopg.connect(stack.database_url("voting"), autocommit=True) as database:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return database.execute(query.encode(), [votes_in.election_id]).fetchall()

        totals = "SELECT candidate_id, count FROM vote_totals WHERE election_id = %s"
        eventually(lambda: dict(rows(totals)) == expected, "vote_totals")
        ledger = rows("SELECT voter_sub, vote_id, source_partition, source_offset FROM votes_ledger WHERE election_id = %s")
        assert {row[0]: row[1:] for row in ledger} == crafted["first"]
        assert rows("SELECT voter_sub FROM ledger_conflicts WHERE election_id = %s") == []
        timely = "SELECT count(*) FROM votes_ledger WHERE election_id = %s AND abs(extract(epoch FROM now() - voted_at)) < 600"
        assert rows(timely) == [(len(crafted["first"]),)]
    with redis.Redis(port=stack.ports["REDIS_PORT"], decode_responses=True) as client:
        fields = client.hgetall(f"totals:{{{votes_in.election_id}}}")
    assert isinstance(fields, dict)
    assert {name: count for name, count in fields.items() if not name.startswith("_")} == {
        name: f"1:{count}" for name, count in expected.items()
    }


def test_the_audit_agrees(environment: dict[str, str], votes_in: VotesIn, crafted: dict[str, Any]) -> None:
    done = python(environment, "proof", "audit", "--election", votes_in.election_id, "--wait", "60", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)["elections"][votes_in.election_id]
    assert figures["accepted"] == len(crafted["first"])
    assert figures["duplicates"] == len(crafted["duplicates"])


def test_a_record_as_large_as_the_log_takes_is_a_dead_letter_too(
    stack: Stack, votes_in: VotesIn, environment: dict[str, str]
) -> None:
    key = vote_key(votes_in.election_id, "large")
    largest = os.urandom(1_048_400)
    # Compressible, so that the log takes more than its limit.
    sent = {votes_in.append(key, largest), votes_in.append(key, b"\x01" * 3_000_000)}
    after = votes_in.vote("after-the-large-ones", "yes")

    def accepted() -> bool:
        return any(value["vote_id"] == after for _, value in read_topic(stack, "votes-accepted"))

    eventually(accepted, "the vote behind them")
    letters = {}
    for message, _ in read_topic(stack, "votes-dlq"):
        headers: dict[str, Any] = dict(message.headers() or [])
        letters[int(headers["partition"]), int(headers["offset"])] = len(message.value() or b"")
    assert {letters[place] for place in sent} == {1_048_400, 3_000_000}
    assert python(environment, "jobs", "status").returncode == 0


def test_submitting_again_leaves_the_running_jobs_alone(environment: dict[str, str]) -> None:
    def running() -> set[str]:
        listed = python(environment, "jobs", "list")
        assert listed.returncode == 0, listed.stderr
        return {line.split()[0] for line in listed.stdout.splitlines() if "RUNNING" in line}

    before = running()
    assert len(before) == len(JOBS)
    done = python(environment, "jobs", "submit")
    assert done.returncode == 0, done.stderr
    assert running() == before
