"""A recount of a real log, registry, PostgreSQL and Redis whose contents the test writes, and the faults that it plants there."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from compose.settings import CHECKOUT, Stack
from proof.keys import PublicKey, key_id, private_key
from proof.log import Log
from proof.manifest import BadManifest, verify
from tests.integration.crafted_verdicts import Cast, Verdicts, cast
from tests.integration.log_of_votes import VotesIn
from tests.stacks import running_stack

ELECTION = "election-2025-01"
KEY = "07" * 32


@pytest.fixture(scope="module")
def quiet_stack() -> Iterator[Stack]:
    """What a recount reads, and no job."""
    with running_stack("recount", only=["elections", "redis"]) as running:
        yield running


class Scene:
    """An election whose verdicts and projections are right until a test changes them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.votes_in = VotesIn(stack, ELECTION, 1)
        self.verdicts = Verdicts(stack, ELECTION)

    def accept(self, *subs: str, candidate: str = "alice") -> None:
        """Cast votes, accept them and write them into the ledger."""
        votes = [cast(self.votes_in, sub, candidate) for sub in subs]
        appended = times(self.stack)
        for vote in votes:
            self.verdicts.accept(vote, accepted_at=appended[vote.partition, vote.offset])
            self.write(vote, appended[vote.partition, vote.offset])

    def write(self, vote: Cast, at: int) -> None:
        with self.database() as database:
            database.execute(
                "INSERT INTO votes_ledger VALUES (%s, %s, %s, to_timestamp(%s / 1000.0), %s, %s, %s)",
                [ELECTION, vote.sub, vote.candidate_id, at, vote.vote_id, vote.partition, vote.offset],
            )

    def note(self) -> None:
        with Log(self.stack.environment()["KAFKA_BOOTSTRAP_SERVERS"]) as log:
            self.verdicts.note({partition: found.end for partition, found in log.ranges("votes-in").items()})

    def totals(self, counts: dict[str, int]) -> None:
        with self.database() as database:
            database.execute("DELETE FROM vote_totals")
            for candidate, count in counts.items():
                database.execute("INSERT INTO vote_totals VALUES (%s, %s, %s)", [ELECTION, candidate, count])
        with self.redis() as client:
            for candidate, count in counts.items():
                client.hset(f"totals:{{{ELECTION}}}", candidate, f"1:{count}")

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.stack.database_url("voting"), autocommit=True)

    def redis(self) -> redis.Redis:
        return redis.Redis(port=self.stack.ports["REDIS_PORT"], decode_responses=True)

    def recount(self, *options: str) -> tuple[int, dict[str, Any]]:
        environment = {**self.stack.environment(), "PROOF_SIGNING_KEY": KEY}
        command = [environment["PYTHON"], "-m", "proof", "recount", "--election", ELECTION, "--wait", "0", "--json", *options]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=240)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, json.JSONDecoder().raw_decode(done.stdout)[0]


def times(stack: Stack) -> dict[tuple[int | None, int | None], int]:
    """When the log took each record of votes-in."""
    with Log(stack.environment()["KAFKA_BOOTSTRAP_SERVERS"]) as log:
        return {
            (message.partition(), message.offset()): message.timestamp()[1]
            for message in log.messages("votes-in", log.ranges("votes-in"))
        }


@pytest.fixture(scope="module")
def scene(quiet_stack: Stack) -> Scene:
    return Scene(quiet_stack)


def kinds(report: dict[str, Any]) -> Counter[str]:
    return Counter({each["kind"]: each["count"] for each in report["discrepancies"]})


