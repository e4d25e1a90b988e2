"""Hydra as this app sees it: login, consent and logout requests, OAuth2 clients, discovery."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from identity import upstream
from identity.failures import Expired, Misunderstood
from identity.settings import Settings

SERVICE = "Hydra"
# How Hydra answers depends on how the challenge went bad: expired, unknown, in conflict with what was decided before, used up.
_BAD_CHALLENGE = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND, httpx.codes.CONFLICT, httpx.codes.GONE})


class PairwiseSubjects(Exception):
    """Hydra would give one person several subjects, and so several votes. Correct its configuration before anything starts."""


@dataclass(frozen=True)
class LoginRequest:
    """A client wants to know who the visitor is. ``prompt`` and ``max_age_seconds`` are what OpenID Connect Core 3.1.2.1 says.

    ``second_factor``: it asks for ``acr_values=aal2``. OpenID Connect lets a provider pass over that; here it is kept.
    """

    prompt: frozenset[str]
    max_age_seconds: int | None
    second_factor: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        query = parse_qs(urlsplit(document["request_url"]).query)
        max_age = query.get("max_age", [""])[0]
        return cls(
            prompt=frozenset(query.get("prompt", [""])[0].split()),
            max_age_seconds=int(max_age) if max_age.isascii() and max_age.isdigit() else None,
            second_factor="aal2" in query.get("acr_values", [""])[0].split(),
        )


@dataclass(frozen=True)
class ConsentRequest:
    """A client wants tokens about ``subject``. ``context`` is what the accepted login carried along."""

    subject: str
    client_id: str
    client_name: str
    first_party: bool
    scopes: tuple[str, ...]
    context: Mapping[str, Any]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        client = document["client"]
        return cls(
            subject=document["subject"],
            client_id=client["client_id"],
            client_name=client.get("client_name") or client["client_id"],
            first_party=client.get("skip_consent") is True,
            scopes=tuple(document.get("requested_scope") or []),
            context=document.get("context") or {},
        )


@dataclass(frozen=True)
class LogoutRequest:
    """Somebody wants ``subject`` signed out. ``by_client`` if a client proved with an ID token that it may ask."""

    subject: str
    by_client: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(subject=document["subject"], by_client=document.get("rp_initiated") is True)


class Hydra:
    """The admin API of one Hydra, and its discovery document.

    A challenge that is unknown, too old or used up raises ``Expired``. Every method raises ``Unanswered`` or ``Misunderstood``
    when Hydra does not do its part. Accepting and rejecting return the URL to send the browser to.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._public = settings.hydra_public_url
        self._admin = settings.hydra_admin_url

    async def login_request(self, challenge: str) -> LoginRequest:
        document = await self._request("login", challenge)
        with upstream.reading(SERVICE):
            return LoginRequest.from_json(document)

    async def consent_request(self, challenge: str) -> ConsentRequest:
        document = await self._request("consent", challenge)
        with upstream.reading(SERVICE):
            return ConsentRequest.from_json(document)

    async def logout_request(self, challenge: str) -> LogoutRequest:
        document = await self._request("logout", challenge)
        with upstream.reading(SERVICE):
            return LogoutRequest.from_json(document)

    async def accept(self, kind: str, challenge: str, content: Mapping[str, Any]) -> str:
        """Accept a request (``login``, ``consent``, ``logout``)."""
        return await self._answer(kind, challenge, "accept", content)

    async def reject(self, kind: str, challenge: str, error: str, description: str) -> str:
        """Reject a request with an OAuth2 error code. The client sees both the code and the description."""
        return await self._answer(kind, challenge, "reject", {"error": error, "error_description": description})

    async def apply_client(self, client: Mapping[str, Any]) -> bool:
        """Create an OAuth2 client or make an existing one like this. Returns whether it is new."""
        url = f"{self._admin}/admin/clients/{client['client_id']}"
        answer = await upstream.send(self._client, SERVICE, "PUT", url, content=client)
        if answer.status_code == httpx.codes.OK:
            return False
        if answer.status_code != httpx.codes.NOT_FOUND:
            raise Misunderstood(f"{SERVICE} refused the client {client['client_id']}: {answer.status_code} {answer.text}")
        answer = await upstream.send(self._client, SERVICE, "POST", f"{self._admin}/admin/clients", content=client)
        upstream.document(answer, SERVICE, httpx.codes.CREATED)
        return True

    async def keys(self, key_set: str) -> list[dict[str, Any]]:
        """The private keys (JWK) of a set, the newest first; Hydra signs with that one. Empty if there is no such set."""
        answer = await upstream.send(self._client, SERVICE, "GET", f"{self._admin}/admin/keys/{key_set}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        with upstream.reading(SERVICE):
            return [dict(key) for key in upstream.document(answer, SERVICE, httpx.codes.OK)["keys"] or []]

    async def add_key(self, key_set: str, key: Mapping[str, Any]) -> None:
        """Put a key into a set, as its newest."""
        url = f"{self._admin}/admin/keys/{key_set}/{key['kid']}"
        upstream.document(await upstream.send(self._client, SERVICE, "PUT", url, content=key), SERVICE, httpx.codes.OK)

    async def make_key(self, key_set: str) -> None:
        """Have Hydra make an RS256 key (RSA, 4096 bits) in a set, as its newest."""
        url = f"{self._admin}/admin/keys/{key_set}"
        content = {"alg": "RS256", "use": "sig", "kid": ""}
        answer = await upstream.send(self._client, SERVICE, "POST", url, content=content)
        upstream.document(answer, SERVICE, httpx.codes.CREATED)

    async def drop_key(self, key_set: str, kid: str) -> None:
        """Take a key out of a set. One that is not there is no error."""
        answer = await upstream.send(self._client, SERVICE, "DELETE", f"{self._admin}/admin/keys/{key_set}/{kid}")
        if answer.is_error and answer.status_code != httpx.codes.NOT_FOUND:
            raise Misunderstood(f"{SERVICE} answered {answer.status_code} to the removal of a key")

    async def check_subject_types(self) -> None:
        """Raise ``PairwiseSubjects`` unless every client is given the same subject for the same person."""
        answer = await upstream.send(self._client, SERVICE, "GET", f"{self._public}/.well-known/openid-configuration")
        with upstream.reading(SERVICE):
            types = upstream.document(answer, SERVICE, httpx.codes.OK)["subject_types_supported"]
        if types != ["public"]:
            raise PairwiseSubjects(
                f"Hydra's subject types are {types}: oidc.subject_identifiers.supported_types must be [public]"
            )

    async def check_ready(self) -> None:
        """Return if Hydra can serve."""
        answer = await upstream.send(self._client, SERVICE, "GET", f"{self._admin}/health/ready")
        upstream.document(answer, SERVICE, httpx.codes.OK)

    async def _request(self, kind: str, challenge: str) -> dict[str, Any]:
        url = f"{self._admin}/admin/oauth2/auth/requests/{kind}"
        answer = await upstream.send(self._client, SERVICE, "GET", url, query={f"{kind}_challenge": challenge})
        return self._unless_expired(kind, answer)

    async def _answer(self, kind: str, challenge: str, verdict: str, content: Mapping[str, Any]) -> str:
        url = f"{self._admin}/admin/oauth2/auth/requests/{kind}/{verdict}"
        answer = await upstream.send(self._client, SERVICE, "PUT", url, query={f"{kind}_challenge": challenge}, content=content)
        with upstream.reading(SERVICE):
            return str(self._unless_expired(kind, answer)["redirect_to"])

    def _unless_expired(self, kind: str, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code in _BAD_CHALLENGE:
            raise Expired(f"{SERVICE} answered {answer.status_code} to a {kind} challenge")
        return upstream.document(answer, SERVICE, httpx.codes.OK)
