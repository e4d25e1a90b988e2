import os
from pathlib import Path
from typing import Any

from jobs.restore import newest_state

JOB = "dedup"


def a_snapshot(folder: Any, age_seconds: Any, content: Any = b"metadata") -> Any:
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(content)
    at = 1_700_000_000 - age_seconds
    os.utime(folder / "_metadata", (at, at))
    return folder


def test_a_job_that_never_ran_has_no_state(tmp_path: Path) -> None:
    assert newest_state(tmp_path, JOB) is None


def test_the_newest_of_savepoints_and_checkpoints_is_taken(tmp_path: Path) -> None:
    a_snapshot(tmp_path / "savepoints" / JOB / "savepoint-old", age_seconds=30)
    newest = a_snapshot(tmp_path / "checkpoints" / JOB / "run-2" / "chk-7", age_seconds=10)
    a_snapshot(tmp_path / "checkpoints" / JOB / "run-1" / "chk-9000", age_seconds=20)
    assert newest_state(tmp_path, JOB) == newest


def test_a_savepoint_wins_when_it_is_newest(tmp_path: Path) -> None:
    a_snapshot(tmp_path / "checkpoints" / JOB / "run-1" / "chk-12", age_seconds=10)
    newest = a_snapshot(tmp_path / "savepoints" / JOB / "savepoint-a", age_seconds=5)
    assert newest_state(tmp_path, JOB) == newest


def test_a_checkpoint_that_was_never_finished_is_passed_over(tmp_path: Path) -> None:
    finished = a_snapshot(tmp_path / "checkpoints" / JOB / "run-1" / "chk-3", age_seconds=60)
    (tmp_path / "checkpoints" / JOB / "run-1" / "chk-4").mkdir()
    a_snapshot(tmp_path / "checkpoints" / JOB / "run-1" / "chk-5", age_seconds=1, content=b"")
    assert newest_state(tmp_path, JOB) == finished


def test_shared_files_and_other_jobs_are_not_state(tmp_path: Path) -> None:
    a_snapshot(tmp_path / "checkpoints" / "tally" / "run-1" / "chk-3", age_seconds=1)
    (tmp_path / "checkpoints" / JOB / "run-1" / "shared").mkdir(parents=True)
    assert newest_state(tmp_path, JOB) is None
