from pathlib import Path
from typing import Any

import pytest

from jobs import guard, submission
from jobs.cluster import Checkpoints, Cluster, Job
from jobs.operations import Operations
from jobs.settings import ClusterSettings


def a_job(name: str, state: str = "RUNNING", running: int = 4) -> Job:
    return Job(id=f"{name}-id", name=name, state=state, started_at_ms=0, tasks_running=running, tasks_total=4)


class Listed(Cluster):
    """Lists what it is told to; a job that is submitted runs at once and makes a checkpoint."""

    def __init__(self) -> None:
        self.present: list[Job] = []
        self.failure: str | None = "the checkpoint does not fit"
        self.completed = 1
        self.stopped: list[str] = []

    def jobs(self) -> list[Job]:
        return self.present

    def last_failure(self, _: Job) -> str | None:
        return self.failure

    def checkpoints(self, _: Job) -> Checkpoints:
        return Checkpoints(completed=self.completed, failed=0, last_completed_at_ms=1, state_bytes=0)

    def cancel(self, job: Job) -> None:
        self.stopped.append(f"{job.name} cancelled")
        self.present.remove(job)

    def stop_with_savepoint(self, job: Job, folder: str, **_: Any) -> str:
        path = Path(folder.removeprefix("file://")) / "savepoint-1"
        path.mkdir(parents=True)
        (path / "_metadata").write_bytes(b"x")
        self.stopped.append(f"{job.name} with a savepoint")
        self.present.remove(job)
        return path.as_uri()


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    return ClusterSettings(rest_url="http://127.0.0.1:8081", state_dir=tmp_path, home=tmp_path, parallelism=2)


@pytest.fixture
def cluster() -> Listed:
    return Listed()


@pytest.fixture
def operations(settings: ClusterSettings, cluster: Listed) -> Operations:
    return Operations(settings, cluster, {})


@pytest.fixture
def submitted(cluster: Listed, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None, int]]:
    """What is submitted, the state that it starts from and its parallelism."""
    seen: list[tuple[str, Path | None, int]] = []

    def submit(settings: Any, job: str, _code: Any, state: Path | None, _environ: Any) -> None:
        seen.append((job, state, settings.parallelism))
        cluster.present.append(a_job(job))

    monkeypatch.setattr(submission, "submit", submit)
    monkeypatch.setattr(Operations, "_found_out", lambda *_: {})
    return seen


def test_what_is_there_is_not_submitted_again_even_while_it_restarts(
    operations: Operations, cluster: Listed, submitted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.present.append(a_job("dedup", state="RESTARTING", running=0))
    monkeypatch.setattr(Operations, "_wait_until_it_works", lambda *_: True)
    assert operations.submit(("dedup", "tally"))
    assert submitted == [("tally", None, 2)]


def test_a_job_starts_from_its_newest_state(
    operations: Operations, settings: ClusterSettings, cluster: Listed, submitted: Any
) -> None:
    savepoint = settings.state_dir / "savepoints" / "dedup" / "savepoint-1"
    savepoint.mkdir(parents=True)
    (savepoint / "_metadata").write_bytes(b"x")
    cluster.present.append(a_job("dedup", state="FINISHED", running=0))
    assert operations.submit(("dedup",))
    assert submitted == [("dedup", savepoint, 2)]


def test_a_job_that_ends_at_once_is_a_failure_with_its_reason(
    operations: Operations, cluster: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submission, "submit", lambda *_: cluster.present.append(a_job("tally", state="FAILED", running=0)))
    monkeypatch.setattr(Operations, "_found_out", lambda *_: {})
    assert not operations.submit(("tally",))
    assert "FAILED: the checkpoint does not fit" in capsys.readouterr().out


def test_a_start_that_is_refused_submits_nothing(
    operations: Operations, submitted: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> dict[str, str]:
        raise guard.StartRefused("every vote would be counted again")

    monkeypatch.setattr(Operations, "_found_out", refuse)
    assert not operations.submit(("dedup",))
    assert submitted == []
    assert "dedup   FAILED: every vote would be counted again" in capsys.readouterr().out


def test_dedup_from_a_state_that_is_behind_is_cancelled(
    operations: Operations, cluster: Listed, submitted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.completed, cluster.failure = 0, "java.lang.IllegalStateException: the state is behind the outputs: partition 1 …"
    assert not operations.submit(("dedup",))
    assert submitted
    assert cluster.stopped == ["dedup cancelled"]
    assert "FAILED: java.lang.IllegalStateException: the state is behind the outputs" in capsys.readouterr().out


def test_an_upgrade_goes_on_from_the_savepoint_that_it_has_taken(
    operations: Operations, settings: ClusterSettings, cluster: Listed, submitted: Any
) -> None:
    cluster.present.append(a_job("tally"))
    assert operations.upgrade(("tally",))
    assert cluster.stopped == ["tally with a savepoint"]
    assert submitted == [("tally", settings.state_dir / "savepoints" / "tally" / "savepoint-1", 2)]


def test_a_job_is_rescaled_by_way_of_a_savepoint(operations: Operations, cluster: Listed, submitted: Any) -> None:
    cluster.present.append(a_job("tally"))
    assert operations.rescale("tally", 4)
    assert cluster.stopped == ["tally with a savepoint"]
    assert [parallelism for _, _, parallelism in submitted] == [4]


def test_a_stop_without_savepoint_leaves_the_last_checkpoint(operations: Operations, cluster: Listed) -> None:
    cluster.present.append(a_job("tally"))
    assert operations.stop(("tally",), savepoint=False)
    assert cluster.stopped == ["tally cancelled"]


def test_stopping_what_does_not_run_is_no_failure(operations: Operations, capsys: pytest.CaptureFixture[str]) -> None:
    assert operations.stop(("dedup",))
    assert "dedup   is not running" in capsys.readouterr().out
