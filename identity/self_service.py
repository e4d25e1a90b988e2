"""Kratos's flows as pages: registration, sign-in, recovery, verification, settings. Their forms go straight to Kratos."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from identity import pages
from identity.failures import Misunderstood
from identity.flows import Flow
from identity.kratos_api import Kratos
from identity.settings import Settings
from identity.wording import Wording

KINDS = ("login", "registration", "recovery", "verification", "settings")
SETTINGS_SECTIONS = ("profile", "password", "passkey", "totp", "webauthn", "lookup_secret")
SECOND_FACTOR_SECTIONS = ("totp", "webauthn", "lookup_secret")
SCRIPT_CACHE_SECONDS = 3600
# "Please confirm this action by verifying that it is you."
REFRESH_MESSAGE = 1010003


class SelfServicePages:
    """``/``, the pages of the flows, and the script that passkeys need. Redirects lead to Kratos alone."""

    def __init__(self, settings: Settings, kratos: Kratos) -> None:
        self._settings = settings
        self._kratos = kratos

    def routes(self) -> list[Route]:
        # /login and /registration answer Hydra too: identity.login.
        own = [Route(f"/{kind}", self._endpoint(kind)) for kind in ("recovery", "verification", "settings")]
        return [Route("/", self.home), *own, Route("/webauthn.js", self.script)]

    async def home(self, request: Request) -> HTMLResponse:
        session = await self._kratos.session(cookie_of(request))
        return pages.page("home.html", pages.words_for(request), session=session, web_url=self._settings.web_url)

    async def script(self, _: Request) -> Response:
        """Kratos's webauthn.js, from this origin: no other site's scripts have to be allowed, and Kratos needs no CORS.

        Pages ask for it with its integrity in the query, so that a cache never keeps an older one for them.
        """
        headers = {"Cache-Control": f"public, max-age={SCRIPT_CACHE_SECONDS}"}
        return Response(await self._kratos.webauthn_script(), media_type="text/javascript", headers=headers)

    async def flow_page(self, kind: str, request: Request) -> Response:
        """The flow that the visitor is in, or the way into a new one."""
        flow_id = request.query_params.get("flow")
        if not flow_id:
            return RedirectResponse(await self._way_in(kind, cookie_of(request)), status_code=303)
        flow = await self._kratos.flow(kind, flow_id, cookie_of(request))
        words = pages.words_for(request)
        if kind == "settings":
            return pages.page(
                "settings.html",
                words,
                flow=flow,
                sections=flow.sections(SETTINGS_SECTIONS),
                back=flow.return_to or "/",
            )
        return self._form(kind, flow, words, request.query_params)

    async def _way_in(self, kind: str, cookie: str) -> str:
        """Where a new flow begins. Kratos itself would forget, over a second step, that it was about the settings."""
        if kind == "settings" and await self._kratos.needs_second_factor(cookie):
            return flow_url(self._settings, "login", f"{self._settings.identity_url}/settings", aal="aal2")
        return flow_url(self._settings, kind)

    def _form(self, kind: str, flow: Flow, words: Wording, query: Mapping[str, str]) -> Response:
        sections = [flow.whole()]
        hints: dict[str, str] = {}
        values: dict[str, str] = {}
        links: list[tuple[str, str]] = []
        name = kind
        lead = f"{kind}.lead"
        match kind:
            case "login" if flow.aal == "aal2":
                sections = list(flow.sections(SECOND_FACTOR_SECTIONS))
                if not sections:
                    return self._second_factor_missing(flow, words)
                name, lead = "second_factor", "second_factor.lead"
                links = [("/logout", words("second_factor.other"))]
            case "login":
                if any(message.id == REFRESH_MESSAGE for message in flow.messages):
                    name, lead = "login.refresh", "login.refresh.lead"
                links = [
                    (self._url("registration", flow), words("login.other")),
                    (self._url("recovery", flow), words("login.recover")),
                ]
            case "registration":
                hints = {"password": words("registration.password_hint")}
                links = [(self._url("login", flow), words("registration.other"))]
            case "recovery" | "verification":
                links = [("/" if kind == "verification" else self._url("login", flow), words(f"{kind}.other"))]
                if flow.state == "sent_email":
                    lead = f"{kind}.code_lead"
                elif flow.state == "passed_challenge":
                    done = words("verification.done")
                    return pages.notice(words, words(f"{kind}.title"), done, link=flow.return_to or "/", label=words("continue"))
                # The mail's link has it, so that nobody has to type it; pressing the button remains the voter's.
                if query.get("code", "").isalnum():
                    values = {"code": query["code"]}
            case _:
                raise Misunderstood("a flow that has no page")
        return pages.page(
            "form.html",
            words,
            title=words(f"{name}.title"),
            lead="" if any(not message.is_error for message in flow.messages) and lead.endswith("code_lead") else words(lead),
            flow=flow,
            sections=sections,
            hints=hints,
            values=values,
            links=links,
        )

    def _second_factor_missing(self, flow: Flow, words: Wording) -> Response:
        """The way to a second factor, and from there to where the voter was going."""
        return pages.notice(
            words,
            words("second_factor.missing.title"),
            words("second_factor.missing.text"),
            link=self._url("settings", flow),
            label=words("second_factor.missing.link"),
        )

    def _endpoint(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self.flow_page(kind, request)

        return endpoint

    def _url(self, kind: str, flow: Flow) -> str:
        return flow_url(self._settings, kind, flow.return_to)


def flow_url(settings: Settings, kind: str, return_to: str | None = None, *, refresh: bool = False, aal: str = "") -> str:
    """Where a new flow begins. Kratos refuses a ``return_to`` outside its ``allowed_return_urls``."""
    query = {}
    if return_to:
        query["return_to"] = return_to
    if refresh:
        query["refresh"] = "true"
    if aal:
        query["aal"] = aal
    return f"{settings.kratos_public_url}/self-service/{kind}/browser" + (f"?{urlencode(query)}" if query else "")


def cookie_of(request: Request) -> str:
    """The Cookie header as it came, for Kratos."""
    return request.headers.get("cookie", "")
