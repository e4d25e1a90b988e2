"""What dedup remembers is let go of only when nobody's second vote could be valid any more."""

import datetime as dt
from typing import Any

import pytest

from jobs.retirement import last_close, still_open

NOON = dt.datetime(2025, 1, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def version(election_id: str = "e", *, opens: int = -9, closes: int = -1, status: str = "open") -> dict[str, Any]:
    return {"election_id": election_id, "status": status, "opens_at": NOON + opens * HOUR, "closes_at": NOON + closes * HOUR}


def reasons(*versions: dict[str, Any]) -> list[str]:
    return list(still_open(versions, NOON))


def test_an_election_that_is_over_holds_nothing_up() -> None:
    assert reasons(version(), version(closes=-1, status="closed")) == []


@pytest.mark.parametrize("closes", [0, 1])
def test_an_election_that_takes_votes_does(closes: int) -> None:
    assert reasons(version("x"), version("y", closes=closes)) == [f"election y takes votes until 2025-01-01 1{2 + closes}:00:00Z"]


def test_a_version_that_somebody_may_still_name_does_though_the_newest_is_closed() -> None:
    assert len(reasons(version(closes=8), version(closes=-2), version(closes=-2, status="closed"))) == 1


@pytest.mark.parametrize("other", [version(closes=9, status="draft"), version(opens=2, closes=9)])
def test_an_election_that_has_not_begun_holds_nothing_up(other: dict[str, Any]) -> None:
    assert reasons(version(), other) == []


def test_the_last_close_is_that_of_any_version_that_took_votes() -> None:
    assert last_close([version(closes=-3), version(closes=-2), version(closes=5, status="closed")]) == NOON - 2 * HOUR
    assert last_close([version(status="draft")]) is None
