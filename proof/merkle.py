"""Merkle trees as in RFC 9162 (2.1), which are those of RFC 6962: SHA-256, with other prefixes for leaves than for nodes.

Pairs are hashed level by level; the last one of an odd level moves up as it is. A tree of n leaves is described by its root and n
together: never believe one without the other.
"""

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class WrongPath(ValueError):
    """A path that cannot belong to this leaf of a tree of this size."""


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The root of leaves that come one after the other, however many: it remembers one hash for each level."""

    def __init__(self) -> None:
        self.size = 0
        # The roots of complete trees, one for each bit of the size, the largest first.
        self._complete: list[bytes] = []

    def add(self, node: bytes) -> None:
        """The hash of the next leaf."""
        level = self.size
        while level & 1:
            node = node_hash(self._complete.pop(), node)
            level >>= 1
        self._complete.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._complete:
            return EMPTY_ROOT
        *larger, root = self._complete
        for left in reversed(larger):
            root = node_hash(left, root)
        return root


def root_of(nodes: Iterable[bytes]) -> bytes:
    """Of hashes of leaves, or of the roots of trees that all have the same power of two of leaves, but for a smaller last one."""
    tree = Tree()
    for node in nodes:
        tree.add(node)
    return tree.root()


def path(nodes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one of the nodes to their root, from below. The nodes are as in ``root_of``."""
    found, level = [], list(nodes)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            found.append(level[beside])
        above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(level) & ~1 :]
        index >>= 1
    return found


def root_by_path(node: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """The root of the tree of ``size`` leaves in which this hash of a leaf is at ``index`` and has this path.

    Raises ``WrongPath`` if there is no such place, or the path has another length or other parts than it must have.
    """
    if not 0 <= index < size:
        raise WrongPath(f"a tree of {size} leaves has none at {index}")
    if any(len(each) != HASH_BYTES for each in hashes):
        raise WrongPath("a part of the path is no hash")
    rest = iter(hashes)
    last = size - 1
    try:
        while last > 0:
            if index & 1:
                node = node_hash(next(rest), node)
            elif index < last:
                node = node_hash(node, next(rest))
            index >>= 1
            last >>= 1
    except StopIteration:
        raise WrongPath("the path is too short") from None
    if next(rest, None) is not None:
        raise WrongPath("the path is too long")
    return node
