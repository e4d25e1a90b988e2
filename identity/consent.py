"""Which client is given which tokens about whom.

Our own clients (``skip_consent``) are given what the API needs without a question. Any other client is given what the voter
allows it on a page, at most who the voter is: never the right to vote, never the audience of the voting API.
"""

import logging
from collections.abc import Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from identity import forgery, pages
from identity.audit import AuditTrail, Event
from identity.claims import AUDIENCE, access_token_claims, id_token_claims, own_words
from identity.eligibility import Eligibility
from identity.failures import Expired, Forbidden
from identity.hydra_api import ConsentRequest, Hydra
from identity.kratos_api import Identity, Kratos
from identity.self_service import cookie_of

log = logging.getLogger(__name__)
# What a client that is not ours may ever be given.
FOREIGN_SCOPES = ("openid", "profile", "email", "offline_access")


class Refusal(Exception):
    """The client gets ``access_denied`` with this text."""


def check_subject(asked: ConsentRequest, identity: Identity | None) -> Identity:
    """The identity that the tokens are about. Raises ``Refusal``."""
    if identity is None or not identity.active or identity.id != asked.subject:
        raise Refusal("The account is not active.")
    return identity


def grant(asked: ConsentRequest, identity: Identity) -> dict[str, Any]:
    """What Hydra puts into the tokens of one of our own clients.

    The audience is always the voting API, asked for or not, and never another. Nothing is remembered: each sign-in looks at the
    identity as it is then.
    """
    return {
        "grant_scope": list(asked.scopes),
        "grant_access_token_audience": [AUDIENCE],
        "remember": False,
        "session": {
            "access_token": access_token_claims(identity, asked.context.get("aal")),
            "id_token": id_token_claims(identity, asked.scopes),
        },
    }


def foreign_scopes(scopes: Collection[str]) -> list[str]:
    """What of these scopes a client that is not ours can be given at all."""
    return [scope for scope in FOREIGN_SCOPES if scope in scopes]


def foreign_grant(asked: ConsentRequest, identity: Identity) -> dict[str, Any]:
    """What Hydra puts into the tokens of a client that is not ours, after the voter has allowed it."""
    scopes = foreign_scopes(asked.scopes)
    return {
        "grant_scope": scopes,
        "grant_access_token_audience": [],
        "remember": False,
        "session": {"access_token": {}, "id_token": own_words(identity, scopes)},
    }


class Consent:
    """``/consent``. Only the voter whom the tokens are about gets past it, in the browser that is signed in."""

    def __init__(
        self, kratos: Kratos, hydra: Hydra, eligibility: Eligibility, audit: AuditTrail, *, secure_cookies: bool
    ) -> None:
        self._kratos = kratos
        self._hydra = hydra
        self._eligibility = eligibility
        self._audit = audit
        self._secure = secure_cookies

    def routes(self) -> list[Route]:
        return [Route("/consent", self.ask, methods=["GET"]), Route("/consent", self.decide, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        challenge, asked = await self._asked(request)
        try:
            identity = check_subject(asked, await self._kratos.identity(asked.subject))
        except Refusal as refusal:
            return await self._refuse(challenge, asked, str(refusal))
        if asked.first_party:
            settled = await self._eligibility.settle(identity)
            return await self._accept(challenge, asked, grant(asked, settled))
        token = forgery.form_token(request, secure=self._secure)
        answer = pages.page(
            "consent.html",
            pages.words_for(request),
            client=asked.client_name,
            scopes=foreign_scopes(asked.scopes),
            challenge=challenge,
            csrf=token,
        )
        token.set_on(answer)
        return answer

    async def decide(self, request: Request) -> Response:
        form = await forgery.checked_form(request, secure=self._secure)
        challenge, asked = await self._asked(request)
        if asked.first_party:
            raise Forbidden("there is nothing to decide about a client of ours")
        if form.get("decision") != "allow":
            return await self._refuse(challenge, asked, "The voter does not allow it.")
        try:
            identity = check_subject(asked, await self._kratos.identity(asked.subject))
        except Refusal as refusal:
            return await self._refuse(challenge, asked, str(refusal))
        return await self._accept(challenge, asked, foreign_grant(asked, identity))

    async def _asked(self, request: Request) -> tuple[str, ConsentRequest]:
        """The challenge and what it is about. Raises ``Expired``, and ``Forbidden`` for anybody but the one it is about."""
        challenge = request.query_params.get("consent_challenge")
        if not challenge:
            raise Expired("no consent challenge")
        asked = await self._hydra.consent_request(challenge)
        session = await self._kratos.session(cookie_of(request))
        if session is None or session.identity_id != asked.subject:
            raise Forbidden("a consent challenge that is about another subject than the one who is signed in")
        return challenge, asked

    async def _accept(self, challenge: str, asked: ConsentRequest, decision: dict[str, Any]) -> RedirectResponse:
        url = await self._hydra.accept("consent", challenge, decision)
        scopes = " ".join(decision["grant_scope"])
        await self._audit.record(
            Event("consent.given", "success", asked.subject, actor=asked.client_id, details={"scope": scopes})
        )
        return RedirectResponse(url, status_code=303)

    async def _refuse(self, challenge: str, asked: ConsentRequest, reason: str) -> RedirectResponse:
        url = await self._hydra.reject("consent", challenge, "access_denied", reason)
        await self._audit.record(Event("consent.given", "refused", asked.subject, actor=asked.client_id))
        return RedirectResponse(url, status_code=303)
