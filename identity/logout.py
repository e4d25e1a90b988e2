"""Sign-out: by the voter on a page, or by a client through Hydra. Both end the session in Kratos."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from identity import forgery, pages
from identity.audit import AuditTrail, Event
from identity.failures import Expired
from identity.hydra_api import Hydra
from identity.kratos_api import Kratos
from identity.self_service import cookie_of
from identity.settings import Settings


class Logout:
    """``/logout``. Nobody is signed out by a link alone, unless a client showed the voter's ID token to Hydra."""

    def __init__(self, settings: Settings, kratos: Kratos, hydra: Hydra, audit: AuditTrail) -> None:
        self._secure = settings.secure_cookies
        self._kratos = kratos
        self._hydra = hydra
        self._audit = audit

    def routes(self) -> list[Route]:
        return [Route("/logout", self.ask, methods=["GET"]), Route("/logout", self.confirm, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        cookie = cookie_of(request)
        words = pages.words_for(request)
        if challenge := request.query_params.get("logout_challenge"):
            asked = await self._hydra.logout_request(challenge)
            if asked.by_client:
                return await self._sign_out(challenge, asked.subject, cookie)
            token = forgery.form_token(request, secure=self._secure)
            answer = pages.page("logout.html", words, challenge=challenge, csrf=token)
            token.set_on(answer)
            return answer
        url = await self._kratos.logout_url(cookie)
        if url is None:
            return pages.notice(words, words("logout.done.title"), words("logout.done.text"), link="/", label=words("continue"))
        # The link holds a token of the session: no other site can make it.
        return pages.notice(words, words("logout.title"), words("logout.text"), link=url, label=words("logout.button"))

    async def confirm(self, request: Request) -> RedirectResponse:
        await forgery.checked_form(request, secure=self._secure)
        challenge = request.query_params.get("logout_challenge")
        if not challenge:
            raise Expired("no logout challenge")
        asked = await self._hydra.logout_request(challenge)
        return await self._sign_out(challenge, asked.subject, cookie_of(request))

    async def _sign_out(self, challenge: str, subject: str, cookie: str) -> RedirectResponse:
        """End this browser's session, which may be a later one than Hydra remembers, then let Hydra end what it knows.

        Somebody else's challenge ends nothing here: it is about another subject.
        """
        session = await self._kratos.session(cookie)
        if session is not None and session.identity_id == subject:
            await self._kratos.revoke(session.id)
            await self._audit.record(Event("identity.signed_out", "success", subject))
        return RedirectResponse(await self._hydra.accept("logout", challenge, {}), status_code=303)
