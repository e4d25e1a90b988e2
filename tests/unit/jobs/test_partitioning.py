import random
from typing import Any

import pytest

from jobs.partitioning import murmur2, partitions_of


# From Kafka's own UtilsTest.testMurmur2 (clients, org.apache.kafka.common.utils), there as signed integers.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(key: Any, signed: Any) -> None:
    assert murmur2([key]).tolist() == [signed % 2**32]


def one_by_one(key: Any) -> Any:
    """MurmurHash2 with plain integers, as an oracle for the hash of whole batches."""
    size, m, mask = len(key), 0x5BD1E995, 2**32 - 1
    value = 0x9747B28C ^ size
    for index in range(0, size - size % 4, 4):
        word = int.from_bytes(key[index : index + 4], "little") * m & mask
        word = (word ^ word >> 24) * m & mask
        value = (value * m & mask) ^ word
    tail = key[size - size % 4 :]
    if tail:
        value = (value ^ int.from_bytes(tail, "little")) * m & mask
    value = (value ^ value >> 13) * m & mask
    return value ^ value >> 15


def test_a_key_has_the_same_hash_alone_and_among_keys_of_other_lengths() -> None:
    generator = random.Random(1)  # noqa: S311
    keys = [generator.randbytes(generator.randrange(90)) for _ in range(500)]
    assert murmur2(keys).tolist() == [one_by_one(key) for key in keys]


def test_a_partition_is_never_negative() -> None:
    partitions = partitions_of([b"21", b"foobar", b"", b"abc"], 4)
    assert partitions.tolist() == [(one_by_one(key) & 0x7FFFFFFF) % 4 for key in (b"21", b"foobar", b"", b"abc")]


def test_no_keys_have_no_partitions() -> None:
    assert partitions_of([], 4).tolist() == []
