"""Who is asking: what a token that is believed says about its bearer."""

import msgspec

from ingress.problems import INSUFFICIENT_SCOPE, Problem

VOTE_SCOPE = "vote:cast"


class Voter(msgspec.Struct, frozen=True):
    """What a believed token says about its bearer."""

    sub: str
    scopes: frozenset[str]
    eligible: bool
    jurisdiction: str | None
    aal: str

    def require_scope(self, scope: str) -> None:
        """Raises ``Problem`` (403) if the token was not issued for this."""
        if scope not in self.scopes:
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise Problem(INSUFFICIENT_SCOPE, headers={"www-authenticate": challenge})
