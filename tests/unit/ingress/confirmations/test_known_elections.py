from collections.abc import AsyncIterator

import pytest

from ingress.catalogue import CachedCatalogue
from ingress.confirmations.known_elections import KnownElections
from ingress.postgres import RecordUnavailable
from tests.unit.ingress.factories import ELECTION, election
from tests.unit.ingress.in_memory import InMemoryRecord

NEVER_BY_ITSELF_SECONDS = 3600.0


@pytest.fixture
def record() -> InMemoryRecord:
    return InMemoryRecord([election()])


@pytest.fixture
async def catalogue(record: InMemoryRecord) -> AsyncIterator[CachedCatalogue]:
    catalogue = CachedCatalogue(record, NEVER_BY_ITSELF_SECONDS)
    await catalogue.open()
    yield catalogue
    await catalogue.close()


async def test_an_election_is_kept_as_long_as_its_reservations(catalogue: CachedCatalogue) -> None:
    assert await KnownElections(catalogue).kept_until_ms({ELECTION}) == {ELECTION: election().reserved_until_ms}


async def test_one_that_was_created_since_the_last_refresh_is_known(catalogue: CachedCatalogue, record: InMemoryRecord) -> None:
    new = election(election_id="new")
    record.known_elections = [election(), new]
    assert await KnownElections(catalogue).kept_until_ms({"new"}) == {"new": new.reserved_until_ms}


async def test_one_that_does_not_exist_is_asked_for_once(catalogue: CachedCatalogue, record: InMemoryRecord) -> None:
    elections = KnownElections(catalogue)
    assert await elections.kept_until_ms({ELECTION, "none"}) == {ELECTION: election().reserved_until_ms}
    record.away = True
    assert await elections.kept_until_ms({"none"}) == {}


async def test_while_the_record_is_away_an_unknown_one_cannot_be_told_from_a_new_one(
    catalogue: CachedCatalogue, record: InMemoryRecord
) -> None:
    record.away = True
    elections = KnownElections(catalogue)
    assert ELECTION in await elections.kept_until_ms({ELECTION})
    with pytest.raises(RecordUnavailable):
        await elections.kept_until_ms({ELECTION, "new"})
    record.away = False
    assert await elections.kept_until_ms({"new"}) == {}


async def test_a_catalogue_that_was_never_read_knows_nothing(record: InMemoryRecord) -> None:
    record.away = True
    catalogue = CachedCatalogue(record, NEVER_BY_ITSELF_SECONDS)
    with pytest.raises(RecordUnavailable):
        await KnownElections(catalogue).kept_until_ms({ELECTION})
    record.away = False
    assert ELECTION in await KnownElections(catalogue).kept_until_ms({ELECTION})
