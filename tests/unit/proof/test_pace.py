"""Which topics wait for others."""

from proof.pace import ahead

REACHED = {("votes-in", 0): 900, ("votes-accepted", 0): 100, ("votes-rejected", 0): 150, ("votes-in", 1): 5_000}


def test_who_is_far_ahead_waits_for_those_behind_in_the_same_partition() -> None:
    assert ahead(REACHED, frozenset(), window=200) == {("votes-in", 0)}


def test_who_has_read_everything_holds_nobody_up() -> None:
    assert ahead(REACHED, frozenset({("votes-accepted", 0), ("votes-rejected", 0)}), window=200) == set()


def test_who_is_furthest_behind_never_waits() -> None:
    for window in (0, 10, 10_000):
        assert ("votes-accepted", 0) not in ahead(REACHED, frozenset(), window)
