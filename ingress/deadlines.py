"""How long each step of a vote may take, and how the times fit together.

A ``POST /vote`` that has been read is answered within ``request_seconds``, whatever is down:

    0 s      the request has been read; its budget starts
    ...      a signing key that is not known yet, and an earlier attempt of the same voter, are waited for until wait_seconds
             = request_seconds - message_seconds - MARGIN_SECONDS - REDIS_COMMANDS * 2 * redis_seconds, so that a vote handed to
             the log still has its full time; a command that Redis does not answer costs at most twice redis_seconds (its own
             batch and the one before it), and after failures in a row nothing (the circuit breaker)
    1.6 s    at the latest the vote is handed to the log: wait (1.2) and the last two commands before it (0.4); the producer gives
             it up after message_seconds (message.timeout.ms)
    <= 6 s   answered: wait (1.2) + commands (0.6) + message (3) + margin (1.2) = request (6)

The last step needs no timer of its own: the log settles every vote within message_seconds + MARGIN_SECONDS of the hand-over
(``vote_log``), with an acknowledgement, with the producer's error, or, if neither has come, as undecided.

A key that was just published costs at most one cool-down of a second and two fetches, which fits into wait_seconds.

A pending reservation is taken before the vote is handed over and must outlive it: the message lives for message_seconds, its
delivery report and the confirmation take at most MARGIN_SECONDS. pending_seconds (10) is longer than request_seconds, so a
reservation never expires under a request that still works with it. It is also the longest time that a voter whose ingress died
has to wait, or one who changes the choice after an attempt that was left undecided, which is why it is not longer still. The same
choice can be sent again at once: it is the same vote.

At a stop: bodies still arriving (body_seconds) and requests in flight (request_seconds) end by themselves, then the producer is
flushed, which its message time-out bounds, and the audit events with it. stop_seconds adds these up.
"""

import math
from dataclasses import dataclass

# From the end of the message time-out to the answer: librdkafka looks for messages to give up once a second, then come the
# next turn of the poll and a busy event loop.
MARGIN_SECONDS = 1.2

# Of a vote that meets an undecided attempt, after the waiting: take, resume, and at the end mark_undecided.
REDIS_COMMANDS = 3
# What audit events get at a stop; they hold no vote up.
AUDIT_FLUSH_SECONDS = 1.0


@dataclass(frozen=True)
class Deadlines:
    """Seconds. Raises ``ValueError`` when the times do not fit together."""

    body_seconds: float = 5.0
    request_seconds: float = 6.0
    redis_seconds: float = 0.1
    message_seconds: float = 3.0
    pending_seconds: float = 10.0

    def __post_init__(self) -> None:
        if min(self.body_seconds, self.request_seconds, self.redis_seconds, self.message_seconds, self.pending_seconds) <= 0:
            raise ValueError("every time limit must be above zero")
        if self.wait_seconds < 0.2:
            raise ValueError(
                f"the request's {self.request_seconds} s must hold the message's {self.message_seconds} s, a margin of "
                f"{MARGIN_SECONDS} s, {2 * REDIS_COMMANDS} times the {self.redis_seconds} s of Redis, and 0.2 s to wait"
            )
        if self.pending_seconds <= self.request_seconds:
            raise ValueError(
                f"a pending reservation's {self.pending_seconds} s must be longer than the request's {self.request_seconds} s"
            )

    @property
    def wait_seconds(self) -> float:
        """From the start of a request: until when an earlier attempt of the same voter is waited for."""
        return self.request_seconds - self.message_seconds - MARGIN_SECONDS - REDIS_COMMANDS * 2 * self.redis_seconds

    @property
    def pending_ms(self) -> int:
        return round(self.pending_seconds * 1000)

    @property
    def message_timeout_ms(self) -> int:
        return round(self.message_seconds * 1000)

    @property
    def stop_seconds(self) -> int:
        """After this a process that was told to stop is stuck and may be killed."""
        return math.ceil(self.body_seconds + self.request_seconds + self.message_seconds + MARGIN_SECONDS + AUDIT_FLUSH_SECONDS)
