"""Why a request cannot go on. What the voter reads about each is in ``web.error_pages``.

    Failure
    ├── Refused           the voting API says no, for a reason that stays until something changes
    ├── TryLater          the voting API says not now: the same again later is safe
    ├── SignInNeeded      there is no token, or the voting API takes it no longer: sign in and come back
    ├── SignInFailed      what came back from a sign-in is not what was begun here: begin again
    ├── OutOfDate         a form that this browser's page did not make: open the page again
    ├── Unreadable        a form or an address that no page of ours makes
    ├── Unanswered        something that is needed does not answer: try again
    └── Misunderstood     it answers with something that nothing here expects: try again, an operator looks

The messages are for the log. They never hold a token, a code, a choice, a session's id or a body.
"""

from collections.abc import Mapping
from typing import Any


class Failure(Exception):
    """The voter gets a page that says in plain words what happened, and the way on: ``begin_again_at``, where that is known."""

    begin_again_at: str | None = None


class Refused(Failure):
    """``reason`` is the name of the API's problem type (``election-not-open``); ``members`` what it says beside it."""

    def __init__(self, reason: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"the voting API refused: {reason}")
        self.reason = reason
        self.members = members or {}


class TryLater(Failure):
    """As ``Refused``, but for a moment only."""

    def __init__(self, reason: str, retry_after_seconds: int | None) -> None:
        super().__init__(f"the voting API asks to try later: {reason}")
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class SignInNeeded(Failure):
    """Not for the voter's eyes: the page sends the browser to sign in and back."""


class SignInFailed(Failure):
    """``reason`` names the page's text: ``not-started-here``, ``denied``, ``not-valid`` or ``not-accepted``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class OutOfDate(Failure):
    """Nothing was done. Either the page is old (signed in or out meanwhile), or another site made the form."""


class Unreadable(Failure):
    """Nothing was done; trying the same again will not help."""


class Unanswered(Failure):
    """No answer in time, or a broken connection. Whether the request was carried out is not known."""


class Misunderstood(Failure):
    """The request may be tried again."""
