"""The script that guards the totals, in a Redis of its own."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from jobs.redis_totals import LUA, Total, redis_key, script_arguments

ELECTION = "election-2025-01"


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[Any]:
    program = shutil.which("redis-server")
    assert program, "redis-server is not installed (apt-get install redis-server)"
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        client = redis.Redis(unix_socket_path=str(socket), decode_responses=True)
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def write(server: Any) -> Any:
    server.flushall()
    script = server.register_script(LUA)

    def run(*totals: Any) -> Any:
        moved = script(keys=[redis_key(ELECTION)], args=script_arguments(totals))
        return moved, server.hgetall(redis_key(ELECTION))

    return run


def alice(count: Any, generation: Any = 1, as_of_ms: Any = 1000) -> Any:
    return Total(ELECTION, "alice", generation, count, as_of_ms)


def test_a_first_total_is_written_in_the_contracts_form(write: Any) -> None:
    assert write(alice(5)) == (1, {"alice": "1:5", "_as_of": "1000"})


def test_a_greater_count_moves_it_and_the_time(write: Any) -> None:
    write(alice(5))
    assert write(alice(6, as_of_ms=2000)) == (1, {"alice": "1:6", "_as_of": "2000"})


def test_an_equal_or_smaller_count_changes_nothing(write: Any) -> None:
    write(alice(10))
    assert write(alice(10, as_of_ms=9000)) == (0, {"alice": "1:10", "_as_of": "1000"})
    assert write(alice(9, as_of_ms=9000)) == (0, {"alice": "1:10", "_as_of": "1000"})


def test_a_rebuild_replaces_greater_counts_of_the_former_one_and_its_time(write: Any) -> None:
    write(alice(900, as_of_ms=5000))
    assert write(alice(1, generation=2, as_of_ms=1000)) == (1, {"alice": "2:1", "_as_of": "1000"})


def test_a_writer_of_a_former_generation_changes_nothing(write: Any) -> None:
    write(alice(1, generation=10))
    assert write(alice(900, generation=9)) == (0, {"alice": "10:1", "_as_of": "1000"})


def test_totals_of_several_candidates_are_judged_one_by_one(write: Any) -> None:
    write(alice(5), Total(ELECTION, "bob", 1, 5, 1000))
    moved, totals = write(alice(6, as_of_ms=2000), Total(ELECTION, "bob", 1, 4, 3000))
    assert (moved, totals["alice"], totals["bob"]) == (1, "1:6", "1:5")


def test_a_value_that_is_no_total_is_replaced(write: Any, server: Any) -> None:
    server.hset(redis_key(ELECTION), "alice", "many")
    assert write(alice(1))[1]["alice"] == "1:1"


def test_counts_beyond_a_billion_are_kept_to_the_vote(write: Any) -> None:
    write(alice(8_000_000_000))
    assert write(alice(8_000_000_001))[1]["alice"] == "1:8000000001"


def test_totals_of_a_sealed_election_do_not_move(write: Any, server: Any) -> None:
    write(alice(5))
    server.hset(redis_key(ELECTION), "_sealed", "1")
    assert write(alice(6, generation=2)) == (0, {"alice": "1:5", "_as_of": "1000", "_sealed": "1"})
