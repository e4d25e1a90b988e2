"""The ingress while what it stands on is killed, paused, restarted or emptied, and while it is killed itself, each under load."""

import asyncio
import signal
from pathlib import Path

import pytest

from compose.electorate import Mint
from compose.settings import Stack
from ingress.deadlines import Deadlines
from tests.faults import checker, experiment, facts
from tests.faults.nemesis import Fault, Flushed, KeptDown, Paused, Signalled, WorkerKilled
from tests.faults.report import Report

# The jobs restart after a broker's death, and catch up.
SETTLED_WITHIN_SECONDS = 120.0
FAULTS: dict[str, Fault] = {
    "broker-killed": Signalled("kafka", signal.SIGKILL),
    "broker-paused": Paused("kafka", 5.0),
    "broker-restarted": Signalled("kafka", signal.SIGTERM),
    # Redis writes to its disk once a second: what it has not written yet is lost.
    "redis-killed": Signalled("redis", signal.SIGKILL, loses_reservations=True),
    "redis-flushed": Flushed(),
    "hydra-away": KeptDown("hydra", "HYDRA_PUBLIC_PORT", 5.0),
    "ingress-killed": Signalled("ingress", signal.SIGKILL),
    "ingress-worker-killed": WorkerKilled("ingress"),
    "ingress-restarted": Signalled("ingress", signal.SIGTERM),
}
# Nobody's vote waits for these.
NOT_NEEDED = {"redis-killed", "hydra-away"}


@pytest.mark.parametrize("name", FAULTS)
def test_every_answer_is_kept_whatever_fails(stack: Stack, mint: Mint, reports: list[Report], tmp_path: Path, name: str) -> None:
    election_id = f"fault-{name}"
    experiment.open_election(stack, election_id, tmp_path)
    observed = asyncio.run(experiment.run(stack, election_id, [FAULTS[name]], mint))
    observed.history.write(tmp_path / "history.jsonl")
    held = facts.read_settled(stack, election_id, observed.history, mint, SETTLED_WITHIN_SECONDS)
    limits = checker.Limits(Deadlines.pending_seconds, checker.MARGIN_SECONDS + observed.lag_seconds)
    report = checker.check(observed.history, held, observed.evidence, limits, observed.reservations_unavailable)
    reports.append(report)
    assert report.sound, f"{report.text()}\n(every answer: {tmp_path / 'history.jsonl'})"
    if name in NOT_NEEDED:
        assert report.accepted_during > 0, report.text()
        assert not {"503 log-unavailable", "503 unavailable"} & report.answers.keys(), report.text()
