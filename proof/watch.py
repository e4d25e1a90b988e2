"""Conservation, always on view: what the topics come to at this moment, and what is wrong with it."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from proof.alarm import MEANINGS, Alarm, GapWatch
from proof.cover import Balance, Cover, Interval, records_in, total
from proof.decoding import Decoder
from proof.following import SOURCE, VERDICTS, Follower
from proof.log import LogUnreadable
from proof.settings import Settings
from schemas.registry import Registry, RegistryUnavailable, SchemaNotRegistered

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 2.0
# A fault that repeats a million times is one fault.
KEPT_IN_WORDS = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """Everything that is known at a moment. It never changes.

    The figures are of the moment ``settled_at``: what dedup had passed by then has been read, with its verdicts, and everything
    after it is in flight. ``behind``: offsets of the topics that are still to be read. ``unaccounted``: records that dedup had
    passed and that have no verdict.
    """

    at: float
    elections: dict[str, Balance]
    behind: int
    read: int
    runs: int
    settled_at: float | None = None
    gaps: list[Interval] = field(default_factory=list)
    overdue: list[Interval] = field(default_factory=list)
    wrong: dict[Alarm, int] = field(default_factory=dict)
    words: dict[Alarm, list[str]] = field(default_factory=dict)

    @property
    def total(self) -> Balance:
        return total(self.elections)

    @property
    def unaccounted(self) -> int:
        return records_in(self.gaps)

    @property
    def alarms(self) -> list[Alarm]:
        return [alarm for alarm in Alarm if self.wrong.get(alarm)]

    @property
    def is_exact(self) -> bool:
        """Every record that dedup had passed has one verdict, and each election's sum comes out."""
        covered = self.settled_at is not None and not self.gaps and not self.alarms
        return covered and all(balance.is_exact for balance in self.elections.values())


class Conservation:
    """One reading of the topics, from their beginning on. Blocking; for one thread."""

    def __init__(self, follower: Follower, gap_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._follower = follower
        self._clock = clock
        self._cover = Cover()
        self._watch = GapWatch(gap_seconds)
        self._read = 0
        self._unreadable = 0
        self._words: dict[Alarm, list[str]] = {}
        self._told: Counter[Alarm] = Counter()
        follower.begin(self._cover)

    def read(self) -> None:
        """Read at most a batch. Raises as ``Follower.step`` does."""
        self._read += self._follower.step(self._cover)

    def look(self) -> View:
        """Compare. Raises ``LogUnreadable``: the former view stands."""
        follower, cover = self._follower, self._cover
        sources = [partition for topic, partition in follower.positions if topic == SOURCE]
        committed = follower.committed(dict.fromkeys(sources, 0))
        verdict_ends = follower.ends(*VERDICTS)
        # After the verdicts: what they are about is in the log by now.
        source_ends = follower.ends(SOURCE)
        now = self._clock()
        passed = {(SOURCE, partition): offset for partition, offset in committed.items()}
        self._watch.note(now, committed, {**verdict_ends, **passed})
        gaps = self._watch.look(now, follower.positions, cover)
        cover.committed(self._watch.passed)
        invented = cover.invented({partition: end for (_, partition), end in source_ends.items()})
        self._unreadable += len(follower.unreadable)
        self._keep(Alarm.UNREADABLE, map(str, follower.unreadable))
        follower.unreadable.clear()
        self._keep(Alarm.OVERLAP, cover.take_overlaps())
        self._words[Alarm.GAP] = [str(interval) for interval in gaps.overdue[:KEPT_IN_WORDS]]
        self._words[Alarm.INVENTED] = [str(interval) for interval in invented[:KEPT_IN_WORDS]]
        wrong = {
            Alarm.GAP: records_in(gaps.overdue),
            Alarm.OVERLAP: cover.overlapping,
            Alarm.INVENTED: records_in(invented) + cover.homeless.total(),
            Alarm.UNREADABLE: self._unreadable,
        }
        self._tell(wrong)
        ends = {**verdict_ends, **source_ends}
        return View(
            at=now,
            elections=cover.balances(follower.elections),
            behind=sum(max(0, end - follower.positions[place]) for place, end in ends.items()),
            read=self._read,
            runs=cover.runs(),
            settled_at=self._watch.passed_at,
            gaps=gaps.open,
            overdue=gaps.overdue,
            wrong=wrong,
            words={alarm: list(words) for alarm, words in self._words.items() if words},
        )

    def _keep(self, alarm: Alarm, words: "map[str] | list[str]") -> None:
        kept = self._words.setdefault(alarm, [])
        for text in words:
            if len(kept) < KEPT_IN_WORDS:
                kept.append(text)

    def _tell(self, wrong: dict[Alarm, int]) -> None:
        """A line for what is wrong, when it begins and whenever it gets more; one when it is right again."""
        for alarm, number in wrong.items():
            if number > self._told[alarm]:
                _log.error("%s: %s (%d). %s", alarm, MEANINGS[alarm], number, ", ".join(self._words.get(alarm, [])))
            elif not number and self._told[alarm]:
                _log.warning("%s: over", alarm)
            self._told[alarm] = number


def once(settings: Settings, registry: Registry, wait_seconds: float) -> View:
    """Read the topics from their beginning; the first view that is exact, else the last one within the time.

    The time begins when everything has been read. Raises ``LogUnreadable``, ``RegistryUnavailable``, ``SchemaNotRegistered``.
    """
    with Follower(settings.kafka_bootstrap_servers, settings.dedup_group, Decoder(registry)) as follower:
        conservation = Conservation(follower, settings.gap_seconds)
        deadline: float | None = None
        while True:
            conservation.read()
            view = conservation.look()
            if view.settled_at is None:
                continue
            deadline = time.monotonic() + wait_seconds if deadline is None else deadline
            if view.is_exact or time.monotonic() >= deadline:
                return view


def follow(
    settings: Settings, show: Callable[[View], None], stopping: Event, clock: Callable[[], float] = time.monotonic
) -> None:
    """Read and show a view every second until ``stopping`` is set.

    Waits for Kafka and the registry while they are away. A log that was cut off behind the reader is read anew from its start.
    """
    while not stopping.is_set():
        try:
            with (
                Registry(settings.schema_registry_url) as registry,
                Follower(settings.kafka_bootstrap_servers, settings.dedup_group, Decoder(registry)) as follower,
            ):
                _follow(Conservation(follower, settings.gap_seconds), show, stopping, clock)
        except LogUnreadable as error:
            _log.warning("beginning anew: %s", error)
            stopping.wait(PAUSE_SECONDS)


def _follow(conservation: Conservation, show: Callable[[View], None], stopping: Event, clock: Callable[[], float]) -> None:
    """Raises ``LogUnreadable`` once the client has lost its place."""
    looked_at = float("-inf")
    while not stopping.is_set():
        try:
            conservation.read()
        except (RegistryUnavailable, SchemaNotRegistered) as error:
            _log.warning("waiting for the schema registry: %s", error)
            stopping.wait(PAUSE_SECONDS)
        if clock() - looked_at < LOOK_SECONDS:
            continue
        looked_at = clock()
        try:
            show(conservation.look())
        except LogUnreadable as error:
            _log.warning("the figures stand still: %s", error)
