"""Whether two runs of dedup made the same of the log: their outputs, record by record of votes-in.

What is said of a record is compared, not how: the order of records in the outputs is another in each run, and so are
transactions. Hence a sum of hashes for each partition of votes-in, in which order does not matter, and only where sums differ the
offsets. (Clarke and others, "Incremental Multiset Hash Functions and Their Application to Memory Integrity Checking", 2003.)
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from confluent_kafka import Message

from jobs.guard import OUTPUTS
from jobs.positions import Offsets
from schemas.registry import Registry

_MODULUS = 2**128
# Differences that are told one by one.
LONGEST_LIST = 20


class Verdict(NamedTuple):
    """What an output says of a record of votes-in. ``told`` names topic and reason of rejection, never voter or choice."""

    partition: int
    offset: int
    digest: int
    told: str


class Reader(Protocol):
    """The part of ``jobs.positions.Positions`` that is needed."""

    def starts(self, topic: str) -> Offsets: ...

    def messages(self, topics: Mapping[str, Offsets]) -> Iterator[Message]: ...


@dataclass
class Sum:
    """Of all verdicts on one partition of votes-in up to where it was cut."""

    count: int = 0
    digest: int = 0


@dataclass
class Run:
    """The outputs of one run, read as far as they go and added up as far as was asked for."""

    suffix: str
    next: dict[str, dict[int, int]] = field(default_factory=dict)
    sums: defaultdict[int, Sum] = field(default_factory=lambda: defaultdict(Sum))
    beyond: list[Verdict] = field(default_factory=list)


class Comparison:
    """Reads both runs from their beginning, and goes on where it has stopped when it is asked again. Blocks.

    ``progress`` is called with the number of records read so far, at each. Raises ``KafkaUnavailable``, ``RegistryUnavailable``.
    """

    def __init__(self, reader: Reader, registry: Registry, suffix: str, progress: Callable[[int], None]) -> None:
        self._reader = reader
        self._registry = registry
        self._progress = progress
        self._read = 0
        self.live, self.rebuilt = Run(""), Run(suffix)

    def differing(self, cut: Offsets) -> list[int]:
        """Partitions of votes-in on whose records before these offsets the runs differ. Cuts only move forward."""
        for run in (self.live, self.rebuilt):
            self._advance(run, cut)
        return [partition for partition in sorted(cut) if self.live.sums[partition] != self.rebuilt.sums[partition]]

    def records(self) -> int:
        """Records of votes-in that the live run has a verdict on, of those that were compared."""
        return sum(each.count for each in self.live.sums.values())

    def differences(self, partition: int, cut: Offsets) -> Iterator[str]:
        """What the runs say of each record of a partition about which they differ, in words; reads both once more."""
        found = [self._verdicts_on(run, partition, cut[partition]) for run in (self.live, self.rebuilt)]
        for offset in sorted(found[0].keys() | found[1].keys()):
            live, rebuilt = (sorted(verdicts.get(offset, [])) for verdicts in found)
            if live != rebuilt:
                yield f"votes-in {partition}:{offset} is {_told(live)}, rebuilt {_told(rebuilt)}"

    def _advance(self, run: Run, cut: Offsets) -> None:
        if not run.next:
            run.next = {topic: dict(self._reader.starts(topic + run.suffix)) for topic in OUTPUTS}
        waiting, run.beyond = run.beyond, []
        for verdict in waiting:
            _add(run, verdict, cut)
        for topic, message in self._messages(run.next, run.suffix):
            run.next[topic][message.partition() or 0] = (message.offset() or 0) + 1
            _add(run, self._verdict(topic, message), cut)
            self._read += 1
            self._progress(self._read)

    def _verdicts_on(self, run: Run, partition: int, end: int) -> dict[int, list[tuple[str, int]]]:
        found: dict[int, list[tuple[str, int]]] = {}
        starts = {topic: self._reader.starts(topic + run.suffix) for topic in OUTPUTS}
        for topic, message in self._messages(starts, run.suffix):
            verdict = self._verdict(topic, message)
            if verdict.partition == partition and verdict.offset < end:
                found.setdefault(verdict.offset, []).append((verdict.told, verdict.digest))
        return found

    def _messages(self, places: Mapping[str, Offsets], suffix: str) -> Iterator[tuple[str, Message]]:
        for message in self._reader.messages({topic + suffix: offsets for topic, offsets in places.items()}):
            yield str(message.topic()).removesuffix(suffix), message

    def _verdict(self, topic: str, message: Message) -> Verdict:
        key, value = message.key() or b"", message.value() or b""
        if topic == "votes-dlq":
            headers = dict(message.headers() or [])
            content = repr((topic, key, value, sorted(headers.items())))
            return Verdict(int(headers["partition"] or b""), int(headers["offset"] or b""), _digest(content), topic)
        datum = self._registry.decode(value)
        # A field that a later version of the schema added, and that says nothing, makes no difference.
        content = repr((topic, key, sorted((name, said) for name, said in datum.items() if said is not None)))
        told = f"{topic} ({datum['reason']})" if "reason" in datum else topic
        return Verdict(datum["source_partition"], datum["source_offset"], _digest(content), told)


def _add(run: Run, verdict: Verdict, cut: Offsets) -> None:
    if verdict.offset >= cut.get(verdict.partition, 0):
        run.beyond.append(verdict)
        return
    total = run.sums[verdict.partition]
    total.count += 1
    total.digest = (total.digest + verdict.digest) % _MODULUS


def _digest(content: str) -> int:
    return int.from_bytes(hashlib.blake2b(content.encode(), digest_size=16).digest())


def _told(verdicts: list[tuple[str, int]]) -> str:
    return " and ".join(told for told, _ in verdicts) or "in no output"
