import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from identity.audit import Event, PostgresAuditTrail
from identity.audit_log import TOPIC, _said, decode, event_of
from identity.failures import Unanswered
from schemas import avro
from schemas.avro import UndecodableValue
from schemas.registry import Registry

from .conftest import VOTER

SCHEMA_ID = 7
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


class Record:
    """As much of a Kafka record as is read of one."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def value(self) -> bytes | None:
        return self._value


@pytest.fixture
def registry() -> Registry:
    """A registry that knows the schema of audit-log and no other."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(f"/schemas/ids/{SCHEMA_ID}"):
            return httpx.Response(200, json={"schema": avro.latest(TOPIC).text})
        return httpx.Response(404, json={})

    return Registry("http://registry/apis/ccompat/v7", httpx.MockTransport(answer))


def row(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": uuid.UUID("2d0a7f4b-50a8-5d0c-9f1a-3f1d2c4b5a66"),
        "occurred_at": NOON,
        "action": "identity.changed",
        "outcome": "success",
        "subject": VOTER,
        "actor": None,
        "details": {"method": "totp"},
        **changes,
    }


def encoded(event: Mapping[str, Any]) -> Any:
    return Record(avro.encoder(avro.latest(TOPIC), SCHEMA_ID)(event))


def test_a_row_becomes_an_event_of_the_topic_and_is_read_again(registry: Registry) -> None:
    event = event_of(row())

    assert decode(encoded(event), registry) == event
    assert (event["source"], event["election_id"]) == ("identity", None)


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00\x09rest", b"\x00\x00\x00\x00\x07\xff\xff", b"{}"])
def test_what_is_no_event_is_told_apart(registry: Registry, value: bytes | None) -> None:
    with pytest.raises(UndecodableValue):
        decode(Record(value), registry)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"subject": "a\0b"}, {"details": {"method": "\0"}}, {"details": {"\0": "x"}}, {"actor": "\0"}, {"action": "\0"}]
)
def test_a_text_that_postgresql_cannot_hold_does_not_stop_the_trail(registry: Registry, changes: dict[str, Any]) -> None:
    with pytest.raises(UndecodableValue):
        decode(encoded(event_of(row(**changes))), registry)


def test_what_postgresql_says_of_a_row_is_not_logged() -> None:
    assert _said(psycopg.errors.UniqueViolation("Key (subject)=(ada) already exists")) == "UniqueViolation"


async def test_no_sign_in_fails_or_waits_because_an_event_cannot_be_kept(caplog: pytest.LogCaptureFixture) -> None:
    pool = AsyncConnectionPool("postgresql://nobody@127.0.0.1:1/none", open=False, timeout=0.05)
    trail = PostgresAuditTrail(pool)
    event = Event("identity.signed_in", "success", VOTER)

    await trail.record(event)
    with pytest.raises(Unanswered):
        await trail.store(event)

    assert "lost from the audit log: identity.signed_in" in caplog.text
    assert VOTER not in caplog.text
