"""The script around Flink's own jobmanager.sh."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "flink-conf" / "start-jobmanager.sh"


@pytest.fixture
def results(tmp_path: Path) -> Any:
    folder = tmp_path / "state" / "ha" / "job-result-store" / "voting"
    folder.mkdir(parents=True)
    return folder


def start(tmp_path: Path, *arguments: Any) -> Any:
    program = tmp_path / "flink" / "bin" / "jobmanager.sh"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "jobmanager.sh $*"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "FLINK_HOME": str(tmp_path / "flink"), "FLINK_STATE_DIR": str(tmp_path / "state")}
    done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_it_starts_the_jobmanager_in_the_foreground_with_its_properties(tmp_path: Path) -> None:
    assert start(tmp_path, "-D", "rest.port=9081") == "jobmanager.sh start-foreground -D rest.port=9081"


def test_a_start_that_failed_before_it_had_an_application_is_forgotten(tmp_path: Path, results: Any) -> None:
    (results / "a_DIRTY.json").write_text('{"result":{"id":"a"}}')
    start(tmp_path)
    assert list(results.iterdir()) == []


def test_a_result_that_flink_can_clean_up_after_stays(tmp_path: Path, results: Any) -> None:
    (results / "b_DIRTY.json").write_text('{"result":{"id":"b","application-id":"b"}}')
    (results / "c.json").write_text('{"result":{"id":"c"}}')
    start(tmp_path)
    assert {path.name for path in results.iterdir()} == {"b_DIRTY.json", "c.json"}
