"""Emergency revocation: whose votes are refused at once, whatever their token says.

Kept in memory, so that every vote can ask; refreshed about every second, served as last seen while Postgres is away.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ingress.clock import Clock, wall_clock_ms
from ingress.kept_fresh import KeptFresh

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeniedEntries:
    """What the denylist holds: each value with the end of its denial, in milliseconds since the epoch, infinite if there is none.

    ``change_id`` names the change of the denylist after which these were its entries.
    """

    change_id: str
    subjects: Mapping[str, float]
    tokens: Mapping[str, float]
    clients: Mapping[str, float]


class DenylistRecord(Protocol):
    """The part of the record that this needs."""

    async def denied(self, known_change_id: str | None) -> DeniedEntries | None:
        """Every entry that has not expired, or ``None`` if nothing has changed since ``known_change_id``.

        Raises ``RecordUnavailable``.
        """


class Denylist(Protocol):
    @property
    def known(self) -> bool:
        """Whether it has been read at all. Until then nothing is denied, and nobody can say that nothing should be."""

    def denies(self, subject: str, token_id: str | None, client_id: str) -> bool:
        """Whether a token of this subject, with this id (``jti``), issued to this client is to be refused now. Never blocks."""

    def age_seconds(self) -> float:
        """Since it was last compared with the record; NaN if it never was."""


class CachedDenylist(KeptFresh):
    """A change takes effect within ``refresh_seconds`` and one read: 1 s + 1 s = 2 s.

    An entry that expires stops denying by itself, by the clock of this process.
    """

    what = "denylist"

    def __init__(self, record: DenylistRecord, refresh_seconds: float, now_ms: Clock = wall_clock_ms) -> None:
        super().__init__(refresh_seconds)
        self._record = record
        self._now_ms = now_ms
        self._entries = DeniedEntries("", {}, {}, {})

    def denies(self, subject: str, token_id: str | None, client_id: str) -> bool:
        entries = self._entries
        # What every vote of an honest voter passes. The clock is read only for those who are on the list.
        if subject not in entries.subjects and token_id not in entries.tokens and client_id not in entries.clients:
            return False
        now_ms = self._now_ms()
        return (
            entries.subjects.get(subject, 0.0) > now_ms
            or (token_id is not None and entries.tokens.get(token_id, 0.0) > now_ms)
            or entries.clients.get(client_id, 0.0) > now_ms
        )

    async def _read(self) -> None:
        read = await self._record.denied(self._entries.change_id if self.known else None)
        if read is not None:
            self._entries = read
            sizes = (len(read.subjects), len(read.tokens), len(read.clients))
            logger.info("the denylist has changed: %d subjects, %d tokens, %d clients", *sizes)
