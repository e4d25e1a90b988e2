"""What a data engineer does with the jobs: upgrade, rescale, look into dead letters, send them through again, ask in SQL.

On a system of its own: the jobs stop and start here.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.settings import CHECKOUT, Stack
from jobs import plans
from jobs.cluster import Cluster
from proof.log import Log
from schemas.ids import vote_key
from tests.integration.log_of_votes import VotesIn, eventually, read_topic
from tests.integration.running_jobs import done, jobs
from tests.stacks import running_stack

ELECTION = "election-2025-01"
NEEDED = ("taskmanager", "jobmanager", "topics", "schemas", "elections", "redis")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack("operating", only=NEEDED) as running:
        yield running


@pytest.fixture(scope="module")
def environment(stack: Stack) -> dict[str, str]:
    return {**os.environ, **stack.environment()}


@pytest.fixture(scope="module")
def votes(stack: Stack) -> VotesIn:
    return VotesIn(stack, ELECTION, 1)


def accepted(stack: Stack) -> dict[str, str]:
    return {value["voter_sub"]: value["vote_id"] for _, value in read_topic(stack, "votes-accepted")}


def counts(stack: Stack) -> dict[str, int]:
    newest = {}
    for _, value in read_topic(stack, "votes-agg"):
        newest[value["candidate_id"]] = value["count"]
    return newest


def test_the_plan_of_the_former_version_goes_on_as_the_present_one(
    stack: Stack, environment: dict[str, str], votes: VotesIn, tmp_path: Path
) -> None:
    """A savepoint of the plan before the newest, taken here, is what the newest one starts from; then it is scaled."""
    former = former_code(tmp_path)
    done(jobs(environment, "submit", "dedup", "tally", code=former))
    first = {f"voter-{number}": votes.vote(f"voter-{number}", "alice") for number in range(40)}
    eventually(lambda: accepted(stack) == first, "the first votes are accepted")
    eventually(lambda: counts(stack) == {"alice": 40}, "they are counted")

    done(jobs(environment, "upgrade", "dedup", "tally"))
    again = [votes.vote(f"voter-{number}", "bob") for number in range(40)]
    first |= {f"voter-{number}": votes.vote(f"voter-{number}", "bob") for number in range(40, 60)}
    eventually(lambda: accepted(stack) == first, "only new voters are accepted after the upgrade")
    eventually(lambda: counts(stack) == {"alice": 40, "bob": 20}, "counts go on")

    for parallelism in (4, 1):
        done(jobs(environment, "rescale", "dedup", str(parallelism)))
        done(jobs(environment, "rescale", "tally", str(parallelism)))
        again += [votes.vote(f"voter-{number}", "carol") for number in range(0, 60, 3)]
        new = {f"voter-{parallelism}-{number}": votes.vote(f"voter-{parallelism}-{number}", "carol") for number in range(10)}
        first |= new
        eventually(lambda: len(accepted(stack)) == len(first), f"only new voters are accepted at parallelism {parallelism}")  # noqa: B023
        assert accepted(stack) == first
    eventually(lambda: counts(stack) == {"alice": 40, "bob": 20, "carol": 20}, "counts go on")
    rejected = [value["vote_id"] for _, value in read_topic(stack, "votes-rejected")]
    eventually(
        lambda: sorted(again) == sorted(value["vote_id"] for _, value in read_topic(stack, "votes-rejected")), "duplicates"
    )
    assert len(rejected) <= len(again)
    assert "0 restarts" in done(jobs(environment, "status", "dedup", "tally"))


def former_code(folder: Path) -> Path:
    """The jobs with the plans before the newest, where there is one."""
    for package in ("jobs", "schemas"):
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "target"))
    kept = {job: plans.versions(job) for job in ("dedup", "tally")}
    assert any(len(versions) > 1 for versions in kept.values())
    for versions in kept.values():
        if len(versions) > 1:
            (folder / "jobs" / "plans" / versions[-1].name).unlink()
    return folder


def test_dedup_from_a_state_that_is_behind_is_refused(stack: Stack, environment: dict[str, str], votes: VotesIn) -> None:
    done(jobs(environment, "stop", "dedup"))
    savepoints = sorted((stack.data_dir / "flink" / "savepoints" / "dedup").iterdir(), key=lambda path: path.stat().st_mtime)
    aside = stack.data_dir / "aside"
    aside.mkdir()
    # What was done since the savepoint before the last is in the outputs, and not in that savepoint.
    shutil.move(savepoints[-1], aside / savepoints[-1].name)
    shutil.move(stack.data_dir / "flink" / "checkpoints" / "dedup", aside / "checkpoints")
    refused = jobs(environment, "submit", "dedup")
    assert refused.returncode == 1
    assert "the state is behind the outputs" in refused.stdout
    with Cluster(environment["FLINK_REST_URL"]) as cluster:
        eventually(lambda: cluster.job("dedup") is None, "it is cancelled")

    for savepoint in (stack.data_dir / "flink" / "savepoints" / "dedup").iterdir():
        shutil.move(savepoint, aside / savepoint.name)
    shutil.rmtree(stack.data_dir / "flink" / "checkpoints" / "dedup", ignore_errors=True)
    refused = jobs(environment, "submit", "dedup")
    assert refused.returncode == 1
    assert "there is no state to start from" in refused.stdout

    shutil.move(aside / savepoints[-1].name, savepoints[-1])
    done(jobs(environment, "submit", "dedup"))
    late = votes.vote("voter-late", "alice")
    eventually(lambda: accepted(stack).get("voter-late") == late, "it goes on from the right one")


def test_dead_letters_are_shown_without_voters_and_sent_through_again(environment: dict[str, str], votes: VotesIn) -> None:
    with Log(environment["KAFKA_BOOTSTRAP_SERVERS"]) as log:

        def letters() -> int:
            return sum(1 for _ in log.messages("votes-dlq", log.ranges("votes-dlq")))

        key = vote_key(ELECTION, "voter-of-a-dead-letter")
        votes.append(key, b"not avro")
        votes.append(key, b"\0")
        eventually(lambda: letters() == 2, "two dead letters")
        shown = done(jobs(environment, "dlq", "show"))
        assert "the first byte is 110, not 0" in shown
        assert "1 bytes are too short for the wire format's header" in shown
        assert "2  dead letters" in shown
        assert "voter-of-a-dead-letter" not in shown

        assert "1 dead letters would be sent" in done(jobs(environment, "dlq", "redrive", "--error", "first byte", "--dry-run"))
        assert "1 dead letters sent" in done(jobs(environment, "dlq", "redrive", "--error", "first byte"))
        # Nothing was put right, so it is one again; where it came from is told.
        eventually(lambda: letters() == 3, "a third dead letter")
        origins = [dict(message.headers() or []) for message in log.messages("votes-in", log.ranges("votes-in"))]
        assert sum("redriven_from" in headers for headers in origins) == 1


def test_the_sql_client_has_tables_of_the_topics(environment: dict[str, str], tmp_path: Path) -> None:
    query = tmp_path / "query.sql"
    query.write_text(
        "SET 'execution.runtime-mode' = 'batch';\n"
        "SELECT candidate_id, COUNT(*) AS votes FROM votes_accepted /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"
        " GROUP BY candidate_id;\n"
    )
    shown = done(jobs(environment, "sql", "-f", str(query)))
    [line] = [line for line in shown.splitlines() if "alice" in line]
    assert line.split("|")[2].strip() == "41"


def test_plans_are_explained_and_are_what_the_sql_compiles_to(environment: dict[str, str]) -> None:
    assert "OverAggregate(partitionBy=" in done(jobs(environment, "explain", "dedup"))
    told = done(jobs(environment, "plan"))
    assert told.count("is what its SQL compiles to") == len(plans_of_all())


def plans_of_all() -> set[str]:
    return {path.name.partition(".")[0] for path in plans.FOLDER.glob("*.json")}


def test_a_kept_plan_is_json_that_people_can_compare() -> None:
    for path in plans.FOLDER.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1) + "\n"
