"""Kratos as this app sees it: sessions, self-service flows, identities."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx

from identity import upstream
from identity.failures import Disabled, Elsewhere, Expired, Failure, Forbidden, Misunderstood
from identity.flows import Flow
from identity.settings import Settings

SERVICE = "Kratos"


@dataclass(frozen=True)
class Identity:
    """A person's account. ``traits`` are the voter's own words, ``metadata_public`` is what the system decided."""

    id: str
    active: bool
    traits: Mapping[str, Any]
    metadata_public: Mapping[str, Any]
    email_verified: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            id=document["id"],
            active=document["state"] == "active",
            traits=document.get("traits") or {},
            metadata_public=document.get("metadata_public") or {},
            email_verified=_email_verified(document),
        )


@dataclass(frozen=True)
class Session:
    """A browser that somebody has signed in with. ``aal`` is the assurance level that was reached: ``aal1`` or ``aal2``."""

    id: str
    identity_id: str
    aal: str
    methods: tuple[str, ...]
    authenticated_at: datetime
    expires_at: datetime
    email_verified: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            id=document["id"],
            identity_id=document["identity"]["id"],
            aal=document["authenticator_assurance_level"],
            methods=tuple(entry["method"] for entry in document.get("authentication_methods") or []),
            authenticated_at=datetime.fromisoformat(document["authenticated_at"]),
            expires_at=datetime.fromisoformat(document["expires_at"]),
            email_verified=_email_verified(document["identity"]),
        )


class Kratos:
    """Both APIs of one Kratos. ``cookie`` is the Cookie header of the visitor's request, as it came.

    Every method raises ``Unanswered`` or ``Misunderstood`` when Kratos does not do its part.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._public = settings.kratos_public_url
        self._admin = settings.kratos_admin_url

    async def session(self, cookie: str) -> Session | None:
        """The visitor's session; ``None`` if there is none or its identity is not active."""
        answer = await self._get(f"{self._public}/sessions/whoami", cookie)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return None
        with upstream.reading(SERVICE):
            return Session.from_json(upstream.document(answer, SERVICE, httpx.codes.OK))

    async def flow(self, kind: str, flow_id: str, cookie: str) -> Flow:
        """A self-service flow of this visitor: ``login``, ``registration``, ``recovery``, ``verification``, ``settings``.

        Raises ``Expired``, ``Forbidden``, and ``Elsewhere`` when the flow needs a session, or a second factor in it.
        """
        answer = await self._get(f"{self._public}/self-service/{kind}/flows", cookie, {"id": flow_id})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Elsewhere(f"{self._public}/self-service/{kind}/browser")
        if answer.status_code == httpx.codes.FORBIDDEN:
            with upstream.reading(SERVICE):
                elsewhere = answer.json().get("redirect_browser_to")
            if isinstance(elsewhere, str) and elsewhere.startswith(f"{self._public}/"):
                raise Elsewhere(elsewhere)
            raise Forbidden(f"the {kind} flow belongs to another browser", kind)
        if answer.is_client_error:
            raise Expired(f"the {kind} flow has expired or never was", kind, _return_to(answer))
        with upstream.reading(SERVICE):
            return Flow.from_json(upstream.document(answer, SERVICE, httpx.codes.OK))

    async def needs_second_factor(self, cookie: str) -> bool:
        """Whether this visitor is signed in, has a second factor, and has not shown it yet: no settings before that."""
        answer = await self._get(f"{self._public}/self-service/settings/browser", cookie)
        return answer.status_code == httpx.codes.FORBIDDEN

    async def webauthn_script(self) -> bytes:
        """The script that talks to passkeys and security keys. The browser runs it only if it is what the flow says it is."""
        answer = await upstream.send(self._client, SERVICE, "GET", f"{self._public}/.well-known/ory/webauthn.js")
        if answer.status_code != httpx.codes.OK:
            raise Misunderstood(f"{SERVICE} answered {answer.status_code} for its script")
        return answer.content

    async def set_metadata(self, identity_id: str, members: Mapping[str, Any]) -> None:
        """Set members of an identity's ``metadata_public``, which must not be empty. What else it says stays as it is.

        Kratos's PATCH knows no condition (only add, remove, replace): what an operator changes in the same instant may be lost.
        """
        changes = [{"op": "add", "path": f"/metadata_public/{name}", "value": value} for name, value in members.items()]
        url = f"{self._admin}/admin/identities/{identity_id}"
        upstream.document(await upstream.send(self._client, SERVICE, "PATCH", url, content=changes), SERVICE, httpx.codes.OK)

    async def logout_url(self, cookie: str) -> str | None:
        """Where this visitor's browser goes to sign out; ``None`` if it is not signed in. It holds a token of the session."""
        answer = await self._get(f"{self._public}/self-service/logout/browser", cookie)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return None
        with upstream.reading(SERVICE):
            return str(upstream.document(answer, SERVICE, httpx.codes.OK)["logout_url"])

    async def identity(self, identity_id: str) -> Identity | None:
        """An identity by its id; ``None`` if it does not exist (any more)."""
        answer = await self._get(f"{self._admin}/admin/identities/{identity_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        with upstream.reading(SERVICE):
            return Identity.from_json(upstream.document(answer, SERVICE, httpx.codes.OK))

    async def revoke(self, session_id: str) -> None:
        """End a session. Ending one that has ended already is no error."""
        answer = await upstream.send(self._client, SERVICE, "DELETE", f"{self._admin}/admin/sessions/{session_id}")
        if answer.is_error and answer.status_code != httpx.codes.NOT_FOUND:
            raise Misunderstood(f"{SERVICE} answered {answer.status_code} to the end of a session")

    async def error(self, error_id: str) -> Failure:
        """What went wrong in a flow, for the page that Kratos then sends the browser to."""
        answer = await self._get(f"{self._public}/self-service/errors", query={"id": error_id})
        if answer.is_client_error:
            return Expired("Kratos does not know this error")
        with upstream.reading(SERVICE):
            code = upstream.document(answer, SERVICE, httpx.codes.OK)["error"].get("code")
        if code == httpx.codes.UNAUTHORIZED:
            return Disabled("Kratos refused an identity that is not active")
        if code == httpx.codes.FORBIDDEN:
            return Forbidden("Kratos refused a form of another browser or without its cookie")
        if code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            return Expired("Kratos does not know a flow (any more)")
        return Misunderstood(f"Kratos stopped a flow with the code {code}")

    async def check_ready(self) -> None:
        """Return if Kratos can serve."""
        upstream.document(await self._get(f"{self._admin}/admin/health/ready"), SERVICE, httpx.codes.OK)

    async def _get(self, url: str, cookie: str = "", query: Mapping[str, str] | None = None) -> httpx.Response:
        return await upstream.send(self._client, SERVICE, "GET", url, query=query, headers={"Cookie": cookie} if cookie else {})


def _email_verified(identity: Mapping[str, Any]) -> bool:
    # Kratos keeps the address to verify in lower case, and the trait as it was typed.
    email = str((identity.get("traits") or {}).get("email")).strip().lower()
    addresses = identity.get("verifiable_addresses") or []
    return any(entry["verified"] is True and str(entry["value"]).lower() == email for entry in addresses)


def _return_to(answer: httpx.Response) -> str | None:
    """Where the flow would have led, which Kratos tells (and has checked) for a browser's flow that has expired."""
    if answer.status_code != httpx.codes.GONE:
        return None
    with upstream.reading(SERVICE):
        return answer.json()["error"].get("details", {}).get("return_to") or None
