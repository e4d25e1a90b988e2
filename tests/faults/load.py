"""Voters who arrive at a steady rate, whether the system keeps up or not, and who try again as people's devices do."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from compose.electorate import Mint, subjects
from tests.faults.connections import Answer, Broken, Connections
from tests.faults.history import UNAVAILABLE, Attempt, History

TYPE_PREFIX = "urn:problem-type:voting:"
TOO_MANY_REQUESTS = 429
# After an answer that did not come, nobody says when to try again: soon, then twice as late each time.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 4.0
# Clients that were turned away together do not come back in the same instant.
SPREAD_SECONDS = 0.25


class Voter(NamedTuple):
    sub: str
    token: str


def voters(mint: Mint) -> Iterator[Voter]:
    """New voters without end; each one's token is minted when it is taken (0.3 ms)."""
    while True:
        (sub,) = subjects(1)
        yield Voter(sub, mint.token(sub, time.time()))


@dataclass(frozen=True)
class Behaviour:
    """What the voters do. Shares are of all voters.

    Everybody repeats a vote after 503 and after a broken connection, until 202 or 409 or for ``patience_seconds``. Some
    (``again_share``) then vote for somebody else, some (``at_once_share``) do both at the same time, and some
    (``changed_mind_share``) choose another candidate when they have to repeat.
    """

    candidates: Sequence[str]
    rate_per_second: float = 150.0
    again_share: float = 0.10
    at_once_share: float = 0.05
    changed_mind_share: float = 0.10
    patience_seconds: float = 90.0
    # Longer than the ingress takes for any answer (request_seconds of ingress/deadlines.py, 6 s), also on a busy machine.
    attempt_seconds: float = 15.0
    # With so many voters waiting for an answer no more arrive, or a long outage would end in a crowd that no such machine serves.
    crowd: int = 1_500
    seed: int = 1


@dataclass
class Load:
    """A load of votes in one election. What the voters are told goes into ``history``."""

    election_id: str
    behaviour: Behaviour
    voters: Iterator[Voter]
    connections: Connections
    history: History
    in_flight: int = field(default=0, init=False)
    """Requests that have been sent and have no answer, at this instant."""
    waiting: int = field(default=0, init=False)
    """Voters who have arrived and are not done, at this instant."""
    lag_seconds: float = field(default=0.0, init=False)
    """The most that the load itself was late: times of its history are as inexact as that."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.behaviour.seed)  # noqa: S311 (it is to be repeatable)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """No more voters arrive."""
        self._stopping.set()

    async def run(self) -> None:
        """Let voters arrive until ``stop`` or until there are none left.

        Returns when each of them has a final answer or no patience left.
        """
        async with asyncio.TaskGroup() as under_way:
            next_at = time.monotonic()
            while not self._stopping.is_set():
                await asyncio.sleep(next_at - time.monotonic())
                self.lag_seconds = max(self.lag_seconds, time.monotonic() - next_at)
                next_at += 1 / self.behaviour.rate_per_second
                # An open loop: it does not wait for answers, and who is late arrives at once.
                if self.waiting < self.behaviour.crowd:
                    voter = next(self.voters, None)
                    if voter is None:
                        return
                    under_way.create_task(self._arrive(voter))

    async def _arrive(self, voter: Voter) -> None:
        self.waiting += 1
        try:
            await self._vote(voter)
        finally:
            self.waiting -= 1

    async def _vote(self, voter: Voter) -> None:
        first, second = self._random.sample(self.behaviour.candidates, 2)
        habit = self._random.random()
        again = self.behaviour.again_share
        at_once = again + self.behaviour.at_once_share
        if habit < again:
            await self._get_in(voter, 0, first)
            await self._get_in(voter, 1, second)
        elif habit < at_once:
            await asyncio.gather(self._get_in(voter, 0, first), self._get_in(voter, 1, second))
        elif habit < at_once + self.behaviour.changed_mind_share:
            await self._get_in(voter, 0, first, second)
        else:
            await self._get_in(voter, 0, first)

    async def _get_in(self, voter: Voter, ballot: int, candidate_id: str, when_repeated: str | None = None) -> None:
        give_up_at = time.monotonic() + self.behaviour.patience_seconds
        unadvised = FIRST_PAUSE_SECONDS
        while True:
            attempt = await self._attempt(voter, ballot, candidate_id)
            self.history.add(attempt)
            if attempt.status not in {None, UNAVAILABLE, TOO_MANY_REQUESTS}:
                return
            if attempt.retry_after_seconds is None:
                pause, unadvised = unadvised, min(2 * unadvised, LONGEST_PAUSE_SECONDS)
            else:
                pause = attempt.retry_after_seconds
            if time.monotonic() + pause > give_up_at:
                return
            await asyncio.sleep(pause + self._random.uniform(0, SPREAD_SECONDS))
            candidate_id = when_repeated or candidate_id

    async def _attempt(self, voter: Voter, ballot: int, candidate_id: str) -> Attempt:
        headers = {"authorization": f"Bearer {voter.token}", "content-type": "application/json"}
        body = json.dumps({"electionId": self.election_id, "candidateId": candidate_id}).encode()
        answer: Answer | None = None
        problem = vote_id = None
        began_at = time.monotonic()
        self.in_flight += 1
        try:
            answer = await self.connections.ask("POST", "/vote", self.behaviour.attempt_seconds, headers, body)
        except Broken as broken:
            problem = str(broken)
        finally:
            self.in_flight -= 1
        ended_at = time.monotonic()
        if answer is not None:
            problem, vote_id = _told(answer)
        return Attempt(
            voter_sub=voter.sub,
            ballot=ballot,
            candidate_id=candidate_id,
            began_at=began_at,
            ended_at=ended_at,
            status=None if answer is None else answer.status,
            problem=problem,
            vote_id=vote_id,
            retry_after_seconds=None if answer is None else _seconds(answer.headers.get("retry-after")),
        )


def _told(answer: Answer) -> tuple[str | None, str | None]:
    """The problem type and the vote id of an answer's body. What is no JSON object tells neither."""
    try:
        members = json.loads(answer.body)
        kind = members.get("type")
        receipt = members.get("receipt") or {}
        return (kind.removeprefix(TYPE_PREFIX) if kind else None), receipt.get("voteId")
    except (ValueError, AttributeError):
        return "not the JSON of the contract", None


def _seconds(text: str | None) -> float | None:
    return None if text is None else float(text)
