"""What the ingress keeps of the record in memory: read about every second, served as last seen while Postgres is away."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod

from ingress.postgres import RecordUnavailable

logger = logging.getLogger(__name__)


class KeptFresh(ABC):
    """Base of a part that reads itself again and again. ``open`` does not fail when the record is away: it goes on trying.

    A change is seen within ``refresh_seconds`` and one read, which ``ingress.postgres.QUERY_SECONDS`` bounds.
    """

    # How the part is called in the log.
    what = ""

    def __init__(self, refresh_seconds: float) -> None:
        self._refresh_seconds = refresh_seconds
        self._refresh: asyncio.Task[None] | None = None
        self._last_start = float("-inf")
        self._last_success: float | None = None
        self._away = False

    @abstractmethod
    async def _read(self) -> None:
        """Read once, and keep what was read. Raises ``RecordUnavailable``."""

    @property
    def known(self) -> bool:
        """Whether it has been read at all."""
        return self._last_success is not None

    def age_seconds(self) -> float:
        """Since it was last compared with the record; NaN if it never was."""
        return float("nan") if self._last_success is None else time.monotonic() - self._last_success

    async def open(self) -> None:
        await self.refresh()
        self._refresh = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)

    async def refresh(self) -> None:
        """Read once. Never raises because the record is away."""
        self._last_start = time.monotonic()
        try:
            await self._read()
        except RecordUnavailable as error:
            if not self._away:
                logger.warning("the %s cannot be read: %s", self.what, error)
            self._away = True
            return
        if self._away:
            logger.info("the %s can be read again", self.what)
        self._away = False
        # What is known is as old as the question, not as the answer.
        self._last_success = self._last_start

    async def _keep_fresh(self) -> None:
        while True:
            # From start to start: the time that a read takes does not come on top of the time between two.
            await asyncio.sleep(max(0.0, self._last_start + self._refresh_seconds - time.monotonic()))
            await self.refresh()
