"""What Kratos and Hydra ask and tell this app: about a registration, about what happened, about a token that is to be renewed."""

import hmac
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from identity.audit import AuditTrail, Event
from identity.claims import AUDIENCE, access_token_claims, id_token_claims, own_words
from identity.eligibility import Eligibility
from identity.kratos_api import Kratos
from identity.settings import Settings
from identity.wording import preferred_language
from schemas.ids import VOTER_SUB

# What Kratos tells (the hooks in kratos/kratos.yaml).
ACTIONS = frozenset({"identity.registered", "identity.signed_in", "identity.changed", "identity.recovered", "identity.verified"})
_METHOD = re.compile(r"[a-z_]{1,32}")
_UNAUTHORIZED = {"WWW-Authenticate": "Bearer"}


def shows(authorization: str, key: str) -> bool:
    """Whether an Authorization header holds a key. Takes the same time for every wrong key."""
    return hmac.compare_digest(authorization.encode("latin-1"), f"Bearer {key}".encode("latin-1"))


class Hooks:
    """``POST /hooks/…``: for Kratos with its key and for Hydra with its own; 401 to anybody else."""

    def __init__(self, settings: Settings, kratos: Kratos, eligibility: Eligibility, audit: AuditTrail) -> None:
        self._kratos_key = settings.registration_hook_key
        self._hydra_key = settings.token_hook_key
        self._kratos = kratos
        self._eligibility = eligibility
        self._audit = audit

    def routes(self) -> list[Route]:
        return [
            Route("/hooks/registration", self.registration, methods=["POST"]),
            Route("/hooks/events/{action}", self.event, methods=["POST"]),
            Route("/hooks/token", self.token, methods=["POST"]),
        ]

    async def registration(self, request: Request) -> JSONResponse:
        """What the system decides about a new voter, before Kratos stores it. Unless it answers 200, nobody is registered."""
        if not shows(request.headers.get("authorization", ""), self._kratos_key):
            return _unauthorized()
        metadata = await self._eligibility.of_new_identity()
        asked = (await _body(request)).get("accept_language")
        if isinstance(asked, str):
            metadata["locale"] = preferred_language(asked)
        return JSONResponse({"identity": {"metadata_public": metadata}})

    async def event(self, request: Request) -> Response:
        """Something that happened. Kratos does not wait for the answer, and tells it again after a 5xx."""
        if not shows(request.headers.get("authorization", ""), self._kratos_key):
            return _unauthorized()
        action = request.path_params["action"]
        content = await _body(request)
        subject, method = content.get("subject"), request.query_params.get("method") or content.get("method")
        if action not in ACTIONS or not isinstance(subject, str) or not VOTER_SUB.fullmatch(subject):
            return JSONResponse({"error": "no event"}, status_code=400)
        details = {"method": method} if isinstance(method, str) and _METHOD.fullmatch(method) else {}
        await self._audit.store(Event(action, "success", subject, details=details))
        return Response(status_code=204)

    async def token(self, request: Request) -> Response:
        """The claims of tokens that Hydra renews: as the identity is now. 403 ends the renewal.

        Without it a refresh token would outlive the account, and what it was once told about the voter.
        """
        if not shows(request.headers.get("authorization", ""), self._hydra_key):
            return _unauthorized()
        content = await _body(request)
        subject = content.get("subject")
        identity = await self._kratos.identity(subject) if isinstance(subject, str) and VOTER_SUB.fullmatch(subject) else None
        if identity is None or not identity.active:
            return JSONResponse({"error": "access_denied"}, status_code=403)
        scopes = [scope for scope in content.get("granted_scopes") or [] if isinstance(scope, str)]
        if AUDIENCE not in (content.get("granted_audience") or []):
            claims: dict[str, Any] = {"access_token": {}, "id_token": own_words(identity, scopes)}
            return JSONResponse({"session": claims})
        settled = await self._eligibility.settle(identity)
        session = content.get("session")
        extra = session.get("extra") if isinstance(session, dict) else None
        aal = extra.get("aal") if isinstance(extra, dict) else None
        claims = {"access_token": access_token_claims(settled, aal), "id_token": id_token_claims(settled, scopes)}
        return JSONResponse({"session": claims})


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, an empty one if it is none."""
    try:
        content = await request.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _unauthorized() -> JSONResponse:
    return JSONResponse({"error": "unauthorized"}, status_code=401, headers=_UNAUTHORIZED)
