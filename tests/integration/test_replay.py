"""Rebuilding everything from the log beside the live jobs, and letting go of what is remembered of elections that are over.

On a system of its own: the jobs stop and start here.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from confluent_kafka.admin import AdminClient

from compose.settings import Stack
from jobs.cluster import Cluster
from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry
from tests.integration.log_of_votes import VotesIn, eventually, read_topic
from tests.integration.organiser import Organiser, from_now
from tests.integration.running_jobs import done, jobs
from tests.stacks import running_stack

NEEDED = ("taskmanager", "jobmanager", "topics", "schemas", "migrations", "redis")
SHORT = timedelta(seconds=25)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack("replay", only=NEEDED) as running:
        yield running


@pytest.fixture(scope="module")
def environment(stack: Stack) -> dict[str, str]:
    return {**os.environ, **stack.environment()}


@pytest.fixture(scope="module")
def organiser(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Organiser:
    return Organiser(environment, tmp_path_factory.mktemp("elections"))


@pytest.fixture(scope="module")
def votes(stack: Stack, organiser: Organiser) -> VotesIn:
    """The log of an election that is open while these tests last."""
    return VotesIn(stack, organiser.create("replayed"), 1)


def accepted(stack: Stack, election_id: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, value in read_topic(stack, "votes-accepted"):
        if value["election_id"] == election_id:
            assert value["voter_sub"] not in found, "a second vote of a voter was accepted"
            found[value["voter_sub"]] = value["vote_id"]
    return found


def rejected(stack: Stack) -> dict[str, str]:
    return {value["vote_id"]: value["reason"] for _, value in read_topic(stack, "votes-rejected")}


def totals(stack: Stack, election_id: str) -> dict[str, tuple[int, int]]:
    """Generation and count of each candidate in Redis; the same are in PostgreSQL, or this fails at its end."""
    with redis.Redis(port=stack.ports["REDIS_PORT"], decode_responses=True) as client:
        held = dict(client.hgetall(f"totals:{{{election_id}}}"))
    held.pop("_as_of", None)
    return {candidate: (int(text.split(":")[0]), int(text.split(":")[1])) for candidate, text in held.items()}


def recorded(stack: Stack, election_id: str) -> dict[str, tuple[int, int]]:
    with psycopg.connect(stack.database_url("voting")) as database:
        rows = database.execute(
            "SELECT candidate_id, generation, count FROM vote_totals WHERE election_id = %s", [election_id]
        ).fetchall()
    return {candidate: (generation, count) for candidate, generation, count in rows}


def topics_of_rebuilds(stack: Stack) -> list[str]:
    admin = AdminClient({"bootstrap.servers": stack.environment()["KAFKA_BOOTSTRAP_SERVERS"]})
    return sorted(name for name in admin.list_topics(timeout=10).topics if ".g" in name)


def test_what_is_remembered_of_an_election_that_is_over_is_let_go_of(
    stack: Stack, environment: dict[str, str], organiser: Organiser
) -> None:
    closes_at = datetime.now(UTC) + SHORT
    short = VotesIn(stack, organiser.create("short", closes_at=from_now(SHORT)), 1)
    first = {f"voter-{number}": short.vote(f"voter-{number}", "alice") for number in range(2_000)}
    assert datetime.now(UTC) < closes_at, "the machine was too slow for this test's election"
    done(jobs(environment, "submit"))
    eventually(lambda: accepted(stack, short.election_id) == first, "the votes are accepted")

    if datetime.now(UTC) < closes_at:
        refused = jobs(environment, "retire")
        assert refused.returncode == 1
        assert f"election {short.election_id} takes votes until" in refused.stdout
    time.sleep(max(0.0, (closes_at - datetime.now(UTC)).total_seconds()) + 7)
    before = state_bytes(environment)
    done(jobs(environment, "retire"))
    eventually(lambda: state_bytes(environment) < before / 2, "the state is let go of")

    late = short.vote("voter-0", "bob")
    eventually(lambda: rejected(stack).get(late) == "election_not_open", "whoever has voted, it is over")
    assert accepted(stack, short.election_id) == first
    eventually(lambda: totals(stack, short.election_id) == {"alice": (1, 2_000)}, "totals stay")


def state_bytes(environment: dict[str, str]) -> int:
    with Cluster(environment["FLINK_REST_URL"]) as cluster:
        job = cluster.job("dedup")
        return 0 if job is None else cluster.checkpoints(job).state_bytes or 0


def test_everything_is_rebuilt_beside_the_live_jobs_while_votes_come_in(
    stack: Stack, environment: dict[str, str], votes: VotesIn
) -> None:
    first = {f"voter-{number}": votes.vote(f"voter-{number}", "alice") for number in range(60)}
    again = [votes.vote(f"voter-{number}", "bob") for number in range(0, 60, 2)]
    again.append(votes.vote("voter-of-nobody", "nobody"))
    votes.append(vote_key(votes.election_id, "voter-of-a-dead-letter"), b"not avro")
    eventually(lambda: totals(stack, votes.election_id) == {"alice": (1, 60)}, "they are counted")

    ended = threading.Event()
    meanwhile: dict[str, str] = {}

    def go_on_voting() -> None:
        while not ended.is_set():
            voter = f"voter-meanwhile-{len(meanwhile)}"
            meanwhile[voter] = votes.vote(voter, "bob")
            time.sleep(0.05)

    voting = threading.Thread(target=go_on_voting)
    voting.start()
    try:
        told = done(jobs(environment, "replay"))
    finally:
        ended.set()
        voting.join()
    assert len(meanwhile) > 100
    assert "the same of" in told
    assert "0 totals differ" in told
    assert "totals are of generation 2 now" in told

    eventually(lambda: accepted(stack, votes.election_id) == first | meanwhile, "every voter's first vote is accepted, once")
    expected = {"alice": (2, 60), "bob": (2, len(meanwhile))}
    eventually(lambda: totals(stack, votes.election_id) == expected, "totals are of the new generation")
    eventually(lambda: recorded(stack, votes.election_id) == expected, "the record's, too")
    assert topics_of_rebuilds(stack) == []
    # What it remembers is what the rebuild has made: of voters of before and of those who came meanwhile.
    again += [votes.vote(voter, "alice") for voter in ("voter-7", "voter-meanwhile-0", f"voter-meanwhile-{len(meanwhile) - 1}")]
    eventually(lambda: rejected(stack).keys() >= set(again), "nobody votes twice")
    assert accepted(stack, votes.election_id) == first | meanwhile


def test_tally_goes_on_in_the_generation_that_it_has_come_to(stack: Stack, environment: dict[str, str], votes: VotesIn) -> None:
    generation, count = totals(stack, votes.election_id)["alice"]
    done(jobs(environment, "upgrade", "tally"))
    votes.vote("voter-after-the-upgrade", "alice")
    eventually(lambda: totals(stack, votes.election_id)["alice"] == (generation, count + 1), "counts go on")


def test_dedup_that_has_lost_its_state_gets_it_back_from_the_log(
    stack: Stack, environment: dict[str, str], votes: VotesIn, tmp_path: Path
) -> None:
    before = accepted(stack, votes.election_id)
    done(jobs(environment, "stop", "dedup"))
    for kind in ("savepoints", "checkpoints"):
        shutil.move(stack.data_dir / "flink" / kind / "dedup", tmp_path / kind)
    meanwhile = {f"voter-without-dedup-{number}": votes.vote(f"voter-without-dedup-{number}", "bob") for number in range(5)}
    refused = jobs(environment, "submit", "dedup")
    assert refused.returncode == 1
    assert "replay dedup" in refused.stdout

    told = done(jobs(environment, "replay", "dedup"))
    assert "for the state alone" in told
    again = [votes.vote(voter, "alice") for voter in ("voter-7", "voter-without-dedup-0")]
    eventually(lambda: rejected(stack).keys() >= set(again), "nobody votes twice")
    assert accepted(stack, votes.election_id) == before | meanwhile
    assert topics_of_rebuilds(stack) == []


def test_a_verdict_that_is_not_the_logs_is_found_and_nothing_is_switched(
    stack: Stack, environment: dict[str, str], votes: VotesIn
) -> None:
    [(message, value), *_] = read_topic(stack, "votes-rejected")
    place = f"{value['source_partition']}:{value['source_offset']}"
    schema = avro.latest("votes-rejected")
    with Registry(environment["SCHEMA_REGISTRY_URL"]) as registry:
        forged = avro.encoder(schema, registry.id_of(schema))({**value, "reason": "wrong_jurisdiction"})
    votes._producer.produce("votes-rejected", key=message.key(), value=forged)
    assert votes._producer.flush(30) == 0

    refused = jobs(environment, "replay", "dedup")
    assert refused.returncode == 1
    assert (
        f"DIFFERS: votes-in {place} is votes-rejected ({value['reason']}) and votes-rejected (wrong_jurisdiction)"
        in refused.stdout
    )
    assert "nothing is switched" in refused.stdout
    assert value["voter_sub"] not in refused.stdout
    voter = votes.vote("voter-after-the-difference", "alice")
    eventually(lambda: accepted(stack, votes.election_id).get("voter-after-the-difference") == voter, "the live job goes on")
