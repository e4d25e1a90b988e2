from pathlib import Path
from typing import Any

import pytest

from jobs import guard

STATE = Path("/state/savepoint-1")


class Places:
    def __init__(self, starts: Any = None, outputs: Any = None, noted: Any = None) -> None:
        self._starts = starts or {0: 0, 1: 0}
        self._outputs = outputs or {}
        self.group = dict(noted or {})

    def starts(self, topic: str) -> Any:
        assert topic == guard.SOURCE
        return self._starts

    def ends(self, topic: str) -> Any:
        return self._outputs.get(topic, {0: 0, 1: 0})

    def noted(self, group: str, topic: str) -> Any:
        assert (group, topic) == (guard.GROUP, guard.SOURCE)
        return self.group

    def note(self, group: str, topic: str, offsets: Any) -> None:
        assert (group, topic) == (guard.GROUP, guard.SOURCE)
        self.group = dict(offsets)


def test_without_state_and_outputs_dedup_begins_where_the_log_begins() -> None:
    places = Places()
    guard.require_start(places, None)
    assert places.group == {0: 0, 1: 0}


@pytest.mark.parametrize("topic", guard.OUTPUTS)
def test_without_state_but_with_outputs_it_is_refused(topic: str) -> None:
    places = Places(outputs={topic: {0: 0, 1: 7}})
    with pytest.raises(guard.StartRefused, match=f"no state to start from, but {topic} hold"):
        guard.require_start(places, None)
    assert places.group == {}


def test_a_log_that_has_lost_its_start_is_no_place_to_begin() -> None:
    with pytest.raises(guard.StartRefused, match="votes-in-1 begins at 3"):
        guard.require_start(Places(starts={0: 0, 1: 3}), None)


def test_with_state_nothing_is_set() -> None:
    places = Places(outputs={"votes-accepted": {0: 9, 1: 9}}, noted={0: 4, 1: 5})
    guard.require_start(places, STATE)
    assert places.group == {0: 4, 1: 5}


def test_a_state_from_before_the_logs_start_is_refused() -> None:
    with pytest.raises(guard.StartRefused, match="votes-in-1 at 2, the log begins at 3"):
        guard.require_start(Places(starts={0: 0, 1: 3}, noted={0: 4, 1: 2}), STATE)


def test_what_is_covered_is_the_furthest_of_what_group_and_outputs_say() -> None:
    assert guard.last_covered({0: 10, 1: 0, 2: 5}, [(2, 3), (2, 7), (0, 4), (3, 1)]) == {0: 9, 2: 7, 3: 1}
