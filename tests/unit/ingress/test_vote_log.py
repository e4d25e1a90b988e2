import asyncio
import threading
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError

from ingress import vote_log
from ingress.deadlines import MARGIN_SECONDS, Deadlines
from ingress.vote_log import KafkaVoteLog, NotHandedOver, Undecided, Vote, producer_config
from schemas import avro, topics

TOPIC = topics.load("local")["votes-in"]
VOTE = Vote("8a5e", "election-2025-01", "voter-1", "alice", 1_748_779_200_250, 3)
DEADLINES = Deadlines(request_seconds=2, message_seconds=0.3, pending_seconds=3)


def kafka_log(servers: str = "127.0.0.1:9") -> KafkaVoteLog:
    return KafkaVoteLog(servers, TOPIC, avro.encoder(avro.latest("votes-in"), 7), DEADLINES)


class Report:
    def __init__(self, *timestamp: int) -> None:
        self._timestamp = timestamp

    def timestamp(self) -> tuple[int, ...]:
        return self._timestamp


def test_the_producer_loses_and_reorders_nothing() -> None:
    config = producer_config("kafka:9092", Deadlines())
    assert config["enable.idempotence"] is True
    assert config["acks"] == "all"
    assert config["partitioner"] == "murmur2_random"
    assert config["message.timeout.ms"] == 3000


def test_a_vote_is_a_record_of_the_contract() -> None:
    schema = avro.latest("votes-in")
    read = avro.decode(avro.encoder(schema, 7)(VOTE.datum()), schema.parsed)
    assert read.pop("cast_at").timestamp() * 1000 == VOTE.cast_at_ms
    assert read == {name: value for name, value in VOTE.datum().items() if name != "cast_at"}


async def settled(error: KafkaError | None, report: Report) -> asyncio.Future[int]:
    log = kafka_log()
    appended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    message: Any = report
    log._on_delivery(appended, error, message)
    vote_log._settle(log._batch)
    return appended


async def test_a_report_gives_the_append_time() -> None:
    assert await (await settled(None, Report(TIMESTAMP_LOG_APPEND_TIME, 42))) == 42


async def test_a_failed_report_leaves_the_vote_undecided() -> None:
    with pytest.raises(Undecided, match="_MSG_TIMED_OUT"):
        await (await settled(KafkaError(KafkaError._MSG_TIMED_OUT), Report(TIMESTAMP_LOG_APPEND_TIME, 42)))


async def test_an_acknowledgement_without_an_append_time_cannot_be_in_time() -> None:
    with pytest.raises(Undecided, match="append time"):
        await (await settled(None, Report(TIMESTAMP_CREATE_TIME, 42)))


async def test_a_broker_that_is_away_leaves_the_vote_undecided_within_the_message_time_out() -> None:
    log = kafka_log()
    await log.open()
    assert not log.ready
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(Undecided):
        await log.append(VOTE)
    assert loop.time() - started < DEADLINES.message_seconds + MARGIN_SECONDS
    await log.close()


async def test_closing_settles_what_is_outstanding_and_ends_the_thread() -> None:
    log = kafka_log()
    await log.open()
    appended = log.append(VOTE)
    await log.close()
    assert isinstance(appended.exception(), Undecided)
    assert not [thread for thread in threading.enumerate() if thread.name == "vote-log"]


async def test_a_full_queue_refuses_the_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vote_log, "producer_config", lambda *_: producer_config("127.0.0.1:9", DEADLINES) | {"queue.buffering.max.messages": 1}
    )
    log = kafka_log()
    await log.open()
    first = log.append(VOTE)
    with pytest.raises(NotHandedOver):
        log.append(VOTE)
    await log.close()
    assert isinstance(first.exception(), Undecided)


async def test_after_a_fatal_error_nothing_is_taken() -> None:
    log = kafka_log()
    log._reachable = True
    errors = [KafkaError(KafkaError._TRANSPORT, "connection refused"), KafkaError(KafkaError._FATAL, "fenced", fatal=True)]
    ready = []
    for error in errors:
        log._on_error(error)
        ready.append(log.ready)
    assert ready == [True, False]
    with pytest.raises(NotHandedOver):
        log.append(VOTE)
