from pathlib import Path
from typing import Any

import pytest

import jobs.__main__ as command_line
from jobs import submission
from jobs.cluster import Cluster, Job
from jobs.settings import ClusterSettings


def a_job(name: str, state: str = "RUNNING", running: int = 4) -> Job:
    return Job(id=f"{name}-id", name=name, state=state, started_at_ms=0, tasks_running=running, tasks_total=4)


class Listed(Cluster):
    """Lists what it is told to; a job that is submitted runs at once."""

    def __init__(self) -> None:
        self.present: list[Job] = []

    def jobs(self) -> list[Job]:
        return self.present

    def last_failure(self, _: Job) -> str:
        return "the checkpoint does not fit"


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    return ClusterSettings(rest_url="http://127.0.0.1:8081", state_dir=tmp_path, home=tmp_path, parallelism=2)


@pytest.fixture
def cluster() -> Listed:
    return Listed()


@pytest.fixture
def submitted(cluster: Listed, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None]]:
    """What is submitted, and the state that it starts from."""
    seen: list[tuple[str, Path | None]] = []

    def submit(_settings: Any, job: str, _code: Any, state: Path | None, _environ: Any) -> None:
        seen.append((job, state))
        cluster.present.append(a_job(job))

    monkeypatch.setattr(submission, "submit", submit)
    return seen


def test_what_is_there_is_not_submitted_again_even_while_it_restarts(
    settings: ClusterSettings, cluster: Listed, submitted: list[tuple[str, Path | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.present.append(a_job("dedup", state="RESTARTING", running=0))
    monkeypatch.setattr(command_line, "_wait_until_running", lambda *_: True)
    assert command_line.submit(settings, cluster, ("dedup", "tally"))
    assert submitted == [("tally", None)]


def test_a_job_starts_from_its_newest_state(
    settings: ClusterSettings, cluster: Listed, submitted: list[tuple[str, Path | None]]
) -> None:
    savepoint = settings.state_dir / "savepoints" / "dedup" / "savepoint-1"
    savepoint.mkdir(parents=True)
    (savepoint / "_metadata").write_bytes(b"x")
    cluster.present.append(a_job("dedup", state="FINISHED", running=0))
    assert command_line.submit(settings, cluster, ("dedup",))
    assert submitted == [("dedup", savepoint)]


def test_a_job_that_ends_at_once_is_a_failure_with_its_reason(
    settings: ClusterSettings, cluster: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submission, "submit", lambda *_: cluster.present.append(a_job("dedup", state="FAILED", running=0)))
    assert not command_line.submit(settings, cluster, ("dedup",))
    assert "FAILED: the checkpoint does not fit" in capsys.readouterr().out


def test_stopping_what_does_not_run_is_no_failure(settings: ClusterSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.stop(settings, Listed(), ("dedup",))
    assert "dedup   is not running" in capsys.readouterr().out


def test_a_missing_setting_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("FLINK_STATE_DIR", raising=False)
    assert command_line.main(["status"]) == 1
    assert capsys.readouterr().err == "python -m jobs status: FLINK_STATE_DIR is not set\n"


def test_a_cluster_that_is_not_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FLINK_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("FLINK_HOME", str(tmp_path))
    monkeypatch.setenv("FLINK_REST_URL", "http://127.0.0.1:9")
    assert command_line.main(["submit", "dedup"]) == 1
    assert "no Flink JobManager answers at http://127.0.0.1:9 (FLINK_REST_URL)" in capsys.readouterr().err


def test_a_job_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["submit", "dedupe"])
    assert "dedupe" in capsys.readouterr().err
