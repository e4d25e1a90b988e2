"""The running system that the tests of tests/integration and tests/e2e share."""

from collections.abc import Iterator

import pytest

from compose import electorate
from compose.settings import Stack
from tests.stacks import mint_of, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of it, on ports and with data of its own, for as long as the tests run."""
    with running_stack("shared") as running:
        yield running


@pytest.fixture(scope="session")
def mint(stack: Stack) -> electorate.Mint:
    """Tokens for any voter."""
    return mint_of(stack)
