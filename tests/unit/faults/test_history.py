"""What voters were told can be kept."""

import json
from pathlib import Path

from tests.faults.history import Attempt, History

ACCEPTED = Attempt("ann", 0, "alice", 1.0, 1.5, 202, None, "vote-1", None)
UNKNOWN = Attempt("bea", 0, "bob", 1.0, 2.0, None, "TimeoutError", None, None)


def test_attempts_are_kept_by_voter_and_in_order() -> None:
    history = History()
    for attempt in (ACCEPTED, UNKNOWN, ACCEPTED):
        history.add(attempt)
    assert len(history) == 3
    assert history.by_voter() == {"ann": [ACCEPTED, ACCEPTED], "bea": [UNKNOWN]}


def test_it_is_written_as_one_object_a_line(tmp_path: Path) -> None:
    history = History()
    history.add(ACCEPTED)
    history.add(UNKNOWN)
    history.write(tmp_path / "history.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [Attempt(**line) for line in lines] == [ACCEPTED, UNKNOWN]


def test_only_202_and_409_end_a_voters_attempts() -> None:
    assert ACCEPTED.final
    assert not UNKNOWN.final
