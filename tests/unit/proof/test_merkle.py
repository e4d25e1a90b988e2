"""The trees are those of RFC 6962 and RFC 9162, whatever their size."""

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proof import merkle
from proof.merkle import WrongPath

# The leaves and roots that implementations of Certificate Transparency test themselves with (google/certificate-transparency,
# merkletree/merkle_tree_test.cc): trees of one to eight leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
TREES = st.lists(st.binary(max_size=4), min_size=1, max_size=70)


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def path_by_definition(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path_by_definition(index, leaves[:split]), by_definition(leaves[split:])]
    return [*path_by_definition(index - split, leaves[split:]), by_definition(leaves[:split])]


def hashes(leaves: list[bytes]) -> list[bytes]:
    return [merkle.leaf_hash(leaf) for leaf in leaves]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle.root_of(hashes(LEAVES[:size])).hex() == ROOTS[size - 1]


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert merkle.Tree().root() == merkle.EMPTY_ROOT == by_definition([])


@given(TREES)
def test_root_and_paths_are_those_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle.root_of(hashes(leaves)) == by_definition(leaves)
    for index in range(len(leaves)):
        assert merkle.path(hashes(leaves), index) == path_by_definition(index, leaves)


@given(TREES)
def test_every_path_leads_to_the_root(leaves: list[bytes]) -> None:
    root = merkle.root_of(hashes(leaves))
    for index, leaf in enumerate(leaves):
        path = merkle.path(hashes(leaves), index)
        assert merkle.root_by_path(merkle.leaf_hash(leaf), index, len(leaves), path) == root


@given(TREES, st.sampled_from([1, 2, 4, 8, 16]), st.data())
def test_a_path_can_be_made_of_one_part_and_the_roots_of_all(leaves: list[bytes], part: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    nodes = hashes(leaves)
    parts = [nodes[start : start + part] for start in range(0, len(nodes), part)]
    roots = [merkle.root_of(each) for each in parts]
    assert merkle.root_of(roots) == merkle.root_of(nodes)
    assert merkle.path(parts[index // part], index % part) + merkle.path(roots, index // part) == merkle.path(nodes, index)


def leads(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Where a path leads, ``None`` if it cannot be one."""
    try:
        return merkle.root_by_path(merkle.leaf_hash(leaf), index, size, path)
    except WrongPath:
        return None


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=70, unique=True), st.data())
def test_a_path_is_for_one_leaf_at_one_place(leaves: list[bytes], data: st.DataObject) -> None:
    root, size = merkle.root_of(hashes(leaves)), len(leaves)
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    assume(index != other)
    path = merkle.path(hashes(leaves), index)
    assert leads(leaves[index], index, size, path) == root
    assert leads(leaves[index], other, size, path) != root
    assert leads(leaves[other], index, size, path) != root


@given(TREES, st.data())
def test_a_changed_bit_of_a_path_leads_elsewhere(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.path(hashes(leaves), index)
    assume(path)
    part, place, bit = (data.draw(st.integers(0, last)) for last in (len(path) - 1, merkle.HASH_BYTES - 1, 7))
    changed = bytearray(path[part])
    changed[place] ^= 1 << bit
    path[part] = bytes(changed)
    root = merkle.root_by_path(merkle.leaf_hash(leaves[index]), index, len(leaves), path)
    assert root != merkle.root_of(hashes(leaves))


@given(TREES, st.data())
def test_a_path_of_another_length_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    leaf, path = merkle.leaf_hash(leaves[index]), merkle.path(hashes(leaves), index)
    with pytest.raises(WrongPath, match="too long"):
        merkle.root_by_path(leaf, index, len(leaves), [*path, leaf])
    if path:
        with pytest.raises(WrongPath, match="too short"):
            merkle.root_by_path(leaf, index, len(leaves), path[:-1])
        with pytest.raises(WrongPath, match="no hash"):
            merkle.root_by_path(leaf, index, len(leaves), [*path[:-1], path[-1][:-1]])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 2), (5, 5)])
def test_a_place_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(WrongPath, match="has none at"):
        merkle.root_by_path(bytes(32), index, size, [])


@given(st.binary(max_size=70))
def test_a_leaf_never_passes_for_a_node(data: bytes) -> None:
    left, right = data[:32].ljust(32, b"\0"), data[32:64].ljust(32, b"\0")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
