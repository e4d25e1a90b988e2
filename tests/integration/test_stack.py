"""Starting, stopping and failing to start: what a person at the keyboard sees, and what stays behind."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from compose import stack as stacks
from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import CHECKOUT, PORTS, SettingsError, Stack
from compose.supervisor import Supervisor, leftovers
from tests.integration.log_of_votes import eventually
from tests.stacks import new_stack


def compose(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a person would call, with the settings of this stack."""
    environment = {**os.environ, "VOTING_RUN_DIR": str(stack.run_dir), **{name: str(port) for name, port in stack.ports.items()}}
    command = [stack.environment()["PYTHON"], "-m", "compose", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


def kill(pid: int) -> None:
    """Kill a process that the stack's supervisor started, as a crash would."""
    os.kill(pid, signal.SIGKILL)


def test_the_demo_runs_on_a_running_system_and_again(stack: Stack) -> None:
    for _ in range(2):
        done = compose(stack, "demo", "--voters", "200")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "All agree" in done.stdout


def test_status_tells_that_all_is_well(stack: Stack) -> None:
    done = compose(stack, "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dedup" in done.stdout


@pytest.mark.parametrize("name", ["ingress", "taskmanager", "jobmanager", "redis", "kafka", "postgres"])
def test_a_component_that_is_killed_comes_back_and_votes_go_on(stack: Stack, api: httpx.Client, mint: Mint, name: str) -> None:
    before = Supervisor(stack).processes()[name]
    kill(before.pid)

    def back() -> bool:
        process = Supervisor(stack).processes()[name]
        return process.pid != before.pid and process.settled

    eventually(back, f"{name} is back", 90)
    (sub,) = subjects(1)
    counted = api_counts(api)

    def voted() -> bool:
        try:
            answer = api.post(
                "/vote",
                json={"electionId": ELECTION, "candidateId": "bob"},
                headers={"Authorization": f"Bearer {mint.token(sub, time.time())}"},
            )
        except httpx.TransportError:
            return False
        return answer.status_code in {202, 409}

    eventually(voted, "a vote is taken", 60)
    eventually(lambda: api_counts(api) > counted, "the vote is counted", 90)


def api_counts(api: httpx.Client) -> int:
    try:
        answer = api.get(f"/votes/{ELECTION}")
    except httpx.TransportError:
        return -1
    return int(answer.json()["total"]) if answer.status_code == httpx.codes.OK else -1


def test_nothing_is_lost_when_the_system_stops_and_starts_again(stack: Stack, api: httpx.Client) -> None:
    total = api_counts(api)
    done = compose(stack, "down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(leftovers(stack)) == []
    assert compose(stack, "status").returncode == 1
    started = compose(stack, "demo", "--voters", "200")
    assert started.returncode == 0, started.stdout + started.stderr
    assert api_counts(api) == total + 201


def test_a_taken_port_is_named_and_nothing_is_started() -> None:
    other = new_stack("taken")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", other.ports["REDIS_PORT"]))
        holder.listen()
        done = compose(other, "up")
    assert done.returncode == 1
    assert f"port {other.ports['REDIS_PORT']} (redis, REDIS_PORT)" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(leftovers(other)) == []
    stacks.wipe(other, print)


def test_a_component_that_does_not_start_is_named_with_its_log_and_nothing_stays() -> None:
    other = new_stack("broken")
    other.data_dir.mkdir(parents=True)
    (other.data_dir / "redis").write_text("not a folder")
    done = compose(other, "up")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "redis failed to start" in line
    assert "logs/redis.log" in line
    assert list(leftovers(other)) == []
    stacks.wipe(other, print)
    assert not other.run_dir.exists()


def test_commands_on_a_stack_that_is_not_there_say_so() -> None:
    other = new_stack("absent")
    assert compose(other, "down").returncode == 0
    status = compose(other, "status")
    assert status.returncode == 1
    assert "not running" in status.stderr
    stacks.wipe(other, print)


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_refused_by_name(tmp_path: Path, port: str) -> None:
    with pytest.raises(SettingsError, match="KAFKA_PORT"):
        Stack.from_environment({"VOTING_RUN_DIR": str(tmp_path), "KAFKA_PORT": port})


def test_two_parts_on_one_port_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="are both 9092"):
        Stack.from_environment({"VOTING_RUN_DIR": str(tmp_path), "REDIS_PORT": "9092"})


def test_every_port_is_listed_in_the_example_of_the_environment() -> None:
    example = (CHECKOUT / ".env.example").read_text()
    for name, standard, _ in PORTS:
        assert f"#{name}={standard}\n" in example
