"""Starting a whole stack and knowing that it is ready; stopping it without losing anything; wiping it; telling how it is."""

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compose.render import render
from compose.settings import CHECKOUT, PORTS, Stack
from compose.supervisor import Process, Supervisor, SupervisorGone, end_leftovers

START_TIMEOUT_SECONDS = 240.0
# A service that ends this often while the stack starts will not get better by itself.
RESTARTS_ALLOWED = 2

Say = Callable[[str], None]


class StartFailed(Exception):
    """The stack did not start, and nothing of it runs any more; the message names what failed and where its log is."""


class StackBusy(Exception):
    """Another command is starting or stopping this stack."""


def up(stack: Stack, say: Say, only: Sequence[str] = ()) -> None:
    """Start the stack unless it runs, and return when every part is ready. Raises ``StartFailed``, ``StackBusy``.

    With names, only these processes and what they depend on.

    Jobs go on from their savepoints; on a stack that runs, one that is missing is submitted again.
    """
    supervisor = Supervisor(stack)
    with _alone(stack):
        if supervisor.alive():
            say("it is running already; looking at the jobs")
            _wait_until_ready(supervisor, stack, say)
            submit_jobs(stack)
            return
        end_leftovers(stack)
        _check_ports(stack)
        render(stack)
        try:
            supervisor.start(only)
            _wait_until_ready(supervisor, stack, say)
        except BaseException:  # an interrupt too: what is half started must not stay
            say("stopping what was started")
            supervisor.stop()
            raise


def down(stack: Stack, say: Say) -> None:
    """Stop the jobs with a savepoint, then everything. All data stays. Does nothing if nothing runs. Raises ``StackBusy``."""
    supervisor = Supervisor(stack)
    with _alone(stack):
        if not supervisor.alive():
            end_leftovers(stack)
            say("it is not running")
            return
        say("stopping the jobs with savepoints")
        if _run(stack, "jobs", "stop").returncode != 0:
            say("a job has no savepoint: it will go on from its newest checkpoint")
        say("stopping everything else")
        supervisor.stop()


def wipe(stack: Stack, say: Say) -> None:
    """Stop everything and delete the stack's data, logs and secrets. Raises ``StackBusy``."""
    with _alone(stack):
        Supervisor(stack).stop()
        shutil.rmtree(stack.run_dir)
    say(f"wiped {_shown(stack.run_dir)}")


def status(stack: Stack) -> tuple[list[Process], bool]:
    """Every process, and whether all of them are as they should be. Raises ``SupervisorGone`` if the stack is not running."""
    processes = list(Supervisor(stack).processes().values())
    return processes, all(process.settled for process in processes)


def submit_jobs(stack: Stack) -> None:
    """Submit the jobs that do not run. Raises ``StartFailed``."""
    if _run(stack, "jobs", "submit").returncode != 0:
        raise StartFailed("a job could not be submitted (see above)")


def _run(stack: Stack, *module_and_arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = stack.environment()
    return subprocess.run(
        [environment["PYTHON"], "-m", *module_and_arguments], cwd=CHECKOUT, env={**os.environ, **environment}, check=False
    )


_LOCK = "lock"


@contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    stack.run_dir.mkdir(parents=True, exist_ok=True)
    with (stack.run_dir / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackBusy(f"another command is starting or stopping {_shown(stack.run_dir)}") from None
        yield


def _check_ports(stack: Stack) -> None:
    taken = [(name, stack.ports[name], what) for name, _, what in PORTS if not _free(stack.bind_host, stack.ports[name])]
    if taken:
        listed = ", ".join(f"{port} ({what}, {name})" for name, port, what in taken)
        raise StartFailed(
            f"taken by another program: port {listed}. "
            "Stop that program, or choose other ports with these variables (see .env.example)."
        )


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended don't count
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _wait_until_ready(supervisor: Supervisor, stack: Stack, say: Say) -> None:
    began = time.monotonic()
    before: dict[str, int] | None = None
    told: set[str] = set()
    while True:
        try:
            processes = supervisor.processes()
        except SupervisorGone as gone:
            if time.monotonic() - began > 10:
                raise StartFailed(f"process-compose did not start; its log is {_shown(supervisor.log)}") from gone
            time.sleep(0.1)
            continue
        before = before or {name: process.restarts for name, process in processes.items()}
        for process in processes.values():
            if process.settled and process.name not in told:
                told.add(process.name)
                say(f"{time.monotonic() - began:5.1f} s  {process.name} {'is ready' if process.has_probe else 'is done'}")
            elif process.failed or process.restarts - before[process.name] > RESTARTS_ALLOWED:
                raise StartFailed(_why(process, stack))
        if len(told) == len(processes):
            return
        if time.monotonic() - began > START_TIMEOUT_SECONDS:
            waiting = [process for process in processes.values() if not process.settled]
            first = next((process for process in waiting if process.running), waiting[0])
            raise StartFailed(f"not ready after {START_TIMEOUT_SECONDS:.0f} s: {_why(first, stack)}")
        time.sleep(0.25)


def _why(process: Process, stack: Stack) -> str:
    log = stack.log_dir / f"{process.name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = f"; it ends with: {lines[-1][:300]}" if lines else ""
    return f"{process.name} failed to start (exit code {process.exit_code}); its log is {_shown(log)}{last}"


def _shown(path: Path) -> str:
    """As short as it can be said from the checkout."""
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)
