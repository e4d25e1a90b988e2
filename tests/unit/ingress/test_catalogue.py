import asyncio

import pytest

from ingress.catalogue import CachedCatalogue, newest
from ingress.problems import UNAVAILABLE, UNKNOWN_ELECTION, Problem
from tests.unit.ingress.factories import ELECTION, election
from tests.unit.ingress.in_memory import InMemoryRecord


async def test_while_nothing_is_known_it_cannot_say_that_an_election_is_unknown() -> None:
    record = InMemoryRecord([])
    record.away = True
    catalogue = CachedCatalogue(record, 60)
    await catalogue.open()
    assert not catalogue.known
    with pytest.raises(Problem) as refused:
        catalogue.find(ELECTION)
    assert refused.value.kind is UNAVAILABLE
    await catalogue.close()


async def test_it_finds_what_the_record_has() -> None:
    catalogue = CachedCatalogue(InMemoryRecord([election()]), 60)
    await catalogue.open()
    assert catalogue.find(ELECTION).version == 3
    with pytest.raises(Problem) as refused:
        catalogue.find("another")
    assert refused.value.kind is UNKNOWN_ELECTION
    await catalogue.close()


async def test_it_serves_what_it_knows_while_the_record_is_away_and_then_goes_on() -> None:
    record = InMemoryRecord([election()])
    catalogue = CachedCatalogue(record, 0.01)
    await catalogue.open()
    record.away = True
    record.known_elections = [election(version=4, status="closed")]
    await asyncio.sleep(0.05)
    assert catalogue.find(ELECTION).status == "open"
    record.away = False
    await asyncio.sleep(0.05)
    assert catalogue.find(ELECTION).status == "closed"
    assert catalogue.age_seconds() < 0.05
    await catalogue.close()


def test_versions_only_go_forward() -> None:
    known = {ELECTION: election(version=4, status="closed")}
    assert newest(known, [election(version=3)])[ELECTION].version == 4
    assert newest(known, [])[ELECTION].version == 4
    assert newest(known, [election(version=5)])[ELECTION].version == 5
