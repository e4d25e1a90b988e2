"""Handing a job to the cluster with ``flink run``, its code with it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from jobs import restore
from jobs.settings import ClusterSettings

ROOT = Path(__file__).parent.parent
# What the jobs consist of. It is shipped with each of them, so that a job that restarts, wherever, runs the code that it was
# submitted with. (A production image has the same two packages on its PYTHONPATH and ships nothing.)
PACKAGES = ("jobs", "schemas")


class SubmissionFailed(Exception):
    """``flink run`` failed; the message says why and where its whole output is. Correct the cause and submit again."""


@contextmanager
def code() -> Iterator[Path]:
    """A folder with the jobs' packages and nothing else, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="voting-jobs-") as folder:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, Path(folder) / "code" / package, ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder) / "code"


def command(settings: ClusterSettings, job: str, code_folder: Path, state: Path | None) -> list[str]:
    """The command that submits a job, restoring it from ``state``."""
    rest = urlsplit(settings.rest_url)
    options = {
        # The client finds the leader by its address; ZooKeeper is the cluster's affair.
        "high-availability.type": "NONE",
        "rest.address": rest.hostname or "",
        "rest.port": str(rest.port or (443 if rest.scheme == "https" else 80)),
        "execution.checkpointing.dir": restore.checkpoints_of(settings.state_dir, job).as_uri(),
        "execution.checkpointing.savepoint-dir": restore.savepoints_of(settings.state_dir, job).as_uri(),
    }
    return [
        str(settings.home / "bin" / "flink"),
        "run",
        "--detached",
        *(argument for key, value in options.items() for argument in ("-D", f"{key}={value}")),
        "--parallelism",
        str(settings.parallelism),
        *(("--fromSavepoint", state.as_uri()) if state else ()),
        "--pyFiles",
        str(code_folder),
        "--pyClientExecutable",
        sys.executable,
        "--pyExecutable",
        sys.executable,
        "--pyModule",
        "jobs.start",
        job,
    ]


def submit(settings: ClusterSettings, job: str, code_folder: Path, state: Path | None, environ: Mapping[str, str]) -> None:
    """Submit a job. Blocks until the cluster has it, about 10 s on a free machine. Raises ``SubmissionFailed``."""
    if not (settings.home / "bin" / "flink").is_file():
        raise SubmissionFailed(f"there is no bin/flink in {settings.home} (FLINK_HOME)")
    output = Path(environ.get("FLINK_LOG_DIR") or tempfile.gettempdir()) / f"submit-{job}.log"
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8") as log:
        done = subprocess.run(  # noqa: S603
            command(settings, job, code_folder, state),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environ},
            check=False,
        )
    if done.returncode != 0:
        raise SubmissionFailed(f"{_reason(job, output.read_text(encoding='utf-8', errors='replace'))} (whole output: {output})")


def _reason(job: str, output: str) -> str:
    """The line that explains a failure: what the job says itself, else the innermost cause of the Java stack trace."""
    lines = output.splitlines()
    own = [line for line in lines if line.startswith(f"{job}: ")]
    causes = [line for line in lines if line.startswith("Caused by: ") and "Python process exits" not in line]
    said = (
        own
        or causes
        or [line for line in lines if line.strip() and not line.startswith("\t")]
        or ["flink run failed without a word"]
    )
    return said[0].removeprefix(f"{job}: ") if own else said[-1].removeprefix("Caused by: ")
