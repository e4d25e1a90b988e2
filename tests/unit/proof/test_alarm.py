"""When a gap is an alarm."""

from proof.alarm import GapWatch
from proof.cover import Cover, Interval

KEY = b"election-2025-01:voter"
ACCEPTED = ("votes-accepted", 0)


def with_a_gap() -> Cover:
    cover = Cover()
    cover.begin(0, 0, 0)
    for offset in range(3):
        cover.cast(0, offset, KEY)
        if offset != 1:
            cover.verdict(0, offset, KEY, "accepted")
    return cover


def test_a_gap_is_open_at_once_and_overdue_after_the_time() -> None:
    cover, watch = with_a_gap(), GapWatch(limit_seconds=60)
    watch.note(0, {0: 3}, {ACCEPTED: 2})
    gaps = watch.look(1, {ACCEPTED: 2}, cover)
    assert (gaps.open, gaps.overdue) == ([Interval(0, 1, 2)], [])
    assert watch.look(59.9, {ACCEPTED: 2}, cover).overdue == []
    assert watch.look(60, {ACCEPTED: 2}, cover).overdue == [Interval(0, 1, 2)]


def test_a_gap_that_closes_in_time_is_none() -> None:
    cover, watch = with_a_gap(), GapWatch(limit_seconds=60)
    watch.note(0, {0: 3}, {ACCEPTED: 2})
    watch.look(1, {ACCEPTED: 2}, cover)
    cover.verdict(0, 1, KEY, "accepted")
    gaps = watch.look(60, {ACCEPTED: 4}, cover)
    assert (gaps.open, gaps.overdue) == ([], [])


def test_a_verdict_that_was_not_read_yet_is_no_gap() -> None:
    cover, watch = with_a_gap(), GapWatch(limit_seconds=60)
    watch.note(0, {0: 3}, {ACCEPTED: 4})
    for now in (1, 500):
        watch.note(now, {0: 3}, {ACCEPTED: 4})
        gaps = watch.look(now, {ACCEPTED: 2}, cover)
        assert (gaps.open, gaps.overdue) == ([], [])


def test_what_dedup_has_not_passed_is_no_gap() -> None:
    cover, watch = with_a_gap(), GapWatch(limit_seconds=1)
    watch.note(0, {0: 1}, {ACCEPTED: 0})
    assert watch.look(100, {ACCEPTED: 2}, cover).open == []


def test_a_gap_after_an_older_note_is_given_its_own_time() -> None:
    cover, watch = with_a_gap(), GapWatch(limit_seconds=60)
    watch.note(0, {0: 1}, {ACCEPTED: 0})
    watch.look(0, {ACCEPTED: 2}, cover)
    watch.note(50, {0: 3}, {ACCEPTED: 2})
    assert watch.look(70, {ACCEPTED: 2}, cover).overdue == []
    assert watch.look(110, {ACCEPTED: 2}, cover).overdue == [Interval(0, 1, 2)]
