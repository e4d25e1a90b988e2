"""Sign-out: by the voter on a page, or by a client through Hydra. Both end the session in Kratos."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from identity import pages
from identity.failures import Expired
from identity.hydra_api import Hydra
from identity.kratos_api import Kratos


class Logout:
    """``/logout``. Nobody is signed out by a link alone, unless a client showed the voter's ID token to Hydra."""

    def __init__(self, kratos: Kratos, hydra: Hydra) -> None:
        self._kratos = kratos
        self._hydra = hydra

    def routes(self) -> list[Route]:
        return [Route("/logout", self.ask, methods=["GET"]), Route("/logout", self.confirm, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        cookie = request.headers.get("cookie", "")
        if challenge := request.query_params.get("logout_challenge"):
            asked = await self._hydra.logout_request(challenge)
            if asked.by_client:
                return await self._sign_out(challenge, asked.subject, cookie)
            return pages.page("logout.html", challenge=challenge)
        url = await self._kratos.logout_url(cookie)
        if url is None:
            return pages.notice("You are signed out", "This browser is not signed in.", label="Continue")
        return pages.notice("Sign out?", "You will have to sign in again before you can vote.", link=url, label="Sign out")

    async def confirm(self, request: Request) -> RedirectResponse:
        challenge = request.query_params.get("logout_challenge")
        if not challenge:
            raise Expired("no logout challenge")
        asked = await self._hydra.logout_request(challenge)
        return await self._sign_out(challenge, asked.subject, request.headers.get("cookie", ""))

    async def _sign_out(self, challenge: str, subject: str, cookie: str) -> RedirectResponse:
        """End this browser's session, which may be a later one than Hydra remembers, then let Hydra end what it knows.

        Somebody else's challenge ends nothing here: it is about another subject.
        """
        session = await self._kratos.session(cookie)
        if session is not None and session.identity_id == subject:
            await self._kratos.revoke(session.id)
        return RedirectResponse(await self._hydra.accept("logout", challenge, {}), status_code=303)
