"""Signing in with Hydra and out again. The browser gets a new id with it, so that one that was planted in it stays worthless."""

import logging
import secrets
import time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from web.choices import Choices
from web.failures import Failure, SignInFailed
from web.pages import Pages
from web.provider import Attempt, Provider
from web.vault import Vault
from web.visit import IDLE_SECONDS, SESSION, Session, Visit, drop_cookie, own_page, set_cookie

SIGN_IN = "sign-in"
# As long as Hydra waits for a sign-in (identity/hydra/hydra.yaml: ttl.login_consent_request).
ATTEMPT_SECONDS = 1800
SIGNED_OUT_NOTE_SECONDS = 300

log = logging.getLogger(__name__)


class SignIn:
    """``/sign-in``, ``/sign-in/second-factor``, ``/register``, ``/post-login`` and ``/sign-out``."""

    def __init__(self, pages: Pages, vault: Vault, provider: Provider, choices: Choices) -> None:
        self._pages = pages
        self._vault = vault
        self._provider = provider
        self._choices = choices

    def routes(self) -> list[Route]:
        return [
            Route("/sign-in", self.begin),
            Route("/sign-in/second-factor", self.step_up),
            Route("/register", self.register),
            Route("/post-login", self.finish),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """``?next=`` is the page to come back to."""
        return await self._begin(request)

    async def step_up(self, request: Request) -> Response:
        """As signing in, with a second factor. Whether there was one, the access token says, and the voting API decides."""
        return await self._begin(request, acr_values="aal2")

    async def register(self, request: Request) -> Response:
        """As signing in, but Hydra leads to the page where an account is made."""
        return await self._begin(request, prompt="registration")

    async def _begin(self, request: Request, **asked: str) -> Response:
        visit = await self._pages.visit(request)
        attempt = Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))
        url = await self._provider.authorization_url(attempt, **asked)
        content = {"nonce": attempt.nonce, "verifier": attempt.verifier, "next": own_page(request.query_params.get("next"))}
        await self._vault.put(visit.browser, SIGN_IN, content, ATTEMPT_SECONDS, attempt.state)
        visit.needs_cookie()
        return self._pages.go(visit, url)

    async def finish(self, request: Request) -> Response:
        """Where Hydra leads back to. A code is redeemed only for a sign-in that this browser began here, and only once."""
        visit = await self._pages.visit(request)
        state = request.query_params.get("state", "")
        began = await self._vault.take(visit.browser, SIGN_IN, state) if visit.known and state else None
        if began is None:
            # Also after going back to a sign-in that is done, or after opening its address again.
            raise SignInFailed("not-started-here", "a sign-in came back that was not begun in this browser, or came back twice")
        code = request.query_params.get("code")
        try:
            if not code:
                error = request.query_params.get("error", "")
                reason = "denied" if error == "access_denied" else "not-valid"
                raise SignInFailed(reason, "Hydra sent no code but an error")
            tokens = await self._provider.redeem(code, Attempt(state, began["nonce"], began["verifier"]))
        except Failure as failure:
            failure.begin_again_at = sign_in_path(began["next"])
            raise
        return await self._signed_in(visit, Session.of(tokens, time.time()), began["next"])

    async def _signed_in(self, visit: Visit, session: Session, path: str) -> Response:
        former = visit.become_new()
        await self._vault.put(visit.browser, SESSION, session.content(), IDLE_SECONDS)
        await self._choices.carry(former, visit.browser, session.sub)
        await self._vault.forget(former, SESSION)
        return self._pages.go(visit, path)

    async def sign_out(self, request: Request) -> Response:
        """End the session here, then lead to where Hydra and Kratos end theirs."""
        visit = await self._pages.visit(request)
        await visit.form()
        session = visit.session
        url, note = "/", "signed-out"
        if session is not None:
            await self._vault.forget(visit.browser, SESSION)
            try:
                url = await self._provider.logout_url(session.id_token)
            except Failure as failure:
                log.warning("signed out here only: %s", failure)
                note = "signed-out-here"
        response = RedirectResponse(url, 303)
        drop_cookie(self._pages.settings, response, "voting")
        set_cookie(self._pages.settings, response, "voting-note", note, SIGNED_OUT_NOTE_SECONDS)
        return response


def sign_in_path(next_page: str, begin: str = "/sign-in") -> str:
    """The address that begins a sign-in which comes back to this page."""
    return f"{begin}?{urlencode({'next': next_page})}"
