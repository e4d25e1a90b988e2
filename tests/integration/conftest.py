"""A whole stack for the integration tests: real parts, on free ports, with data of its own, wiped at the end."""

import os
import random
import socket
import uuid
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql

from compose import electorate
from compose import stack as stacks
from compose.settings import CHECKOUT, PORTS, Stack
from schemas import migrations


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses, below the range that outgoing connections take theirs from."""
    found: list[int] = []
    for port in random.sample(range(12_000, 32_000), 2_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("this machine has no free ports")


def new_stack(name: str) -> Stack:
    """A stack that collides with no other: free ports, an own run directory in the checkout."""
    ports = dict(zip((name for name, _, _ in PORTS), map(str, free_ports(len(PORTS))), strict=True))
    return Stack.from_environment({"VOTING_RUN_DIR": str(CHECKOUT / ".run" / f"test-{name}-{os.getpid()}"), **ports})


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running system that the tests share."""
    running = new_stack("shared")
    try:
        stacks.up(running, print)
        yield running
    finally:
        stacks.wipe(running, print)


@pytest.fixture(scope="session")
def environment(stack: Stack) -> dict[str, str]:
    """What a program that drives the stack needs in its environment."""
    return {**os.environ, **stack.environment()}


@pytest.fixture(scope="session")
def redis_url(stack: Stack) -> str:
    """A Redis database that the stack itself does not use."""
    return f"redis://127.0.0.1:{stack.ports['REDIS_PORT']}/1"


@pytest.fixture(scope="session")
def database_url(stack: Stack) -> str:
    """A database of its own, migrated, on the stack's server; as its owner."""
    name = f"contract_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(
        host="127.0.0.1",
        port=stack.ports["POSTGRES_PORT"],
        user="postgres",
        password=stack.secrets["POSTGRES_SUPERUSER_PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER voting").format(sql.Identifier(name)))
    with psycopg.connect(stack.database_url(name), autocommit=True) as connection:
        migrations.apply(connection)
    return stack.database_url(name)


@pytest.fixture(scope="session")
def mint(stack: Stack) -> electorate.Mint:
    """Tokens for any voter, by a key that Hydra publishes."""
    key_file = stack.data_dir / "test-voters-key.json"
    return electorate.mint(key_file, stack.url("HYDRA_ADMIN_PORT"), stack.url("HYDRA_PUBLIC_PORT"))


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as client:
        yield client
