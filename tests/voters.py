"""Voters of a stack whose accounts are real: their browsers, their mail, what Kratos and PostgreSQL know about them."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from compose.settings import Stack
from compose.voter_browser import Client, Tokens, VoterBrowser
from tests.integration.log_of_votes import eventually

PASSWORD_BYTES = 18


@dataclass
class Voter:
    """Somebody who has not registered yet."""

    email: str = field(default_factory=lambda: f"voter-{secrets.token_hex(6)}@example.org")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(PASSWORD_BYTES))


class Accounts:
    """The accounts of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._environment = stack.environment()
        self.identity = self._environment["IDENTITY_URL"]
        self.kratos = self._environment["KRATOS_PUBLIC_URL"]
        self.hydra = self._environment["HYDRA_PUBLIC_URL"]
        self.kratos_admin = self._environment["KRATOS_ADMIN_URL"]
        self.hydra_admin = self._environment["HYDRA_ADMIN_URL"]
        self.database_url = self._environment["DATABASE_URL"]
        self.redirect_uri = f"{self._environment['WEB_URL']}/post-login"
        self.secret = self._environment["VOTER_APP_CLIENT_SECRET"]

    def browser(self, scope: str = "openid profile email vote:cast") -> VoterBrowser:
        return VoterBrowser(Client(self.hydra, self.redirect_uri, self.secret, scope=scope))

    def registered(self, voter: Voter, browser: VoterBrowser) -> Tokens:
        return browser.register(voter.email, voter.password, "Ada")

    def code(self, email: str, about: str, page_url: str = "") -> str:
        """The code in the newest mail to an address whose subject has these words. Waits for it.

        Registering sends a mail too, at its own time: with the address of the page that asks, it is the code for that page.
        """
        flow = page_url.partition("flow=")[2]
        mails: list[str] = []

        def arrived() -> bool:
            answer = httpx.get(f"{self._environment['MAIL_URL']}/api/mails", params={"to": email})
            texts = [mail["text"] for mail in answer.raise_for_status().json() if about in mail["subject"]]
            mails[:] = [text for text in texts if f"flow={flow}" in text or not flow]
            return bool(mails)

        eventually(arrived, f"a mail about {about!r}", 30)
        found = re.search(r"^(\d{6})\r?$", mails[-1], re.MULTILINE)
        assert found is not None, "the mail has no code"
        return found[1]

    def identity_of(self, sub: str) -> dict[str, Any]:
        content: dict[str, Any] = httpx.get(f"{self.kratos_admin}/admin/identities/{sub}").raise_for_status().json()
        return content

    def change(self, sub: str, path: str, value: object) -> None:
        """What an operator does to an identity."""
        changes = [{"op": "replace", "path": path, "value": value}]
        httpx.patch(f"{self.kratos_admin}/admin/identities/{sub}", json=changes).raise_for_status()

    def delete(self, sub: str) -> None:
        httpx.delete(f"{self.kratos_admin}/admin/identities/{sub}").raise_for_status()

    def events_of(self, sub: str) -> list[tuple[str, str]]:
        """Actions and methods (or what there is in place of one) of the events that wait for the log, oldest first."""
        with psycopg.connect(self.database_url) as connection:
            rows = connection.execute(
                "SELECT action, coalesce(details ->> 'method', actor, '') FROM identity_events"
                " WHERE subject = %s ORDER BY occurred_at",
                [sub],
            )
            return [(action, method) for action, method in rows]
