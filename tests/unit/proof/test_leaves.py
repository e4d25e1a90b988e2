"""The file of leaves: ordered, whole, and the tree over it."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from proof import leaves as module
from proof import merkle
from proof.commitments import LEAF_BYTES, Summary, Verdict, commitment, leaf
from proof.leaves import BadLeaves, Leaves, Sorter

ELECTION = "election-2025-01"


def nobody(_done: int, _of: int) -> None:
    pass


def made(number: int, verdict: Verdict = Verdict.COUNTED) -> bytes:
    return leaf(commitment(ELECTION, str(number)), verdict)


def write(file: Path, found: list[bytes]) -> Summary:
    with Sorter(file) as sorter:
        for each in found:
            sorter.add(each)
        return sorter.finish(nobody)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 1000])
def test_what_is_written_is_ordered_and_says_what_the_tree_says(tmp_path: Path, size: int) -> None:
    given_leaves = [made(number, Verdict(1 + number % len(Verdict))) for number in range(size)]
    summary = write(tmp_path / "leaves", given_leaves)
    assert (tmp_path / "leaves").read_bytes() == b"".join(sorted(given_leaves))
    assert summary.leaves == size
    assert summary.root == merkle.root_of(map(merkle.leaf_hash, sorted(given_leaves)))
    assert summary.verdicts == {verdict: Counter(each[-1] for each in given_leaves)[verdict] for verdict in Verdict}
    assert Leaves(tmp_path / "leaves").check(nobody) == summary
    assert [path.name for path in tmp_path.iterdir()] == ["leaves"]


def test_more_leaves_than_a_buffer_holds_are_ordered_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUFFER_BYTES", 2 * LEAF_BYTES)
    found = [bytes([number % 3]) + made(number)[1:] for number in range(100)]
    write(tmp_path / "leaves", found)
    assert (tmp_path / "leaves").read_bytes() == b"".join(sorted(found))


def test_the_order_of_the_log_makes_no_difference(tmp_path: Path) -> None:
    found = [made(number) for number in range(50)]
    assert write(tmp_path / "one", found) == write(tmp_path / "other", found[::-1])


@pytest.mark.parametrize("size", [1, 2, 5, 16, 33])
def test_every_leaf_has_a_path_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "_TILE_LEAVES", 4)
    summary = write(tmp_path / "leaves", [made(number) for number in range(size)])
    leaves = Leaves(tmp_path / "leaves")
    for index in range(size):
        assert merkle.root_by_path(merkle.leaf_hash(leaves[index]), index, size, leaves.path(index)) == summary.root


def test_a_commitment_is_found_with_all_its_verdicts_the_counted_one_first(tmp_path: Path) -> None:
    sent_again = [made(7, Verdict.DUPLICATE), made(7), made(7, Verdict.DUPLICATE)]
    write(tmp_path / "leaves", [*map(made, range(7)), *sent_again, made(8, Verdict.UNKNOWN_CANDIDATE)])
    leaves = Leaves(tmp_path / "leaves")
    assert leaves.verdicts(commitment(ELECTION, "7")) == [Verdict.COUNTED, Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert leaves.verdicts(commitment(ELECTION, "8")) == [Verdict.UNKNOWN_CANDIDATE]
    assert leaves.verdicts(commitment(ELECTION, "9")) == []
    assert leaves.verdicts(commitment("another", "7")) == []
    assert leaves.first(commitment(ELECTION, "9")) is None
    first = leaves.first(commitment(ELECTION, "7"))
    assert first is not None
    assert leaves[first] == made(7)


def test_two_voters_with_one_receipt_are_not_published(tmp_path: Path) -> None:
    with pytest.raises(BadLeaves, match="two voters hold one receipt"):
        write(tmp_path / "leaves", [made(1), made(2), made(1)])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "leaves").write_bytes(made(1) * 2)
    with pytest.raises(BadLeaves, match="two voters hold one receipt"):
        Leaves(tmp_path / "leaves").check(nobody)


def test_a_sorter_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with Sorter(tmp_path / "leaves") as sorter:
        sorter.add(made(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (made(1)[:-1], "whole number"),
        (b"".join(sorted([made(1), made(2)], reverse=True)), "not in order"),
        (bytes(LEAF_BYTES), "a verdict that there is not"),
        (bytes(32) + b"\x08", "a verdict that there is not"),
    ],
)
def test_what_is_no_file_of_leaves_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "leaves").write_bytes(data)
    with pytest.raises(BadLeaves, match=why):
        Leaves(tmp_path / "leaves").check(nobody)


def test_one_changed_bit_anywhere_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "leaves"
    summary = write(file, [made(number, Verdict(1 + number)) for number in range(2)])
    data = file.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            file.write_bytes(changed)
            with suppress(BadLeaves):
                assert Leaves(file).check(nobody) != summary
