"""Conservation on view, on a log and topics of its own whose verdicts the test writes: what comes out, and what faults raise."""

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from compose.settings import CHECKOUT, Stack
from tests.integration.crafted_verdicts import Cast, Verdicts, cast
from tests.integration.log_of_votes import VotesIn, eventually
from tests.stacks import running_stack

ELECTION = "election-2025-01"
GAP_SECONDS = 3


@pytest.fixture(scope="module")
def quiet_stack() -> Iterator[Stack]:
    """Kafka, the registry and the process that watches; nothing that writes verdicts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROOF_GAP_SECONDS", str(GAP_SECONDS))
        with running_stack("conservation", only=["conservation", "elections"]) as running:
            yield running


@pytest.fixture(scope="module")
def votes_in(quiet_stack: Stack) -> VotesIn:
    return VotesIn(quiet_stack, ELECTION, 1)


@pytest.fixture(scope="module")
def verdicts(quiet_stack: Stack) -> Verdicts:
    return Verdicts(quiet_stack, ELECTION)


def shown(stack: Stack) -> dict[str, Any]:
    answer = httpx.get(f"http://127.0.0.1:{stack.ports['PROOF_PORT']}/conservation")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def alarms(stack: Stack) -> dict[str, list[str]]:
    return {alarm["alarm"]: alarm["where"] for alarm in shown(stack)["alarms"]}


def ends(votes: list[Cast]) -> dict[int, int]:
    """The offsets after the last votes of each partition."""
    return {vote.partition: max(each.offset for each in votes if each.partition == vote.partition) + 1 for vote in votes}


def test_every_vote_is_in_one_figure_and_the_sum_comes_out(quiet_stack: Stack, votes_in: VotesIn, verdicts: Verdicts) -> None:
    votes = [cast(votes_in, f"voter-{number}", "alice") for number in range(40)]
    again, late = cast(votes_in, "voter-1", "bob"), cast(votes_in, "late", "alice")
    bad = votes_in.append(f"{ELECTION}:nobody", b"no vote")
    foreign = votes_in.append("nowhere", b"no vote either")
    eventually(lambda: shown(quiet_stack)["elections"].get(ELECTION, {}).get("inFlight") == 43, "all are in flight")

    verdicts.accept(*votes[:35])
    verdicts.reject(again, first_vote_id=votes[1].vote_id)
    verdicts.reject(late, reason="election_not_open")
    verdicts.dead_letter(f"{ELECTION}:nobody", b"no vote", *bad)
    verdicts.dead_letter("nowhere", b"no vote either", *foreign)
    verdicts.accept(*votes[35:])
    everything = ends([*votes, again, late, Cast("", "", "", *bad), Cast("", "", "", *foreign)])
    verdicts.note(everything)

    eventually(lambda: shown(quiet_stack)["total"]["inFlight"] == 0, "nothing is in flight")
    document = shown(quiet_stack)
    assert document["exact"] is True
    assert document["elections"][ELECTION] == {
        "votesIn": 43,
        "accepted": 40,
        "duplicates": 1,
        "rejectedOtherwise": {"election_not_open": 1},
        "deadLettered": 1,
        "inFlight": 0,
        "exact": True,
    }
    assert document["elections"]["unknown"]["deadLettered"] == 1
    assert document["alarms"] == []


def test_a_reader_that_begins_anew_comes_to_the_same(quiet_stack: Stack, votes_in: VotesIn) -> None:
    del votes_in
    command = [quiet_stack.environment()["PYTHON"], "-m", "proof", "conservation"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=quiet_stack.environment(), capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "EXACT" in done.stdout
    assert "+ election_not_open" in done.stdout


def test_a_lost_verdict_is_an_alarm_when_it_stays_lost_and_over_when_it_comes(
    quiet_stack: Stack, votes_in: VotesIn, verdicts: Verdicts
) -> None:
    lost, after = cast(votes_in, "lost", "alice"), cast(votes_in, "lost", "bob")
    verdicts.reject(after, first_vote_id=lost.vote_id)
    verdicts.note(ends([lost, after]))
    eventually(lambda: "gap" in alarms(quiet_stack), "an alarm", 30)
    assert alarms(quiet_stack)["gap"] == [f"votes-in {lost.partition}@{lost.offset}"]
    assert shown(quiet_stack)["exact"] is False
    metrics = httpx.get(f"http://127.0.0.1:{quiet_stack.ports['PROOF_PORT']}/metrics").text
    assert 'conservation_alarm_records{alarm="gap"} 1.0' in metrics
    assert f"votes-in {lost.partition}@{lost.offset}" in (quiet_stack.log_dir / "conservation.log").read_text()

    verdicts.accept(lost)
    eventually(lambda: shown(quiet_stack)["exact"], "all is well again", 30)
    assert alarms(quiet_stack) == {}


def test_a_second_verdict_and_one_without_a_record_are_alarms_at_once(
    quiet_stack: Stack, votes_in: VotesIn, verdicts: Verdicts
) -> None:
    vote = cast(votes_in, "doubled", "alice")
    verdicts.accept(vote)
    verdicts.accept(vote)
    verdicts.accept(Cast("0" * 8, "invented", "alice", vote.partition, vote.offset + 1_000))
    eventually(lambda: {"overlap", "invented"} <= alarms(quiet_stack).keys(), "two alarms", 30)
    assert alarms(quiet_stack)["overlap"] == [f"votes-in {vote.partition}@{vote.offset} has a second verdict, accepted"]
    assert alarms(quiet_stack)["invented"] == [f"votes-in {vote.partition}@{vote.offset + 1_000}"]
