"""process-compose, as a stack's supervisor: starting it, asking it, stopping it.

It listens on a Unix socket whose name comes from the run directory, so that each stack has its own and none takes a port.
"""

import contextlib
import hashlib
import http
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose.settings import CHECKOUT, Stack
from compose.toolchain import parts

CONFIG = CHECKOUT / "compose" / "process-compose.yaml"
REQUEST_TIMEOUT_SECONDS = 5.0
STOP_TIMEOUT_SECONDS = 120.0
# A process that is told to end has this long, then it is killed.
GRACE_SECONDS = 10.0
# In the environment of everything that a supervisor starts, and of nothing else: it tells leftovers from other programs.
_MARK = "VOTING_STACK"


class SupervisorGone(Exception):
    """No supervisor answers for this stack: it is not running."""


@dataclass(frozen=True)
class Process:
    """A process as the supervisor sees it."""

    name: str
    status: str
    ready: bool
    has_probe: bool
    running: bool
    exit_code: int
    restarts: int
    pid: int
    age_seconds: float

    @property
    def settled(self) -> bool:
        """Ready to be used if it is a service, successfully done if it is a step."""
        if self.has_probe:
            return self.running and self.ready
        return self.status == "Completed" and self.exit_code == 0

    @property
    def failed(self) -> bool:
        """It could not be started at all, or is a step that ended badly. (A service that ends is started again.)"""
        return self.status == "Error" or (not self.has_probe and self.status == "Completed" and self.exit_code != 0)


class Supervisor:
    """The supervisor of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.log = stack.log_dir / "process-compose.log"

    @property
    def _socket(self) -> Path:
        # Not in the run directory: a socket's path is limited to about a hundred bytes, a checkout's is not.
        name = hashlib.sha256(str(self._stack.run_dir).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"voting-{os.geteuid()}" / f"{name}.sock"

    def start(self, only: Sequence[str] = ()) -> None:
        """Start the supervisor in the background; with names, only these processes and what they depend on."""
        self._socket.parent.mkdir(mode=0o700, exist_ok=True)
        if self._socket.parent.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self._socket.parent} belongs to somebody else")
        self._socket.unlink(missing_ok=True)
        options = ["--tui=false", "--disable-dotenv", "--keep-project", "--ordered-shutdown", "--logs-truncate"]
        with self.log.open("w") as log:
            subprocess.run(
                [
                    *("setsid", "--fork"),  # it is nobody's child, so that it goes on when the caller ends
                    str(parts.PROCESS_COMPOSE.path / "process-compose"),
                    "up",
                    *only,
                    *options,
                    *("--use-uds", "--unix-socket", str(self._socket)),
                    *("--config", str(CONFIG)),
                    *("--log-file", str(self.log)),
                ],
                env={**os.environ, **self._stack.environment(), _MARK: str(self._stack.run_dir)},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # it repeats what the processes say, which is in their own logs
                stderr=log,
                check=True,
            )

    def alive(self) -> bool:
        try:
            self._request("GET", "/live")
        except SupervisorGone:
            return False
        return True

    def processes(self) -> dict[str, Process]:
        """Every process that was to be started by name, in the order of the names. Raises ``SupervisorGone``."""
        states = self._request("GET", "/processes")["data"]
        wanted = [state for state in states if state["status"] != "Disabled"]
        return {state["name"]: _process(state) for state in sorted(wanted, key=lambda state: str(state["name"]))}

    def halt(self, name: str) -> None:
        """Stop one process, and do not start it again until ``resume``. Raises ``SupervisorGone``."""
        self._request("PATCH", f"/process/stop/{name}")

    def resume(self, name: str) -> None:
        """Start a process that was halted. Raises ``SupervisorGone``."""
        self._request("POST", f"/process/start/{name}")

    def stop(self) -> None:
        """Stop every process, the dependent ones first, then the supervisor, and return when none is left."""
        with contextlib.suppress(SupervisorGone):
            self._request("POST", "/project/stop", timeout_seconds=STOP_TIMEOUT_SECONDS)
        give_up = time.monotonic() + STOP_TIMEOUT_SECONDS
        while self.alive() and time.monotonic() < give_up:
            time.sleep(0.2)
        end_leftovers(self._stack)
        self._socket.unlink(missing_ok=True)

    def _request(self, method: str, path: str, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> dict[str, Any]:
        connection = _UnixConnection(self._socket, timeout_seconds)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorGone(str(error)) from error
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise SupervisorGone(f"{method} {path}: {answer.status} {content.decode(errors='replace')}")
        document: dict[str, Any] = json.loads(content)
        return document


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _process(state: Mapping[str, Any]) -> Process:
    return Process(
        name=state["name"],
        status=state["status"],
        ready=state["is_ready"] == "Ready",
        has_probe=state["has_ready_probe"],
        running=state["is_running"],
        exit_code=state["exit_code"],
        restarts=state["restarts"],
        pid=state["pid"],
        age_seconds=state["age"] / 1e9,
    )


def leftovers(stack: Stack) -> Iterator[int]:
    """Process ids of everything that runs and was started by a supervisor of this stack, the supervisor included."""
    mark = f"{_MARK}={stack.run_dir}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or belongs to somebody else
            continue
        if mark in variables:
            yield int(entry.name)


def end_leftovers(stack: Stack) -> None:
    """End what a supervisor that died has left behind: politely, and after a grace period by force."""
    for number, patience_seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        give_up = time.monotonic() + patience_seconds
        for pid in leftovers(stack):
            _signal(pid, number)
        while any(leftovers(stack)):
            if time.monotonic() >= give_up:
                break
            time.sleep(0.2)
        else:
            return


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
