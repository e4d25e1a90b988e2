"""The Python environment of the checkout, ``.venv``, exactly as the lock file says."""

import hashlib
import os
import shutil
import subprocess
import venv

from compose.toolchain import cache
from compose.toolchain.parts import CHECKOUT, BuildFailed

ENVIRONMENT = CHECKOUT / ".venv"
LOCK = CHECKOUT / "requirements" / "dev.lock"
INSTALLER_LOCK = CHECKOUT / "requirements" / "installer.lock"
_STAMP = ENVIRONMENT / ".lock.sha256"


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes() + INSTALLER_LOCK.read_bytes()).hexdigest()


def ready() -> bool:
    """Whether ``.venv`` is what the lock files say."""
    return _STAMP.exists() and _STAMP.read_text() == _wanted()


def ensure() -> None:
    """Make ``.venv`` what the lock files say; every package is checked against its hash. Raises ``BuildFailed``."""
    if ready():
        return
    with cache.exclusive("python"):
        if not ready():
            _make()


def _make() -> None:
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    venv.create(ENVIRONMENT, with_pip=True)
    python = str(ENVIRONMENT / "bin" / "python")
    _run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(INSTALLER_LOCK)]
    )
    _run([str(ENVIRONMENT / "bin" / "uv"), "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(LOCK)])
    _STAMP.write_text(_wanted())


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        check=False,
        env={**os.environ, "UV_NO_PROGRESS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildFailed(f"the Python environment: '{' '.join(command)}' ended with {done.returncode}:\n{said}")
