"""The first record of a version holds, and what could change that is found."""

import pytest

from proof import catalogue
from proof.findings import Findings, Kind
from proof.records import ElectionVersion, Published, Unreadable

ELECTION = "election-2025-01"
DRAFT = ElectionVersion("draft", 10, 20, frozenset({"alice"}))
OPEN = DRAFT._replace(status="open")


def published(offset: int, version: int, terms: ElectionVersion, election_id: str = ELECTION) -> Published:
    return Published(f"{election_id}:{version}".encode(), offset, election_id, version, terms)


def test_every_version_of_every_election_is_kept() -> None:
    findings = Findings()
    records = [published(0, 1, DRAFT), published(1, 1, OPEN, "other"), published(2, 2, OPEN)]
    assert catalogue.collect(records, findings) == {(ELECTION, 1): DRAFT, (ELECTION, 2): OPEN, ("other", 1): OPEN}
    assert not findings


def test_a_version_that_is_published_again_as_it_was_is_no_finding() -> None:
    findings = Findings()
    records = [published(0, 1, DRAFT), published(1, 2, OPEN), published(2, 1, DRAFT), published(3, 2, OPEN)]
    assert catalogue.collect(records, findings) == {(ELECTION, 1): DRAFT, (ELECTION, 2): OPEN}
    assert not findings


@pytest.mark.parametrize(
    "changed",
    [
        OPEN._replace(status="closed"),
        OPEN._replace(opens_at_ms=9),
        OPEN._replace(closes_at_ms=21),
        OPEN._replace(candidates=frozenset({"alice", "mallory"})),
        OPEN._replace(jurisdictions=frozenset({"north"})),
    ],
)
def test_a_later_record_changes_no_version_and_is_found(changed: ElectionVersion) -> None:
    findings = Findings()
    assert catalogue.collect([published(0, 2, OPEN), published(7, 2, changed)], findings) == {(ELECTION, 2): OPEN}
    (finding,) = findings
    assert (finding.kind, finding.election_id) == (Kind.CATALOGUE, ELECTION)
    assert finding.text == "version 2 (elections@7) says something else than an earlier record of it"


@pytest.mark.parametrize("key", [None, b"", b"election-2025-01:1", b"election-2025-01:02", b"other:2"])
def test_a_version_under_the_key_of_another_is_found(key: bytes | None) -> None:
    findings = Findings()
    assert catalogue.collect([published(7, 2, OPEN)._replace(key=key)], findings) == {(ELECTION, 2): OPEN}
    (finding,) = findings
    assert (finding.kind, finding.text) == (Kind.CATALOGUE, "version 2 (elections@7) has another key than its own")


def test_a_record_that_cannot_be_read_is_no_version_and_is_found() -> None:
    findings = Findings()
    assert catalogue.collect([Unreadable("elections", 0, 7, "no value"), published(8, 1, DRAFT)], findings) == {
        (ELECTION, 1): DRAFT
    }
    (finding,) = findings
    assert (finding.kind, finding.election_id) == (Kind.UNREADABLE, "unknown")
    assert finding.text == "elections 0@7 does not follow its contract: no value"
