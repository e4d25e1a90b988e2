"""The answer to Hydra's question who the visitor is, and how surely: from Kratos's session, or by way of its sign-in."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from identity.hydra_api import Hydra, LoginRequest
from identity.kratos_api import Kratos, Session
from identity.self_service import SelfServicePages, cookie_of, flow_url
from identity.settings import Settings

# How long ago a sign-in may be to count as the one that a client asks for with prompt=login. It has to cover the redirects
# from Kratos back to here, and must be too short to answer a second such request.
JUST_NOW_SECONDS = 60


def recent_enough(asked: LoginRequest, session: Session, now: datetime) -> bool:
    """Whether a session is as fresh as the client demands (``prompt=login``, ``max_age``)."""
    age_seconds = (now - session.authenticated_at).total_seconds()
    limits = [JUST_NOW_SECONDS] if "login" in asked.prompt else []
    if asked.max_age_seconds is not None:
        limits.append(max(asked.max_age_seconds, JUST_NOW_SECONDS))
    return all(age_seconds <= limit for limit in limits)


def sure_enough(asked: LoginRequest, session: Session) -> bool:
    """Whether a session has the second factor that the client demands (``acr_values=aal2``)."""
    return not asked.second_factor or session.aal == "aal2"


def acceptance(session: Session, now: datetime) -> dict[str, Any]:
    """What Hydra is told about a signed-in voter. Hydra remembers for as long as the session in Kratos lasts, never longer.

    Remembering lets a client end the session (Hydra knows no logout of a session that it does not remember). It never stands in
    for the session: a remembered visitor without one has to sign in.
    """
    return {
        "subject": session.identity_id,
        "remember": True,
        "remember_for": max(1, int((session.expires_at - now).total_seconds())),
        "extend_session_lifespan": True,
        "acr": session.aal,
        "amr": list(session.methods),
        "identity_provider_session_id": session.id,
        "context": {"aal": session.aal},
    }


class LoginPages:
    """``/login`` and ``/registration``. Redirects lead to Kratos, or to where Hydra says; never to what a visitor says."""

    def __init__(self, settings: Settings, kratos: Kratos, hydra: Hydra, flows: SelfServicePages) -> None:
        self._settings = settings
        self._kratos = kratos
        self._hydra = hydra
        self._flows = flows

    def routes(self) -> list[Route]:
        return [Route("/login", self.login), Route("/registration", self.registration)]

    async def login(self, request: Request) -> Response:
        return await self._page(request, "login")

    async def registration(self, request: Request) -> Response:
        return await self._page(request, "registration")

    async def _page(self, request: Request, kind: str) -> Response:
        if challenge := request.query_params.get("login_challenge"):
            return await self._answer_hydra(challenge, kind, request)
        return await self._flows.flow_page(kind, request)

    async def _answer_hydra(self, challenge: str, kind: str, request: Request) -> Response:
        """Send the visitor back to Hydra if Kratos knows who it is, else to Kratos, which leads here again."""
        asked = await self._hydra.login_request(challenge)
        session = await self._kratos.session(cookie_of(request))
        now = datetime.now(UTC)
        if session is not None and recent_enough(asked, session, now) and sure_enough(asked, session):
            return _go(await self._hydra.accept("login", challenge, acceptance(session, now)))
        if "none" in asked.prompt:
            error = "login_required" if session is None else "interaction_required"
            return _go(await self._hydra.reject("login", challenge, error, "The voter has to sign in."))
        return_to = f"{self._settings.identity_url}/login?{urlencode({'login_challenge': challenge})}"
        if session is None:
            return _go(flow_url(self._settings, kind, return_to))
        if not recent_enough(asked, session, now):
            # The first step again. If it is not enough, the second one is asked for here next.
            return _go(flow_url(self._settings, "login", return_to, refresh=True))
        return _go(flow_url(self._settings, "login", return_to, aal="aal2"))


def _go(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=303)
