"""``python -m tests.integration.failing_ingress``: the ingress, whose producer fails for good at SIGUSR1."""

import signal
import sys

from ingress import __main__ as ingress
from ingress.vote_log import KafkaVoteLog
from tests.fatal_errors import fail_for_good

_open = KafkaVoteLog.open


async def open_and_wait_for_the_signal(log: KafkaVoteLog) -> None:
    await _open(log)
    signal.signal(signal.SIGUSR1, lambda *_: fail_for_good(log._producer))


if __name__ == "__main__":
    KafkaVoteLog.open = open_and_wait_for_the_signal  # type: ignore[method-assign, assignment]
    # The server's own process has no producer.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    sys.exit(ingress.main())
