"""Publishing carries every version, can be repeated, and never claims what is not acknowledged."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import KafkaError

from elections import election_file, publication
from elections.election import Status, Version
from schemas import avro
from schemas.registry import Registry

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
DEMO = election_file.read(Path(election_file.__file__).parent / "demo" / "election-2025-01.yaml")
VERSIONS = [Version(DEMO, 1, Status.DRAFT, NOON, "ada"), Version(DEMO, 2, Status.OPEN, NOON, "ben")]


class FakeProducer:
    """Keeps records, and reports the given error, or nothing, for each."""

    def __init__(self, error: KafkaError | None = None, *, silent: bool = False, full: bool = False) -> None:
        self.records: list[tuple[str, str, bytes]] = []
        self._error, self._silent, self._full = error, silent, full
        self._reports: list[Callable[[KafkaError | None, Any], None]] = []

    def produce(self, topic: str, *, key: bytes, value: bytes, on_delivery: Callable[[KafkaError | None, Any], None]) -> None:
        if self._full:
            raise BufferError("Local: Queue full")
        self.records.append((topic, key.decode(), value))
        self._reports.append(on_delivery)

    def flush(self, timeout: float) -> int:  # noqa: ARG002
        if self._silent:
            return len(self._reports)
        for report in self._reports:
            report(self._error, None)
        return 0


def registry() -> Registry:
    ids = {"elections-value": 2, "audit-log-value": 1}
    return Registry(
        "http://registry.test",
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"id": ids[request.url.path.rpartition("/")[2]]})),
    )


def test_every_version_and_its_audit_event_is_published() -> None:
    producer = FakeProducer()
    publication.publish(producer, registry(), VERSIONS)
    elections = [(key, value) for topic, key, value in producer.records if topic == "elections"]
    assert [key for key, _ in elections] == ["election-2025-01:1", "election-2025-01:2"]
    decoded = avro.decode(elections[1][1], avro.latest("elections").parsed)
    assert (decoded["status"], decoded["version"], decoded["closes_at"]) == ("open", 2, DEMO.closes_at)
    assert [candidate["candidate_id"] for candidate in decoded["candidates"]] == ["alice", "bob", "carol"]
    events = [avro.decode(value, avro.latest("audit-log").parsed) for topic, _, value in producer.records if topic == "audit-log"]
    assert [(event["action"], event["actor"], event["details"]["version"]) for event in events] == [
        ("election.created", "ada", "1"),
        ("election.opened", "ben", "2"),
    ]
    assert [key for topic, key, _ in producer.records if topic == "audit-log"] == [event["event_id"] for event in events]


def test_publishing_again_says_the_same_under_the_same_keys() -> None:
    first, second = FakeProducer(), FakeProducer()
    publication.publish(first, registry(), VERSIONS)
    publication.publish(second, registry(), VERSIONS)
    assert first.records == second.records


@pytest.mark.parametrize(
    ("producer", "why"),
    [
        (FakeProducer(KafkaError(KafkaError._MSG_TIMED_OUT)), "timed out"),
        (FakeProducer(silent=True), "4 records are not acknowledged"),
        (FakeProducer(full=True), "Queue full"),
    ],
)
def test_what_is_not_acknowledged_is_not_published(producer: FakeProducer, why: str) -> None:
    with pytest.raises(publication.NotPublished, match=why):
        publication.publish(producer, registry(), VERSIONS)


def test_the_record_is_complete() -> None:
    fields = [field["name"] for field in json.loads(avro.latest("elections").text)["fields"]]
    assert list(publication.record_of(VERSIONS[0])) == fields


def test_events_alone_are_published_under_their_ids() -> None:
    producer = FakeProducer()
    event = publication.audit_event(VERSIONS[0], None)
    publication.publish_events(producer, registry(), [event])
    assert [(topic, key) for topic, key, _ in producer.records] == [("audit-log", event["event_id"])]
    decoded = avro.decode(producer.records[0][2], avro.latest("audit-log").parsed)
    assert decoded == event


def test_events_that_are_not_acknowledged_are_not_published() -> None:
    with pytest.raises(publication.NotPublished, match="1 records are not acknowledged"):
        publication.publish_events(FakeProducer(silent=True), registry(), [publication.audit_event(VERSIONS[0], None)])
