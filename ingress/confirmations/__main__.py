"""Confirm reservations as ``votes-unique`` says, and bring back those that Redis lost: ``python -m ingress.confirmations``.

A process of its own; several share the partitions among them. It waits for Kafka, Redis, PostgreSQL and the schema registry while
they are away. SIGTERM: finishes its batch, notes its progress, exits with 0. When the consumer has failed for good it exits with
1, for its supervisor to start it anew.
"""

import asyncio
import logging.config
import os
import sys
import time
from contextlib import AsyncExitStack

from ingress.catalogue import CachedCatalogue
from ingress.clock import wall_clock_ms
from ingress.confirmations.following import Confirmations
from ingress.confirmations.known_elections import KnownElections
from ingress.confirmations.marks import RedisMarks
from ingress.confirmations.metrics import ConfirmationMetrics
from ingress.confirmations.probes import probes
from ingress.confirmations.unique_votes import KafkaUniqueVotes, LogFailed
from ingress.logs import CONFIG
from ingress.record import PostgresRecord
from ingress.redis_cluster import redis_at
from ingress.reservation import RedisReservations, ReservationForm
from ingress.settings import Settings, SettingsError
from ingress.stopping import on_stop
from schemas.registry import Registry

# Nobody waits for this process: it can afford to wait for a Redis that is busy. A batch takes milliseconds.
REDIS_SECONDS = 2.0

logger = logging.getLogger("ingress.confirmations")


async def confirm(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises ``LogFailed``, and ``OSError`` when the port of the probes is taken."""
    stopping = asyncio.Event()
    on_stop(stopping.set)
    async with AsyncExitStack() as stack:
        record = PostgresRecord(settings.database_url)
        stack.push_async_callback(record.close)
        await record.open()
        catalogue = CachedCatalogue(record, settings.catalogue_refresh_seconds)
        stack.push_async_callback(catalogue.close)
        await catalogue.open()

        redis = redis_at(settings.redis_url, REDIS_SECONDS)
        stack.push_async_callback(redis.close)
        reservations = RedisReservations(redis, ReservationForm(settings.reservation_secret), settings.deadlines.pending_ms)
        marks = RedisMarks(redis)
        await redis.open()

        registry = stack.enter_context(Registry(settings.schema_registry_url))
        log = KafkaUniqueVotes(settings.kafka_bootstrap_servers, registry.schema_by_id)
        await log.open()
        stack.push_async_callback(log.close)

        metrics = ConfirmationMetrics()
        confirmations = Confirmations(log, reservations, marks, KnownElections(catalogue), metrics, wall_clock_ms, time.monotonic)
        stack.enter_context(
            probes(settings.host, settings.confirm_metrics_port, lambda: confirmations.following, metrics.registry)
        )
        await confirmations.follow(stopping)


def main() -> int:
    logging.config.dictConfig(CONFIG)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        logger.critical("reservations cannot be confirmed: %s", error)
        return 2
    try:
        asyncio.run(confirm(settings))
    except (LogFailed, OSError) as error:
        logger.critical("reservations are no longer confirmed: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
