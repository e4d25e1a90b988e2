"""What the ingress does when its producer fails, when signing keys change under it, and when a request is too large for it."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psycopg
import pytest

from compose import electorate
from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import Stack
from proof import claims
from proof.settings import Settings as ProofSettings
from tests.integration.another_ingress import AnotherIngress, another_ingress
from tests.integration.log_of_votes import eventually

VOTERS_AT_ONCE = 20
BALLOT = {"electionId": ELECTION, "candidateId": "alice"}
# No answer takes longer than the 6 s of a request; two cores are shared with everything else.
ANSWERED_WITHIN_SECONDS = 30.0


class Load:
    """Voters who vote one after the other until they are told to stop, and what they were told."""

    def __init__(self, url: str, mint: Callable[[], Mint]) -> None:
        self._url = url
        self._mint = mint
        self.stopped = False
        self.statuses: Counter[int] = Counter()
        self.accepted: list[claims.Claim] = []
        self.broken = 0

    async def run(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(VOTERS_AT_ONCE):
                group.create_task(self._vote())
            await meanwhile()
            self.stopped = True

    async def _vote(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWERED_WITHIN_SECONDS, trust_env=False) as client:
            while not self.stopped:
                (sub,) = subjects(1)
                headers = {"Authorization": f"Bearer {self._mint().token(sub, time.time())}"}
                try:
                    answer = await client.post("/vote", json=BALLOT, headers=headers)
                except httpx.TransportError:
                    self.broken += 1
                    await asyncio.sleep(0.1)
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.accepted.append(claims.Claim(ELECTION, sub, answer.json()["receipt"]["voteId"]))


def worker_of(ingress: AnotherIngress) -> int:
    children = Path(f"/proc/{ingress.process.pid}/task/{ingress.process.pid}/children").read_text().split()
    for child in map(int, children):
        if "multiprocessing.resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text():
            return child
    raise AssertionError("it has no worker")


async def test_a_producer_that_fails_for_good_ends_the_process_and_no_202_is_false(
    environment: dict[str, str], mint: Mint, tmp_path: Path
) -> None:
    with another_ingress(environment, tmp_path, module="tests.integration.failing_ingress") as ingress:
        load = Load(ingress.url, lambda: mint)

        async def fail() -> None:
            await asyncio.sleep(2)
            os.kill(worker_of(ingress), signal.SIGUSR1)
            await asyncio.to_thread(ingress.process.wait, ANSWERED_WITHIN_SECONDS)

        await load.run(fail)
        assert ingress.process.returncode == 1
        assert "the producer has failed for good" in ingress.log.read_text()
    assert load.accepted
    assert load.statuses.keys() <= {202, 503}, load.statuses

    def as_told() -> bool:
        try:
            return not claims.check_running(ProofSettings.from_environment(environment), load.accepted)
        except psycopg.Error:
            return False

    eventually(as_told, "every vote that was answered with 202 is in the log, accepted and in the ledger, once", 60)


async def test_a_new_signing_key_under_load_costs_no_vote(stack: Stack, api: httpx.Client, mint: Mint, tmp_path: Path) -> None:
    hydra, issuer = stack.url("HYDRA_ADMIN_PORT"), stack.url("HYDRA_PUBLIC_PORT")
    mints = [mint]
    load = Load(str(api.base_url), lambda: mints[-1])

    async def rotate() -> None:
        for number in range(3):
            await asyncio.sleep(1.5)
            # Published, and signed with at once: the ingress hears of it by the first token.
            mints.append(await asyncio.to_thread(electorate.mint, tmp_path / f"key-{number}.json", hydra, issuer))
        await asyncio.sleep(2)

    await load.run(rotate)
    assert len({each.key.kid for each in mints}) == 4
    assert load.statuses.keys() == {202}, load.statuses
    assert load.broken == 0


@pytest.mark.parametrize("size", [17_000, 100_000])
def test_headers_beyond_all_measure_end_the_connection_and_nothing_else(api: httpx.Client, mint: Mint, size: int) -> None:
    try:
        answer = api.post("/vote", json=BALLOT, headers={"X-Padding": "x" * size})
        assert answer.status_code in {400, 431}
    except httpx.TransportError:
        pass
    (sub,) = subjects(1)
    assert api.post("/vote", json=BALLOT, headers={"Authorization": f"Bearer {mint.token(sub, time.time())}"}).status_code == 202
