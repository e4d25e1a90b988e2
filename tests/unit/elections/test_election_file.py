"""Election files: what is read, and every mistake at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import elections
from elections import election_file
from elections.election import Candidate

DEMO = Path(elections.__file__).parent / "demo" / "election-2025-01.yaml"
GOOD: dict[str, object] = {
    "id": "council-2025",
    "title": "City council 2025",
    "opens_at": "2025-05-01T08:00:00+02:00",
    "closes_at": "2025-05-01T18:00:00Z",
    "candidates": [{"id": "alice", "name": "Alice Ames"}, {"id": "bob", "name": "Bob Barker"}],
}


def test_the_demo_election_is_the_one_of_the_contract() -> None:
    election = election_file.read(DEMO)
    assert election.election_id == "election-2025-01"
    assert [candidate.candidate_id for candidate in election.candidates] == ["alice", "bob", "carol"]
    assert (election.results_visibility, election.results_batch) == ("live", 1)
    assert election.opens_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert election.closes_at == datetime(2035, 1, 1, tzinfo=UTC)


def test_what_is_left_out_has_the_careful_default() -> None:
    election = election_file.parse(yaml.safe_dump(GOOD))
    assert election.opens_at == datetime(2025, 5, 1, 6, tzinfo=UTC)
    assert election.candidates[0] == Candidate("alice", "Alice Ames")
    assert (election.jurisdictions, election.required_aal) == ((), "aal1")
    assert (election.results_visibility, election.results_batch) == ("after_publication", 1)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("id", "Council 2025", "id is not of the form"),
        ("id", "unknown:1", "id is not of the form"),
        ("title", "", "title is not printable text"),
        ("title", 7, "title is not printable text"),
        ("opens_at", "2025-05-01T08:00:00", "opens_at is not a time with its zone"),
        ("opens_at", "soon", "opens_at is not a time with its zone"),
        ("opens_at", "2025-05-01T08:00:00.000001Z", "finer than a millisecond"),
        ("closes_at", "2025-05-01T06:00:00Z", "opens_at is not before closes_at"),
        ("candidates", "alice", "candidates is not a list"),
        ("candidates", [{"id": "alice"}], "candidates is not a list of {id, name}"),
        ("candidates", [{"id": "Alice", "name": "A"}], "a candidate's id is not of the form"),
        ("candidates", [{"id": "_as_of", "name": "A"}], "a candidate's id is not of the form"),
        ("candidates", [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}], "candidates has a twice"),
        ("jurisdictions", "north", "jurisdictions is not a list"),
        ("jurisdictions", ["north", "north"], "jurisdictions has north twice"),
        ("jurisdictions", ["no rth"], "a jurisdiction is not of the form"),
        ("required_aal", "aal3", "required_aal is not one of aal1, aal2"),
        ("results", "never", "results is not one of after_publication, live"),
        ("results_batch", 0, "results_batch is not a whole number"),
        ("results_batch", True, "results_batch is not a whole number"),
        ("colour", "blue", "colour is not known here"),
    ],
)
def test_a_mistake_is_named(name: str, value: object, why: str) -> None:
    with pytest.raises(election_file.InvalidElectionFile, match=why):
        election_file.parse(yaml.safe_dump({**GOOD, name: value}))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(election_file.InvalidElectionFile, match=f"{name} is missing"):
        election_file.parse(yaml.safe_dump({key: value for key, value in GOOD.items() if key != name}))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(election_file.InvalidElectionFile, match=r"title .*; required_aal .*; results_batch "):
        election_file.parse(yaml.safe_dump({**GOOD, "title": "", "required_aal": "x", "results_batch": -1}))


@given(text=st.text(max_size=200))
def test_any_text_is_an_election_or_an_invalid_file_and_nothing_else(text: str) -> None:
    with pytest.raises(election_file.InvalidElectionFile):
        election_file.parse(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(election_file.InvalidElectionFile, match=r"missing\.yaml"):
        election_file.read(tmp_path / "missing.yaml")
