"""Ways to the running system."""

import os
import uuid
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql

from compose.settings import Stack
from schemas import migrations


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


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url("INGRESS_PORT"), timeout=30.0) as client:
        yield client
