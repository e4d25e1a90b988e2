"""Which client is given which tokens about whom."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from identity.claims import AUDIENCE, access_token_claims, id_token_claims
from identity.failures import Expired
from identity.hydra_api import ConsentRequest, Hydra
from identity.kratos_api import Identity, Kratos


class Refusal(Exception):
    """The client gets ``access_denied`` with this text."""


def grant(asked: ConsentRequest, identity: Identity | None) -> dict[str, Any]:
    """What Hydra puts into the tokens. Raises ``Refusal``.

    Only first-party clients (``skip_consent`` on the client) are granted anything. The audience is always the voting API,
    asked for or not, and never another. Nothing is remembered: each sign-in looks at the identity as it is then.
    """
    if not asked.first_party:
        raise Refusal("This client may not ask for tokens.")
    if identity is None or not identity.active or identity.id != asked.subject:
        raise Refusal("The account is not active.")
    return {
        "grant_scope": list(asked.scopes),
        "grant_access_token_audience": [AUDIENCE],
        "remember": False,
        "session": {
            "access_token": access_token_claims(identity, asked.context.get("aal")),
            "id_token": id_token_claims(identity, asked.scopes),
        },
    }


class Consent:
    """``/consent``."""

    def __init__(self, kratos: Kratos, hydra: Hydra) -> None:
        self._kratos = kratos
        self._hydra = hydra

    def routes(self) -> list[Route]:
        return [Route("/consent", self.consent)]

    async def consent(self, request: Request) -> RedirectResponse:
        challenge = request.query_params.get("consent_challenge")
        if not challenge:
            raise Expired("no consent challenge")
        asked = await self._hydra.consent_request(challenge)
        try:
            decision = grant(asked, await self._kratos.identity(asked.subject))
        except Refusal as refusal:
            url = await self._hydra.reject("consent", challenge, "access_denied", str(refusal))
        else:
            url = await self._hydra.accept("consent", challenge, decision)
        return RedirectResponse(url, status_code=303)
