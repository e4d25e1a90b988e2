"""The parts that the application is made of, and how the real ones are opened and closed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from redis.asyncio import Redis

from ingress import metrics as definitions
from ingress.ballot_box import BallotBox
from ingress.breaker import CircuitBreaker
from ingress.catalogue import CachedCatalogue, Catalogue
from ingress.clock import Clock, wall_clock_ms
from ingress.metrics import Metrics
from ingress.record import PostgresRecord, Record
from ingress.redis_batches import RedisBatches
from ingress.reservation import RedisReservations, Reservations
from ingress.results import Results, SharedResults
from ingress.settings import Settings
from ingress.signing_keys import Jwks, SigningKeys
from ingress.stream import ResultsStream
from ingress.tokens import TokenRules, TokenVerifier
from ingress.totals import RedisTotals
from ingress.vote_log import TOPIC, KafkaVoteLog, VoteLog
from schemas import avro, registry, topics


class CannotStart(Exception):
    """Something that votes need is missing or not as the contracts say. Put it right and start again."""


@dataclass(frozen=True)
class Parts:
    settings: Settings
    metrics: Metrics
    now_ms: Clock
    keys: SigningKeys
    tokens: TokenVerifier
    catalogue: Catalogue
    record: Record
    reservations: Reservations
    log: VoteLog
    ballot_box: BallotBox
    results: Results
    stream: ResultsStream

    def readiness(self) -> dict[str, bool]:
        """What it takes to get a vote into the log, and whether it is there."""
        return {"log": self.log.ready, "keys": self.keys.known, "catalogue": self.catalogue.known}


OpenParts = Callable[[Settings], AbstractAsyncContextManager[Parts]]


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """The real parts. Raises ``CannotStart`` when the log is not as the contract says or nobody can tell.

    Redis, Postgres and Hydra may be away: without them it starts, and ``readiness`` tells.
    """
    deadlines = settings.deadlines
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        topic, schema_id = await asyncio.to_thread(check_log, settings)

        client = await stack.enter_async_context(httpx.AsyncClient())
        keys = Jwks(settings.jwks_url, client, settings.jwks_refresh_seconds)
        stack.push_async_callback(keys.close)
        await keys.open()

        record = PostgresRecord(settings.database_url)
        stack.push_async_callback(record.close)
        await record.open()
        catalogue = CachedCatalogue(record, settings.catalogue_refresh_seconds)
        stack.push_async_callback(catalogue.close)
        await catalogue.open()

        redis = redis_client(settings)
        stack.push_async_callback(redis.aclose)
        breaker = CircuitBreaker(time.monotonic)
        batches = RedisBatches(redis, deadlines.redis_seconds, breaker)
        stack.push_async_callback(batches.close)
        await batches.open()
        reservations = RedisReservations(batches, deadlines.pending_ms)
        results = SharedResults(RedisTotals(redis), record, settings.results_refresh_seconds)
        stream = ResultsStream(results, catalogue.find, settings.results_refresh_seconds, settings.stream_listeners)
        stack.callback(stream.stop)

        log = KafkaVoteLog(settings.kafka_bootstrap_servers, topic, avro.encoder(avro.latest(TOPIC), schema_id), deadlines)
        ballot_box = BallotBox(log, reservations, deadlines, metrics, wall_clock_ms)
        # Closed after the log, whose last reports still confirm reservations.
        stack.push_async_callback(ballot_box.close)
        await log.open()
        stack.push_async_callback(log.close)

        metrics.watch(definitions.LOG_QUEUE, log.queued)
        metrics.watch(definitions.LOG_READY, lambda: float(log.ready))
        metrics.watch(definitions.CIRCUIT_OPEN, lambda: float(breaker.open))
        metrics.watch(definitions.JWKS_AGE, keys.age_seconds)
        metrics.watch(definitions.CATALOGUE_AGE, catalogue.age_seconds)
        metrics.watch(definitions.STREAM_LISTENERS, stream.listeners)

        rules = TokenRules(settings.hydra_public_url, settings.clients, settings.token_leeway_seconds)
        yield Parts(
            settings=settings,
            metrics=metrics,
            now_ms=wall_clock_ms,
            keys=keys,
            tokens=TokenVerifier(keys, rules, time.time),
            catalogue=catalogue,
            record=record,
            reservations=reservations,
            log=log,
            ballot_box=ballot_box,
            results=results,
            stream=stream,
        )


def check_log(settings: Settings) -> tuple[topics.Topic, int]:
    """The topic of the votes and the id of its schema. Blocks for up to half a minute. Raises ``CannotStart``."""
    try:
        topic = topics.load(settings.topics_environment)[TOPIC]
        admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
        topics.check_partitions(admin, [topic])
        topics.check_config(admin, [topic])
        with registry.Registry(settings.schema_registry_url) as client:
            return topic, client.id_of(avro.latest(TOPIC))
    except KafkaException as error:
        raise CannotStart(f"Kafka at {settings.kafka_bootstrap_servers} does not answer: {error}") from error
    except (KeyError, topics.TopicMismatch, registry.RegistryUnavailable, registry.SchemaNotRegistered) as error:
        raise CannotStart(str(error)) from error


def redis_client(settings: Settings) -> Redis:
    """A client that connects when it is first used. Whoever asks it bounds the time."""
    client: Redis = Redis.from_url(settings.redis_url, decode_responses=True)
    return client
