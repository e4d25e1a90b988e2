"""What every place for the marks must do; run over the one in memory and over real Redis servers."""

from collections.abc import Awaitable, Callable

from ingress.confirmations.marks import Mark, Marks

# Something that is done to the servers.
Deed = Callable[[], Awaitable[None]]


def offsets(marks: list[Mark], partition: int) -> set[int]:
    return {mark.offset(partition) for mark in marks}


async def planted(marks: Marks, partitions: dict[int, int]) -> list[Mark]:
    moved = await marks.move(await marks.look(list(partitions)), partitions)
    assert moved is not None
    return moved


class MarksSuite:
    async def test_nothing_is_marked_at_first(self, marks: Marks) -> None:
        seen = await marks.look([0, 7])
        assert seen
        assert {value for mark in seen for value in mark.values.values()} == {None}
        assert offsets(seen, 7) == {0}

    async def test_what_was_moved_is_seen(self, marks: Marks) -> None:
        moved = await planted(marks, {0: 5, 7: 300_000_000})
        assert moved == await marks.look([0, 7])
        assert (offsets(moved, 0), offsets(moved, 7)) == ({5}, {300_000_000})

    async def test_partitions_are_moved_apart_from_each_other(self, marks: Marks) -> None:
        seen = await planted(marks, {0: 5, 1: 6})
        moved = await marks.move(seen, {1: 9})
        assert moved == await marks.look([0, 1])
        assert (offsets(moved, 0), offsets(moved, 1)) == ({5}, {9})

    async def test_marks_that_somebody_else_has_moved_stay(self, marks: Marks) -> None:
        seen = await planted(marks, {0: 5})
        assert await marks.move(seen, {0: 6}) is not None
        assert await marks.move(seen, {0: 7}) is None
        assert offsets(await marks.look([0]), 0) == {6}

    async def test_marks_that_were_lost_and_made_anew_are_not_the_same(self, marks: Marks, flush: Deed) -> None:
        seen = await planted(marks, {0: 0})
        await flush()
        assert await marks.move(seen, {0: 5}) is None
        again = await planted(marks, {0: 0})
        assert again != seen
        assert await marks.move(seen, {0: 5}) is None
        assert await marks.move(again, {0: 5}) is not None

    async def test_nothing_is_moved_on_a_server_with_another_history(self, marks: Marks, restart: Deed) -> None:
        seen = await planted(marks, {0: 5})
        await restart()
        assert await marks.move(seen, {0: 6}) is None
        found = await marks.look([0])
        assert offsets(found, 0) == {5}
        assert await marks.move(found, {0: 6}) is not None
