"""Signing in with Hydra: OpenID Connect's code flow with PKCE (RFC 7636), as a confidential client.

authlib makes and checks what the protocols say, joserfc checks signatures, httpx does the talking.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from schemas.ids import VOTER_SUB
from web import upstream
from web.failures import Misunderstood, SignInFailed
from web.settings import Settings

SERVICE = "Hydra"
# No e-mail, no name: the application has no use for either.
SCOPE = "openid vote:cast"
ALGORITHMS = ["RS256"]
# Between the clocks of two machines.
LEEWAY_SECONDS = 30


@dataclass(frozen=True)
class Attempt:
    """What must not be known to anybody else until the code is redeemed. One for each sign-in that is begun."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """``life_seconds`` is how long the access token is good for."""

    sub: str
    locale: str | None
    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    life_seconds: int


class Provider:
    """Hydra as its client sees it. Every method raises ``Unanswered`` or ``Misunderstood`` when Hydra does not do its part."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client
        self._metadata: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None

    async def authorization_url(self, attempt: Attempt, **asked: str) -> str:
        """Where to send the browser. ``asked`` are further parameters of OpenID Connect (``prompt``, ``acr_values``)."""
        more = {
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
            **asked,
        }
        return str(
            prepare_grant_uri(
                await self._endpoint("authorization_endpoint"),
                client_id=self._settings.client_id,
                response_type="code",
                redirect_uri=self._settings.redirect_uri,
                scope=SCOPE,
                **more,
            )
        )

    async def redeem(self, code: str, attempt: Attempt) -> Tokens:
        """Exchange a code for tokens. Raises ``SignInFailed`` if the code, or what comes for it, is not this attempt's."""
        # Encoded before they are joined (RFC 6749 2.3.1).
        credentials = (quote_plus(self._settings.client_id), quote_plus(self._settings.client_secret))
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        url = await self._endpoint("token_endpoint")
        answer = await upstream.send(self._client, SERVICE, "POST", url, data=form, auth=credentials)
        content = upstream.document(answer, SERVICE)
        if answer.status_code == httpx.codes.BAD_REQUEST and content.get("error") == "invalid_grant":
            raise SignInFailed("not-valid", "Hydra refused the code")
        if answer.status_code != httpx.codes.OK:
            raise Misunderstood(f"Hydra answered {answer.status_code} to a code: {str(content.get('error'))[:40]!r}")
        with upstream.reading(SERVICE):
            access_token, id_token = str(content["access_token"]), str(content["id_token"])
            life_seconds = int(content["expires_in"])
        claims = await self._checked(id_token, access_token, attempt.nonce)
        locale = claims.get("locale")
        return Tokens(claims["sub"], locale if isinstance(locale, str) else None, access_token, id_token, life_seconds)

    async def logout_url(self, id_token: str) -> str:
        """Where to send the browser to end its sessions with Hydra and Kratos; Hydra leads back to the first page.

        The ID token passes through the browser, as OpenID Connect RP-Initiated Logout has it. It opens nothing: the voting API
        refuses it, and it holds neither a name nor an address.
        """
        query = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": f"{self._settings.web_url}/"})
        return f"{await self._endpoint('end_session_endpoint')}?{query}"

    async def check(self) -> None:
        """Return if a sign-in can be begun."""
        await self._endpoint("authorization_endpoint")

    async def _endpoint(self, name: str) -> str:
        if self._metadata is None:
            issuer = self._settings.hydra_public_url
            answer = await upstream.send(self._client, SERVICE, "GET", f"{issuer}/.well-known/openid-configuration")
            if answer.status_code != httpx.codes.OK:
                raise Misunderstood(f"Hydra answered {answer.status_code} to discovery")
            content = upstream.document(answer, SERVICE)
            if content.get("issuer") != issuer:
                raise Misunderstood("Hydra is another issuer than HYDRA_PUBLIC_URL")
            self._metadata = content
        with upstream.reading(SERVICE):
            return str(self._metadata[name])

    async def _checked(self, id_token: str, access_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 3.1.3.7 and 3.1.3.8). Raises ``SignInFailed``."""
        try:
            token = await self._verified(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self._settings.hydra_public_url},
                    "aud": {"essential": True, "value": self._settings.client_id},
                },
                params={"nonce": nonce, "client_id": self._settings.client_id, "access_token": access_token},
            )
            claims.validate(int(time.time()), LEEWAY_SECONDS)
        except (JoseError, AuthlibBaseError, ValueError, TypeError) as error:
            raise SignInFailed("not-valid", f"the ID token is not valid: {type(error).__name__}") from None
        sub = claims["sub"]
        if not isinstance(sub, str) or not VOTER_SUB.fullmatch(sub):
            raise SignInFailed("not-valid", "the ID token's sub is no voter's")
        return dict(claims)

    async def _verified(self, id_token: str) -> jwt.Token:
        if self._keys is not None:
            try:
                return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                pass  # perhaps signed with a key that is new
        answer = await upstream.send(self._client, SERVICE, "GET", await self._endpoint("jwks_uri"))
        with upstream.reading(SERVICE):
            self._keys = KeySet.import_key_set(upstream.document(answer, SERVICE))  # type: ignore[arg-type]
        return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
