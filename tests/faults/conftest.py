"""One stack for the experiments with faults, and their figures at the end of the run."""

from collections.abc import Iterator

import pytest

from compose import electorate
from compose.settings import Stack
from tests.faults.report import Report
from tests.stacks import mint_of, running_stack

_REPORTS = pytest.StashKey[list[Report]]()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running system that nobody else uses: it is broken again and again."""
    with running_stack("faults") as running:
        yield running


@pytest.fixture(scope="session")
def mint(stack: Stack) -> electorate.Mint:
    return mint_of(stack)


@pytest.fixture(scope="session")
def reports(pytestconfig: pytest.Config) -> list[Report]:
    """What is added here is shown when all tests have run."""
    return pytestconfig.stash.setdefault(_REPORTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    shown = config.stash.get(_REPORTS, [])
    if shown:
        terminalreporter.section("votes under faults")
        for report in shown:
            terminalreporter.write_line(report.text())
