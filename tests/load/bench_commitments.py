"""What the commitments of an election cost: ``make bench-commitments``.

Votes are encoded as in the log and handed from memory to what ``python -m proof commit`` runs: decoding, verdicts, leaves,
the file, its check and proofs. What a broker adds is in docs/performance.md (the ceiling of the jobs).
"""

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Message
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ingress.random_ids import RandomIds
from ingress.receipt import Receipt, ReceiptSigner
from proof import checking, commit, keys, receipt
from proof.decoding import Decoder
from proof.leaves import Leaves, Progress
from proof.log import Range
from proof.records import ElectionVersion
from proof.rule import home_partition
from schemas import avro
from schemas.ids import vote_key
from schemas.registry import Registry
from tests.load.bench_ingress import processor

ELECTION = "election-2025-01"
PARTITIONS = 8
ELECTORATE = 300_000_000
DUPLICATE_EVERY = 10
OPENS_MS, NOW_MS, CLOSES_MS = 1_735_689_600_000, 1_735_725_600_000, 1_735_776_000_000
CATALOGUE = {(ELECTION, 1): ElectionVersion("open", OPENS_MS, CLOSES_MS, frozenset({"alice", "bob"}))}


class _Message:
    """The part of ``confluent_kafka.Message`` that decoding reads."""

    __slots__ = ("_key", "_place", "_value")

    def __init__(self, key: bytes, value: bytes, partition: int, offset: int) -> None:
        self._key, self._value, self._place = key, value, (partition, offset)

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def timestamp(self) -> tuple[int, int]:
        return (2, NOW_MS)


class _Registry:
    def schemas_of(self, _: str) -> dict[int, Any]:
        return {1: avro.latest("votes-in").parsed}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-commitments", description=__doc__)
    parser.add_argument("--votes", type=int, default=1_000_000, help="votes in the log (default 1000000)")
    votes = parser.parse_args().votes
    log, known = _votes(votes)
    decoder = Decoder(cast("Registry", _Registry()))
    ranges = {partition: Range(0, len(messages)) for partition, messages in log.items()}
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "leaves.bin")
        clock = _Clock(steps)

        def progress(what: str) -> Progress:
            # ``write`` asks for it at the beginning of each step.
            clock.step({"offsets": "decode, decide, commit", "leaves": "order, hash, write"}[what])
            return lambda done, of: print(f"bench: {what}: {done:,} of {of:,}", file=sys.stderr)

        def read(partition: int) -> Iterator[Any]:
            return decoder.cast(cast("list[Message]", log[partition]))

        summary = commit.write(read, ranges, CATALOGUE, ELECTION, file, progress)
        clock.step("check the whole file, as an auditor does")
        leaves = Leaves(file)
        assert leaves.check(lambda _done, _of: None) == summary
        clock.step("the first proof")
        shown = _receipt(known)
        assert checking.prove(shown, leaves) is not None
        clock.end()
        further = _each(lambda: checking.prove(shown, leaves))
        made = checking.prove(shown, leaves)
        assert made is not None
        verified = _each(lambda: checking.by_proof(shown, made, ELECTION, summary))
        size = file.stat().st_size
    _print(votes, summary.leaves, size, steps, further, verified)
    return 0


class _Clock:
    """CPU seconds of one step after the other."""

    def __init__(self, steps: dict[str, float]) -> None:
        self._steps, self._name, self._began = steps, "", 0.0

    def step(self, name: str) -> None:
        self.end()
        self._name, self._began = name, time.process_time()

    def end(self) -> None:
        if self._name:
            self._steps[self._name] = time.process_time() - self._began


def _votes(count: int) -> tuple[dict[int, list[_Message]], str]:
    """Messages of votes-in by partition, one voter in ten voting again, and the id of one that counts."""
    encode, ids = avro.encoder(avro.latest("votes-in"), 1), RandomIds()
    log: dict[int, list[_Message]] = {partition: [] for partition in range(PARTITIONS)}
    voter, first = "", ""
    for number in range(count):
        if number % DUPLICATE_EVERY != DUPLICATE_EVERY - 1:
            voter = ids.new()
        key = vote_key(ELECTION, voter).encode()
        vote_id = ids.new()
        first = first or vote_id
        value = encode(
            {
                "vote_id": vote_id,
                "election_id": ELECTION,
                "voter_sub": voter,
                "candidate_id": "alice",
                "cast_at": NOW_MS,
                "catalogue_version": 1,
                "jurisdiction": "",
            }
        )
        partition = home_partition(key, PARTITIONS)
        log[partition].append(_Message(key, value, partition, len(log[partition])))
        if number % 250_000 == 0:
            print(f"bench: {number:,} of {count:,} votes made", file=sys.stderr)
    return log, first


def _receipt(vote_id: str) -> receipt.Receipt:
    key = Ed25519PrivateKey.generate()
    members = ReceiptSigner(key).members(Receipt(vote_id, ELECTION, NOW_MS))
    shown = receipt.Receipt(*(members[name] for name in receipt.MEMBERS))
    receipt.verify(shown, {members["keyId"]: keys.PublicKey(key.public_key())})
    return shown


def _each(call: Callable[[], object], times: int = 20) -> float:
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def _print(votes: int, leaves: int, size: int, steps: dict[str, float], further: float, verified: float) -> None:
    day = dt.datetime.now(dt.UTC).date()
    print(f"\n{day} · one core of {os.cpu_count()} ({processor()}), Python {platform.python_version()} · {votes:,} votes\n")
    print(f"| step | CPU µs a vote | CPU seconds | of {ELECTORATE:,} votes |\n| --- | --- | --- | --- |")
    for name, seconds in steps.items():
        hours = seconds / votes * ELECTORATE / 3600
        print(f"| {name} | {seconds / votes * 1e6:.1f} | {seconds:.1f} | {hours:.1f} hours of a core |")
    print(f"\nEach further proof takes {further * 1e3:.1f} ms, verifying one {verified * 1e6:.0f} µs.")
    gigabytes = size / leaves * ELECTORATE / 1e9
    print(f"The file of {leaves:,} leaves has {size / 1e6:.0f} MB; that of {ELECTORATE:,} has {gigabytes:.1f} GB.")


if __name__ == "__main__":
    sys.exit(main())
