import json
from typing import Any

import pytest

from proof import commitments
from proof.commitments import NotCommitments, Summary, Verdict, commitment, leaf
from schemas import avro

SUMMARY = Summary(4, bytes(range(32)), {Verdict.COUNTED: 3, Verdict.DUPLICATE: 1})


def test_a_commitment_can_be_computed_by_hand() -> None:
    """printf 'voting commitment v1\\nelection-2025-01\\n0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11\\n' | sha256sum"""
    made = commitment("election-2025-01", "0f9a4c66-3c0e-4b61-9f5e-0d8d8a3f1a11")
    assert made.hex() == "f8f369d286dc85a4aead0be401ac87682d49a98bbc0582b8b8d96e488466065d"


def test_every_reason_of_a_rejection_has_a_verdict() -> None:
    (reasons,) = (
        field["type"]["symbols"]
        for field in json.loads(avro.latest("votes-rejected").text)["fields"]
        if field["name"] == "reason"
    )
    # ``other`` is what a reader makes of a reason that it does not know; nobody writes it.
    assert {verdict.shown for verdict in Verdict} == {*reasons, "counted", "dead_letter"} - {"other"}


def test_the_numbers_of_verdicts_never_change() -> None:
    assert {verdict.shown: int(verdict) for verdict in Verdict} == {
        "counted": 1,
        "duplicate": 2,
        "unknown_election": 3,
        "unknown_candidate": 4,
        "election_not_open": 5,
        "wrong_jurisdiction": 6,
        "dead_letter": 7,
    }


def test_a_leaf_is_the_commitment_and_a_byte() -> None:
    assert leaf(bytes(32), Verdict.DUPLICATE) == bytes(32) + b"\x02"
    assert commitments.LEAF_BYTES == 33


def test_what_a_manifest_says_is_read_again() -> None:
    contents = SUMMARY.contents()
    assert contents == {
        "format": "voting commitment v1",
        "leaves": 4,
        "root": bytes(range(32)).hex(),
        "verdicts": {
            "counted": 3,
            "duplicate": 1,
            "unknown_election": 0,
            "unknown_candidate": 0,
            "election_not_open": 0,
            "wrong_jurisdiction": 0,
            "dead_letter": 0,
        },
    }
    assert Summary.from_contents(contents).contents() == contents


@pytest.mark.parametrize(
    "contents",
    [
        None,
        [],
        {},
        SUMMARY.contents() | {"format": "voting commitment v2"},
        SUMMARY.contents() | {"leaves": 5},
        SUMMARY.contents() | {"leaves": "4"},
        SUMMARY.contents() | {"root": "no hash"},
        SUMMARY.contents() | {"root": bytes(range(32)).hex().upper()},
        SUMMARY.contents() | {"verdicts": {"counted": 4}},
        SUMMARY.contents() | {"verdicts": {"won": 4}},
        SUMMARY.contents() | {"more": 1},
    ],
    ids=lambda contents: str(contents)[-60:],
)
def test_what_does_not_fit_together_is_refused(contents: Any) -> None:
    with pytest.raises(NotCommitments):
        Summary.from_contents(contents)
