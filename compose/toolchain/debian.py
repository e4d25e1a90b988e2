"""What has to come from the operating system, and installing it where that is allowed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
GO_AT_LEAST = (1, 24)
JAVA_VERSIONS = (17,)  # what Flink 2.3 is released and tested for, and Kafka 4.1 runs on
PYTHON_VERSION = (3, 11)


class PrerequisiteMissing(Exception):
    """Something that only the machine's owner can provide; the message names it and says what to do."""


@dataclass(frozen=True)
class Program:
    """A program and the Debian package that brings it."""

    name: str
    package: str
    folder: Path | None = None

    @property
    def present(self) -> bool:
        return shutil.which(self.name, path=str(self.folder) if self.folder else None) is not None


PROGRAMS = (
    Program("java", "openjdk-17-jdk-headless"),
    Program("mvn", "maven"),
    Program("gcc", "gcc"),
    Program("curl", "curl"),
    Program("setpriv", "util-linux"),
    Program("redis-server", "redis-server"),
    Program("redis-cli", "redis-tools"),
    Program("postgres", "postgresql-15", POSTGRES_BIN),
    Program("initdb", "postgresql-15", POSTGRES_BIN),
    Program("chromium", "chromium"),  # the browser of the tests
)


def missing_packages() -> list[str]:
    """Debian packages that are needed and not there."""
    packages = {program.package for program in PROGRAMS if not program.present}
    try:
        import ensurepip  # noqa: F401, PLC0415 (Debian splits it from Python; venv needs it)
    except ImportError:
        packages.add("python3-venv")
    return sorted(packages)


def install(packages: list[str]) -> None:
    """Install Debian packages, without starting the servers they bring. Raises ``PrerequisiteMissing``."""
    by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise PrerequisiteMissing(f"missing: {', '.join(packages)} (names of Debian packages), and this machine has no apt-get")
    if os.geteuid() != 0:
        raise PrerequisiteMissing(f"missing: {', '.join(packages)}; only root may install them: sudo {by_hand}")
    if "postgresql-15" in packages:
        _refuse_default_cluster()
    with _no_server_starts():
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                command,
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
                raise PrerequisiteMissing(f"missing: {', '.join(packages)}; '{' '.join(command)}' failed:\n{said}")


def _refuse_default_cluster() -> None:
    """Keep Debian's package from making and starting a cluster of its own on the default port."""
    settings = Path("/etc/postgresql-common/createcluster.conf")
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text("create_main_cluster = false\n")


@contextmanager
def _no_server_starts() -> Iterator[None]:
    """While packages are installed, answer invoke-rc.d that servers must not be started (exit 101, Debian's policy-rc.d)."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def check_versions() -> None:
    """Raise ``PrerequisiteMissing`` unless Python, Java and Go are of a version that the parts were made for."""
    if sys.version_info[:2] != PYTHON_VERSION:
        running = ".".join(map(str, sys.version_info[:2]))
        raise PrerequisiteMissing(f"Python 3.11 is needed (PyFlink 2.3), this is {running}: make PYTHON=/path/to/python3.11 …")
    java = _version(["java", "-version"], r'version "(\d+)')
    if java is None or java[0] not in JAVA_VERSIONS:
        raise PrerequisiteMissing(
            f"Java 17 is needed, 'java' is {_dotted(java)}: install openjdk-17-jdk-headless and put it first on PATH"
        )
    go = _version(["go", "version"], r"go(\d+)\.(\d+)")
    if go is None or go < GO_AT_LEAST:
        raise PrerequisiteMissing(
            f"Go {_dotted(GO_AT_LEAST)} or newer is needed to build Hydra and Kratos, 'go' is {_dotted(go)} (go.dev/doc/install)"
        )


def _version(command: list[str], pattern: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    match = re.search(pattern, done.stdout + done.stderr)
    return tuple(int(group) for group in match.groups()) if match else None


def _dotted(version: tuple[int, ...] | None) -> str:
    return ".".join(map(str, version)) if version else "not there"
