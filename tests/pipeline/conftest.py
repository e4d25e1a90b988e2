"""PyFlink on this machine, in its own little cluster: the rules on bounded tables, without connectors; and PostgreSQL alone.

PyFlink and Beam warn of deprecated things, their own and of their libraries, while they are imported; they are imported here,
where that is no error.
"""

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import apache_beam  # noqa: F401 (PyFlink imports it when it meets the first function)
    import pyflink
    from pyflink import java_gateway
    from pyflink.table import EnvironmentSettings, TableEnvironment

from compose import render
from compose.settings import Stack
from compose.toolchain import parts
from jobs import engine, submission
from tests.stacks import running_stack

WORKER_MODE = "_python_worker_execution_mode"


@pytest.fixture(scope="package")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flink's jars and those of the connectors, as on a cluster: the jobs' functions use classes of theirs."""
    folder = tmp_path_factory.mktemp("flink") / "lib"
    parts.CONNECTORS.ensure()
    render.link_flink_jars(Path(pyflink.__path__[0]), folder)
    return folder


@pytest.fixture(scope="package")
def engine_process(jars: Path) -> Iterator[None]:
    """The JVM with the little cluster. PyFlink starts it at need and lets go of it with its pipes open; here it is ended."""
    # Without this PyFlink runs the workers as threads of this process, and puts its own variables into its environment, from
    # where they would reach everything that the tests start later. On a cluster workers are processes, too.
    os.environ[WORKER_MODE] = "process"
    # Without a FLINK_HOME it would set one of its own, and everything below it.
    os.environ["FLINK_HOME"] = pyflink.__path__[0]
    os.environ["FLINK_LIB_DIR"] = str(jars)
    processes = []
    launch = java_gateway.launch_gateway_server_process

    def launch_and_remember(*arguments: Any) -> Any:
        processes.append(launch(*arguments))
        return processes[-1]

    java_gateway.launch_gateway_server_process = launch_and_remember
    gateway = java_gateway.get_gateway()
    # A collection that runs in another thread of this process (the registry's) lets go of Java objects over a connection of its
    # own, which the next call may then take: another thread of the JVM, where the planner does not find what it keeps by thread.
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    del os.environ[WORKER_MODE]
    del os.environ["FLINK_HOME"]
    del os.environ["FLINK_LIB_DIR"]
    gateway.shutdown()
    for process in processes:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="package")
def code() -> Iterator[Path]:
    """The jobs' packages, for the Python workers."""
    with submission.code() as folder:
        yield folder


@pytest.fixture(scope="module")
def table_env(engine_process: None, code: Path) -> TableEnvironment:
    """An environment of its own for each module, with what every job sets. One task: rows keep the order they are given in."""
    del engine_process
    found = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    engine.set_options(found, "test", {})
    for key, value in {
        "parallelism.default": "1",
        "python.files": str(code),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
    }.items():
        found.get_config().set(key, value)
    return found


@pytest.fixture(scope="package")
def postgres() -> Iterator[Stack]:
    """PostgreSQL with the tables of the contract and nothing beside it. Its supervisor starts it again when it ends."""
    with running_stack("postgres", only=["migrations"]) as running:
        yield running


@pytest.fixture(scope="package")
def database_url(postgres: Stack) -> str:
    """The database ``voting``, as its owner."""
    return postgres.database_url("voting")
