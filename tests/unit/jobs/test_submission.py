import stat
from pathlib import Path
from typing import Any

import pytest

from jobs import submission
from jobs.settings import ClusterSettings


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    return ClusterSettings(rest_url="http://127.0.0.1:9081", state_dir=tmp_path / "state", home=tmp_path / "flink", parallelism=3)


def flink_that(settings: ClusterSettings, script: Any) -> None:
    program = settings.home / "bin" / "flink"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_the_command_names_cluster_code_state_and_folders_of_the_job(settings: ClusterSettings) -> None:
    command = submission.command(settings, "dedup", Path("/code"), Path("/state/savepoint-1"))
    for option in (
        "rest.address=127.0.0.1",
        "rest.port=9081",
        f"execution.checkpointing.dir=file://{settings.state_dir}/checkpoints/dedup",
    ):
        assert command[command.index(option) - 1] == "-D"
    assert command[command.index("--parallelism") + 1] == "3"
    assert command[command.index("--fromSavepoint") + 1] == "file:///state/savepoint-1"
    assert command[command.index("--pyFiles") + 1] == "/code"
    assert command[-3:] == ["--pyModule", "jobs.start", "dedup"]


def test_without_state_a_job_starts_from_the_start_of_the_log(settings: ClusterSettings) -> None:
    assert "--fromSavepoint" not in submission.command(settings, "dedup", Path("/code"), None)


def test_the_code_that_is_shipped_is_the_jobs_and_the_contracts_and_nothing_else() -> None:
    with submission.code() as folder:
        assert {path.name for path in folder.iterdir()} == {"jobs", "schemas"}
        assert (folder / "jobs" / "sql" / "dedup" / "ranked_votes.sql").is_file()
        assert (folder / "schemas" / "avro" / "votes-in.v1.avsc").is_file()
        assert not list(folder.rglob("__pycache__"))
    assert not folder.exists()


def test_a_home_without_flink_is_told(settings: ClusterSettings, tmp_path: Path) -> None:
    with pytest.raises(submission.SubmissionFailed, match="FLINK_HOME"):
        submission.submit(settings, "dedup", tmp_path, None, {"FLINK_LOG_DIR": str(tmp_path)})


def test_what_the_job_says_itself_is_the_reason(settings: ClusterSettings, tmp_path: Path) -> None:
    said = "dedup: topic votes-in has 3 partitions\nCaused by: Python process exits with code: 1"
    flink_that(settings, f"echo '{said}'; exit 1")
    with pytest.raises(submission.SubmissionFailed, match=r"^topic votes-in has 3 partitions \(whole output: "):
        submission.submit(settings, "dedup", tmp_path, None, {"FLINK_LOG_DIR": str(tmp_path / "log")})


def test_else_the_innermost_cause_is(settings: ClusterSettings, tmp_path: Path) -> None:
    flink_that(settings, "echo 'Caused by: outer'; echo 'Caused by: Connection refused'; echo '  at x'; exit 1")
    with pytest.raises(submission.SubmissionFailed, match=r"^Connection refused "):
        submission.submit(settings, "dedup", tmp_path, None, {"FLINK_LOG_DIR": str(tmp_path)})


def test_a_submission_that_works_says_nothing(settings: ClusterSettings, tmp_path: Path) -> None:
    flink_that(settings, "exit 0")
    submission.submit(settings, "dedup", tmp_path, None, {"FLINK_LOG_DIR": str(tmp_path)})
