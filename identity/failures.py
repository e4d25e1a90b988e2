"""Why a request cannot go on, and what the visitor is told about it.

    Failure
    ├── Expired           the sign-in took too long or was finished already: start again
    ├── Forbidden         this browser or this person may not do that
    ├── Disabled          an operator closed the account
    ├── Elsewhere         Kratos wants the browser somewhere else first: send it there
    ├── Unanswered        Kratos or Hydra does not answer: try again later   (503)
    └── Misunderstood     Kratos or Hydra answers with an error of its own: try again later, an operator looks   (502)

The messages are for the log. They never hold a challenge, a flow's id, an e-mail address or a body.
"""

from dataclasses import dataclass


class Failure(Exception):
    """The visitor gets a page with the status and the words of ``EXPLANATIONS``."""


class Restartable(Failure):
    """The visitor may begin again: ``kind`` is the flow that it was about, ``return_to`` where it would have led, if known."""

    def __init__(self, message: str, kind: str | None = None, return_to: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.return_to = return_to


class Expired(Restartable):
    """A challenge or flow is unknown, too old or used up."""


class Forbidden(Restartable):
    """Refuse; trying again the same way will not help."""


class Elsewhere(Failure):
    """Before this page there is another one to see, at Kratos: a sign-in, a second step."""

    def __init__(self, url: str) -> None:
        super().__init__("the browser has to go somewhere else first")
        self.url = url


class Disabled(Failure):
    """Refuse; only an operator can open the account again."""


class Unanswered(Failure):
    """No answer in time. The request may be tried again."""


class Misunderstood(Failure):
    """An answer that nothing here expects. The request may be tried again."""


@dataclass(frozen=True)
class Explanation:
    """``title`` and ``advice`` are keys of ``wording/``."""

    status: int
    title: str
    advice: str


EXPLANATIONS: dict[type[Failure], Explanation] = {
    Expired: Explanation(410, "failure.expired.title", "failure.expired.text"),
    Forbidden: Explanation(403, "failure.forbidden.title", "failure.forbidden.text"),
    Disabled: Explanation(403, "failure.disabled.title", "failure.disabled.text"),
    Unanswered: Explanation(503, "failure.unavailable.title", "failure.unanswered.text"),
    Misunderstood: Explanation(502, "failure.unavailable.title", "failure.misunderstood.text"),
}