def test_what_is_right_agrees_is_reported_and_signed(scene: Scene, tmp_path: Path) -> None:
    scene.accept(*(f"voter-{number}" for number in range(8)))
    scene.accept(*(f"other-{number}" for number in range(4)), candidate="bob")
    again = cast(scene.votes_in, "voter-1", "bob")
    scene.verdicts.reject(again)
    bad = scene.votes_in.append(f"{ELECTION}:nobody", b"no vote")
    scene.verdicts.dead_letter(f"{ELECTION}:nobody", b"no vote", *bad)
    scene.note()
    scene.totals({"alice": 8, "bob": 4})

    status, report = scene.recount("--manifests", str(tmp_path))
    assert (status, report["agrees"]) == (0, True), report
    assert report["conservation"]["votesIn"] == 14
    assert report["conservation"]["exact"] is True
    assert report["counts"] == {"alice": 8, "bob": 4}
    assert report["outcomes"] == {"accepted": 12, "dead_letter": 1, "duplicate": 1}
    assert len(set(report["hashes"].values())) == 1
    with scene.database() as database:
        row = database.execute("SELECT agrees, manifest FROM recount_reports WHERE election_id = %s", [ELECTION]).fetchone()
        assert row == (True, report)
        assert database.execute("SELECT source_partition, source_offset, election_id FROM dead_letters").fetchall() == [
            (*bad, ELECTION)
        ]
    (file,) = tmp_path.iterdir()
    key = private_key(KEY).public_key()
    keys = {key_id(key): PublicKey(key)}
    assert verify(file.read_bytes(), keys) == report
    with pytest.raises(BadManifest):
        verify(file.read_bytes().replace(b'"alice":8', b'"alice":9'), keys)


def test_wrong_totals_and_ledger_rows_are_named_and_repaired(scene: Scene) -> None:
    scene.totals({"alice": 9, "bob": 3})
    with scene.database() as database:
        database.execute("DELETE FROM votes_ledger WHERE voter_sub = 'voter-1'")
        changed = "UPDATE votes_ledger SET candidate_id = 'bob' WHERE voter_sub = 'voter-2'"
        database.execute("ALTER TABLE votes_ledger DISABLE TRIGGER USER")
        database.execute(changed.encode())
        database.execute("ALTER TABLE votes_ledger ENABLE TRIGGER USER")
        database.execute("INSERT INTO votes_ledger VALUES (%s, 'ghost', 'alice', now(), 'vote-of-nobody', 0, 0)", [ELECTION])

    status, report = scene.recount("--repair")
    assert status == 1
    assert kinds(report) == {
        "wrong total in Aurora": 2,
        "wrong total in Redis": 2,
        "missing in the ledger": 1,
        "different in the ledger": 1,
        "only in the ledger": 1,
    }
    assert "voter-2" not in json.dumps(report)
    status, report = scene.recount()
    assert (status, report["discrepancies"]) == (0, []), report


def test_faults_in_votes_accepted_are_named_and_not_repaired(scene: Scene) -> None:
    lost, changed, doubled = (cast(scene.votes_in, sub, "alice") for sub in ("lost", "changed", "doubled"))
    appended = times(scene.stack)
    at = {vote: appended[vote.partition, vote.offset] for vote in (lost, changed, doubled)}
    scene.verdicts.accept(Cast(changed.vote_id, changed.sub, "bob", changed.partition, changed.offset), accepted_at=at[changed])
    for _ in range(2):
        scene.verdicts.accept(doubled, accepted_at=at[doubled])
    for vote in (lost, changed, doubled):
        scene.write(vote, at[vote])
    scene.note()
    scene.totals({"alice": 11, "bob": 4})
    status, report = scene.recount("--repair")
    assert status == 1
    assert kinds(report).keys() == {"lost", "altered", "invented", "conservation"}
    assert (kinds(report)["lost"], kinds(report)["altered"], kinds(report)["invented"]) == (1, 1, 1)
    said = {each["kind"]: each["text"] for each in report["findings"]}
    assert said["lost"] == f"vote {lost.vote_id} (votes-in {lost.partition}@{lost.offset}) counts and is not in votes-accepted"
    assert changed.vote_id in said["altered"]
    assert "choice" in said["altered"]
    assert doubled.vote_id in said["invented"]


def test_it_is_refused_while_dedup_is_behind(scene: Scene) -> None:
    cast(scene.votes_in, "not-decided", "alice")
    environment = scene.stack.environment()
    command = [environment["PYTHON"], "-m", "proof", "recount", "--wait", "0"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 2
    assert "dedup has 1 records of votes-in to decide still" in done.stderr
