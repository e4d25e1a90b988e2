"""The parts that the application is made of, and how the real ones are opened and closed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ingress import metrics as definitions
from ingress import receipt_keys
from ingress.audit import TOPIC as AUDIT_TOPIC
from ingress.audit import AuditLog, KafkaAuditLog
from ingress.ballot_box import BallotBox
from ingress.catalogue import CachedCatalogue, Catalogue
from ingress.clock import Clock, wall_clock_ms
from ingress.denylist import CachedDenylist, Denylist
from ingress.metrics import Metrics
from ingress.receipt import ReceiptSigner
from ingress.record import PostgresRecord, Record
from ingress.redis_cluster import redis_at
from ingress.reservation import RedisReservations, ReservationForm, Reservations
from ingress.results import Results, SharedResults
from ingress.settings import Settings
from ingress.signing_keys import Jwks, SigningKeys
from ingress.stream import ResultsStream
from ingress.tokens import TokenRules, TokenVerifier
from ingress.totals import RedisTotals
from ingress.vote import encoder
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
    denylist: Denylist
    record: Record
    reservations: Reservations
    log: VoteLog
    receipts: ReceiptSigner
    receipt_keys: bytes
    ballot_box: BallotBox
    audit: AuditLog
    results: Results
    stream: ResultsStream

    def readiness(self) -> dict[str, bool]:
        """What it takes to get a vote into the log, and whether it is there."""
        return {
            "log": self.log.ready,
            "keys": self.keys.known,
            "catalogue": self.catalogue.known,
            "denylist": self.denylist.known,
        }


# The second argument is called when a part has failed for good, so that only a new process helps.
OpenParts = Callable[[Settings, Callable[[], None]], AbstractAsyncContextManager[Parts]]


@asynccontextmanager
async def open_parts(settings: Settings, on_failure: Callable[[], None]) -> AsyncIterator[Parts]:
    """The real parts. Raises ``CannotStart`` when the log is not as the contract says or nobody can tell, and without a key for
    receipts.

    Redis, Postgres and Hydra may be away: without them it starts, and ``readiness`` tells.
    """
    deadlines = settings.deadlines
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        try:
            key = receipt_keys.signing_key(settings)
            published_keys = receipt_keys.published(key.public_key(), settings.receipt_keys_file)
        except receipt_keys.KeysUnusable as error:
            raise CannotStart(str(error)) from error
        receipts = ReceiptSigner(key)
        topic, schema_ids = await asyncio.to_thread(check_log, settings)

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

        denylist = CachedDenylist(record, settings.denylist_refresh_seconds)
        stack.push_async_callback(denylist.close)
        await denylist.open()

        redis = redis_at(settings.redis_url, deadlines.redis_seconds)
        # Closed after the log, whose last reports still confirm reservations.
        stack.push_async_callback(redis.close)
        reservations = RedisReservations(redis, ReservationForm(settings.reservation_secret), deadlines.pending_ms)
        await redis.open()
        results = SharedResults(RedisTotals(redis), record, settings.results_refresh_seconds)
        stream = ResultsStream(results, catalogue.find, settings.results_refresh_seconds, settings.stream_listeners)
        stack.callback(stream.stop)

        audit = KafkaAuditLog(
            settings.kafka_bootstrap_servers, avro.encoder(avro.latest(AUDIT_TOPIC), schema_ids[AUDIT_TOPIC]), wall_clock_ms
        )
        stack.push_async_callback(audit.close)
        await audit.open()
        encode = encoder(avro.latest(TOPIC), schema_ids[TOPIC])
        log = KafkaVoteLog(settings.kafka_bootstrap_servers, topic, encode, deadlines, on_failure)
        await log.open()
        stack.push_async_callback(log.close)

        metrics.watch(definitions.LOG_QUEUE, log.queued)
        metrics.watch(definitions.LOG_READY, lambda: float(log.ready))
        metrics.watch(definitions.AUDIT_DROPPED, audit.dropped)
        metrics.watch(definitions.CIRCUIT_OPEN, lambda: float(redis.interrupted))
        metrics.watch(definitions.JWKS_AGE, keys.age_seconds)
        metrics.watch(definitions.CATALOGUE_AGE, catalogue.age_seconds)
        metrics.watch(definitions.DENYLIST_AGE, denylist.age_seconds)
        metrics.watch(definitions.STREAM_LISTENERS, stream.listeners)

        rules = TokenRules(settings.hydra_public_url, settings.clients, settings.token_leeway_seconds)
        yield Parts(
            settings=settings,
            metrics=metrics,
            now_ms=wall_clock_ms,
            keys=keys,
            tokens=TokenVerifier(keys, denylist, rules, time.time, deadlines.wait_seconds),
            catalogue=catalogue,
            denylist=denylist,
            record=record,
            reservations=reservations,
            log=log,
            receipts=receipts,
            receipt_keys=published_keys,
            ballot_box=BallotBox(log, reservations, receipts, deadlines, metrics, wall_clock_ms),
            audit=audit,
            results=results,
            stream=stream,
        )


def check_log(settings: Settings) -> tuple[topics.Topic, dict[str, int]]:
    """The topic of the votes, and the ids of the schemas that are written, by topic. Raises ``CannotStart``.

    Blocks for up to half a minute.
    """
    try:
        topic = topics.load(settings.topics_environment)[TOPIC]
        admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
        topics.check_partitions(admin, [topic])
        topics.check_config(admin, [topic])
        with registry.Registry(settings.schema_registry_url) as client:
            return topic, {name: client.id_of(avro.latest(name)) for name in (TOPIC, AUDIT_TOPIC)}
    except KafkaException as error:
        raise CannotStart(f"Kafka at {settings.kafka_bootstrap_servers} does not answer: {error}") from error
    except (KeyError, topics.TopicMismatch, registry.RegistryUnavailable, registry.SchemaNotRegistered) as error:
        raise CannotStart(str(error)) from error
