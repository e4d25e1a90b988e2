"""One audit: it judges by the catalogue that the log has, and asks for each end after that of whatever refers to it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from proof import audit, projections
from proof.conservation import DUPLICATE
from proof.findings import Kind
from proof.log import Range
from proof.records import Accepted, Cast, ElectionVersion, LedgerRow, Position, Published, Rejected, Vote
from proof.rule import home_partition
from proof.settings import Settings

ELECTION = "election-2025-01"
PARTITIONS = 4
KEY = f"{ELECTION}:ann".encode()
HOME = home_partition(KEY, PARTITIONS)
OPEN = ElectionVersion("open", 10, 20, frozenset({"alice"}))
INVALID, VALID, AGAIN = (
    Vote(f"vote-{number}", ELECTION, "ann", candidate, 5, 1) for number, candidate in enumerate(("mallory", "alice", "alice"))
)
RECORDS: dict[str, list[Any]] = {
    "elections": [Published(f"{ELECTION}:1".encode(), 0, ELECTION, 1, OPEN)],
    "votes-in": [Cast(Position(HOME, offset), 15, KEY, b"", vote) for offset, vote in enumerate((INVALID, VALID, AGAIN))],
    "votes-accepted": [Accepted(KEY, VALID, 15, Position(HOME, 1))],
    "votes-rejected": [
        Rejected(KEY, INVALID, 15, Position(HOME, 0), "unknown_candidate", None),
        Rejected(KEY, AGAIN, 15, Position(HOME, 2), DUPLICATE, VALID.vote_id),
    ],
    "votes-dlq": [],
}


class FakeLog:
    """Hands its records out decoded; ``asked`` are the topics whose ends were asked for, in order."""

    def __init__(self, records: Mapping[str, list[Any]]) -> None:
        self.records = records
        self.asked: list[str] = []

    def ranges(self, topic: str) -> dict[int, Range]:
        self.asked.append(topic)
        return dict.fromkeys(range(PARTITIONS if topic == "votes-in" else 1), Range(0, 3))

    def committed(self, group: str, topic: str, partitions: Mapping[int, Range]) -> dict[int, int]:
        self.asked.append(f"{group} in {topic}")
        return {partition: found.end for partition, found in partitions.items()}

    def messages(self, topic: str, _: Mapping[int, Range]) -> Iterator[Any]:
        return iter(self.records[topic])


class FakeDecoder:
    def __getattr__(self, _: str) -> Any:
        return lambda records: records


@pytest.fixture(autouse=True)
def projected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger, totals and Redis hold the one vote that counts."""
    row = LedgerRow(ELECTION, "ann", "alice", VALID.vote_id, Position(HOME, 1))
    monkeypatch.setattr(projections, "read_ledger", lambda _: [row])
    monkeypatch.setattr(projections, "read_conflicts", lambda _: [])
    monkeypatch.setattr(projections, "read_aurora_totals", lambda _: {(ELECTION, "alice"): 1})
    monkeypatch.setattr(projections, "read_redis_totals", lambda *_: {(ELECTION, "alice"): 1})


def audited(log: FakeLog) -> audit.Audit:
    return audit._run(Settings.from_environment({}), None, FakeDecoder(), log)  # type: ignore[arg-type]


def test_votes_are_judged_by_the_versions_that_the_log_has() -> None:
    found = audited(FakeLog(RECORDS))
    assert found.agrees, list(found.findings)
    assert (found.figures[ELECTION].accepted, found.figures[ELECTION].rejected_otherwise) == (1, 1)
    without = audited(FakeLog({**RECORDS, "elections": []}))
    assert set(without.findings.counts) == {(Kind.WRONG_VERDICT, "unknown")}
    assert "accepted, and should be rejected (unknown_election)" in "\n".join(each.text for each in without.findings)


def test_a_version_that_is_said_to_be_another_is_part_of_what_an_audit_finds() -> None:
    changed = Published(f"{ELECTION}:1".encode(), 1, ELECTION, 1, OPEN._replace(candidates=frozenset({"mallory"})))
    found = audited(FakeLog({**RECORDS, "elections": [*RECORDS["elections"], changed]}))
    assert set(found.findings.counts) == {(Kind.CATALOGUE, ELECTION)}
    assert not found.of(ELECTION).agrees


def test_what_refers_to_something_ends_before_it() -> None:
    log = FakeLog(RECORDS)
    audited(log)
    order = {name: place for place, name in enumerate(log.asked)}
    assert order["dedup in votes-in"] < order["votes-in"]
    assert all(order["votes-in"] < order[topic] for topic in ("votes-accepted", "votes-rejected", "votes-dlq", "elections"))
