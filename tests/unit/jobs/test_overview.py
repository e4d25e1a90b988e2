from typing import Any

import pytest

from jobs import overview
from jobs.cluster import Checkpoints, Cluster, Job
from jobs.positions import KafkaUnavailable


class OneJob(Cluster):
    def __init__(self) -> None:
        pass

    def jobs(self) -> list[Job]:
        return [Job(id="a1", name="dedup", state="RUNNING", started_at_ms=0, tasks_running=4, tasks_total=4)]

    def checkpoints(self, _: Job) -> Checkpoints:
        return Checkpoints(completed=7, failed=1, last_completed_at_ms=1, state_bytes=2_500_000)

    def restarts(self, _: Job) -> int:
        return 3


class Reading:
    """Positions of a group that reads ten records between two looks."""

    def __init__(self) -> None:
        self.read = 90

    def noted(self, *_: Any) -> Any:
        self.read += 10
        return {0: self.read}

    def ends(self, _: str) -> Any:
        return {0: 150, 1: 5}


def test_lag_counts_what_is_not_noted_yet() -> None:
    assert overview.lag({0: 10, 1: 5, 2: 3}, {0: 4, 1: 7}) == 6 + 3


def test_a_line_tells_state_lag_rate_restarts_checkpoints_and_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(overview, "RATE_OVER_SECONDS", 0.01)
    assert overview.status(OneJob(), Reading(), ("dedup",))  # type: ignore[arg-type]
    line = capsys.readouterr().out
    for part in ("dedup   RUNNING", "3 restarts", "lag 45, ", "records/s", "7 checkpoints completed, 1 failed", "state 2.5 MB"):
        assert part in line


def test_a_job_that_is_not_there_makes_the_status_bad(capsys: pytest.CaptureFixture[str]) -> None:
    assert not overview.status(OneJob(), Reading(), ("tally",))  # type: ignore[arg-type]
    assert capsys.readouterr().out == "tally   not running\n"


def test_without_kafka_the_rest_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Away(Reading):
        def noted(self, *_: Any) -> Any:
            raise KafkaUnavailable("Kafka at x does not answer")

    assert overview.status(OneJob(), Away(), ("dedup",))  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "Kafka at x does not answer" in said
    assert "dedup   RUNNING" in said
