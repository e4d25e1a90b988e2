"""The jobs while what they run on is killed, and while what they read and write goes away, each under load."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from compose.electorate import Mint
from compose.settings import Stack
from ingress.deadlines import Deadlines
from tests.faults import checker, experiment, facts
from tests.faults.experiment import Observed, Schedule
from tests.faults.job_nemesis import (
    JobsComeBack,
    KilledAgain,
    KilledBeforeCommit,
    TotalsComeBack,
    WithCrowd,
    counting_goes_on,
)
from tests.faults.job_scene import JobScene, job_scene
from tests.faults.nemesis import Fault, Flushed, KeptDown, Signalled
from tests.faults.report import Report
from tests.faults.results import ResultsWatch
from tests.load import votes

SETTLED_WITHIN_SECONDS = 180.0
# Beyond two minutes the ledger's own tasks have failed and restarted.
POSTGRES_AWAY_SECONDS = 120.0 if os.environ.get("FAULTS_LONG") else 20.0
CROWD = 60_000
FAULTS: dict[str, Sequence[Fault]] = {
    "jobmanager-killed": [JobsComeBack(Signalled("jobmanager", signal.SIGKILL), unharmed=["taskmanager"])],
    "kafka-killed": [JobsComeBack(Signalled("kafka", signal.SIGKILL), unharmed=["jobmanager", "taskmanager"])],
    "totals-flushed": [JobsComeBack(TotalsComeBack(Flushed()), unharmed=["jobmanager", "taskmanager"])],
    "postgres-away": [
        JobsComeBack(
            WithCrowd(KeptDown("postgres", "POSTGRES_PORT", POSTGRES_AWAY_SECONDS, meanwhile=counting_goes_on), CROWD),
            unharmed=["jobmanager", "taskmanager"],
        )
    ],
    "taskmanager-killed-thrice": [
        KilledBeforeCommit(),
        WithCrowd(KilledAgain(JobScene.until_restored, "dedup was being restored"), CROWD),
        JobsComeBack(KilledAgain(JobScene.until_runs, "dedup had just begun to run"), unharmed=["jobmanager"]),
    ],
}
# The next fault strikes at a moment of its own.
AT_ONCE = Schedule(between_seconds=0.0)
# Nobody's vote waits for these.
NOT_NEEDED = FAULTS.keys() - {"kafka-killed"}


@pytest.mark.parametrize("name", FAULTS)
def test_the_jobs_come_back_by_themselves_and_every_vote_counts_once(
    stack: Stack, mint: Mint, reports: list[Report], tmp_path: Path, name: str
) -> None:
    election_id = f"jobs-{name}"
    experiment.open_election(stack, election_id, tmp_path)
    watch = ResultsWatch(stack, election_id)
    observed = asyncio.run(_observed(stack, election_id, FAULTS[name], mint, watch))
    observed.history.write(tmp_path / "history.jsonl")
    held = facts.read_settled(stack, election_id, observed.history, mint, SETTLED_WITHIN_SECONDS, also=[votes.ELECTION])
    limits = checker.Limits(Deadlines.pending_seconds, checker.MARGIN_SECONDS + observed.lag_seconds)
    report = checker.check(
        observed.history, held, observed.evidence, limits, observed.reservations_unavailable, samples=watch.samples
    )
    reports.append(report)
    assert report.sound, f"{report.text()}\n(every answer: {tmp_path / 'history.jsonl'})"
    if name in NOT_NEEDED:
        assert report.accepted_during > 0, report.text()
        assert not {"503 log-unavailable", "503 unavailable"} & report.answers.keys(), report.text()


async def _observed(stack: Stack, election_id: str, faults: Sequence[Fault], mint: Mint, watch: ResultsWatch) -> Observed:
    with job_scene(stack) as jobs:
        await jobs.until_at_work()
    return await experiment.run(stack, election_id, faults, mint, AT_ONCE, watch=watch)
