"""What is missing on a machine is named, in one line, with what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compose.toolchain import debian, parts


def test_whoever_is_not_root_is_told_the_packages_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(debian.PrerequisiteMissing, match=r"missing: maven, redis-server; only root.*: sudo apt-get install .*"):
        debian.install(["maven", "redis-server"])


def test_a_machine_without_apt_is_told_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(debian.PrerequisiteMissing, match=r"missing: maven \(names of Debian packages\)"):
        debian.install(["maven"])


def test_a_program_that_is_not_there_is_missing_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    present = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name == "redis-server" else present(name, path=path))
    assert "redis-server" in debian.missing_packages()


def test_set_up_without_go_ends_with_one_line_that_names_it(tmp_path: Path) -> None:
    for program in ("java", "mvn", "gcc", "curl", "setpriv", "redis-server", "redis-cli", "chromium"):
        where = shutil.which(program)
        assert where is not None
        (tmp_path / program).symlink_to(where)
    done = subprocess.run(
        [sys.executable, "-m", "compose.toolchain"],
        cwd=parts.CHECKOUT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "Go 1.24 or newer is needed" in line
    assert "not there" in line


def test_jars_that_are_not_the_listed_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka.jar").write_bytes(b"something else")
    with pytest.raises(parts.BuildFailed, match=r"Kafka: not what .*SHA256SUMS lists: .*kafka\.jar"):
        parts._check_sums("Kafka", tmp_path, parts.HERE / "kafka" / "SHA256SUMS")
