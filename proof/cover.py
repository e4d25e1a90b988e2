"""Conservation by exact cover, while votes come in: what is read is remembered as runs of offsets, never as single votes.

DESIGN, guarantee 4: below the offset that dedup has noted, accepted, rejected and dead-lettered cover each record of votes-in
exactly once; what lies beyond is in flight. Every figure is counted by itself, so that their sum can be wrong.

A record belongs to the election that its key names, which dedup copies to the verdict: of a readable vote it is the one that the
value names as well. Pure: it is told what was read, and asks nothing.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from proof.intervals import Intervals, size
from proof.records import UNKNOWN
from schemas import ids

ACCEPTED = "accepted"
DEAD_LETTER = "dead_letter"
DUPLICATE = "duplicate"
# More names than a catalogue will ever have; whoever writes others into keys must not fill the memory.
MOST_NAMES = 10_000
_UNKNOWN, _NO_RECORD = 0, 0xFFFF


@dataclass
class Balance:
    """The figures of one election, or of all. ``rejected`` has every reason but duplicate."""

    cast: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0
    in_flight: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether the sum comes out: votes-in = accepted + duplicates + otherwise rejected + dead-lettered + in flight."""
        decided = self.accepted + self.duplicates + self.rejected.total() + self.dead_letters
        return self.cast == decided + self.in_flight

    def count(self, outcome: str, votes: int) -> None:
        match outcome:
            case "accepted":
                self.accepted += votes
            case "duplicate":
                self.duplicates += votes
            case "dead_letter":
                self.dead_letters += votes
            case reason:
                self.rejected[reason] += votes

    def add(self, other: "Balance") -> None:
        self.cast += other.cast
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.rejected.update(other.rejected)
        self.dead_letters += other.dead_letters
        self.in_flight += other.in_flight


class Interval(NamedTuple):
    """Offsets of a partition of votes-in, the end excluded."""

    partition: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"votes-in {self.partition}@{self.start}" + (f"–{self.end - 1}" if self.end > self.start + 1 else "")


class _Source:
    """A partition of votes-in. Verdicts before ``committed`` are in the figures; later ones wait in ``early``."""

    def __init__(self, start: int, committed: int) -> None:
        self.start = start
        self.committed = committed
        self.read = Intervals()
        self.decided = Intervals()
        self.early: dict[int, tuple[int, str]] = {}
        # The elections of the records from ``committed`` on, in their order: two bytes for each vote in flight.
        self.in_flight = array("H")


class Cover:
    """Everything that was read so far. Not safe to share between threads."""

    def __init__(self) -> None:
        self._sources: dict[int, _Source] = {}
        self._names = [UNKNOWN]
        self._numbers: dict[bytes, int] = {}
        self._cast: Counter[int] = Counter()
        self._decided: Counter[tuple[int, str]] = Counter()
        self.overlaps: list[str] = []
        """Verdicts on a record that has one, in words, the newest ones not taken yet; see ``take_overlaps``."""
        self.overlapping = 0
        self.homeless: Counter[int] = Counter()
        """Verdicts on records of partitions that votes-in does not have."""

    def begin(self, partition: int, start: int, committed: int) -> None:
        """Say that a partition of votes-in begins at an offset, and how far dedup has noted. Before anything is read."""
        self._sources[partition] = _Source(start, max(start, committed))

    @property
    def partitions(self) -> Container[int]:
        return self._sources.keys()

    def cast(self, partition: int, offset: int, key: bytes | None) -> None:
        """Take a record of votes-in; those of a partition in the order of their offsets."""
        source = self._sources[partition]
        number = self._number(key)
        if not source.read.add(offset):
            return  # delivered again, after the client lost its place
        self._cast[number] += 1
        if offset >= source.committed:
            # What the log has no record for, such as the end of a transaction, takes an offset as well.
            skipped = offset - source.committed - len(source.in_flight)
            if skipped:
                source.in_flight.extend([_NO_RECORD] * skipped)
            source.in_flight.append(number)

    def verdict(self, partition: int, offset: int, key: bytes | None, outcome: str) -> None:
        """Take what was decided about a record of votes-in; in any order, each once."""
        source = self._sources.get(partition)
        if source is None:
            self.homeless[partition] += 1
            return
        if offset < source.start:
            return  # archived: nothing of it can be compared any more
        if not source.decided.add(offset):
            self.overlapping += 1
            self.overlaps.append(f"votes-in {partition}@{offset} has a second verdict, {outcome}")
            return
        number = self._number(key)
        if offset < source.committed:
            self._decided[number, outcome] += 1
        else:
            source.early[offset] = number, outcome

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Say up to where dedup has noted its progress. It never goes back."""
        for partition, offset in offsets.items():
            source = self._sources[partition]
            if offset <= source.committed:
                continue
            del source.in_flight[: offset - source.committed]
            source.committed = offset
            for place in [place for place in source.early if place < offset]:
                self._decided[source.early.pop(place)] += 1

    def take_overlaps(self) -> list[str]:
        taken, self.overlaps = self.overlaps, []
        return taken

    def gaps(self, below: Mapping[int, int]) -> list[Interval]:
        """Records below these offsets that have no verdict."""
        return [
            Interval(partition, start, end)
            for partition, source in sorted(self._sources.items())
            for start, end in source.read.without(source.decided, below.get(partition, 0))
        ]

    def invented(self, ends: Mapping[int, int]) -> list[Interval]:
        """Verdicts without a record: beyond the ends of votes-in, asked for after they were read, or where it has none."""
        found = []
        for partition, source in sorted(self._sources.items()):
            end, read_to = ends[partition], source.read.end or source.start
            for start, stop in source.decided.without(source.read, source.decided.end or 0):
                if start < read_to:
                    found.append(Interval(partition, start, min(stop, read_to)))
                if stop > end:
                    found.append(Interval(partition, max(start, end), stop))
        return found

    def balances(self, elections: Container[str]) -> dict[str, Balance]:
        """The figures by election, for the elections that there are; everything else under ``unknown``."""
        found: defaultdict[str, Balance] = defaultdict(Balance)

        def balance(number: int) -> Balance:
            name = self._names[number]
            return found[name if name in elections else UNKNOWN]

        for number, votes in self._cast.items():
            balance(number).cast += votes
        for (number, outcome), votes in self._decided.items():
            balance(number).count(outcome, votes)
        for source in self._sources.values():
            for number, votes in Counter(source.in_flight).items():
                if number != _NO_RECORD:
                    balance(number).in_flight += votes
        return dict(sorted(found.items()))

    def runs(self) -> int:
        """How many runs of offsets are kept: what the memory of it all goes with."""
        return sum(len(source.read) + len(source.decided) + len(source.early) for source in self._sources.values())

    def _number(self, key: bytes | None) -> int:
        name = (key or b"").partition(b":")[0]
        number = self._numbers.get(name)
        if number is None:
            number = self._numbered(name)
        return number

    def _numbered(self, name: bytes) -> int:
        text = name.decode("ascii", errors="replace")
        if not ids.ELECTION_ID.fullmatch(text) or len(self._names) >= MOST_NAMES:
            return _UNKNOWN
        self._names.append(text)
        self._numbers[name] = len(self._names) - 1
        return self._numbers[name]


def total(balances: Mapping[str, Balance]) -> Balance:
    """The sum of all elections."""
    found = Balance()
    for balance in balances.values():
        found.add(balance)
    return found


def records_in(intervals: list[Interval]) -> int:
    return size([(start, end) for _, start, end in intervals])
