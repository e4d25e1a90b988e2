"""Emergency revocation from the operator's command to the ingress: what is denied is refused in time, and the audit log knows."""

import asyncio
import math
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from compose.demo import ELECTION
from compose.electorate import Mint, subjects
from compose.settings import Stack
from elections.denial import Denial, Kind, Target
from elections.denylist import Denylist
from ingress.denylist import CachedDenylist
from ingress.record import PostgresRecord
from tests.integration.log_of_votes import eventually, read_topic
from tests.integration.test_jobs import python

EFFECTIVE_WITHIN_SECONDS = 2.0
FOR_GOOD = Denial("case 7", None)
# Less than the time that a writer is kept waiting for the others.
WAITING_SECONDS = 0.5


def voter(name: str) -> Target:
    return Target(Kind.SUBJECT, name)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Commits; begins with an empty denylist."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.execute("DELETE FROM denylist")
        yield opened


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[PostgresRecord]:
    record = PostgresRecord(database_url)
    await record.open()
    yield record
    await record.close()


async def test_the_ingress_reads_what_operators_have_denied_and_only_when_it_has_changed(
    connection: psycopg.Connection[Any], record: PostgresRecord
) -> None:
    empty = await record.denied(None)
    assert empty is not None
    assert (empty.subjects, empty.tokens, empty.clients) == ({}, {}, {})
    assert await record.denied(empty.change_id) is None

    denylist = Denylist(connection)
    end = datetime.now(UTC) + timedelta(hours=1)
    denylist.put(voter("voter-1"), FOR_GOOD, "ada")
    denylist.put(voter("voter-2"), Denial("case 8", end), "ada")
    denylist.put(Target(Kind.TOKEN, "jti-1"), FOR_GOOD, "ada")
    denylist.put(Target(Kind.CLIENT, "client-1"), FOR_GOOD, "ada")
    connection.execute(
        "INSERT INTO denylist (kind, value, reason, expires_at) VALUES ('subject', 'voter-3', 'old', '2025-01-01Z')"
    )
    full = await record.denied(empty.change_id)
    assert full is not None
    assert full.subjects == {"voter-1": math.inf, "voter-2": pytest.approx(end.timestamp() * 1000, abs=0.01)}
    assert (full.tokens, full.clients) == ({"jti-1": math.inf}, {"client-1": math.inf})
    assert await record.denied(full.change_id) is None


async def test_an_entry_replaced_by_another_is_a_change_although_number_and_newest_time_stay(
    connection: psycopg.Connection[Any], record: PostgresRecord
) -> None:
    """The order in which transactions begin is not the one in which others see them."""
    Denylist(connection).put(voter("voter-1"), FOR_GOOD, "ada")
    connection.execute("INSERT INTO denylist (kind, value, reason, created_at) VALUES ('subject', 'newest', 'x', now() + '1 s')")
    before = await record.denied(None)
    assert before is not None
    with connection.transaction():
        Denylist(connection).remove(voter("voter-1"), "ada")
        Denylist(connection).put(voter("voter-2"), FOR_GOOD, "ada")
    after = await record.denied(before.change_id)
    assert after is not None
    assert set(after.subjects) == {"voter-2", "newest"}


async def test_two_operators_at_once_wait_for_each_other_and_no_change_is_missed(
    connection: psycopg.Connection[Any], record: PostgresRecord, database_url: str
) -> None:
    def deny_second() -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            Denylist(other).put(voter("second"), FOR_GOOD, "ben")

    second = threading.Thread(target=deny_second)
    with connection.transaction():
        Denylist(connection).put(voter("first"), FOR_GOOD, "ada")
        second.start()
        await asyncio.to_thread(second.join, WAITING_SECONDS)
        assert second.is_alive()
        between = await record.denied(None)
    await asyncio.to_thread(second.join)
    assert between is not None
    assert between.subjects == {}
    after = await record.denied(between.change_id)
    assert after is not None
    assert set(after.subjects) == {"first", "second"}


async def test_a_denial_and_its_end_take_effect_in_time(connection: psycopg.Connection[Any], record: PostgresRecord) -> None:
    cached = CachedDenylist(record, refresh_seconds=1.0)
    await cached.open()
    denylist = Denylist(connection)
    denylist.put(voter("voter-1"), FOR_GOOD, "ada")
    await asyncio.sleep(EFFECTIVE_WITHIN_SECONDS)
    assert cached.denies("voter-1", None, "voter-app")
    assert not cached.denies("voter-2", None, "voter-app")
    denylist.remove(voter("voter-1"), "ada")
    await asyncio.sleep(EFFECTIVE_WITHIN_SECONDS)
    assert not cached.denies("voter-1", None, "voter-app")
    await cached.close()


def test_every_change_of_an_entry_is_remembered_with_an_event_of_its_own(connection: psycopg.Connection[Any]) -> None:
    denylist, which = Denylist(connection), voter(str(uuid.uuid4()))
    end = datetime.now(UTC) + timedelta(hours=1)
    with denylist.changing(which):
        denylist.put(which, FOR_GOOD, "ada")
        denylist.put(which, Denial("case 8", end), "ben")
    found = denylist.find(which)
    assert found is not None
    assert (found.denial, found.created_by) == (Denial("case 8", end), "ben")
    assert found in denylist.entries()
    denylist.remove(which, "cat")
    assert denylist.find(which) is None
    changes = denylist.changes(which)
    assert [(change.denial, change.changed_by) for change in changes] == [
        (FOR_GOOD, "ada"),
        (Denial("case 8", end), "ben"),
        (None, "cat"),
    ]
    assert len({change.event_id for change in changes}) == 3


def test_a_denied_voter_is_refused_in_time_and_votes_when_allowed_again(
    stack: Stack, environment: dict[str, str], api: httpx.Client, mint: Mint
) -> None:
    (sub,) = subjects(1)
    headers = {"Authorization": f"Bearer {mint.token(sub, time.time())}"}

    def status() -> int:
        return api.get(f"/vote/{ELECTION}", headers=headers).status_code

    assert status() == httpx.codes.OK
    deny = ("elections", "deny", "subject", sub, "--reason", "case 7", "--actor", "ada")
    for _ in range(2):
        done = python(environment, *deny)
        assert done.returncode == 0, done.stderr
        eventually(lambda: status() == httpx.codes.UNAUTHORIZED, "the denial", EFFECTIVE_WITHIN_SECONDS)
    refused = api.post("/vote", json={"electionId": ELECTION, "candidateId": "alice"}, headers=headers)
    assert refused.status_code == httpx.codes.UNAUTHORIZED

    done = python(environment, "elections", "allow", "subject", sub, "--actor", "ben")
    assert done.returncode == 0, done.stderr
    eventually(lambda: status() == httpx.codes.OK, "the end of the denial", EFFECTIVE_WITHIN_SECONDS)
    taken = api.post("/vote", json={"electionId": ELECTION, "candidateId": "alice"}, headers=headers)
    assert taken.status_code == httpx.codes.ACCEPTED

    # Each run published everything again, under the same ids. The ingress tells of this voter too.
    published = [event for _, event in read_topic(stack, "audit-log") if event["subject"] == sub]
    events = {event["event_id"]: event for event in published if event["source"] == "elections"}
    told = sorted((event["occurred_at"], event["action"], event["actor"]) for event in events.values())
    assert [(action, actor) for _, action, actor in told] == [("subject.denied", "ada"), ("subject.allowed", "ben")]
