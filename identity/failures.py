"""Why a request cannot go on, and what the visitor is told about it.

    Failure
    ├── Expired           the sign-in took too long or was finished already: start again
    ├── Forbidden         this browser or this person may not do that
    ├── Disabled          an operator closed the account
    ├── Unanswered        Kratos or Hydra does not answer: try again later   (503)
    └── Misunderstood     Kratos or Hydra answers with an error of its own: try again later, an operator looks   (502)

The messages are for the log. They never hold a challenge, a flow's id, an e-mail address or a body.
"""

from dataclasses import dataclass


class Failure(Exception):
    """The visitor gets a page with the status, title and advice of ``EXPLANATIONS``."""


class Expired(Failure):
    """A challenge or flow is unknown, too old or used up. ``restart_from`` is where a new flow would lead, if known."""

    def __init__(self, message: str, restart_from: str | None = None) -> None:
        super().__init__(message)
        self.restart_from = restart_from


class Forbidden(Failure):
    """Refuse; trying again the same way will not help."""


class Disabled(Failure):
    """Refuse; only an operator can open the account again."""


class Unanswered(Failure):
    """No answer in time. The request may be tried again."""


class Misunderstood(Failure):
    """An answer that nothing here expects. The request may be tried again."""


@dataclass(frozen=True)
class Explanation:
    status: int
    title: str
    advice: str


EXPLANATIONS: dict[type[Failure], Explanation] = {
    Expired: Explanation(
        410,
        "This page has expired",
        "The sign-in took too long, or it was finished already in another window or before you went back. "
        "Nothing is lost: please start again.",
    ),
    Forbidden: Explanation(
        403,
        "This is not possible",
        "This request does not belong to this browser. Please start again, and allow cookies for this site.",
    ),
    Disabled: Explanation(
        403,
        "This account is closed",
        "It cannot be used to sign in or to vote. If that is a mistake, please ask the people who run the election.",
    ),
    Unanswered: Explanation(
        503,
        "Please try again in a moment",
        "Signing in is not available right now. Your account and your vote are safe.",
    ),
    Misunderstood: Explanation(
        502,
        "Please try again in a moment",
        "Something went wrong on our side. Your account and your vote are safe.",
    ),
}
