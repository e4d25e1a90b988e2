import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError

from ingress import vote_log
from ingress.deadlines import MARGIN_SECONDS, Deadlines
from ingress.vote import Vote, encoder
from ingress.vote_log import KafkaVoteLog, NotHandedOver, Undecided, producer_config
from schemas import avro, topics
from tests.fatal_errors import fail_for_good

TOPIC = topics.load("local")["votes-in"]
VOTE = Vote("8a5e", "election-2025-01", "voter-1", "alice", 1_748_779_200_250, 3, "be")
DEADLINES = Deadlines(request_seconds=2, message_seconds=0.3, redis_seconds=0.02, pending_seconds=3)


def kafka_log(on_failure: Callable[[], None] = lambda: None) -> KafkaVoteLog:
    return KafkaVoteLog("127.0.0.1:9", TOPIC, encoder(avro.latest("votes-in"), 7), DEADLINES, on_failure)


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


@pytest.mark.parametrize("jurisdiction", ["be", ""])
def test_a_vote_is_a_record_of_the_contract(jurisdiction: str) -> None:
    schema = avro.latest("votes-in")
    vote = msgspec.structs.replace(VOTE, jurisdiction=jurisdiction)
    read = avro.decode(encoder(schema, 7)(vote), schema.parsed)
    assert read.pop("cast_at").timestamp() * 1000 == vote.cast_at_ms
    assert read == {name: value for name, value in vote.datum().items() if name != "cast_at"}


def test_a_vote_says_all_that_the_contract_asks_for() -> None:
    assert list(VOTE.datum()) == [field["name"] for field in json.loads(avro.latest("votes-in").text)["fields"]]


async def settled(error: KafkaError | None, report: Report) -> asyncio.Future[int]:
    appended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    message: Any = report
    vote_log._settle(appended, error, message)
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


async def test_closing_settles_what_is_outstanding() -> None:
    log = kafka_log()
    await log.open()
    appended = log.append(VOTE)
    await log.close()
    assert isinstance(appended.exception(), Undecided)


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


async def test_a_report_that_never_comes_is_given_up_within_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vote_log, "producer_config", lambda *_: producer_config("127.0.0.1:9", DEADLINES) | {"message.timeout.ms": 60_000}
    )
    log = kafka_log()
    await log.open()
    with pytest.raises(Undecided, match="deadline"):
        await log.append(VOTE)
    log._producer.purge()
    await log.close()


async def test_a_fatal_error_of_the_producer_ends_everything_and_is_told_once() -> None:
    told: list[str] = []
    log = kafka_log(lambda: told.append("failed"))
    await log.open()
    log._reachable = True
    appended = log.append(VOTE)
    assert log.ready
    fail_for_good(log._producer)
    with pytest.raises(Undecided):
        await appended
    assert (log.ready, told) == (False, ["failed"])
    with pytest.raises(NotHandedOver):
        log.append(VOTE)
    await log.close()


async def test_an_error_that_passes_is_no_failure() -> None:
    log = kafka_log(lambda: pytest.fail("not a failure"))
    log._reachable = True
    log._on_error(KafkaError(KafkaError._TRANSPORT, "connection refused"))
    assert log.ready
