"""Whole systems for tests and benchmarks: real parts, on free ports, with data of their own, wiped at the end."""

import os
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from compose import electorate
from compose import stack as stacks
from compose.settings import CHECKOUT, PORTS, Stack


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


@contextmanager
def running_stack(name: str, say: stacks.Say = print, only: Sequence[str] = ()) -> Iterator[Stack]:
    """A running system; with names, only these processes and what they depend on."""
    running = new_stack(name)
    try:
        stacks.up(running, say, only)
        yield running
    finally:
        stacks.wipe(running, say)


def mint_of(stack: Stack) -> electorate.Mint:
    """Tokens for any voter, by a key that Hydra publishes."""
    key_file = stack.data_dir / "test-voters-key.json"
    return electorate.mint(key_file, stack.url("HYDRA_ADMIN_PORT"), stack.url("HYDRA_PUBLIC_PORT"))
