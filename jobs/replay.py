"""Making everything anew from the start of the log, beside the live jobs; comparing; switching to it.

A rebuild of ``dedup`` or ``tally`` is a job with topics of its own (``jobs.rebuilds``). When it has caught up and says what the
live job says, the live job is stopped and goes on from the state of the rebuild: what it remembers is then what the log says, by
the code of this checkout. Totals move to the rebuild's generation at once. Where ``dedup`` differs nothing is switched: what was
said of a vote is never unsaid by a command. ``live`` and ``ledger`` write everything again, in place; what is there stays.

Whatever happens on the way, ``submit`` starts the live jobs from a state of their own.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from jobs import guard, restore, submission, totals_log
from jobs.cluster import Cluster, Job
from jobs.comparison import LONGEST_LIST, Comparison
from jobs.operations import Operations, now_and_then, say
from jobs.overview import SOURCES, lag
from jobs.positions import Offsets, Positions, text
from jobs.rebuilds import suffix_of
from jobs.settings import ClusterSettings, Settings
from schemas import topics
from schemas.registry import Registry

# In the order of their dependence: each reads what the one before has written.
JOBS = ("dedup", "tally", "live", "ledger")
ENDED_WITHIN_SECONDS = 60.0
SAME_PLACE_WITHIN_SECONDS = 120.0
ADMIN_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 1.0
# The offsets that a job has noted are those of its last checkpoint, whose transactions are committed when there is another one.
MORE_CHECKPOINTS = 2


class ReplayFailed(Exception):
    """The rebuild cannot go on. The message says why; the live jobs are as they were."""


class Replay:
    """One replay. Blocks, for as long as reading the log takes; what it does is said."""

    def __init__(self, settings: Settings, cluster_settings: ClusterSettings, cluster: Cluster, operations: Operations) -> None:
        self._settings = settings
        self._state_dir = cluster_settings.state_dir
        self._cluster = cluster
        self._operations = operations
        self._admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers, "log_level": 0})

    def run(self, names: Sequence[str], *, check_only: bool, accept_totals: bool) -> bool:
        """Rebuild these jobs one after the other, up to the first that fails. Whether all of them are as was asked for.

        With ``check_only`` nothing is switched. With ``accept_totals`` totals that differ from the live ones replace them.
        """
        steps: Mapping[str, Callable[[Path], None]] = {
            "dedup": lambda code: self._dedup(code, check_only=check_only),
            "tally": lambda code: self._tally(code, check_only=check_only, accept=accept_totals),
            "live": lambda code: self._again("live", code, check_only=check_only),
            "ledger": lambda code: self._again("ledger", code, check_only=check_only),
        }
        with (
            submission.code() as code,
            Positions(self._settings.kafka_bootstrap_servers) as self._positions,
            Registry(self._settings.schema_registry_url) as self._registry,
        ):
            self._generation = totals_log.generation(self._positions, self._registry) + 1
            self._suffix = suffix_of(self._generation)
            for name in JOBS:
                if name in names:
                    try:
                        steps[name](code)
                    except (ReplayFailed, guard.StartRefused) as error:
                        say(name, f"FAILED: {error}")
                        return False
        return True

    def _dedup(self, code: Path, *, check_only: bool) -> None:
        name = "dedup" + self._suffix
        self._make_room(name, guard.OUTPUTS)
        guard.begin(self._positions, name)
        _require(self._operations.start(name, code, None, {}))
        was_running = self._cluster.job("dedup") is not None
        self._catch_up(name, "votes-in", self._reached if was_running else self._covered)
        comparison = Comparison(
            self._positions, self._registry, self._suffix, now_and_then("dedup", "{:,} outputs compared".format)
        )
        if not self._agree(comparison, self._settled([name, "dedup"] if was_running else [name])):
            self._operations.stop([name], savepoint=False)
            raise ReplayFailed(f"nothing is switched; what the rebuild says is in {guard.OUTPUTS[0]}{self._suffix} and so on")
        if check_only:
            self._discard(name, guard.OUTPUTS)
            return
        _require(self._operations.stop([name]))
        rebuilt = self._covered(self._suffix)
        if was_running:
            self._catch_up("dedup", "votes-in", lambda: rebuilt)
            _require(self._operations.stop(["dedup"]))
        covered = self._covered()
        if any(offset > covered[partition] for partition, offset in rebuilt.items()):
            # There was no live job, and votes have come in since that it had no verdict on. The rebuild was right as far as the
            # outputs go, so its like, with the same code, makes the same state again, and this one goes on with the outputs.
            say("dedup", "the outputs end before the rebuild: reading the log once more, for the state alone")
            state = None
            guard.begin(self._positions, guard.GROUP)
        elif self._agree(comparison, rebuilt):
            state = restore.newest_state(self._state_dir, name)
        else:
            self._operations.submit(["dedup"])
            raise ReplayFailed("nothing is switched")
        settled = {partition: offset - 1 for partition, offset in covered.items() if offset > 0}
        _require(self._operations.start("dedup", code, state, {"DEDUP_SETTLED_OFFSETS": text(settled)}))
        self._catch_up("dedup", "votes-in", lambda: covered)
        self._discard(name, guard.OUTPUTS)

    def _reached(self) -> Offsets:
        return self._positions.noted(guard.GROUP, guard.SOURCE)

    def _covered(self, suffix: str = "") -> dict[int, int]:
        """The first offset of each partition of votes-in that the live outputs do not cover, or those of a rebuild."""
        last = guard.covered(self._positions, self._registry, suffix)
        return {**self._positions.starts(guard.SOURCE), **{partition: offset + 1 for partition, offset in last.items()}}

    def _settled(self, names: Iterable[str]) -> dict[int, int]:
        """Offsets of votes-in whose records all of these jobs have judged, and committed what they say of them."""
        reached = [self._positions.noted(name, guard.SOURCE) for name in names]
        if len(reached) == 1:
            reached.append(self._covered())
        for name in names:
            self._wait_for_checkpoints(name)
        return {partition: min(offsets.get(partition, 0) for offsets in reached) for partition in reached[0]}

    def _agree(self, comparison: Comparison, cut: Offsets) -> bool:
        differing = comparison.differing(cut)
        if not differing:
            say("dedup", f"the same of {comparison.records():,} records of votes-in")
            return True
        told = 0
        for partition in differing:
            for difference in comparison.differences(partition, cut):
                told += 1
                if told <= LONGEST_LIST:
                    say("dedup", f"DIFFERS: {difference}")
        say("dedup", f"FAILED: the rebuild differs in {told:,} records of votes-in, in {len(differing)} partitions")
        return False

    def _tally(self, code: Path, *, check_only: bool, accept: bool) -> None:
        name = "tally" + self._suffix
        self._make_room(name, [totals_log.TOPIC])
        generation = {"TALLY_GENERATION": str(self._generation)}
        _require(self._operations.start(name, code, None, generation))
        was_running = self._cluster.job("tally") is not None
        ends = self._positions.ends("votes-accepted")
        self._catch_up(name, "votes-accepted", lambda: self._positions.noted("tally", "votes-accepted") if was_running else ends)
        differing = self._differing_totals(name) if was_running else []
        for line in differing[:LONGEST_LIST]:
            say("tally", f"DIFFERS: {line}")
        say("tally", f"{len(differing)} totals differ" if was_running else "there is nothing to compare with")
        if check_only or (differing and not accept):
            self._discard(name, [totals_log.TOPIC])
            if differing:
                raise ReplayFailed("nothing is switched (--accept-totals takes those of the rebuild)")
            return
        _require(self._operations.stop([name]) and self._operations.stop(["tally"]))
        # Under the new generation at once: whoever starts tally from now on goes on with it.
        rebuilt = totals_log.newest(self._positions, self._registry, self._suffix)
        totals_log.copy(self._settings.kafka_bootstrap_servers, rebuilt)
        _require(self._operations.start("tally", code, restore.newest_state(self._state_dir, name), generation))
        say("tally", f"totals are of generation {self._generation} now")
        self._discard(name, [totals_log.TOPIC])

    def _differing_totals(self, name: str) -> list[str]:
        """Totals of the live job and the rebuild that differ when both have counted the same votes.

        Two places in a moving log are never the same, so dedup stops for that time; votes wait in the log.
        """
        pausing = self._cluster.job("dedup") is not None
        _require(not pausing or self._operations.stop(["dedup"]))
        try:
            self._wait_for_the_same_place("tally", name)
            live = totals_log.newest(self._positions, self._registry)
            rebuilt = totals_log.newest(self._positions, self._registry, self._suffix)
        finally:
            if pausing:
                self._operations.submit(["dedup"])
        counts = {key: tuple(totals[key].count if key in totals else 0 for totals in (live, rebuilt)) for key in live | rebuilt}
        return [
            f"{key.decode()} has {counted:,} votes, rebuilt {again:,}"
            for key, (counted, again) in sorted(counts.items())
            if counted != again
        ]

    def _again(self, name: str, code: Path, *, check_only: bool) -> None:
        if check_only:
            say(name, "writes to Redis or PostgreSQL, which python -m proof audit compares with the log")
            return
        _require(self._operations.stop([name]) and self._operations.start(name, code, None, {}))
        for topic in SOURCES[name]:
            ends = self._positions.ends(topic)
            self._catch_up(name, topic, lambda ends=ends: ends)  # type: ignore[misc]
        say(name, "everything is written again")

    def _catch_up(self, name: str, topic: str, goal: Callable[[], Offsets]) -> None:
        """Wait until a job has read a topic up to a goal, which may move. Raises ``ReplayFailed``."""
        began_at, began = time.monotonic(), None

        def left(job: Job, behind: int, read: int) -> str:
            rate = read / (time.monotonic() - began_at)
            how_long = f"about {behind / rate / 60:.1f} min left" if read > 0 else self._cluster.last_failure(job) or "waiting"
            return f"{topic}: {behind:,} records to read, {rate:,.0f} a second, {how_long}"

        progress = now_and_then(name, left)
        while True:
            wanted = goal()
            time.sleep(POLL_SECONDS)
            there = self._positions.noted(name, topic)
            # The last offsets of a topic that is written in transactions are no records, and are not noted.
            behind = lag(wanted, there)
            if behind <= (0 if topic == guard.SOURCE else 2 * len(wanted)):
                return
            job = self._cluster.job(name)
            if job is None:
                raise ReplayFailed(f"{name} has ended")
            began = sum(there.values()) if began is None else began
            progress(job, behind, sum(there.values()) - began)

    def _wait_for_the_same_place(self, *names: str) -> None:
        """Until jobs have counted the same of votes-accepted, which does not grow meanwhile, and said so in their topics."""
        give_up_at = time.monotonic() + SAME_PLACE_WITHIN_SECONDS
        before: list[Offsets] = []
        while True:
            places = [self._positions.noted(name, "votes-accepted") for name in names]
            if places == before and all(place == places[0] for place in places):
                return
            if time.monotonic() > give_up_at:
                raise ReplayFailed(f"{' and '.join(names)} do not come to the same place in votes-accepted")
            before = places
            for name in names:
                self._wait_for_checkpoints(name)

    def _wait_for_checkpoints(self, name: str) -> None:
        progress = now_and_then(name, lambda: "waiting for a checkpoint")
        first: int | None = None
        while True:
            job = self._cluster.job(name)
            if job is None:
                raise ReplayFailed(f"{name} has ended")
            completed = self._cluster.checkpoints(job).completed
            first = completed if first is None else first
            if completed >= first + MORE_CHECKPOINTS:
                return
            progress()
            time.sleep(POLL_SECONDS)

    def _make_room(self, name: str, outputs: Iterable[str]) -> None:
        """Topics for a rebuild, empty: those of one that was broken off are deleted first."""
        self._discard(name, outputs)
        contract = topics.load(self._settings.topics_environment)
        own = [replace(contract[topic], name=topic + self._suffix) for topic in outputs]
        try:
            topics.create_missing(self._admin, own)
        except (KafkaException, topics.TopicMismatch) as error:
            raise ReplayFailed(f"the topics of the rebuild cannot be created: {error}") from error

    def _discard(self, name: str, outputs: Iterable[str]) -> None:
        """End a rebuild, and delete its topics, its place in the log and its state."""
        job = self._cluster.job(name)
        if job is not None:
            self._cluster.cancel(job)
        give_up_at = time.monotonic() + ENDED_WITHIN_SECONDS
        while self._cluster.job(name) is not None:
            if time.monotonic() > give_up_at:
                raise ReplayFailed(f"{name} does not end")
            time.sleep(POLL_SECONDS)
        own = {topic + self._suffix for topic in outputs}
        with contextlib.suppress(KafkaException):  # it never was, or is gone
            self._admin.delete_consumer_groups([name])[name].result(ADMIN_TIMEOUT_SECONDS)
        try:
            there = own & self._admin.list_topics(timeout=ADMIN_TIMEOUT_SECONDS).topics.keys()
            for deleted in self._admin.delete_topics(list(there)).values() if there else ():
                deleted.result(ADMIN_TIMEOUT_SECONDS)
            while own & self._admin.list_topics(timeout=ADMIN_TIMEOUT_SECONDS).topics.keys():
                if time.monotonic() > give_up_at:
                    raise ReplayFailed(f"the topics of {name} are not deleted")
                time.sleep(POLL_SECONDS)
        except KafkaException as error:
            raise ReplayFailed(f"the topics of {name} cannot be deleted: {error}") from error
        for folder in (restore.checkpoints_of(self._state_dir, name), restore.savepoints_of(self._state_dir, name)):
            shutil.rmtree(folder, ignore_errors=True)


def _require(done: bool) -> None:
    """Raise ``ReplayFailed`` unless a step was done; what kept it from that was said by the step itself."""
    if not done:
        raise ReplayFailed("the replay ends here; submit starts what does not run")
