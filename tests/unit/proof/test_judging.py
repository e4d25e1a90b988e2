"""Whole batches, judged as single records are."""

from hypothesis import given
from hypothesis import strategies as st

from proof import judging, rule
from proof.replay import Request

KEYS = st.lists(st.binary(max_size=80), max_size=40)


@given(KEYS, st.integers(1, 512))
def test_partitions_of_many_keys_are_those_of_each(keys: list[bytes], partitions: int) -> None:
    assert judging.home_partitions(keys, partitions) == [rule.home_partition(key, partitions) for key in keys]


def test_a_request_survives_its_way_to_the_job() -> None:
    request = Request("k:1", {0: 1}, {0: 2}, {0: 3}, {0: 4}, {7: "{}"}, {9: "{}"}, [], 2, [5])
    assert Request.from_json(request.as_json()) == request
