"""Sign-in and registration: Kratos's flows as pages, and the answer to Hydra's question who the visitor is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from identity import pages
from identity.hydra_api import Hydra, LoginRequest
from identity.kratos_api import Kratos, Session
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
    """``/``, ``/login`` and ``/registration``. Redirects lead to Kratos, or to where Hydra says; never to what a visitor says."""

    def __init__(self, settings: Settings, kratos: Kratos, hydra: Hydra) -> None:
        self._settings = settings
        self._kratos = kratos
        self._hydra = hydra

    def routes(self) -> list[Route]:
        return [Route("/", self.home), Route("/login", self.login), Route("/registration", self.registration)]

    async def home(self, request: Request) -> HTMLResponse:
        session = await self._kratos.session(_cookie(request))
        return pages.page("home.html", signed_in=session is not None, web_url=self._settings.web_url)

    async def login(self, request: Request) -> Response:
        return await self._page(request, "login")

    async def registration(self, request: Request) -> Response:
        return await self._page(request, "registration")

    async def _page(self, request: Request, kind: str) -> Response:
        query: Mapping[str, str] = request.query_params
        if challenge := query.get("login_challenge"):
            return _go(await self._answer_hydra(challenge, kind, _cookie(request)))
        if flow_id := query.get("flow"):
            return await self._form(kind, flow_id, _cookie(request))
        return _go(self._flow_url(kind))

    async def _answer_hydra(self, challenge: str, kind: str, cookie: str) -> str:
        """Where to send the visitor: back to Hydra if Kratos knows who it is, else to Kratos, which leads here again."""
        asked = await self._hydra.login_request(challenge)
        session = await self._kratos.session(cookie)
        now = datetime.now(UTC)
        if session is not None and recent_enough(asked, session, now):
            return await self._hydra.accept("login", challenge, acceptance(session, now))
        if "none" in asked.prompt:
            return await self._hydra.reject("login", challenge, "login_required", "The voter has to sign in.")
        return_to = f"{self._settings.identity_url}/login?{urlencode({'login_challenge': challenge})}"
        if session is not None:
            return self._flow_url("login", return_to, refresh=True)
        return self._flow_url(kind, return_to)

    async def _form(self, kind: str, flow_id: str, cookie: str) -> HTMLResponse:
        flow = await self._kratos.flow(kind, flow_id, cookie)
        other_kind, title, label = {
            "login": ("registration", "Sign in", "Create an account"),
            "registration": ("login", "Create an account", "Sign in to an account you have"),
        }[kind]
        return pages.form(title, flow, other_link=self._flow_url(other_kind, flow.return_to), other_label=label)

    def _flow_url(self, kind: str, return_to: str | None = None, *, refresh: bool = False) -> str:
        return flow_url(self._settings, kind, return_to, refresh=refresh)


def flow_url(settings: Settings, kind: str, return_to: str | None = None, *, refresh: bool = False) -> str:
    """Where a new flow begins. Kratos refuses a ``return_to`` outside its ``allowed_return_urls``."""
    query = {}
    if return_to:
        query["return_to"] = return_to
    if refresh:
        query["refresh"] = "true"
    return f"{settings.kratos_public_url}/self-service/{kind}/browser" + (f"?{urlencode(query)}" if query else "")


def _cookie(request: Request) -> str:
    return request.headers.get("cookie", "")


def _go(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=303)
