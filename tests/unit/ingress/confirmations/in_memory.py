"""A log and a cluster of Redis servers in memory, which lose what real ones can lose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingress.confirmations.marks import Mark
from ingress.confirmations.unique_votes import Batch, LogUnavailable, Share, UniqueVote
from ingress.postgres import RecordUnavailable
from ingress.reservation import Counted, ReservationsUnavailable

Key = tuple[str, str]


class Server:
    """One Redis server: what it holds, and the writes that made it so, in their order."""

    def __init__(self) -> None:
        self.history = 0
        self.votes: dict[Key, str] = {}
        self.mark: dict[int, bytes] = {}
        self._writes: list[tuple[Key, str] | tuple[int, bytes]] = []

    def write(self, key: Key | int, value: str | bytes) -> None:
        self._writes.append((key, value))  # type: ignore[arg-type]
        self._apply(key, value)

    def _apply(self, key: Key | int, value: str | bytes) -> None:
        if isinstance(key, int):
            assert isinstance(value, bytes)
            self.mark[key] = value
        else:
            assert isinstance(value, str)
            self.votes[key] = value

    def flush(self) -> None:
        """FLUSHALL: the server stays the same."""
        self.votes, self.mark, self._writes = {}, {}, []

    def restart(self, lost_writes: int) -> None:
        """A crash or a failover: the newest writes are gone, and the history is another."""
        kept = self._writes[: max(0, len(self._writes) - lost_writes)]
        self.flush()
        self.history += 1
        for key, value in kept:
            self.write(key, value)


class Cluster:
    """Keeps reservations and marks, one mark on each server. ``writes_left``: after so many writes it is away."""

    def __init__(self, servers: int = 2) -> None:
        self.servers = [Server() for _ in range(servers)]
        self.away = False
        self.writes_left: int | None = None
        self._tokens = 0

    def held(self) -> dict[Key, str]:
        """The id of the vote that each voter has, by election and voter."""
        return {key: vote_id for server in self.servers for key, vote_id in server.votes.items()}

    def take(self, election_id: str, voter_sub: str, vote_id: str) -> None:
        """As the ingress does: only where nothing is held."""
        server = self._server(election_id, voter_sub)
        if (election_id, voter_sub) not in server.votes:
            server.write((election_id, voter_sub), vote_id)

    def flush(self) -> None:
        for server in self.servers:
            server.flush()

    def marked(self, partition: int) -> list[int]:
        """The offset of each mark; -1 where it is gone."""
        return [Mark(b"", server.mark).offset(partition) if partition in server.mark else -1 for server in self.servers]

    async def keep(self, votes: Iterable[Counted]) -> None:
        self._check()
        for vote in votes:
            self._spend()
            self._server(vote.election_id, vote.voter_sub).write((vote.election_id, vote.voter_sub), vote.vote_id)

    async def look(self, partitions: Sequence[int]) -> list[Mark]:
        self._check()
        return [self._mark(server, partitions) for server in self.servers]

    async def move(self, seen: Sequence[Mark], offsets: Mapping[int, int]) -> list[Mark] | None:
        self._check()
        self._tokens += 1
        after: list[Mark] = []
        as_seen = True
        for server, before in zip(self.servers, seen, strict=True):
            self._spend()
            moved = before.moved(offsets, b"t%d" % self._tokens)
            after.append(moved)
            is_as_seen = self._mark(server, list(offsets)) == Mark(before.history, {p: before.values[p] for p in offsets})
            as_seen = as_seen and is_as_seen
            if is_as_seen:
                for partition in offsets:
                    server.write(partition, moved.values[partition] or b"")
        return after if as_seen else None

    def _server(self, election_id: str, voter_sub: str) -> Server:
        return self.servers[sum(f"{election_id}:{voter_sub}".encode()) % len(self.servers)]

    def _mark(self, server: Server, partitions: Sequence[int]) -> Mark:
        return Mark(b"h%d" % server.history, {partition: server.mark.get(partition) for partition in partitions})

    def _check(self) -> None:
        if self.away:
            raise ReservationsUnavailable("away")

    def _spend(self) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                self.writes_left, self.away = None, True
                raise ReservationsUnavailable("gone in the middle of it")
            self.writes_left -= 1


class Topic:
    """The topic, of which several consumers may read. ``None`` in a partition is a record that cannot be decoded."""

    def __init__(self, partitions: int = 2) -> None:
        self.partitions: list[list[UniqueVote | None]] = [[] for _ in range(partitions)]

    def append(self, election_id: str, voter_sub: str, vote_id: str) -> None:
        partition = sum(voter_sub.encode()) % len(self.partitions)
        self.partitions[partition].append(UniqueVote(election_id, voter_sub, vote_id, 1_000))

    def newest(self) -> dict[Key, str]:
        """What the topic says: the id of the vote that counts, by election and voter."""
        return {
            (vote.election_id, vote.voter_sub): vote.vote_id
            for partition in self.partitions
            for vote in partition
            if vote is not None
        }


@dataclass
class Consumer:
    """One instance's view of the topic; ``deal`` is what a rebalance does."""

    topic: Topic
    batch_records: int = 3
    away: bool = False
    committed: dict[int, int] = field(default_factory=dict)
    share: Share | None = None
    _dealt: Share | None = None
    _positions: dict[int, int] = field(default_factory=dict)

    def deal(self, *partitions: int) -> None:
        """Takes effect with the next ``read``."""
        self._dealt = Share(partitions)

    async def read(self) -> Batch:
        self._check()
        batch = Batch([], 0, {})
        for partition, position in self._positions.items():
            records = self.topic.partitions[partition][position : position + self.batch_records]
            if records:
                votes = [record for record in records if record is not None]
                self._positions[partition] += len(records)
                batch = Batch(votes, len(records) - len(votes), {partition: position + len(records)})
                break
        if self._dealt is not None:
            # What was read before is still handed over, as Kafka's client does.
            self.share, self._dealt, self._positions = self._dealt, None, {}
        return batch

    async def start(self, offsets: Mapping[int, int]) -> Mapping[int, int]:
        self._check()
        self._positions = dict(offsets)
        return {partition: len(self.topic.partitions[partition]) for partition in offsets}

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self.committed |= offsets

    def _check(self) -> None:
        if self.away:
            raise LogUnavailable("away")


class Ends:
    """Until when each election's reservations are kept."""

    def __init__(self, known: dict[str, int]) -> None:
        self.known = known
        self.away = False

    async def kept_until_ms(self, election_ids: Iterable[str]) -> dict[str, int]:
        if self.away:
            raise RecordUnavailable("away")
        return {election_id: self.known[election_id] for election_id in election_ids if election_id in self.known}
