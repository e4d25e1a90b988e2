"""The published file of leaves: all leaves of an election one after the other, ordered by their bytes, and nothing else.

The order says nothing of when, where or by whom a vote was cast; of equal commitments (a vote that was sent again) the one that
counts comes first.
"""

import mmap
import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from proof import merkle
from proof.commitments import LEAF_BYTES, Summary, Verdict
from proof.merkle import HASH_BYTES

# Told how many of how many leaves are done.
Progress = Callable[[int, int], None]

_BUCKETS = 256  # by the first byte, which of hashes are all equally frequent: 300 million leaves make buckets of 39 MB
_BUFFER_BYTES = 64 * 1024
_PROGRESS_EVERY = 1 << 18
# A path is made from the leaves of one tile and the roots of all of them: 300 million leaves have 73,000 tiles.
_TILE_LEAVES = 1 << 12


class BadLeaves(ValueError):
    """This is no file of leaves, or not one that can be published. The message says why."""


class Sorter:
    """Orders leaves that do not fit into memory, by way of files beside the one that it is to write."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._scratch = tempfile.TemporaryDirectory(prefix=".unsorted-", dir=target.parent)
        self._buffers = [bytearray() for _ in range(_BUCKETS)]
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._scratch.cleanup()

    def add(self, leaf: bytes) -> None:
        buffer = self._buffers[leaf[0]]
        buffer += leaf
        self._count += 1
        if len(buffer) >= _BUFFER_BYTES:
            self._flush(leaf[0])

    def finish(self, progress: Progress) -> Summary:
        """Write the file, whole or not at all. Raises ``BadLeaves``."""
        unfinished = Path(self._scratch.name, "leaves")
        with unfinished.open("wb") as file:

            def written(leaves: Iterable[bytes]) -> Iterator[bytes]:
                for leaf in leaves:
                    file.write(leaf)
                    yield leaf

            summary = _summary(written(self._sorted()), self._count, progress)
        unfinished.replace(self._target)
        return summary

    def _sorted(self) -> Iterator[bytes]:
        for bucket in range(_BUCKETS):
            flushed = self._file(bucket)
            data = flushed.read_bytes() if flushed.exists() else b""
            data += self._buffers[bucket]
            flushed.unlink(missing_ok=True)
            yield from sorted(data[start : start + LEAF_BYTES] for start in range(0, len(data), LEAF_BYTES))

    def _flush(self, bucket: int) -> None:
        with self._file(bucket).open("ab") as file:
            file.write(self._buffers[bucket])
        self._buffers[bucket].clear()

    def _file(self, bucket: int) -> Path:
        return Path(self._scratch.name, f"{bucket:02x}")


class Leaves:
    """A file of leaves. Nothing in it is to be believed before ``check`` gave the summary that the manifest has."""

    def __init__(self, file: Path) -> None:
        """Raises ``OSError``, and ``BadLeaves`` for a file that ends in the middle of a leaf."""
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            if size % LEAF_BYTES:
                raise BadLeaves(f"{size} bytes are not a whole number of leaves of {LEAF_BYTES} bytes")
            self._data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._tiles: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self._data) // LEAF_BYTES

    def __getitem__(self, index: int) -> bytes:
        return self._data[index * LEAF_BYTES : (index + 1) * LEAF_BYTES]

    def check(self, progress: Progress) -> Summary:
        """Read all of it. Raises ``BadLeaves`` if it is not in order or says impossible things."""
        return _summary((self[index] for index in range(len(self))), len(self), progress)

    def verdicts(self, committed: bytes) -> list[Verdict]:
        """All verdicts of a commitment, the one that counts first; none if it is not there. Raises ``BadLeaves``."""
        return [self.verdict(index) for index in self._places(committed)]

    def verdict(self, index: int) -> Verdict:
        """Raises ``BadLeaves``."""
        try:
            return Verdict(self[index][HASH_BYTES])
        except ValueError:
            raise BadLeaves("a verdict that there is not") from None

    def first(self, committed: bytes) -> int | None:
        """Where the first leaf of a commitment is."""
        return next(iter(self._places(committed)), None)

    def path(self, index: int) -> list[bytes]:
        """The path from a leaf to the root. The first one takes as long as ``check``, the others milliseconds."""
        if self._tiles is None:
            self._tiles = [merkle.root_of(self._tile(start)) for start in range(0, len(self), _TILE_LEAVES)]
        tile, place = divmod(index, _TILE_LEAVES)
        return [*merkle.path(self._tile(tile * _TILE_LEAVES), place), *merkle.path(self._tiles, tile)]

    def _tile(self, start: int) -> list[bytes]:
        return [merkle.leaf_hash(self[index]) for index in range(start, min(start + _TILE_LEAVES, len(self)))]

    def _places(self, committed: bytes) -> range:
        indices = range(len(self))
        return indices[
            bisect_left(indices, committed, key=self._commitment) : bisect_right(indices, committed, key=self._commitment)
        ]

    def _commitment(self, index: int) -> bytes:
        return self[index][:HASH_BYTES]


def _summary(leaves: Iterable[bytes], count: int, progress: Progress) -> Summary:
    """Raises ``BadLeaves``."""
    tree, verdicts = merkle.Tree(), Counter[int]()
    add, leaf_hash, counted = tree.add, merkle.leaf_hash, int(Verdict.COUNTED)
    before = b""
    for done, leaf in enumerate(leaves):
        if leaf < before:
            raise BadLeaves("the leaves are not in order")
        verdict = leaf[HASH_BYTES]
        if verdict == counted and leaf == before:
            raise BadLeaves("two votes that count have the same id, so that two voters hold one receipt")
        before = leaf
        verdicts[verdict] += 1
        add(leaf_hash(leaf))
        if done % _PROGRESS_EVERY == 0:
            progress(done, count)
    progress(count, count)
    if not verdicts.keys() <= set(Verdict):
        raise BadLeaves("a verdict that there is not")
    return Summary(tree.size, tree.root(), {verdict: verdicts[verdict] for verdict in Verdict})
