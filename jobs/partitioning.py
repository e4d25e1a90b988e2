"""The partition that a key belongs to, as Kafka's default partitioner computes it (``murmur2_random`` in librdkafka).

Whole batches at once: the hash goes over the keys word by word, and numpy takes each word of all keys in one step.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Constants of Austin Appleby's MurmurHash2 and the seed of org.apache.kafka.common.utils.Utils.murmur2.
_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)
_R = np.uint32(24)


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.int64]:
    """The partition of each key, of that many ``partitions``. The same as ``toPositive(murmur2(key)) % partitions`` in Java."""
    return (murmur2(keys) & np.uint32(0x7FFFFFFF)).astype(np.int64) % partitions


def murmur2(keys: Sequence[bytes]) -> NDArray[np.uint32]:
    """Kafka's 32-bit murmur2 of each key, unsigned."""
    if not keys:
        return np.zeros(0, dtype=np.uint32)
    lengths = np.fromiter((len(key) for key in keys), dtype=np.uint32, count=len(keys))
    words = int(lengths.max()) // 4 + 1
    padded = b"".join(key.ljust(words * 4, b"\0") for key in keys)
    table = np.frombuffer(padded, dtype="<u4").reshape(len(keys), words)
    whole_words = lengths // np.uint32(4)
    tail_lengths = lengths % np.uint32(4)

    hashes = np.uint32(_SEED) ^ lengths
    for index in range(words):
        mixed = table[:, index] * _M
        mixed ^= mixed >> _R
        mixed *= _M
        hashes = np.where(index < whole_words, (hashes * _M) ^ mixed, hashes)

    # The padding is zeros, so the last word holds the one to three bytes that are left over, and nothing else.
    tails = table[np.arange(len(keys)), whole_words]
    hashes = np.where(tail_lengths > 0, (hashes ^ tails) * _M, hashes)

    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes.astype(np.uint32)
