"""The command line of the jobs, as a data engineer uses it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose.settings import CHECKOUT

COMMAND_SECONDS = 400


def jobs(environment: Mapping[str, str], *command: str, code: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run ``python -m jobs`` with the code of a folder."""
    return subprocess.run(
        [environment["PYTHON"], "-m", "jobs", *command],
        cwd=code,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


def done(result: subprocess.CompletedProcess[str]) -> str:
    """What a command has printed; it must have succeeded."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
