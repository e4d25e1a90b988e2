from pathlib import Path
from typing import Any

import pytest

import jobs.__main__ as command_line


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name in ("FLINK_STATE_DIR", "FLINK_HOME", "JOBS_FUNCTIONS_JAR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("FLINK_REST_URL", "http://127.0.0.1:9")
    return monkeypatch


def test_a_missing_setting_is_one_clear_line(environment: Any, capsys: pytest.CaptureFixture[str]) -> None:
    environment.delenv("FLINK_STATE_DIR")
    assert command_line.main(["list"]) == 1
    assert capsys.readouterr().err == "python -m jobs list: FLINK_STATE_DIR is not set\n"


@pytest.mark.parametrize("command", [["submit", "tally"], ["list"], ["rescale", "tally", "4"], ["stop", "--no-savepoint"]])
def test_a_cluster_that_is_not_there_is_one_clear_line(
    environment: Any, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    del environment
    assert command_line.main(command) == 1
    said = capsys.readouterr()
    assert "no Flink JobManager answers at http://127.0.0.1:9 (FLINK_REST_URL)" in said.err + said.out


def test_a_sql_client_that_is_not_there_is_one_clear_line(environment: Any, capsys: pytest.CaptureFixture[str]) -> None:
    del environment
    assert command_line.main(["sql"]) == 1
    assert "there is no bin/sql-client.sh" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["submit", "dedupe"], ["rescale", "tally", "0"], ["rescale", "tally"], ["dlq"], []])
def test_what_makes_no_sense_is_refused_with_the_usage(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(command)
    assert ended.value.code == 2
    assert "usage: python -m jobs" in capsys.readouterr().err
