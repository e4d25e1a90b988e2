"""Schemas of writers by registry id, for code that must tell "this id does not exist" from "the registry cannot say now"."""

import time
from collections.abc import Callable

from fastavro.types import Schema

from schemas.registry import Registry, RegistryUnavailable

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
# Then the caller's task fails and its restart asks again: a task that waits for ever can be neither checkpointed nor stopped.
PATIENCE_SECONDS = 30.0


class PatientRegistry:
    """Looks writer schemas up, again and again while the registry is away. Blocking; opens its client at the first look-up."""

    def __init__(
        self,
        url: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._sleep = sleep
        self._clock = clock
        self._registry: Registry | None = None

    def writer_schema(self, schema_id: int) -> Schema:
        """The schema of an id. What is found is kept for ever.

        Raises ``SchemaNotRegistered`` if the registry says that there is no such id, and ``RegistryUnavailable`` once it has
        not answered for ``PATIENCE_SECONDS``.
        """
        if self._registry is None:
            self._registry = Registry(self._url)
        give_up_at = self._clock() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._registry.schema_by_id(schema_id)
            except RegistryUnavailable:
                if self._clock() + pause > give_up_at:
                    raise
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        if self._registry is not None:
            self._registry.close()
