"""The denylist in memory: what it refuses, how it keeps up, and what it does while the record is away."""

import asyncio
import math
import time

import pytest

from ingress.denylist import CachedDenylist, DeniedEntries
from tests.unit.ingress.factories import NOW_MS
from tests.unit.ingress.in_memory import InMemoryRecord

FOREVER = math.inf
BANNED = DeniedEntries("first", {"voter-1": FOREVER}, {"jti-1": FOREVER}, {"client-1": FOREVER})


def record_of(entries: DeniedEntries) -> InMemoryRecord:
    record = InMemoryRecord([])
    record.denied_entries = entries
    return record


@pytest.mark.parametrize(
    ("subject", "token_id", "client_id", "denied"),
    [
        ("voter-1", "jti-2", "voter-app", True),
        ("voter-2", "jti-1", "voter-app", True),
        ("voter-2", "jti-2", "client-1", True),
        ("voter-2", "jti-2", "voter-app", False),
        ("voter-1", None, "voter-app", True),
        ("voter-2", None, "voter-app", False),
        # A value denies under its own kind only.
        ("jti-1", "client-1", "voter-1", False),
    ],
)
async def test_it_denies_by_subject_token_and_client(subject: str, token_id: str | None, client_id: str, denied: bool) -> None:
    denylist = CachedDenylist(record_of(BANNED), 60)
    await denylist.refresh()
    assert denylist.denies(subject, token_id, client_id) is denied


async def test_a_change_takes_effect_and_so_does_its_end() -> None:
    record = InMemoryRecord([])
    denylist = CachedDenylist(record, 0.01)
    await denylist.open()
    assert not denylist.denies("voter-1", None, "voter-app")
    record.denied_entries = BANNED
    await asyncio.sleep(0.05)
    assert denylist.denies("voter-1", None, "voter-app")
    record.denied_entries = DeniedEntries("second", {}, {}, {})
    await asyncio.sleep(0.05)
    assert not denylist.denies("voter-1", None, "voter-app")
    await denylist.close()


async def test_entries_are_read_only_when_they_have_changed() -> None:
    record = record_of(BANNED)
    denylist = CachedDenylist(record, 60)
    for _ in range(5):
        await denylist.refresh()
    assert record.reads_of_denied_entries == 1
    record.denied_entries = DeniedEntries("second", {"voter-2": FOREVER}, {}, {})
    await denylist.refresh()
    assert record.reads_of_denied_entries == 2


async def test_an_entry_that_expires_stops_denying_without_a_read() -> None:
    at_ms = NOW_MS
    record = record_of(DeniedEntries("first", {"voter-1": NOW_MS + 1000.0, "voter-2": FOREVER}, {"jti-1": NOW_MS + 1000.0}, {}))
    denylist = CachedDenylist(record, 60, lambda: at_ms)
    await denylist.refresh()
    record.away = True
    at_ms = NOW_MS + 999
    assert denylist.denies("voter-1", None, "voter-app")
    assert denylist.denies("voter-3", "jti-1", "voter-app")
    at_ms = NOW_MS + 1000
    assert not denylist.denies("voter-1", "jti-1", "voter-app")
    assert denylist.denies("voter-2", "jti-1", "voter-app")
    assert record.reads_of_denied_entries == 1


async def test_it_serves_what_it_knows_while_the_record_is_away_and_then_goes_on() -> None:
    record = record_of(BANNED)
    denylist = CachedDenylist(record, 0.01)
    await denylist.open()
    record.away = True
    record.denied_entries = DeniedEntries("second", {"voter-2": FOREVER}, {}, {})
    await asyncio.sleep(0.05)
    assert denylist.denies("voter-1", None, "voter-app")
    assert denylist.age_seconds() > 0.03
    record.away = False
    await asyncio.sleep(0.05)
    assert denylist.denies("voter-2", None, "voter-app")
    assert not denylist.denies("voter-1", None, "voter-app")
    assert denylist.age_seconds() < 0.05
    await denylist.close()


async def test_while_it_was_never_read_it_says_so() -> None:
    record = record_of(BANNED)
    record.away = True
    denylist = CachedDenylist(record, 0.01)
    await denylist.open()
    assert not denylist.known
    assert math.isnan(denylist.age_seconds())
    assert not denylist.denies("voter-1", None, "voter-app")
    record.away = False
    await asyncio.sleep(0.05)
    assert denylist.denies("voter-1", None, "voter-app")
    await denylist.close()


async def test_once_read_it_is_known_even_if_nothing_is_denied() -> None:
    denylist = CachedDenylist(InMemoryRecord([]), 60)
    await denylist.refresh()
    assert denylist.known


async def test_an_outage_is_logged_once_and_no_entry_is_ever_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    record = record_of(BANNED)
    denylist = CachedDenylist(record, 60)
    await denylist.refresh()
    record.away = True
    for _ in range(3):
        await denylist.refresh()
    record.away = False
    await denylist.refresh()
    assert [message.split(":")[0] for message in caplog.messages] == [
        "the denylist has changed",
        "the denylist cannot be read",
        "the denylist can be read again",
    ]
    assert not any(name in caplog.text for name in ("voter-1", "jti-1", "client-1"))


async def test_the_time_that_a_read_takes_does_not_come_on_top_of_the_time_between_two() -> None:
    class SlowRecord(InMemoryRecord):
        async def denied(self, known_change_id: str | None) -> DeniedEntries | None:
            begun.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.08)
            return await super().denied(known_change_id)

    begun: list[float] = []
    denylist = CachedDenylist(SlowRecord([]), 0.1)
    await denylist.open()
    await asyncio.sleep(0.4)
    await denylist.close()
    assert begun[3] - begun[0] < 3 * 0.18


async def test_a_hundred_thousand_entries_cost_a_vote_no_more_than_none() -> None:
    many = {f"voter-{number}": FOREVER for number in range(100_000)}
    tokens = {f"jti-{number}": NOW_MS + 1.0 for number in range(100_000)}
    full = CachedDenylist(record_of(DeniedEntries("first", many, tokens, {})), 60)
    empty = CachedDenylist(InMemoryRecord([]), 60)
    await full.refresh()
    await empty.refresh()
    assert full.denies("voter-99999", "a", "voter-app")
    # A search through the entries would take ten thousand times as long; a busy machine does not.
    assert seconds_for(full) < 50 * seconds_for(empty)


def seconds_for(denylist: CachedDenylist) -> float:
    """The best of several rounds: what else runs on the machine only adds."""
    rounds = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(1_000):
            denylist.denies("somebody", "b2a7", "voter-app")
        rounds.append(time.perf_counter() - begin)
    return min(rounds)
