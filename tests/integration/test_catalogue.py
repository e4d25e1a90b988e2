"""What organisers write and what the ingress reads: a version is seen once the log has it, and not before."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from elections import election_file, lifecycle
from elections.catalogue import Catalogue
from elections.election import Version
from ingress.record import PostgresRecord
from tests.integration.organiser import election_document
from tests.integration.test_jobs import python

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Commits; elections stay behind under names of their own."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@asynccontextmanager
async def record_of(database_url: str) -> AsyncIterator[PostgresRecord]:
    record = PostgresRecord(database_url)
    await record.open()
    yield record
    await record.close()


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[PostgresRecord]:
    async with record_of(database_url) as opened:
        yield opened


def append(catalogue: Catalogue, versions: list[Version], step: lifecycle.Step | None) -> Version:
    assert step is not None
    with catalogue.changing(step.election.election_id):
        return catalogue.append(versions, step, "ada")


async def seen(record: PostgresRecord, election_id: str) -> list[tuple[int, str, int]]:
    """Number, status and candidates of the version that the ingress has."""
    elections = await record.elections()
    return [
        (election.version, election.status, len(election.candidates))
        for election in elections
        if election.election_id == election_id
    ]


async def test_the_ingress_sees_a_version_when_it_is_noted_as_published(
    connection: psycopg.Connection[Any], record: PostgresRecord
) -> None:
    election = election_file.parse(election_document(election_id := f"seen-{uuid.uuid4().hex[:8]}"))
    catalogue = Catalogue(connection)
    draft = append(catalogue, [], lifecycle.create([], election))
    assert draft.published_at is None
    assert await seen(record, election_id) == []
    catalogue.note_published(draft)
    assert await seen(record, election_id) == [(1, "draft", 2)]

    opened = append(catalogue, [draft], lifecycle.open_([draft], election.opens_at))
    assert await seen(record, election_id) == [(1, "draft", 2)]
    assert opened in catalogue.current(), "organisers see it"
    for _ in range(2):
        catalogue.note_published(opened)
    assert await seen(record, election_id) == [(2, "open", 2)]
    assert [version.published_at is not None for version in catalogue.versions(election_id)] == [True, True]


def test_one_run_notes_all_versions_that_earlier_ones_have_left_behind(connection: psycopg.Connection[Any]) -> None:
    election = election_file.parse(election_document(election_id := f"left-{uuid.uuid4().hex[:8]}"))
    catalogue = Catalogue(connection)
    draft = append(catalogue, [], lifecycle.create([], election))
    opened = append(catalogue, [draft], lifecycle.open_([draft], election.opens_at))
    append(catalogue, [draft, opened], lifecycle.Step(election, opened.status))
    catalogue.note_published(opened)
    assert [version.published_at is not None for version in catalogue.versions(election_id)] == [True, True, False]


async def test_what_the_command_could_not_publish_is_seen_after_it_was_run_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "election.yaml"
    file.write_text(election_document(election_id := f"again-{uuid.uuid4().hex[:8]}"))
    create = ("elections", "create", "--open", str(file))
    async with record_of(environment["DATABASE_URL"]) as record:
        failed = python({**environment, "SCHEMA_REGISTRY_URL": NOWHERE}, *create)
        assert failed.returncode == 1
        assert "no voter sees what is new" in failed.stderr
        assert await seen(record, election_id) == []
        assert "open (not published yet)" in python(environment, "elections", "show", election_id).stdout

        done = python(environment, *create)
        assert done.returncode == 0, done.stderr
        assert await seen(record, election_id) == [(1, "open", 2)]
        assert "not published" not in python(environment, "elections", "show", election_id).stdout
