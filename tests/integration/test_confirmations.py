"""Reservations that Redis lost come back from the log, and the vote that counts overrides another one."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import redis

from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import Stack
from compose.supervisor import Supervisor
from ingress.reservation import Reservation, ReservationForm, State
from tests.integration.log_of_votes import eventually

HEALED_WITHIN_SECONDS = 30.0
PROCESS = "reservations"


class Voter:
    def __init__(self, api: httpx.Client, mint: Mint) -> None:
        (self.sub,) = subjects(1)
        self._api = api
        self._headers = {"Authorization": f"Bearer {mint.token(self.sub, time.time())}"}

    def vote(self, candidate_id: str) -> httpx.Response:
        return self._api.post("/vote", json={"electionId": ELECTION, "candidateId": candidate_id}, headers=self._headers)

    def counted(self) -> bool:
        return bool(self._api.get(f"/vote/{ELECTION}", headers=self._headers).json()["status"] == "counted")


class Held:
    """What stands in the stack's Redis."""

    def __init__(self, stack: Stack) -> None:
        self.client = redis.Redis(port=stack.ports["REDIS_PORT"])
        self._form = ReservationForm(bytes.fromhex(stack.secrets["RESERVATION_SECRET"]))

    def by(self, voter: Voter) -> Reservation | None:
        value = self.client.get(self._form.key(ELECTION, voter.sub))
        return None if value is None else self._form.read(value)

    def is_for(self, receipt: dict[str, Any], voter: Voter) -> bool:
        held = self.by(voter)
        return held is not None and (held.state, held.vote_id) == (State.CONFIRMED, receipt["voteId"])


@contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """Hold the process that confirms reservations still, so that what it would heal can be seen."""
    pid = Supervisor(stack).processes()[PROCESS].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def accepted(voter: Voter, candidate_id: str) -> dict[str, Any]:
    """The receipt of a vote that was taken."""
    answer = voter.vote(candidate_id)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    receipt: dict[str, Any] = answer.json()["receipt"]
    return receipt


def is_back(stack: Stack, before: int) -> bool:
    process = Supervisor(stack).processes()[PROCESS]
    return process.pid != before and process.settled


def test_after_redis_lost_everything_a_voter_is_told_the_original_receipt_again(
    stack: Stack, api: httpx.Client, mint: Mint
) -> None:
    held, voter = Held(stack), Voter(api, mint)
    receipt = accepted(voter, "alice")
    eventually(voter.counted, "the vote is counted")
    held.client.flushall()
    eventually(lambda: held.is_for(receipt, voter), "the reservation is back", HEALED_WITHIN_SECONDS)
    again = voter.vote("bob")
    assert (again.status_code, again.json()["receipt"]) == (httpx.codes.CONFLICT, receipt)


def test_a_later_attempt_that_was_taken_meanwhile_is_overridden_by_the_vote_that_counts(
    stack: Stack, api: httpx.Client, mint: Mint
) -> None:
    held, voter = Held(stack), Voter(api, mint)
    receipt = accepted(voter, "alice")
    eventually(voter.counted, "the vote is counted")
    with paused(stack):
        held.client.flushall()
        later = accepted(voter, "bob")
        assert later["voteId"] != receipt["voteId"]
        assert voter.vote("carol").json()["receipt"] == later
    eventually(lambda: held.is_for(receipt, voter), "the vote that counts is held", HEALED_WITHIN_SECONDS)
    again = voter.vote("carol")
    assert (again.status_code, again.json()["receipt"]) == (httpx.codes.CONFLICT, receipt)


def test_what_was_lost_while_the_process_was_dead_comes_back_with_it(stack: Stack, api: httpx.Client, mint: Mint) -> None:
    held, voter = Held(stack), Voter(api, mint)
    receipt = accepted(voter, "carol")
    eventually(voter.counted, "the vote is counted")
    before = Supervisor(stack).processes()[PROCESS].pid
    os.kill(before, signal.SIGKILL)
    held.client.flushall()
    eventually(lambda: is_back(stack, before), "the process is back")
    eventually(lambda: held.is_for(receipt, voter), "the reservation is back", HEALED_WITHIN_SECONDS)


def test_told_to_stop_it_ends_by_itself_and_its_log_names_nobody(stack: Stack, api: httpx.Client, mint: Mint) -> None:
    voter = Voter(api, mint)
    accepted(voter, "bob")
    eventually(voter.counted, "the vote is counted")
    before = Supervisor(stack).processes()[PROCESS]
    os.kill(before.pid, signal.SIGTERM)
    eventually(lambda: is_back(stack, before.pid), "the process is back")
    assert Supervisor(stack).processes()[PROCESS].exit_code == 0
    log = (stack.log_dir / f"{PROCESS}.log").read_text()
    assert "Traceback" not in log
    assert voter.sub not in log
