"""What happened to identities, for the topic ``audit-log``: registrations, sign-ins, recoveries, changes, consents.

An event is written to the table ``identity_events``, so that neither an absent Kafka nor the death of this process loses it;
``identity.audit_log`` carries it on. It holds no address, no name, no credential.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
from psycopg_pool import AsyncConnectionPool

from identity.failures import Unanswered

log = logging.getLogger(__name__)
# A sign-in waits for its event no longer than this.
RECORD_SECONDS = 2.0


@dataclass(frozen=True)
class Event:
    """``outcome`` is success, refused or failure; ``subject`` whom it is about; ``actor`` who did it, if that is another."""

    action: str
    outcome: str
    subject: str
    actor: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class AuditTrail(Protocol):
    async def store(self, event: Event) -> None:
        """Keep an event. Raises ``Unanswered`` if it could not be kept: tell it again."""

    async def record(self, event: Event) -> None:
        """Keep an event if that is possible now. Never fails and takes a limited time: no sign-in depends on it."""


class PostgresAuditTrail:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def store(self, event: Event) -> None:
        try:
            async with asyncio.timeout(RECORD_SECONDS), self._pool.connection() as connection:
                await connection.execute(
                    "INSERT INTO identity_events (action, outcome, subject, actor, details) VALUES (%s, %s, %s, %s, %s)",
                    [event.action, event.outcome, event.subject, event.actor, json.dumps(dict(event.details))],
                )
        except (psycopg.Error, TimeoutError) as error:
            raise Unanswered(f"an event cannot be kept: {type(error).__name__}") from error

    async def record(self, event: Event) -> None:
        try:
            await self.store(event)
        except Unanswered as failure:
            log.error("lost from the audit log: %s: %s", event.action, failure)  # noqa: TRY400 (nothing a traceback would tell)
